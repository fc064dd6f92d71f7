"""The view of a run: everything of one run, a trade from close by, parts of the chart, checks that do not block."""

import threading

import numpy as np
import pytest

from research_kit.charts.series import BacktestSeries
from research_kit.errors import ArtifactMissingError, NotFoundError, ReportError, StrategyError
from research_kit.metrics.drawdown import drawdown_series
from research_kit.widgets.parts.chart import PLOTLY
from research_kit.widgets.results.report_button import ReportButton, link_html
from research_kit.widgets.results.run_chart import RunChart, TradeChart, part_of
from research_kit.widgets.results.run_view import RunView, code_of
from research_kit.widgets.results.trust import TrustPanel


@pytest.fixture(scope="module")
def runs(ws):
    """Return two runs on the dataset whose name is full of markup."""
    name = str(ws.datasets()["name"].iloc[0])
    return [ws.run("sma_cross", name, {"fast": fast, "slow": 20}) for fast in (5, 10)]


@pytest.fixture
def view(runs):
    shown = RunView(runs[0])
    assert shown.trust.wait(60)
    yield shown
    shown.close()


def lines(chart):
    """Return the traces that were sent to the browser, by name."""
    return {trace["name"]: trace for trace in chart.chart.view.outputs[0]["data"][PLOTLY]["data"]}


def test_before_the_first_run_there_is_only_a_hint():
    view = RunView()
    assert "appears here" in view.heading.value
    assert view.below.layout.display == "none"
    view.close()


def test_a_run_is_shown_whole_and_escaped(view, runs):
    assert view.run is runs[0]
    assert view.below.layout.display is None
    assert f"Run {runs[0].id}: sma_cross(fast=5" in view.heading.value
    assert str(runs[0].headline) in view.trust.headline.value.replace("&gt;", ">").replace("&lt;", "<")
    assert view.trades_fold.title == f"Trades: {len(runs[0].trades)}"
    for html in (view.heading.value, view.code.value, view.static()):
        assert "<img" not in html
        assert "&lt;img" in html


def test_another_run_takes_its_place_whole(view, runs):
    view.trades.open(1)
    view.fade(True)
    view.show(runs[1])
    assert view.trust.wait(60)
    assert view.run is runs[1]
    assert (view.trade.number, view.trades.current) == (None, None)
    assert f"Run {runs[1].id}:" in view.heading.value
    assert "rkw-old" not in view.body._dom_classes


def test_a_run_whose_file_is_gone_leaves_the_one_before(view, runs, ws):
    broken = ws.load_run(runs[1].id)
    broken.backtest.equity_path = None
    with pytest.raises(ArtifactMissingError, match="equity"):
        view.show(broken)
    assert view.run is runs[0]
    assert f"Run {runs[0].id}:" in view.heading.value


def test_a_trade_is_shown_from_close_by(view, runs):
    row = runs[0].trades.iloc[1]
    view.trades.grid.tell(do="open", row=2)
    assert view.trade.number == 2
    assert f"closed {row['exit_time']:%Y-%m-%d}" in view.trade.told.value
    assert f"{row['pnl']:+,.2f}" in view.trade.told.value
    figure = view.trade.chart.figure
    [shade] = figure.layout.shapes
    assert (shade.x0, shade.x1) == tuple(row[name].timestamp() * 1000 for name in ("entry_time", "exit_time"))
    candles = next(trace for trace in figure.data if trace.type == "candlestick")
    assert candles.x[0] < shade.x0 < shade.x1 < candles.x[-1]
    view.trade.close_button.click()
    assert (view.trade.number, view.trade.chart.figure, view.trade.head.layout.display) == (None, None, "none")


def test_metrics_are_computed_when_somebody_looks(view):
    assert view.metrics.metrics is None
    view.metrics_fold.button.click()
    assert view.metrics.wait(60)
    assert view.metrics.intervals["sharpe_ratio"].low < view.metrics.metrics["sharpe_ratio"]


def test_the_code_makes_the_same_run(view, runs, ws):
    again = eval(code_of(runs[0]).removeprefix("run = "), {"ws": ws})
    assert again.equity.equals(runs[0].equity)


def test_closing_frees_every_widget(runs, living):
    before = living()
    view = RunView(runs[0])
    view.trades.open(1)
    view.close()
    assert view.trust.wait(60)
    assert living() == before


# the chart


def test_a_part_has_the_drawdown_that_it_has_in_the_whole(runs):
    series = runs[0].chart_series
    part = part_of(series, slice(100, 250))
    assert part.drawdown == pytest.approx(series.drawdown[100:250], abs=1e-12)
    assert part.drawdown.max() < 0.0 or series.drawdown[100:250].max() == 0.0
    at_start = part_of(series, slice(0, 50))
    assert at_start.drawdown == pytest.approx(drawdown_series(series.equity, series.initial_cash)[:50])


def test_trades_outside_of_a_part_have_no_marks():
    time = np.arange("2024-01-01", "2024-01-11", dtype="datetime64[D]")
    level = np.full(10, 100.0)
    days = {"entry_time": [0, 2, 8], "exit_time": [1, 9, 9]}
    trades = {name: time[values].astype("datetime64[ns]") for name, values in days.items()}
    trades |= {name: np.array([1.0, 2.0, 3.0]) for name in ("entry_price", "exit_price", "pnl", "quantity")}
    trades |= dict.fromkeys(("side", "entry_signal", "exit_signal"), np.array(["long"] * 3, object))
    series = BacktestSeries(time=time, equity=level, initial_cash=100.0, close=level, trades=trades)
    part = part_of(series, slice(4, 8))
    assert part.trades["pnl"].tolist() == [2.0]  # the only one that was open then
    assert np.isnat(part.trades["entry_time"]).all()
    assert np.isnat(part.trades["exit_time"]).all()
    assert np.isnan(part.trades["entry_price"]).all()
    assert trades["entry_price"].tolist() == [1.0, 2.0, 3.0]  # the whole is as it was


def test_a_zoom_draws_the_part_anew_and_a_double_click_the_whole(runs):
    chart = RunChart()
    chart.show(runs[0])
    assert chart.window is None
    assert chart.whole_button.disabled
    days = runs[0].bars.time[[100, 150]]
    chart._heard(chart._ear, {"do": "zoom", "start": str(days[0]), "end": str(days[1])}, [])
    assert len(chart.chart.figure.data[0].x) == 53  # one more at each edge
    assert "53 of 400 bars" in chart.told.value
    assert chart.start.value == runs[0].bars.time[99].astype("datetime64[D]").astype(object)
    chart._heard(chart._ear, {"do": "whole"}, [])
    assert chart.window is None
    assert len(lines(chart)["Equity"]["x"]) > 0
    assert chart.note.value == ""
    chart.close()


@pytest.mark.parametrize(
    "message", [{"do": "zoom", "start": "<script>", "end": "2024-02-01"}, {"do": "zoom"}, {"do": "zoom", "start": None}]
)
def test_a_zoom_that_is_none_is_said(runs, message):
    chart = RunChart()
    chart.show(runs[0])
    chart._heard(chart._ear, message, [])
    assert "role=" in chart.note.value or chart.window is None
    assert "<script>" not in chart.note.value
    chart.close()


def test_days_are_typed(runs):
    chart = RunChart()
    chart.show(runs[0])
    last = runs[0].bars.time[60].astype("datetime64[D]").astype(object)
    chart.end.value = last
    assert chart.window is not None
    assert chart.end.value == runs[0].bars.time[61].astype("datetime64[D]").astype(object)
    chart.whole_button.click()
    assert chart.window is None
    chart.close()


def test_a_chart_without_a_run_and_a_trade_that_is_not_there(runs):
    chart = RunChart()
    with pytest.raises(NotFoundError, match="There is no chart yet"):
        chart.show_whole()
    with pytest.raises(NotFoundError, match="There is no trade 999"):
        TradeChart().show(runs[0], 999)


# what it is worth


def test_checks_run_beside_the_notebook_and_are_kept(ws, runs):
    panel = TrustPanel(runs[0])
    assert "not verified" in panel.verdicts.value
    panel.verify_button.click()
    assert panel.wait(120)
    assert runs[0].verification.outcome == "verified"
    assert "✓" in panel.verdicts.value
    assert "the same, byte for byte" in panel.verdicts.value
    panel.lookahead_button.click()
    assert panel.wait(120)
    assert runs[0].lookahead.passed
    assert "none found" in panel.verdicts.value
    panel.evidence_button.click()
    assert panel.wait(120)
    assert "<details" in panel.evidence.value
    assert not any(button.disabled for button in panel.buttons)
    panel.close()


def test_buttons_wait_while_a_check_runs(runs, monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(type(runs[0]), "verify", lambda run: go.wait(10))
    panel = TrustPanel(runs[0])
    panel.verify()
    assert all(button.disabled for button in panel.buttons)
    assert "Running it again" in panel.told.value
    panel.verify()  # nothing begins twice
    go.set()
    assert panel.wait(60)
    panel.close()


def test_a_check_that_fails_says_why(runs, monkeypatch):
    def fail(run):
        raise StrategyError("There is no <b>source</b> any more.")

    monkeypatch.setattr(type(runs[0]), "check_lookahead", fail)
    panel = TrustPanel(runs[0])
    panel.lookahead_button.click()
    assert panel.wait(60)
    assert "There is no &lt;b&gt;source&lt;/b&gt; any more." in panel.told.value
    assert not panel.lookahead_button.disabled
    panel.close()


def test_the_end_of_a_check_of_another_run_is_not_shown(runs, monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(type(runs[0]), "verify", lambda run: go.wait(10))
    panel = TrustPanel(runs[0])
    panel.verify()
    panel.show(runs[1])
    go.set()
    assert panel.wait(60)
    assert panel.told.value == ""
    assert panel.run is runs[1]
    panel.close()


def test_nothing_of_another_run_stays(runs, monkeypatch):
    panel = TrustPanel(runs[0])
    assert panel.wait(60)
    panel.evidence.show("<p>what was weighed</p>")
    before, go = panel.headline.value, threading.Event()
    monkeypatch.setattr(type(runs[0]), "headline", property(lambda run: go.wait(10) and "the next"))
    panel.show(runs[1])
    assert panel.evidence.value == ""
    assert panel.headline.value != before
    go.set()
    assert panel.wait(60)
    assert "the next" in panel.headline.value
    panel.close()


# the report


def test_the_report_of_another_run_is_written_and_not_shown(runs, tmp_path, monkeypatch):
    go, made = threading.Event(), []

    def report(run):
        assert go.wait(10)
        made.append(run.id)
        page = tmp_path / f"run-{run.id}.html"
        page.write_text("<html></html>", "utf-8")
        return page

    monkeypatch.setattr(type(runs[0]), "report", report)
    button = ReportButton(runs[0])
    button.make()
    button.show(runs[1])
    assert not button.button.disabled
    button.button.click()  # while the first is being written
    assert button.button.disabled
    go.set()
    assert button.wait(10)
    assert button.path == tmp_path / f"run-{runs[1].id}.html"
    button.show(runs[0])
    assert (button.path, button.told.value, button.save_button.layout.display) == (None, "", "none")
    button.close()


def test_a_report_is_made_beside_the_notebook(runs, tmp_path, monkeypatch):
    page = tmp_path / "reports" / "run <1>.html"
    page.parent.mkdir()
    page.write_text("<html></html>", "utf-8")
    monkeypatch.setattr(type(runs[0]), "report", lambda run: page)
    monkeypatch.chdir(tmp_path)
    button = ReportButton(runs[0])
    assert button.save_button.layout.display == "none"
    button.button.click()
    assert button.wait(10)
    assert button.path == page
    assert "run &lt;1&gt;.html" in button.told.value
    assert button.save_button.layout.display is None
    assert button.link.outputs[0]["data"]["text/html"].startswith('<a href="reports/run%20%3C1%3E.html"')
    sent = []
    monkeypatch.setattr(type(button._saver), "send", lambda saver, message, buffers: sent.append((message, buffers)))
    button.save_button.click()
    assert sent == [({"do": "save", "name": "run <1>.html", "type": "text/html"}, [b"<html></html>"])]
    button.close()


def test_a_report_that_cannot_be_made_says_why(runs, monkeypatch):
    def fail(run):
        raise ReportError("Cell 3 failed: <img>")

    monkeypatch.setattr(type(runs[0]), "report", fail)
    button = ReportButton(runs[0])
    button.make()
    assert button.wait(10)
    assert "There is no report." in button.told.value
    assert "&lt;img&gt;" in button.told.value
    assert (button.path, button.button.disabled) == (None, False)
    button.close()


def test_there_is_a_link_only_to_what_jupyter_serves(tmp_path, monkeypatch):
    assert link_html(tmp_path / "a" / "r.html", tmp_path).startswith('<a href="a/r.html"')
    assert link_html(tmp_path / "r.html", tmp_path / "notebooks") == ""
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5.8")
    assert link_html(tmp_path / "a" / "r.html", tmp_path) == ""
