"""The dashboard runs in the background, shows every end, and leaves nothing behind."""

import threading
from html.parser import HTMLParser

import pytest

import research_kit as rk
from research_kit.errors import NotFoundError
from research_kit.widgets import results
from research_kit.widgets.chart import PLOTLY

LONG = 60  # seconds; the first run compiles


class Gate:
    """A workspace whose runs wait until they are let go."""

    def __init__(self, ws):
        self.ws, self.registry, self.datasets = ws, ws.registry, ws.datasets
        self.reached, self.go, self.asked = threading.Event(), threading.Event(), []

    def run(self, strategy, dataset, parameters=None, *, progress=None, **changes):
        self.asked.append((strategy, dataset, parameters, changes))
        progress(0.0, "waiting")
        self.reached.set()
        assert self.go.wait(LONG)
        return self.ws.run(strategy, dataset, parameters, progress=progress, **changes)


@pytest.fixture
def dashboard(ws, strategies):
    dashboard = rk.widgets.Dashboard(ws, dataset="Calm", strategy="sma_cross", strategies=strategies.values())
    yield dashboard
    assert dashboard.wait(LONG)
    dashboard.close()


def texts(html):
    """Return the texts and the tags of a piece of HTML as a browser reads it."""
    found, tags = [], []

    class Reader(HTMLParser):
        def handle_data(self, data):
            found.append(data)

        def handle_starttag(self, tag, attrs):
            tags.append((tag, dict(attrs)))

    Reader().feed(html)
    return " ".join(found), tags


def test_a_run_is_recorded_and_shown(dashboard, ws):
    dashboard.parameters.set({"fast": 5, "slow": 20})
    dashboard.options.set({"commission": 0.002, "stop_loss": 0.05})
    dashboard.run_button.click()
    assert dashboard.wait(LONG)
    run = dashboard.last_run
    assert dashboard.state == "completed"
    assert f"Run {run.id} completed" in dashboard.status.value
    assert ws.backtests()["id"].iloc[0] == run.id
    assert run.parameters == {"fast": 5, "slow": 20, "short": False}
    assert (run.options["commission"], run.options["stop_loss"], run.options["take_profit"]) == (0.002, 0.05, None)
    view = dashboard.result
    assert run.title in texts(view.heading.value)[0]
    assert results.format_value("sharpe_ratio", run.summary["sharpe_ratio"]) in view.figures.value
    assert list(view.chart.figure.data[0].y) == list(run.plot().data[0].y)
    assert dashboard.progress.layout.visibility == "hidden"


def test_the_notebook_stays_free_and_a_second_run_waits_for_the_first(ws):
    gate = Gate(ws)
    dashboard = rk.widgets.Dashboard(gate, dataset="Calm", strategy="buy_and_hold")
    dashboard.run_button.click()
    assert gate.reached.wait(LONG)
    assert dashboard.run_button.disabled
    assert dashboard.state == "running"
    assert dashboard.progress.layout.visibility == "visible"
    assert "Waiting … 0%" in dashboard.status.value
    assert not dashboard.wait(0.01)
    dashboard.run()
    gate.go.set()
    assert dashboard.wait(LONG)
    assert len(gate.asked) == 1
    assert not dashboard.run_button.disabled
    assert dashboard.progress.value == 1.0
    dashboard.close()


def test_wrong_values_start_nothing_and_are_all_shown(dashboard, ws):
    jobs = len(ws.jobs())
    dashboard.parameters.fields["fast"].input.value = "1"
    dashboard.options.fields["take_profit"].input.value = "much"
    dashboard.run_button.click()
    assert dashboard.wait(0)
    assert dashboard.state == "failed"
    assert list(dashboard.parameters.errors) == ["fast"]
    assert list(dashboard.options.errors) == ["take_profit"]
    words, tags = texts(dashboard.status.value)
    assert words.startswith("Not started. fast=1:")
    assert "take_profit='much'" in words
    assert tags[0][1]["role"] == "alert"
    assert not dashboard.run_button.disabled
    assert len(ws.jobs()) == jobs


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("error", "ZeroDivisionError: <script>alert(1)</script>"),
        ("exit", "SystemExit: 3"),
        ("unreadable", "UnreadableError"),
    ],
)
def test_what_a_strategy_raises_is_shown_and_the_button_comes_back(dashboard, way, words):
    dashboard.strategies.value = "breaks"
    dashboard.parameters.set({"way": way})
    dashboard.run_button.click()
    assert dashboard.wait(LONG)
    shown, tags = texts(dashboard.status.value)
    assert dashboard.state == "failed"
    assert words in shown
    assert "script" not in {tag for tag, _ in tags}
    assert tags[0][1]["data-state"] == "failed"
    assert "conftest.py" in shown  # where it happened
    assert not dashboard.run_button.disabled
    assert dashboard.last_run is None


def test_a_failed_run_leaves_the_result_before_it_visibly_old(dashboard):
    dashboard.run()
    assert dashboard.wait(LONG)
    kept, figure = dashboard.last_run, dashboard.result.chart.figure
    dashboard.strategies.value = "breaks"
    dashboard.run()
    assert dashboard.wait(LONG)
    assert dashboard.last_run is kept
    assert dashboard.result.chart.figure is figure
    assert "rkw-old" in dashboard.result.body._dom_classes
    dashboard.strategies.value = "buy_and_hold"
    dashboard.run()
    assert dashboard.wait(LONG)
    assert "rkw-old" not in dashboard.result.body._dom_classes


def test_each_run_replaces_the_chart_without_leaving_widgets_behind(dashboard, living):
    dashboard.run()
    assert dashboard.wait(LONG)
    before, first = living(), dashboard.result.chart.view.outputs
    dashboard.parameters.set({"fast": 3})
    for _ in range(3):
        dashboard.run()
        assert dashboard.wait(LONG)
    assert living() == before
    assert dashboard.result.chart.view.outputs != first
    (output,) = dashboard.result.chart.view.outputs
    assert output["data"][PLOTLY]["config"]["showSendToCloud"] is False
    assert dashboard.result.chart.view.layout.height == "720px"


def test_no_dataset_is_said_before_anything_runs(empty_ws):
    dashboard = rk.widgets.Dashboard(empty_ws)
    dashboard.run_button.click()
    assert "Choose a dataset and a strategy first." in dashboard.status.value
    dashboard.close()


def test_what_was_typed_for_a_strategy_is_kept_for_it(dashboard):
    dashboard.parameters.set({"fast": 7})
    dashboard.strategies.value = "momentum"
    assert "fast" not in dashboard.parameters.fields
    dashboard.strategies.value = "sma_cross"
    assert dashboard.parameters.value["fast"] == 7


def test_the_form_follows_the_strategy(dashboard):
    dashboard.strategies.list.value = "rsi_reversion"
    assert dashboard.parameters.model is rk.strategies.RsiReversion
    assert dashboard.parameters.body in dashboard._place.children


def test_first_choices_are_taken_and_wrong_ones_refused(ws, strategies):
    kind = strategies["every_kind"]
    dashboard = rk.widgets.Dashboard(ws, dataset=1, strategy=kind, parameters={"count": 5})
    assert (dashboard.datasets.value, dashboard.strategies.strategy) == (1, kind)
    assert dashboard.parameters.value["count"] == 5
    assert repr(dashboard) == "Dashboard(dataset='Calm', strategy='every_kind', ready)"
    dashboard.close()
    with pytest.raises(NotFoundError, match="no dataset 'nothing'"):
        rk.widgets.Dashboard(ws, dataset="nothing")


def test_names_full_of_markup_are_shown_letter_by_letter(ws):
    dashboard = rk.widgets.Dashboard(ws, strategy="sma_cross")
    name = dashboard.datasets.name
    assert name.startswith("<img")
    dashboard.run()
    assert dashboard.wait(LONG)
    for note in (dashboard.result.heading, dashboard.result.code, dashboard.status, dashboard.datasets.details):
        assert "img" not in {tag for tag, _ in texts(note.value)[1]}
    assert name in texts(dashboard.result.heading.value)[0]
    assert "<img" not in str(dashboard.result.chart.view.outputs)
    dashboard.close()


def test_the_code_makes_the_same_run_again(dashboard, ws):
    dashboard.options.set({"slippage": 0.001, "take_profit": 0.5})
    dashboard.run()
    assert dashboard.wait(LONG)
    run = dashboard.last_run
    code = results.code_of(run)
    assert code in texts(dashboard.result.code.value)[0]
    assert "commission" not in code  # the default goes without saying
    scope = {"ws": ws}
    exec(code, scope)
    assert scope["run"].spec["spec_hash"] == run.spec["spec_hash"]
    assert scope["run"].id == run.id + 1


def test_the_code_names_a_class_without_a_name_and_a_dataset_with_a_newer_version(empty_ws, strategies, make_bars):
    for seed in (1, 2):
        empty_ws.import_dataset(make_bars(60, seed=seed).frame, name="Same", timezone="UTC")
    run = empty_ws.run(strategies["required"], 1, {"length": 2, "word": "a", "label": ""})
    assert results.code_of(run).startswith("run = ws.run(Required, 1, {'length': 2,")
    assert results.code_of(empty_ws.run("momentum", 2)).startswith("run = ws.run('momentum', 'Same', {")


def test_undefined_metrics_have_their_reason_and_no_trades_a_sentence(dashboard):
    dashboard.strategies.value = "required"
    dashboard.parameters.set({"length": 1, "word": "a"})
    dashboard.run()
    assert dashboard.wait(LONG)
    words, tags = texts(dashboard.result.figures.value)
    assert dashboard.last_run.summary.reasons["win_rate"] in words
    assert all(attributes.get("title") for tag, attributes in tags if tag == "div")
    assert "No trades were made." in dashboard.result.trades.value


def test_close_frees_every_widget(ws, living):
    before = living()
    dashboard = rk.widgets.Dashboard(ws, dataset="Calm", strategy="sma_cross")
    _ = dashboard.view
    dashboard.strategies.value = "momentum"
    dashboard.run()
    assert dashboard.wait(LONG)
    dashboard.close()
    assert living() == before
