"""The dashboard joins what the parts do, opens its tabs when they are asked for, and leaves nothing behind."""

import threading
from html.parser import HTMLParser

import pytest

import research_kit as rk
from research_kit.errors import NotFoundError, OptionError
from research_kit.widgets.dashboard import TABS
from research_kit.widgets.results.run_view import code_of
from research_kit.widgets.tabs import CompareTab, HistoryTab

LONG = 60  # seconds; the first run compiles


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


def test_a_run_is_recorded_by_another_process_and_shown(dashboard, ws):
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
    assert dashboard.result.run is run
    assert "another process" in dashboard.explore.panel.errand.where
    assert dashboard.progress.layout.visibility == "hidden"


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


def test_a_failed_run_leaves_the_result_before_it_visibly_old(dashboard):
    dashboard.run()
    assert dashboard.wait(LONG)
    kept = dashboard.last_run
    dashboard.strategies.value = "breaks"
    dashboard.run()
    assert dashboard.wait(LONG)
    assert dashboard.last_run is kept
    assert "rkw-old" in dashboard.result.body._dom_classes
    dashboard.strategies.value = "buy_and_hold"
    dashboard.run()
    assert dashboard.wait(LONG)
    assert "rkw-old" not in dashboard.result.body._dom_classes


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
    assert dashboard.parameters.body in dashboard.explore._place.children


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
    for html in (dashboard.status.value, dashboard.datasets.details.value, dashboard.static()):
        assert "img" not in {tag for tag, _ in texts(html)[1]}
    assert name in texts(dashboard.static())[0]
    dashboard.close()


def test_the_code_makes_the_same_run_again(dashboard, ws):
    dashboard.options.set({"slippage": 0.001, "take_profit": 0.5})
    dashboard.run()
    assert dashboard.wait(LONG)
    run = dashboard.last_run
    code = code_of(run)
    assert "commission" not in code  # the default goes without saying
    scope = {"ws": ws}
    exec(code, scope)
    assert scope["run"].spec["spec_hash"] == run.spec["spec_hash"]


def test_forms_are_filled_from_a_past_run_and_what_does_not_fit_is_said(dashboard, ws):
    run = ws.run("sma_cross", "Calm", {"fast": 4, "slow": 44}, slippage=0.003)
    explore = dashboard.explore
    dashboard.datasets.value = 2
    dashboard.strategies.value = "momentum"
    dashboard.options.set({"stop_loss": 0.1})
    dashboard.strategies.value = "sma_cross"
    past = explore.past
    assert past.list.options[0] == ("choose a past run", 0)
    past.list.value = next(item for label, item in past.list.options if label.startswith(f"Run {run.id}:"))
    assert dashboard.datasets.name == "Calm"
    assert dashboard.parameters.value == {"fast": 4, "slow": 44, "short": False}
    assert (dashboard.options.value["slippage"], dashboard.options.value["stop_loss"]) == (0.003, None)
    assert dashboard.parameters.fill({"fast": 3, "gone": 1}) == ["gone=1 is unknown here"]


def test_tabs_are_made_when_they_are_opened_and_share_what_is_found(dashboard, ws):
    assert list(dashboard._parts) == ["Explore"]
    with pytest.raises(OptionError, match="Did you mean 'Search'"):
        dashboard.tab = "Serach"
    dashboard.tab = "Search"
    search = dashboard.part("Search")
    assert (search.datasets.name, search.strategies.value) == ("Calm", "sma_cross")
    search.grid.set({"fast": [3, 6], "slow": [20, 40], "stop_loss": [0.1, 0.2]})
    search.run()
    assert search.wait(LONG)
    assert search.view_of.wait(LONG)
    best = search.last_sweep.best.parameters
    search.view_of.use_button.click()
    assert dashboard.tab == "Explore"
    assert dashboard.parameters.value == {"fast": best["fast"], "slow": best["slow"], "short": False}
    assert dashboard.options.value["stop_loss"] == best["stop_loss"]
    assert dashboard.note.value == ""


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr("research_kit.widgets.dashboard.PAUSE", 0.0)


def test_the_other_tabs_are_made_while_nobody_waits_for_them(dashboard, monkeypatch, at_once):
    monkeypatch.setattr("research_kit.widgets.parts.kept.KeptView.display", lambda *_: None)
    dashboard._ipython_display_()
    assert dashboard._ahead.wait(LONG)
    assert set(dashboard._parts) == set(TABS)
    made = dict(dashboard._parts)
    assert [made[tab].body.layout.display for tab in TABS] == [None, *["none"] * 4]
    dashboard.datasets.value, dashboard.strategies.value = 2, "momentum"
    for tab in TABS:
        dashboard.tab = tab
    assert dashboard._parts == made
    assert [made[tab].body.layout.display for tab in TABS] == [None] * 5
    assert [dashboard._places[tab].children for tab in TABS] == [(made[tab].body,) for tab in TABS]
    search, data = made["Search"], made["Data"]
    assert (search.datasets.value, search.strategies.value, data.datasets.value) == (2, "momentum", 2)
    assert data.chart.figure is not None
    search.datasets.value = "Calm"
    dashboard.tab = "Explore"
    dashboard.tab = "Search"
    assert search.datasets.name == "Calm"  # only the first time it is what Explore has


def test_nothing_is_made_ahead_in_voila(dashboard, monkeypatch, at_once):
    monkeypatch.setattr("research_kit.widgets.parts.kept.KeptView.display", lambda *_: None)
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5.8")
    dashboard._ipython_display_()
    assert dashboard._ahead.wait(LONG)
    assert set(dashboard._parts) == {"Explore"}


def test_a_tab_that_cannot_be_made_ahead_says_so_where_it_is_opened(dashboard, monkeypatch, at_once):
    def broken(*_):
        raise OSError("the disk is gone")

    monkeypatch.setattr("research_kit.widgets.parts.kept.KeptView.display", lambda *_: None)
    monkeypatch.setattr("research_kit.widgets.dashboard.HistoryTab", broken)
    dashboard._ipython_display_()
    assert dashboard._ahead.wait(LONG)
    assert dashboard.note.value == ""
    dashboard.tab = "History"
    assert "the disk is gone" in dashboard.note.value


def test_a_tab_that_is_opened_while_it_is_made_is_made_once(dashboard, monkeypatch, at_once):
    began, go, made = threading.Event(), threading.Event(), []

    def slow(*arguments):
        made.append(CompareTab(*arguments))
        began.set()
        assert go.wait(10)
        return made[-1]

    monkeypatch.setattr("research_kit.widgets.parts.kept.KeptView.display", lambda *_: None)
    monkeypatch.setattr("research_kit.widgets.dashboard.CompareTab", slow)
    monkeypatch.setattr("research_kit.widgets.dashboard.TABS", ("Compare",))
    dashboard._ipython_display_()
    assert began.wait(10)
    asked = threading.Thread(target=dashboard.part, args=("Compare",))
    asked.start()
    asked.join(0.1)
    go.set()
    asked.join(10)
    assert dashboard._ahead.wait(LONG)
    assert len(made) == 1


def test_what_is_new_in_explore_is_found_by_tabs_that_were_made_before(empty_ws, make_bars, monkeypatch, at_once):
    monkeypatch.setattr("research_kit.widgets.parts.kept.KeptView.display", lambda *_: None)
    empty_ws.import_dataset(make_bars(60).frame, name="One", timezone="UTC")
    dashboard = rk.widgets.Dashboard(empty_ws)
    dashboard._ipython_display_()
    assert dashboard._ahead.wait(LONG)
    empty_ws.import_dataset(make_bars(70).frame, name="Two", timezone="UTC")
    dashboard.datasets.value = "Two"
    for tab in ("Search", "Data"):
        dashboard.tab = tab
        assert dashboard.part(tab).datasets.name == "Two"
        assert dashboard.note.value == ""
    empty_ws.import_dataset(make_bars(80).frame, name="Three", timezone="UTC")
    dashboard.tab = "Explore"
    dashboard.tab = "Search"
    assert "Three" in [label.split(" · ")[0] for label, _ in dashboard.part("Search").datasets.list.options]
    dashboard.close()


def test_what_is_typed_is_told_and_kept(dashboard, monkeypatch):
    told = []
    dashboard.explore.on_change(lambda: told.append(dashboard.parameters.fields["fast"].input.value))
    dashboard.parameters.fields["fast"].input.value = "7"
    dashboard.options.fields["slippage"].input.value = "0.001"
    assert told == ["7", "7"]
    shown = dashboard.static()
    assert "7" in shown
    assert "0.001" in shown


def test_history_and_compare_lead_to_one_another_and_back(dashboard, ws):
    first, second = (ws.run("sma_cross", "Calm", {"fast": fast}) for fast in (3, 4))
    dashboard.tab = "History"
    history = dashboard.part("History")
    assert isinstance(history, HistoryTab)
    history.use_button.click()
    assert "Open a run first" in history.note.value
    history.history.runs.open(first.id)
    history.use_button.click()
    assert dashboard.tab == "Explore"
    assert dashboard.parameters.value["fast"] == 3
    assert dashboard.result.run.id == first.id
    history.history.chosen = [first.id, second.id]
    history.history.compare()
    assert dashboard.tab == "Compare"
    compare = dashboard.part("Compare")
    assert isinstance(compare, CompareTab)
    assert compare.compared.wait(LONG)
    assert [run.id for run in compare.compared.runs] == [first.id, second.id]


def test_close_frees_every_widget(ws, living):
    before = living()
    dashboard = rk.widgets.Dashboard(ws, dataset="Calm", strategy="sma_cross")
    _ = dashboard.view
    dashboard._ahead.start(dashboard._make_ahead, print, print)
    for tab in ("Search", "Data", "Explore"):
        dashboard.tab = tab
    dashboard.strategies.value = "momentum"
    dashboard.run()
    assert dashboard.wait(LONG)
    dashboard.close()
    assert living() == before
