"""Exact figures of other engines and of independent code, reproduced on real data by signals and by orders.

The GOOG and EURUSD bars come inside the ``backtesting`` package; its code is not imported here. That engine trades
whole units and closes the last trade at the last open (with fills at the close: at the last close but one); strategies
here ask for that at the last bar but one. vectorbt leaves the last trade open.
"""

import hashlib
import json
from importlib.metadata import files

import numpy as np
import pandas as pd
import pytest
from oracles import CrossingOrders, CrossingSignals
from twins import SmaCrossOnBar

import research_kit as rk
from research_kit.bars.importing.reading import ImportOptions, read_bars
from research_kit.metrics.performance import sharpe_ratio, sortino_ratio
from research_kit.metrics.returns import periodic_returns
from research_kit.metrics.trade_statistics import profit_factor, win_rate

CASH = 10_000.0


def bars_of_backtesting_py(name, expected, **options):
    path = next(file.locate() for file in files("backtesting") if file.name == f"{name}.csv")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == expected
    return rk.Bars.from_frame(pd.read_csv(path, index_col=0, parse_dates=True), symbol=name, **options)


@pytest.fixture(scope="module")
def goog():
    sha256 = "60e961a567490b157f71888df9e6afb36190a34a40a6286aa38988e2343f1b1a"
    return bars_of_backtesting_py("GOOG", sha256, session="weekdays")


@pytest.fixture(scope="module")
def eurusd():
    sha256 = "81e977905a006cc8fbc034ebdb83c999a8ed6ba00191dc7ea5ef5b386fb74a82"
    return bars_of_backtesting_py("EURUSD", sha256, timezone="UTC")


@pytest.fixture(params=[CrossingSignals, CrossingOrders], ids=["signals", "orders"])
def crossing(request):
    """Return the strategy in one of the two ways of writing it."""
    return request.param


def run(bars, strategy, **options):
    chosen = rk.EngineOptions(initial_cash=CASH, close_at_end=False, **options)
    return rk.run_backtest(bars, strategy, chosen).simulation


def run_in_whole_units(bars, crossing, fast, slow, *, short=False, **options):
    """Return the run of backtesting.py: whole units, and nothing stays open."""
    strategy = crossing(fast=fast, slow=slow, short=short, out=len(bars) - 2)
    return run(bars, strategy, whole_units=True, **options)


def test_backtesting_py_without_costs(goog, crossing):
    """Section A, in full: the last trade is closed at the last open here as well."""
    done = run_in_whole_units(goog, crossing, 10, 30, short=True, commission=0)
    trades, equity = done.trades, done.equity
    assert len(trades) == 66
    assert equity[-1] == pytest.approx(51422.98999999996, rel=1e-8)
    first, last = trades[0], trades[-1]
    assert (first["side"], first["quantity"], first["entry_price"], first["exit_price"]) == (-1, 55, 180.36, 186.31)
    assert first["pnl"] == pytest.approx(-327.25)
    assert (last["side"], last["quantity"], last["entry_price"], last["exit_price"]) == (1, 64, 695.00, 797.80)
    assert last["pnl"] == pytest.approx(6579.20)

    returns = trades["side"] * (trades["exit_price"] / trades["entry_price"] - 1)
    assert 100 * win_rate(returns) == pytest.approx(46.96969696969697)
    assert 100 * returns.max() == pytest.approx(53.59595229490424)
    assert 100 * returns.min() == pytest.approx(-18.39887353835481)
    assert profit_factor(returns) == pytest.approx(2.167945974262033)  # of trade returns, not of money
    assert 100 * (np.exp(np.log1p(returns).mean()) - 1) == pytest.approx(2.531715975158555)

    assert equity.max() == pytest.approx(75787.44)
    drawdown = equity / np.maximum.accumulate(np.maximum(equity, CASH)) - 1
    assert 100 * drawdown.min() == pytest.approx(-47.98012705007589, rel=1e-8)


def test_backtesting_py_with_commission(goog, crossing, shared_data):
    oracle = json.loads((shared_data / "ORACLES.json").read_text())["goog_backtesting_py"]
    done = run_in_whole_units(goog, crossing, 10, 20, short=True, commission=0.002)
    assert len(done.trades) == oracle["trades"]
    assert done.equity[-1] == pytest.approx(oracle["equity_final"])
    assert done.total_commission == pytest.approx(oracle["commissions"])
    drawdown = done.equity / np.maximum.accumulate(np.maximum(done.equity, CASH)) - 1
    assert 100 * drawdown.min() == pytest.approx(oracle["max_dd_pct"])


def test_backtesting_py_on_hours(eurusd, crossing):
    done = run_in_whole_units(eurusd, crossing, 10, 30, short=True, commission=0)
    assert len(done.trades) == 167
    assert done.equity[-1] == pytest.approx(9788.18827, rel=1e-9)


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
def test_vectorbt_long_only(goog, crossing, fill, commission, final, fees, drawdown, sharpe, sortino):
    """Section C: all in, fractional units; vectorbt and independent NumPy agree on these."""
    done = run(goog, crossing(fast=10, slow=20), commission=commission, fill=fill)
    assert len(done.trades) == 47
    assert int((done.trades["exit_bar"] >= 0).sum()) == 46
    assert done.equity[-1] == pytest.approx(final, rel=1e-12)
    assert done.total_commission == pytest.approx(fees, rel=1e-12)
    if drawdown is not None:
        fall = done.equity / np.maximum.accumulate(np.maximum(done.equity, CASH)) - 1
        assert 100 * fall.min() == pytest.approx(drawdown, rel=1e-7)
    returns = periodic_returns(done.equity, CASH)[1:]  # without the first bar, in which nothing can happen
    rates = {"periods_per_year": 252, "risk_free_rate": 0.0}
    if sharpe is not None:
        assert sharpe_ratio(returns, **rates) == pytest.approx(sharpe, rel=1e-9)
    if sortino is not None:
        assert sortino_ratio(returns, **rates) == pytest.approx(sortino, rel=1e-8)


@pytest.mark.parametrize(
    ("fill", "commission", "final"),
    [
        ("next_open", 0.002, 62562.31456),
        ("next_open", 0.0, 74865.72),
        ("same_close", 0.002, 59040.84858),
        ("same_close", 0.0, 71480.81),
    ],
)
def test_backtesting_py_long_only(goog, crossing, fill, commission, final):
    done = run_in_whole_units(goog, crossing, 10, 20, commission=commission, fill=fill)
    assert done.equity[-1] == pytest.approx(final, rel=1e-9)


def test_the_best_of_backtesting_pys_grid(goog, crossing):
    grid = [(fast, slow) for fast in range(5, 30, 5) for slow in range(10, 70, 5) if fast < slow]
    finals = {pair: run_in_whole_units(goog, crossing, *pair, commission=0.002).equity[-1] for pair in grid}
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
@pytest.mark.parametrize("style", [rk.strategies.SmaCross, SmaCrossOnBar], ids=["signals", "orders"])
def test_the_engine_on_real_files(shared_data, style, name):
    oracle = json.loads((shared_data / "ORACLES.json").read_text())["engine"][name]
    file, options = SOURCES[name]
    bars = read_bars(shared_data / file, ImportOptions(**options)).bars
    strategy = style(fast=oracle["fast"], slow=oracle["slow"])
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
