"""What a user asks of the history in words; the workspace's verbs that mark and delete."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

import research_kit as rk
from research_kit.errors import NotFoundError, OptionError, StrategyError
from research_kit.runs.history import thresholds_of, wanted


@pytest.fixture(scope="module")
def ws(tmp_path_factory, make_bars):
    with rk.open_workspace(tmp_path_factory.mktemp("history")) as ws:
        ws.import_dataset(make_bars(400, step_ns=86_400_000_000_000).frame, name="Walk", symbol="W", timezone="UTC")
        for fast in (5, 10, 20):
            ws.run("sma_cross", "Walk", {"fast": fast, "slow": 50})
        yield ws


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("sharpe_ratio > 1", [("sharpe_ratio", ">", 1.0)]),
        ("cagr>=-.5", [("cagr", ">=", -0.5)]),
        ("total_trades = 1_000 & win_rate<1e-2", [("total_trades", "==", 1000.0), ("win_rate", "<", 0.01)]),
        ("alpha != 0 and beta <= 1.5", [("alpha", "!=", 0.0), ("beta", "<=", 1.5)]),
    ],
)
def test_thresholds_are_read_from_text(text, found):
    assert [tuple(one) for one in thresholds_of(text)] == found


@pytest.mark.parametrize(
    "text",
    ["sharpe_ratio", "sharpe_ratio >", "> 1", "sharpe_ratio > cagr", "1 < sharpe_ratio", "cagr > 1 or cagr < 0",
     "sharpe_ratio >> 1", "cagr > 1 and", "__import__('os')", "cagr > 1; DROP TABLE trials"],
)  # fmt: skip
def test_what_compares_no_metric_with_a_number_is_refused(text):
    with pytest.raises(OptionError, match="compares no metric with a number; write such as 'sharpe_ratio > 1 and"):
        thresholds_of(text)


def test_a_misspelt_metric_or_filter_is_named():
    with pytest.raises(NotFoundError, match="Did you mean 'sharpe_ratio'"):
        thresholds_of("sharp_ratio > 1")
    with pytest.raises(OptionError, match="Did you mean 'strategy'"):
        wanted(strateg="sma_cross")


def test_days_and_times():
    found = wanted(since="2024-01-31", until=date(2024, 2, 1))
    assert (found.since, found.until) == (datetime(2024, 1, 31, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC))
    eastern = datetime(2024, 1, 31, 20, tzinfo=timezone(timedelta(hours=-5)))
    assert wanted(since=eastern).since == datetime(2024, 2, 1, 1, tzinfo=UTC)
    assert wanted(since="2024-01-31T10:30").since == datetime(2024, 1, 31, 10, 30, tzinfo=UTC)
    assert wanted(since="").since is None
    for wrong in ("yesterday", "2024-13-01", 5):
        with pytest.raises(OptionError, match="is no day or time; write it such as 2024-01-31"):
            wanted(until=wrong)


def test_strategies_and_datasets_are_named_in_any_way(ws):
    every = [1, 2, 3]
    for strategy in ("sma_cross", rk.strategies.SmaCross, rk.strategies.SmaCross(fast=3)):
        assert sorted(ws.backtests(strategy=strategy).id) == every
        assert len(ws.trials(strategy=strategy)) == 3
    for dataset in ("Walk", 1, ws.dataset("Walk")):
        assert sorted(ws.backtests(dataset=dataset).id) == every
    assert ws.backtests(strategy=rk.strategies.Momentum).empty
    assert ws.backtests(dataset=2).empty
    assert sorted(ws.backtests(text=None, where=None).id) == every
    with pytest.raises(StrategyError, match="A strategy is its name, its class or an instance; given was 7"):
        ws.backtests(strategy=7)
    with pytest.raises(OptionError, match=r"A dataset is its name, its id or its row; given was 1\.5"):
        ws.backtests(dataset=1.5)


def test_the_verbs_of_a_workspace_take_runs_and_ids(ws):
    run = ws.load_run(1)
    assert ws.tag(run, "Trend", "slow") == ["slow", "trend"]
    assert ws.tag(2, "trend") == ["trend"]
    assert ws.tags() == {"slow": 1, "trend": 2}
    assert ws.untag(run, "trend") == ["slow"]
    ws.note(run, "look again")
    ws.pin(3)
    assert ws.backtests(tag="slow", text="again").id.tolist() == [1]
    assert ws.backtests(tag=["slow", "trend"]).empty
    assert ws.backtests(pinned=True).id.tolist() == [3]
    ws.pin(3, False)
    assert ws.backtests(pinned=True).empty
    assert ws.backtests(1, 3).id.tolist() == [2]


def test_a_metric_without_a_column_is_compared_too(ws):
    known = {run_id: ws.load_run(run_id).metrics["cagr"] for run_id in (1, 2, 3)}
    limit = sorted(known.values())[1]
    assert set(ws.backtests(where=f"cagr >= {limit!r}").id) == {i for i, value in known.items() if value >= limit}


def test_deleting_keeps_the_count_of_trials_and_asks_for_nothing_else(ws):
    extra = ws.run("sma_cross", "Walk", {"fast": 7, "slow": 60})
    before, trials = extra.trials, len(ws.trials())
    path = ws.files.folder / extra.backtest.equity_path
    ws.delete_backtest(extra)
    assert ws.backtests().id.tolist() == [3, 2, 1]
    assert (ws.load_run(1).trials, len(ws.trials())) == (before, trials)
    assert ws.trials().state.tolist()[0] == "deleted"
    assert path.exists()  # another run may have the same
    with pytest.raises(NotFoundError, match="There is no backtest"):
        ws.delete_backtest(extra)
