"""A recorded run: what it leaves, what a failed one leaves, and that both engines of the store agree."""

import numpy as np
import pytest
from sqlmodel import func, select

import research_kit as rk
from research_kit.errors import NotFoundError, OptionError, ParameterError, SignalError
from research_kit.store.tables import Backtest, BacktestJob, BacktestMetrics, Trade, Trial


def count(ws, table):
    with ws.database.read() as session:
        return session.exec(select(func.count()).select_from(table)).one()


def test_a_run_leaves_one_row_in_each_table_and_all_of_its_trades(ws):
    run = ws.run("sma_cross", "walk", {"fast": 5, "slow": 20}, commission=0.001)
    assert [count(ws, table) for table in (BacktestJob, Backtest, BacktestMetrics, Trial)] == [1, 1, 1, 1]
    assert count(ws, Trade) == len(run.trades) > 3
    assert run.job.status == "completed"
    assert run.job.progress == 1.0
    assert run.job.actual_duration is not None


def test_what_is_read_back_is_what_the_pure_engine_says(ws):
    run = ws.run("sma_cross", "walk", {"fast": 5, "slow": 20}, stop_loss=0.01, slippage=0.0005)
    options = rk.EngineOptions(stop_loss=0.01, slippage=0.0005)
    pure = rk.run_backtest(ws.bars("walk"), rk.strategies.SmaCross(fast=5, slow=20), options)
    np.testing.assert_array_equal(run.equity.to_numpy(), pure.equity.to_numpy())
    np.testing.assert_array_equal(run.drawdown.to_numpy(), pure.drawdown.to_numpy())
    assert dict(run.summary) == dict(pure.metrics)
    assert run.summary.reasons == pure.metrics.reasons
    assert run.summary.flags == pure.metrics.flags != {}
    assert list(run.trades["pnl"]) == list(pure.trades["pnl"])
    assert list(run.trades["exit_signal"]) == list(pure.trades["exit_signal"])
    assert (run.trades["entry_time"] == pure.trades["entry_time"]).all()


def test_the_counters_of_dataset_and_strategy_move(ws):
    runs = [ws.run("sma_cross", "walk", {"fast": fast}) for fast in (5, 6)]
    dataset = ws.dataset("walk")
    assert dataset.backtest_count == 2
    assert dataset.last_used is not None
    row = ws.strategies().set_index("name").loc["sma_cross"]
    assert row["total_backtests"] == 2
    expected = np.mean([run.metrics["total_return_percent"] for run in runs])
    assert row["avg_performance"] == pytest.approx(expected)


def test_the_same_specification_is_one_trial_and_another_is_another(ws):
    for fast in (5, 5, 6):
        run = ws.run("sma_cross", "walk", {"fast": fast})
    assert count(ws, Trial) == run.trials == 2
    assert len(ws.backtests()) == 3


def test_the_row_holds_a_short_curve_and_the_file_the_full_one(ws):
    run = ws.run("buy_and_hold", "walk")
    curve = run.backtest.results["equity_curve"]
    assert len(curve["time"]) == len(curve["equity"]) <= 2_000 < len(run.equity)
    assert max(curve["equity"]) == run.equity.max()
    assert run.backtest.results["metrics"]["total_trades"] == 1


class Broken(rk.Strategy):
    """Raises."""

    def signals(self, bars):
        raise RuntimeError("no luck with <script>")


class Short(rk.Strategy):
    """Returns too few signals."""

    def signals(self, bars):
        return rk.Signals.target(np.ones(3))


class Rude(rk.Strategy):
    """Changes the bars that it was given."""

    def signals(self, bars):
        bars.close[0] = 1.0
        return rk.Signals.target(bars.close > 0)


@pytest.mark.parametrize(
    ("strategy", "kind", "words"),
    [
        (Broken, RuntimeError, "no luck with <script>"),
        (Short, SignalError, "3 signals"),
        (Rude, ValueError, "read-only"),
    ],
)
def test_a_strategy_that_raises_leaves_a_failed_job_and_nothing_else(ws, strategy, kind, words):
    with pytest.raises(kind, match=words) as raised:
        ws.run(strategy, "walk")
    assert "recorded as job 1, failed" in raised.value.__notes__[0]
    assert [count(ws, table) for table in (Trade, BacktestMetrics, Backtest)] == [0, 0, 0]
    job = ws.jobs().iloc[0]
    assert job["status"] == "failed"
    assert words in job["error_message"]
    assert ws.dataset("walk").backtest_count == 0
    with ws.database.read() as session:
        assert session.exec(select(Trial.state)).all() == ["failed"]  # a try that failed was still a try


class Interrupted(rk.Strategy):
    """Is stopped by the user."""

    def signals(self, bars):
        raise KeyboardInterrupt


def test_an_interrupted_run_leaves_a_cancelled_job(ws):
    with pytest.raises(KeyboardInterrupt):
        ws.run(Interrupted, "walk")
    assert ws.jobs().iloc[0]["status"] == "cancelled"
    assert count(ws, Backtest) == 0


@pytest.mark.parametrize(
    ("arguments", "options", "kind", "words"),
    [
        (("sma_cros", "walk"), {}, NotFoundError, "Did you mean 'sma_cross'"),
        (("sma_cross", "walc"), {}, NotFoundError, "Did you mean 'walk'"),
        (("sma_cross", "walk", {"fst": 3}), {}, ParameterError, "Did you mean 'fast'"),
        (("sma_cross", "walk", {"fast": 1}), {}, ParameterError, "fast=1"),
        (("sma_cross", "walk"), {"comission": 0}, OptionError, "Did you mean 'commission'"),
        (("sma_cross", "walk"), {"size": 3}, OptionError, "leverage"),
    ],
)
def test_a_misspelt_run_is_refused_before_anything_is_recorded(ws, arguments, options, kind, words):
    with pytest.raises(kind, match=words):
        ws.run(*arguments, **options)
    assert count(ws, BacktestJob) == 0


def test_the_specification_names_everything_that_the_run_depends_on(ws):
    spec = ws.run("sma_cross", "walk", {"fast": 5}, commission=0.002).spec
    assert spec["dataset_sha256"] == ws.dataset("walk").sha256
    assert spec["parameters"] == {"fast": 5, "slow": 30, "short": False}
    assert spec["options"]["commission"] == 0.002
    assert {"numpy", "numba", "python", "engine"} <= set(spec["versions"])
    assert len(spec["spec_hash"]) == len(spec["strategy_sha256"]) == 64


def test_progress_is_reported_in_order_to_the_end(ws):
    seen = []
    ws.run("sma_cross", "walk", progress=lambda done, step: seen.append((done, step)))
    assert seen == sorted(seen, key=lambda entry: entry[0])
    assert seen[-1] == (1.0, "completed")
    assert [step for _, step in seen][:2] == ["opening the bars", "making signals"]


def test_rows_stay_readable_after_the_workspace_is_closed(ws):
    run = ws.run("sma_cross", "walk")
    ws.close()
    assert run.job.status == "completed"
    assert run.backtest.strategy_name == "sma_cross"


def test_the_market_is_measured_as_the_benchmark_is_and_one_at_zero_is_not(ws, make_bars):
    run = ws.run("sma_cross", "walk", {"fast": 5, "slow": 20})
    assert run.market["total_return_percent"] == pytest.approx(run.summary["benchmark_return_percent"])
    frame = make_bars(60, step_ns=86_400_000_000_000).frame
    frame.iloc[30, frame.columns.get_indexer(["low", "close"])] = 0.0
    ws.import_dataset(frame, name="lost", symbol="L", timezone="UTC", allow_nonpositive=True)
    lost = ws.run("sma_cross", "lost", {"fast": 2, "slow": 5})
    assert (lost.market, lost.chart_series.benchmark) == (None, None)
    walked = ws.walk_forward("sma_cross", "lost", {"fast": [2, 3], "slow": [5]}, train=20, test=20)
    assert walked.benchmark is None
    assert "Buy and hold" not in {trace.name for trace in walked.plot().data}
