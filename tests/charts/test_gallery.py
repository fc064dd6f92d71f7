"""Every chart by its name: each is drawn whatever the run, is small, escapes its texts, and agrees with the metrics."""

import json
import re
import time as clock
from dataclasses import replace

import numpy as np
import pytest

import research_kit as rk
from research_kit.charts.backtests.costs import cost_steps
from research_kit.charts.backtests.exposure import exposure
from research_kit.charts.backtests.gallery import CHARTS, draw
from research_kit.charts.backtests.rolling import rolling
from research_kit.charts.backtests.underwater import worst_falls
from research_kit.charts.backtests.yearly import yearly
from research_kit.errors import OptionError

HOSTILE = "<script>alert(1)</script><b>$x$ %{y}"


@pytest.fixture(scope="module")
def results(make_bars):
    """Return backtests of every kind: of hours, long and short with all costs; one still open; without a trade."""
    hours, days = make_bars(4_000, step_ns=3_600_000_000_000), make_bars(900, step_ns=86_400_000_000_000, sigma=0.01)
    cross = rk.strategies.SmaCross(fast=5, slow=20, short=True)
    dear = {"slippage": 0.0005, "borrow_rate": 0.03}
    return {
        "hours": rk.run_backtest(hours, cross, **dear),
        "open": rk.run_backtest(days, cross, close_at_end=False, **dear),
        "idle": rk.run_backtest(days.window(0, 30), rk.strategies.SmaCross(fast=50, slow=200)),
        "one bar": rk.run_backtest(days.window(0, 1), rk.strategies.BuyAndHold()),
        "weeks": rk.run_backtest(make_bars(200, step_ns=7 * 86_400_000_000_000, sigma=0.02), cross),
    }


@pytest.mark.parametrize("name", ["hours", "open", "idle", "one bar"])
@pytest.mark.parametrize("kind", CHARTS)
def test_every_chart_of_every_run_is_valid(results, name, kind):
    figure = results[name].plot(kind)
    text = figure.to_json()
    json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is in the JSON"))
    assert len(text) < 300_000
    assert figure.layout.template.layout.meta == {"research_kit": "notebook"}
    assert figure.layout.height >= 100


@pytest.mark.parametrize("kind", CHARTS)
def test_texts_from_outside_are_escaped_in_every_chart(results, kind):
    series = results["hours"].chart_series
    texts = {
        name: np.full(len(series.trades["pnl"]), HOSTILE, dtype=object) for name in ("entry_signal", "exit_signal")
    }
    text = draw(replace(series, title=HOSTILE, currency=HOSTILE, trades={**series.trades, **texts}), kind).to_json()
    for harmful in ("<script", "\\u003cscript", "<b>", "\\u003cb\\u003e", "$x$"):
        assert harmful not in text


@pytest.mark.slow
@pytest.mark.parametrize("kind", CHARTS)
def test_five_million_bars_and_fifty_thousand_trades_are_small_and_quick(millions, kind):
    begin = clock.perf_counter()
    figure = draw(millions, kind)
    assert clock.perf_counter() - begin < 4.0  # under 1 s on a quiet machine of 2 cores
    assert len(figure.to_json()) < 300_000


@pytest.fixture(scope="module")
def millions(results):
    n, count = 5_000_000, 50_000
    rng = np.random.default_rng(1)
    time = np.datetime64("2014-01-01", "ns") + np.arange(n) * np.timedelta64(60, "s")
    close = 100 * np.exp(np.cumsum(rng.normal(0, 2e-4, n)))
    few = results["hours"].chart_series
    entry = np.sort(rng.integers(0, n - 600, count))
    trades = {name: np.resize(values, count) for name, values in few.trades.items()}
    trades |= {"entry_time": time[entry], "exit_time": time[entry + 300]}
    prices = {"open": close, "high": close * 1.001, "low": close * 0.999, "close": close}
    return replace(few, time=time, equity=100 * close, benchmark=99 * close, trades=trades, day_ends=None, **prices)


def test_a_wrong_name_is_answered_with_the_nearest(results):
    with pytest.raises(OptionError, match=r"no chart 'candels'\. Did you mean 'candles'"):
        results["idle"].plot("candels")
    with pytest.raises(OptionError, match="Known: backtest, candles, costs"):
        results["idle"].plot("zzz")
    with pytest.raises(OptionError, match="write theme='dark'"):
        results["idle"].plot("dark")
    with pytest.raises(OptionError, match=r"'rolling' has no option 'windw'\. Did you mean 'window'"):
        results["idle"].plot("rolling", windw=3)


@pytest.mark.parametrize(("name", "said", "other"), [("open", "Da(y|il)", "Bar"), ("weeks", "Bar", "Da(y|il)")])
@pytest.mark.parametrize("kind", ["returns", "rolling", "fan"])
def test_bars_longer_than_a_day_are_not_called_days(results, name, kind, said, other):
    figure = results[name].plot(kind)
    title, axis = figure.layout.title, figure.layout.xaxis.title.text
    told = f"{title.text} {title.subtitle.text} {axis} {[trace.hovertemplate for trace in figure.data]}"
    assert re.search(rf"\b{said}", told, re.IGNORECASE)
    assert not re.search(rf"\b{other}", told, re.IGNORECASE)


def test_a_history_too_short_is_told_in_its_own_bars(results):
    series = results["weeks"].chart_series
    few = {name: getattr(series, name)[:5] for name in ("time", "equity", "close", "benchmark", "open", "high", "low")}
    short = replace(series, **few, trades={}, day_ends=None)
    assert draw(short, "fan").layout.title.subtitle.text == "fewer than 10 bars: too short to draw from"
    assert draw(short, "rolling").layout.title.subtitle.text == "fewer than 20 bars: too short for a window"


def test_words_of_other_tools_are_understood(results):
    assert results["open"].plot("drawdown") == results["open"].plot("underwater")
    assert results["open"].plot("mae_mfe") == results["open"].plot("excursions")


def test_options_reach_their_chart(results):
    run = results["open"]
    assert [trace.name for trace in run.plot("equity", band=True).data][:2] == ["90% band"] * 2
    assert run.plot("equity", band=0.5).data[0].name == "50% band"
    assert "band" not in run.plot("equity").to_json().split('"template"')[0]
    assert run.plot("equity", log=True).layout.yaxis.type == "log"
    assert len(run.plot("underwater", worst=3).layout.shapes) == 3
    assert len(run.plot("candles", start="2024-02-01", end="2024-02-10").data[0].x) == 12
    assert run.plot("rolling", theme="dark").layout.template.layout.meta == {"research_kit": "dark"}


def test_a_line_that_falls_to_nothing_has_no_logarithm(results):
    series = results["open"].chart_series
    lost = series.equity.copy()
    lost[-1] = -5.0
    assert draw(replace(series, equity=lost), "equity", log=True).layout.yaxis.type == "linear"


@pytest.mark.parametrize("name", ["hours", "open"])
def test_the_charts_agree_with_the_metrics(results, name):
    run = results[name]
    series, metrics = run.chart_series, run.metrics
    falls = worst_falls(series.time, series.drawdown, count=10_000)
    assert falls.depth[0] == pytest.approx(metrics["max_drawdown_percent"] / 100)
    assert falls.days.max() == metrics["max_drawdown_duration"]
    last = 1.01 / len(series.time)  # what is closed at the last close counts in the metric alone
    assert exposure(series).share == pytest.approx(metrics["exposure"], abs=last if run.options.close_at_end else 0.0)
    assert np.prod(1 + yearly(series).returns) - 1 == pytest.approx(metrics["total_return_percent"] / 100)
    days = metrics["total_trading_days"]
    whole = rolling(series, days)
    assert whole.sharpe[0] == pytest.approx(metrics["sharpe_ratio"])
    assert whole.volatility[0] == pytest.approx(metrics["volatility"])
    assert whole.beta[0] == pytest.approx(metrics["beta"])


@pytest.mark.parametrize("name", ["hours", "open", "idle"])
def test_costs_add_up_to_what_the_account_gained(results, name):
    run = results[name]
    steps = cost_steps(run.chart_series)
    gained = run.simulation.equity[-1] - run.options.initial_cash
    assert steps.net == pytest.approx(gained, abs=1e-6)
    assert steps.amounts.sum() == pytest.approx(steps.net, abs=1e-9)
    if name == "hours":
        assert -steps.amounts[1] == pytest.approx(run.metrics["total_commission"])
        assert -steps.amounts[2] == pytest.approx(run.metrics["total_slippage"])
        assert -steps.amounts[3] == pytest.approx(run.metrics["total_borrow"])


class BuyTheDip(rk.Strategy):
    """Buys below the close with a limit that waits; sells at a stop."""

    def on_bar(self, ctx):
        if ctx.i % 20 == 0 and not ctx.position:
            ctx.buy(limit=ctx["close"] * 0.999, stop_loss=ctx["close"] * 0.99)


def test_orders_of_an_event_strategy_stand_on_the_candles(make_bars):
    result = rk.run_backtest(make_bars(200), BuyTheDip())
    waiting = result.orders[result.orders["limit"].notna()]
    [marks] = [trace for trace in result.plot("candles").data if trace.name == "Waiting order"]
    assert len(marks.x) == len(waiting) > 2
    np.testing.assert_array_equal(marks.y, waiting["limit"])
    filled = (waiting["filled_bar"] >= 0).sum()
    assert sum("filled at" in text for text in marks.text) == filled > 0
