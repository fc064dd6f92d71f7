"""Two results side by side: recorded or not, what differs in what was run, and the order in which they part."""

import json

import numpy as np
import pytest

import research_kit as rk
from research_kit.charts.comparison import overlay
from research_kit.charts.curves import Curve
from research_kit.errors import OptionError


class Above(rk.Strategy):
    """Long above an average."""

    length: int = rk.Param(20, ge=2)

    def signals(self, bars):
        return rk.Signals.target(bars.close > rk.indicators.sma(bars.close, self.length))


class Dip(rk.Strategy):
    """Buys below the close."""

    below: float = rk.Param(0.5)

    def on_bar(self, ctx):
        ctx.cancel()
        if not ctx.position:
            ctx.buy(limit=self.below * ctx["close"])


@pytest.fixture
def bars(make_bars):
    return make_bars(800)


def test_a_result_is_the_same_as_itself(bars):
    one, other = (rk.run_backtest(bars, Above(length=9)) for _ in range(2))
    found = rk.compare(one, other)
    assert found.is_same
    assert found.spec_differences == {}
    assert found.spec.empty
    assert found.first_order is found.first_equity is found.first_made is None
    assert found.context.empty
    assert found.source_diff == ""
    assert repr(found) == "Comparison(first and second: the same was run; same orders and equity)"


def test_a_run_and_a_plain_result_of_the_same_are_the_same(ws):
    run = ws.run(Above, "walk", {"length": 9})
    found = rk.compare(run, rk.run_backtest(ws.bars("walk"), Above(length=9)))
    assert found.is_same
    assert found.spec_differences == {}
    assert (found.metrics["difference"].dropna() == 0).all()


def test_what_was_run_differently_is_named(ws):
    one, other = (
        ws.run(Above, "walk", {"length": 9}),
        ws.run("sma_cross", "walk", {"fast": 9}, commission=0.002, seed=4),
    )
    found = rk.compare(one, other)
    differs = found.spec_differences
    assert differs["strategy"] == ("above", "sma_cross")
    assert differs["parameters.length"] == (9, None)
    assert differs["options.commission"] == (0.001, 0.002)
    assert differs["options.seed"] == (0, 4)
    assert not any("dataset" in name or "data sha256" in name for name in differs)
    assert found.spec.loc["options.seed", "run 2"] == 4
    assert "-class Above(rk.Strategy):" in found.source_diff
    assert "+class SmaCross(Strategy):" in found.source_diff
    assert found.source_diff.startswith("--- run 1\n+++ run 2\n")


def test_the_first_order_that_differs_comes_with_its_surroundings(bars):
    one, other = rk.run_backtest(bars, Above(length=9)), rk.run_backtest(bars, Above(length=9), delay=1)
    found = rk.compare(one, other)
    assert list(found.spec_differences) == ["options.delay"]
    order = found.first_order
    assert order.position == 0
    assert "time" in order.differs
    at = int(np.searchsorted(bars.time, order.time))
    context = found.context.loc["first"]
    assert len(context) == min(at, 2) + 3
    assert context["open"].iloc[min(at, 2)] == bars.open[at] == order.first.price
    assert context["position"].iloc[min(at, 2)] == order.first.units
    assert found.context.loc["second"]["position"].iloc[min(at, 2)] == 0
    assert context["signal exposure"].iloc[min(at, 2) - 1] == 1  # the bar before asked for it
    time, first, second = found.first_equity
    assert first != second
    assert time >= order.time


def test_other_data_is_compared_where_the_times_meet(bars):
    cut = bars.window(100, 800)
    found = rk.compare(rk.run_backtest(bars, Above), rk.run_backtest(cut, Above))
    assert list(found.spec_differences) == ["data sha256"]
    assert not found.is_same
    assert found.first_equity[0] >= cut.time[0]
    assert len(found.plot().data) == 4


def test_orders_that_were_never_filled_are_compared_too(bars, ws):
    one, other = (rk.run_backtest(bars, Dip(below=below)) for below in (0.5, 0.6))
    found = rk.compare(one, other)
    assert found.first_order is found.first_equity is None
    assert found.first_made == (0, ("limit",))
    assert not found.is_same
    assert found.summary.endswith("same fills, but other orders or trades")
    recorded = rk.compare(*(ws.run(Dip, "walk", {"below": below}) for below in (0.5, 0.6)))
    assert not recorded.is_same
    assert recorded.has_same_orders is False
    assert recorded.first_made is None


def test_metrics_stand_side_by_side(bars):
    found = rk.compare(rk.run_backtest(bars, Above(length=9)), rk.run_backtest(bars, Above(length=30)))
    row = found.metrics.loc["total_return_percent"]
    assert row["difference"] == row["second"] - row["first"]
    assert json.loads(json.dumps(found.to_dict(), default=str))["spec"] == {"parameters.length": [9, 30]}


def test_the_chart_shows_both_and_where_they_part(bars):
    found = rk.compare(rk.run_backtest(bars, Above(length=9)), rk.run_backtest(bars, Above(length=30)))
    figure = found.plot()
    assert [trace.name for trace in figure.data] == ["first", "first", "second", "second"]
    assert len(figure.layout.shapes) == 1
    curves = [Curve(name="<b>", time=bars.time, equity=np.linspace(1, 2, len(bars)), initial_cash=1.0)]
    data = overlay(curves, limit=100)
    assert len(data.lines[0].equity.x) <= 100
    assert data.lines[0].equity.total == 800
    assert data.parting is None


def test_hostile_words_are_shown_as_words(bars):
    class Hostile(Above):
        """<script>."""

        name = "<script>alert(1)</script>"

    found = rk.compare(rk.run_backtest(bars, Above), rk.run_backtest(bars, Hostile))
    page = found._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_what_is_neither_is_refused(bars):
    with pytest.raises(OptionError, match="int is neither"):
        rk.compare(rk.run_backtest(bars, Above), 7)
