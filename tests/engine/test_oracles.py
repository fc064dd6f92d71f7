"""Exact figures of other engines and of independent code, reproduced on real data.

The GOOG bars come inside the ``backtesting`` package; its code is not imported.
"""

import hashlib
import json
from importlib.metadata import files

import numpy as np
import pandas as pd
import pytest

import research_kit as rk
from research_kit.bars.importing.reading import ImportOptions, read_bars
from research_kit.engine.simulation import simulate
from research_kit.metrics.performance import sharpe_ratio, sortino_ratio
from research_kit.metrics.returns import periodic_returns
from research_kit.metrics.trade_statistics import profit_factor, win_rate

CASH = 10_000.0


@pytest.fixture(scope="module")
def goog():
    path = next(file.locate() for file in files("backtesting") if file.name == "GOOG.csv")
    expected = "60e961a567490b157f71888df9e6afb36190a34a40a6286aa38988e2343f1b1a"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == expected
    return rk.Bars.from_frame(pd.read_csv(path, index_col=0, parse_dates=True), symbol="GOOG", session="weekdays")


def crossings(bars, fast, slow):
    first, second = rk.indicators.sma(bars.close, fast), rk.indicators.sma(bars.close, slow)
    return rk.indicators.crossed_above(first, second), rk.indicators.crossed_below(first, second)


def reversing(bars, fast, slow, commission):
    """Long on a cross up, short on a cross down, whole units, the last position left open."""
    up, down = crossings(bars, fast, slow)
    options = rk.EngineOptions(initial_cash=CASH, commission=commission, whole_units=True, close_at_end=False)
    return simulate(bars, rk.Signals(enter_long=up, enter_short=down), options)


def test_backtesting_py_without_costs(goog):
    """Section A: backtesting.py closes the last trade at the last open, so that one is closed by hand here."""
    run = reversing(goog, 10, 30, commission=0)
    trades, last_open = run.trades, goog.open[-1]
    assert len(trades) == 66
    assert run.final_cash + run.final_units * last_open == pytest.approx(51422.98999999996, rel=1e-8)
    first, last = trades[0], trades[-1]
    assert (first["side"], first["quantity"], first["entry_price"], first["exit_price"]) == (-1, 55, 180.36, 186.31)
    assert first["pnl"] == pytest.approx(-327.25)
    assert (last["quantity"], last["entry_price"], last_open) == (64, 695.00, 797.80)
    assert last["quantity"] * (last_open - last["entry_price"]) == pytest.approx(6579.20)

    exits = np.where(trades["exit_bar"] >= 0, trades["exit_price"], last_open)
    returns = trades["side"] * (exits / trades["entry_price"] - 1)
    assert 100 * win_rate(returns) == pytest.approx(46.96969696969697)
    assert 100 * returns.max() == pytest.approx(53.59595229490424)
    assert 100 * returns.min() == pytest.approx(-18.39887353835481)
    assert profit_factor(returns) == pytest.approx(2.167945974262033)  # of trade returns, not of money
    assert 100 * (np.exp(np.log1p(returns).mean()) - 1) == pytest.approx(2.531715975158555)

    equity = np.append(run.equity[:-1], run.final_cash + run.final_units * last_open)
    assert equity.max() == pytest.approx(75787.44)
    drawdown = equity / np.maximum.accumulate(np.maximum(equity, CASH)) - 1
    assert 100 * drawdown.min() == pytest.approx(-47.98012705007589, rel=1e-8)


def test_backtesting_py_with_commission(goog, shared_data):
    oracle = json.loads((shared_data / "ORACLES.json").read_text())["goog_backtesting_py"]
    run = reversing(goog, 10, 20, commission=0.002)
    value = run.final_units * goog.open[-1]
    assert len(run.trades) == oracle["trades"]
    assert run.final_cash + value - 0.002 * abs(value) == pytest.approx(oracle["equity_final"])
    assert run.total_commission + 0.002 * abs(value) == pytest.approx(oracle["commissions"])
    equity = np.append(run.equity[:-1], oracle["equity_final"])
    drawdown = equity / np.maximum.accumulate(np.maximum(equity, CASH)) - 1
    assert 100 * drawdown.min() == pytest.approx(oracle["max_dd_pct"])


@pytest.mark.parametrize(
    ("fill", "commission", "final", "fees", "drawdown", "sharpe", "sortino"),
    [
        (
            "next_open",
            0.002,
            64161.29766522576,
            6000.559054358353,
            -20.134206769734377,
            1.0810441703291487,
            1.749882609,
        ),
        ("next_open", 0.0, 77277.15977274755, 0.0, -19.241172, None, None),
        ("same_close", 0.002, 60420.42227064023, 5809.523394830578, -24.42930068416258, 1.0518311533185072, None),
        ("same_close", 0.0, 72771.57406801813, 0.0, None, None, None),
    ],
)
def test_vectorbt_long_only(goog, fill, commission, final, fees, drawdown, sharpe, sortino):
    """Section C: all in, fractional units; vectorbt and independent NumPy agree on these."""
    up, down = crossings(goog, 10, 20)
    options = rk.EngineOptions(initial_cash=CASH, commission=commission, fill=fill, close_at_end=False)
    run = simulate(goog, rk.Signals(enter_long=up, exit_long=down), options)
    assert len(run.trades) == 47
    assert int((run.trades["exit_bar"] >= 0).sum()) == 46
    assert run.equity[-1] == pytest.approx(final, rel=1e-12)
    assert run.total_commission == pytest.approx(fees, rel=1e-12)
    if drawdown is not None:
        fall = run.equity / np.maximum.accumulate(np.maximum(run.equity, CASH)) - 1
        assert 100 * fall.min() == pytest.approx(drawdown, rel=1e-7)
    returns = periodic_returns(run.equity, CASH)[1:]  # without the first bar, in which nothing can happen
    rates = {"periods_per_year": 252, "risk_free_rate": 0.0}
    if sharpe is not None:
        assert sharpe_ratio(returns, **rates) == pytest.approx(sharpe, rel=1e-9)
    if sortino is not None:
        assert sortino_ratio(returns, **rates) == pytest.approx(sortino, rel=1e-8)


def long_only_in_whole_units(bars, fast, slow, commission, fill="next_open"):
    """Return the final equity of backtesting.py: whole units, the last position closed at the last open."""
    up, down = crossings(bars, fast, slow)
    options = rk.EngineOptions(
        initial_cash=CASH, commission=commission, fill=fill, whole_units=True, close_at_end=False
    )
    run = simulate(bars, rk.Signals(enter_long=up, exit_long=down), options, keep_equity=False)
    last = bars.open[-1] if fill == "next_open" else bars.close[-1]
    return run.final_cash + run.final_units * last * (1 - commission)


@pytest.mark.parametrize(("commission", "final"), [(0.002, 62562.31456), (0.0, 74865.72)])
def test_backtesting_py_long_only(goog, commission, final):
    assert long_only_in_whole_units(goog, 10, 20, commission) == pytest.approx(final, rel=1e-9)


def test_the_best_of_backtesting_pys_grid(goog):
    grid = [(fast, slow) for fast in range(5, 30, 5) for slow in range(10, 70, 5) if fast < slow]
    finals = {pair: long_only_in_whole_units(goog, *pair, 0.002) for pair in grid}
    assert len(finals) == 50
    assert max(finals, key=finals.get) == (10, 15)
    assert finals[10, 15] == pytest.approx(88478.26972, rel=1e-9)


SOURCES = {
    "spy_daily": ("mplfinance/yahoofinance-SPY-20080101-20180101.csv", {"session": "XNYS"}),
    "btc_1m_2018": (
        "bitfinex/BTCUSD_1m_2018_noheader_OCHL.csv.gz",
        {"columns": ("time", "open", "close", "high", "low", "volume")},
    ),
}


@pytest.mark.real_data
@pytest.mark.parametrize("name", list(SOURCES))
def test_the_engine_on_real_files(shared_data, name):
    oracle = json.loads((shared_data / "ORACLES.json").read_text())["engine"][name]
    file, options = SOURCES[name]
    bars = read_bars(shared_data / file, ImportOptions(**options)).bars
    strategy = rk.strategies.SmaCross.with_parameters({"fast": oracle["fast"], "slow": oracle["slow"]})
    run = rk.run_backtest(bars, strategy, initial_cash=1e6, sizing="units", size=1, commission=oracle["fee_per_side"])
    pnl, metrics = run.simulation.trades["pnl"], run.metrics
    assert len(pnl) == metrics["total_trades"] == oracle["trades"]
    assert pnl.sum() == pytest.approx(oracle["net_pnl"], rel=1e-9)
    assert pnl.sum() + metrics["total_commission"] == pytest.approx(oracle["gross_pnl"], rel=1e-9)
    assert metrics["winning_trades"] == oracle["wins_net"]
    assert metrics["losing_trades"] == oracle["losses_net"]
    assert metrics["profit_factor"] == pytest.approx(oracle["profit_factor_net"], rel=1e-9)
    assert metrics["max_consecutive_wins"] == oracle["max_consecutive_wins"]
    assert metrics["max_consecutive_losses"] == oracle["max_consecutive_losses"]
    closed = np.cumsum(pnl)
    fall = closed - np.maximum(0, np.maximum.accumulate(closed))
    assert fall.min() == pytest.approx(oracle["max_drawdown_closed_equity"], rel=1e-9)
    for row, expected in ((run.trades.iloc[0], oracle["first_trade"]), (run.trades.iloc[-1], oracle["last_trade"])):
        assert [str(row["entry_time"].tz_localize(None)), row["entry_price"]] == expected[:2]
        assert [str(row["exit_time"].tz_localize(None)), row["exit_price"]] == expected[2:]
