"""What a result shows of itself: a short line, its rejections, its picture."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

import research_kit as rk


def test_a_result_is_one_line(make_bars):
    result = rk.run_backtest(make_bars(200), rk.strategies.SmaCross(fast=5, slow=20))
    final = f"{result.equity.iloc[-1]:,.2f}"
    closed = result.metrics["total_trades"]
    assert repr(result) == (
        f"BacktestResult(sma_cross(fast=5, slow=20, short=False), {closed} closed trades, final equity {final})"
    )


def test_what_was_rejected_is_a_table(make_bars):
    bars = make_bars(50)
    result = rk.run_backtest(bars, rk.strategies.BuyAndHold(), sizing="risk", size=0.01)
    (row,) = result.rejections.to_dict("records")
    assert row == {"bar": 1, "time": pd.Timestamp(bars.time[1], tz="UTC"), "reason": "no_stop"}
    assert len(rk.run_backtest(bars, rk.strategies.BuyAndHold()).rejections) == 0


def test_a_result_draws_itself(make_bars):
    figure = rk.run_backtest(make_bars(200), rk.strategies.SmaCross(fast=5, slow=20)).plot()
    assert isinstance(figure, go.Figure)
    assert "sma_cross" in figure.to_json() or "SmaCross" in figure.to_json()


def test_bars_are_one_line():
    days = rk.Bars(np.arange(3) * 86_400_000_000_000, {"close": np.ones(3)}, symbol="X")
    assert repr(days) == "Bars(X, 1d, 3 bars, 1970-01-01 to 1970-01-03)"
    minutes = rk.Bars(np.arange(3) * 60_000_000_000, {"close": np.ones(3)})
    assert repr(minutes) == "Bars(unnamed, 1min, 3 bars, 1970-01-01 00:00 to 1970-01-01 00:02)"
