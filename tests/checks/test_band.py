"""The convention band: twelve arms, each what the engine says by itself, and the laws between them."""

import numpy as np
import pytest

import research_kit as rk
from research_kit.charts.band import spans_of
from research_kit.checks.band import arm_options
from research_kit.engine.options import COSTS
from research_kit.errors import OptionError


class Above(rk.Strategy):
    """Long above an average."""

    length: int = rk.Param(20, ge=2)

    def signals(self, bars):
        return rk.Signals.target(bars.close > rk.indicators.sma(bars.close, self.length))


class Once(rk.Strategy):
    """Buys, and leaves at a stop or a target."""

    def on_bar(self, ctx):
        if not ctx.position:
            ctx.buy(stop_loss=0.9995 * ctx["close"], take_profit=1.0005 * ctx["close"])


@pytest.fixture
def bars(make_bars):
    return make_bars(1_500)


def test_each_arm_is_a_backtest_with_its_options(bars):
    options = rk.EngineOptions(stop_loss=0.001, take_profit=0.001, slippage=0.0001)
    band = rk.convention_band(bars, Above(length=9), options)
    assert len(band.arms) == 12
    assert band.ambiguous_bars > 0
    for arm in band.arms:
        alone = rk.run_backtest(bars, Above(length=9), arm_options(options, arm.fill, arm.intrabar, arm.costs))
        assert dict(arm.metrics) == dict(alone.metrics), arm.title
        assert arm.ambiguous_bars == alone.simulation.ambiguous_bars
    assert [arm.title for arm in band.arms if arm.is_as_run] == ["next open, stop first, costs ×1"]


def test_the_range_holds_what_was_run(bars):
    band = rk.convention_band(bars, Above, stop_loss=0.001, take_profit=0.001)
    known = band.range.dropna()
    assert (known["lowest"] <= known["as_run"]).all()
    assert (known["as_run"] <= known["highest"]).all()
    assert (
        band.as_run["total_trades"]
        == rk.run_backtest(bars, Above, stop_loss=0.001, take_profit=0.001).metrics["total_trades"]
    )
    lowest = band.table["total_return_percent"].min()
    assert band.range.loc["total_return_percent", "lowest"] == lowest


def test_without_stops_nothing_is_ambiguous_and_the_rule_changes_nothing(bars):
    band = rk.convention_band(bars, Above)
    assert band.ambiguous_bars == 0
    assert (band.table.groupby(["fill", "costs"])["total_return_percent"].nunique() == 1).all()


def test_a_target_first_is_never_worse_where_a_bar_is_ambiguous(bars):
    band = rk.convention_band(bars, Once(), commission=0)
    by = band.table.query("fill == 'next_open' and costs == 1").set_index("intrabar")
    assert by["ambiguous_bars"].max() > 0
    assert by.loc["target_first", "win_rate"] > by.loc["stop_first", "win_rate"]


def test_twice_the_costs_never_earn_more(bars):
    table = rk.convention_band(bars, Above, sizing="units", size=1).table
    wide = table.pivot_table(index=["fill", "intrabar"], columns="costs", values="total_return_percent")
    assert (wide[2.0] < wide[1.0]).all()


def test_every_cost_counts_twice_and_nothing_else_changes():
    costs = dict.fromkeys(COSTS, 0.01)
    arm = arm_options(rk.EngineOptions(**costs, delay=2, size=0.5), "one_bar_later", "stop_first", 2.0)
    assert {name: getattr(arm, name) for name in COSTS} == dict.fromkeys(COSTS, 0.02)
    assert (arm.delay, arm.size, arm.fill) == (3, 0.5, "next_open")


def charge(price, units):
    return 0.001 * price * units + 1.0


def test_a_commission_function_counts_twice(bars):
    band = rk.convention_band(bars, Above, commission=charge)
    arms = {arm.costs: arm.metrics for arm in band.arms if (arm.fill, arm.intrabar) == ("next_open", "stop_first")}
    alone = rk.run_backtest(bars, Above, commission=lambda price, units: 2.0 * (0.001 * price * units + 1.0))
    assert arms[2.0]["total_return"] == pytest.approx(alone.metrics["total_return"])
    assert arms[1.0]["total_return"] > arms[2.0]["total_return"]


def test_costs_that_cannot_be_doubled_are_refused(bars):
    with pytest.raises(OptionError, match=r"slippage=0\.6"):
        rk.convention_band(bars, Above, slippage=0.6)


def test_a_recorded_run_has_its_band(make_bars, tmp_path):
    with rk.open_workspace(tmp_path) as ws:
        ws.import_dataset(make_bars(600).frame, name="walk", symbol="WALK")
        run = ws.run(Above, "walk", {"length": 9}, intrabar="nearest_open")
        band = run.band()
        assert dict(band.as_run) == dict(run.summary)
        assert not any(arm.is_as_run for arm in band.arms)
        assert len(ws.backtests()) == 1


def test_it_says_itself_in_words_and_draws_itself(bars):
    band = rk.convention_band(bars, Above, stop_loss=0.001, take_profit=0.001)
    assert repr(band).startswith("Band(above: Total return")
    assert f"{band.ambiguous_bars} ambiguous bars" in repr(band)
    assert "conventions" in band._repr_html_()
    figure = band.plot()
    spans = len(band.range.dropna())
    assert len(figure.data) == 12 + 3 * spans
    assert all(len(trace.x) <= 2_000 for trace in figure.data)


def test_the_figures_data_leaves_out_what_is_undefined():
    values = {"a": [np.nan, np.nan], "b": [0.1, np.nan]}
    spans = spans_of(values, {"a": np.nan}, {"b": "fraction"})
    assert [(span.title, span.suffix) for span in spans] == [("b", " %")]
    assert np.isnan(spans[0].as_run)
