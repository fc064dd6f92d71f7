"""Listings: newest first, aware UTC, with their types also when they are empty."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from research_kit.errors import NotFoundError
from research_kit.store import listings
from research_kit.store.datasets import add_dataset
from research_kit.store.jobs import claim_job, complete_job, create_job
from research_kit.store.listings import (
    backtests_table,
    datasets_table,
    get_backtest,
    get_job,
    job_metrics,
    job_trades,
    jobs_table,
    notebook_runs_table,
    strategies_table,
    sweeps_table,
    trials_table,
)
from research_kit.store.strategies import save_strategy
from research_kit.store.sweeps import create_sweep, finish_sweep, record_sets
from research_kit.store.tables import Dataset
from research_kit.store.trials import record_trials

TABLES = (
    datasets_table,
    strategies_table,
    jobs_table,
    backtests_table,
    sweeps_table,
    trials_table,
    notebook_runs_table,
)


@pytest.fixture
def filled(database, make):
    """Return a database with two datasets and three jobs, of which two completed."""
    datasets = [add_dataset(database, make.dataset(name)) for name in ("one", "two")]
    strategy = save_strategy(database, make.strategy())
    for i, dataset in enumerate([*datasets, datasets[0]], 1):
        job_id = create_job(database, make.job(str(i) * 64, dataset_id=dataset.id, strategy_id=strategy.id))
        if i < 3:
            token = claim_job(database, job_id, "worker")
            complete_job(database, job_id, token, make.outcome(i, 10.0 * i, trial=make.trial(str(i) * 64)))
    return database


def test_trials_of_a_dataset_that_is_brought_in_anew_every_day_are_listed(database, make):
    """Two years of versions: more bars than one statement unites."""
    with database.write() as session:
        rows = [make.dataset("days", sha256=f"{day:064x}") for day in range(600)]
        session.add_all([Dataset(**asdict(row)) for row in rows])
    record_trials(database, [make.trial(str(day) * 64, dataset_sha256=f"{day:064x}") for day in (1, 5, 9)])
    assert trials_table(database, f"{599:064x}").spec_hash.tolist() == ["9" * 64, "5" * 64, "1" * 64]
    assert trials_table(database, f"{599:064x}", limit=1, before=3).spec_hash.tolist() == ["5" * 64]


@pytest.mark.parametrize("table", TABLES)
def test_an_empty_table_has_its_columns_and_types(database, table):
    frame = table(database)
    assert frame.empty
    assert str(frame.created_at.dtype) == "datetime64[us, UTC]"


def test_jobs_newest_first(filled):
    frame = jobs_table(filled)
    assert frame.id.tolist() == [3, 2, 1]
    assert frame.status.tolist() == ["pending", "completed", "completed"]
    assert frame.dataset.tolist() == ["one", "two", "one"]
    assert frame.started_at.isna().tolist() == [True, False, False]
    assert jobs_table(filled, limit=1).id.tolist() == [3]
    assert jobs_table(filled, status="completed").id.tolist() == [2, 1]
    assert "lease_token" not in frame


def test_backtests_with_dataset_and_headline_metrics(filled):
    frame = backtests_table(filled)
    assert frame.id.tolist() == [2, 1]
    assert frame.job_id.tolist() == [2, 1]
    assert frame.dataset.tolist() == ["two", "one"]
    assert frame.total_return_percent.tolist() == [20.0, 10.0]
    assert frame.total_trades.tolist() == [2, 1]
    assert frame.strategy_params.tolist() == [{"fast": 10}] * 2
    assert str(frame.completed_at.dtype) == "datetime64[us, UTC]"


def test_a_backtest_without_dataset_is_listed(database, make):
    job_id = create_job(database, make.job())
    complete_job(database, job_id, claim_job(database, job_id, "worker"), make.outcome(0))
    assert backtests_table(database).dataset.isna().tolist() == [True]


def test_sweeps_with_dataset_and_counters(database, make):
    dataset = add_dataset(database, make.dataset("one"))
    batch = make.batch(4, state=["completed", "completed", "failed", "cancelled"])
    sweep = make.sweep(dataset_id=dataset.id, objective="sharpe_ratio")
    ended = create_sweep(database, sweep, batch.spec_hash)
    record_sets(database, ended, batch)
    finish_sweep(database, ended, "completed", best_spec_hash=batch.spec_hash[0])
    create_sweep(database, make.sweep(kind="walk_forward", method="random"), make.hashes(7))
    frame = sweeps_table(database)
    assert frame.id.tolist() == [2, 1]
    assert frame.kind.tolist() == ["walk_forward", "sweep"]
    assert frame.method.tolist() == ["random", "grid"]
    assert frame.status.tolist() == ["running", "completed"]
    assert frame.dataset.isna().tolist() == [True, False]
    assert frame[["total_sets", "completed_sets", "failed_sets"]].to_numpy().tolist() == [[7, 0, 0], [4, 2, 1]]
    assert frame.best_spec_hash.tolist()[1] == batch.spec_hash[0]
    assert frame.actual_duration.isna().tolist() == [True, False]
    assert "lease_token" not in frame


def test_trials_with_dataset_and_headline_metrics(database, make):
    dataset = add_dataset(database, make.dataset("one"))
    batch = make.batch(20, dataset_id=dataset.id)
    record_trials(database, batch)
    failed = make.trial("2" * 64, state="failed", error="no", strategy_name="momentum", metrics={"sharpe_ratio": "odd"})
    record_trials(database, [failed])
    frame = trials_table(database)
    assert frame.id.is_monotonic_decreasing
    assert frame.columns.tolist()[:5] == ["id", "spec_hash", "kind", "state", "strategy_name"]
    assert frame.columns.tolist()[-2:] == ["error", "created_at"]
    assert frame.iloc[0][["kind", "state", "error", "strategy_name"]].tolist() == ["run", "failed", "no", "momentum"]
    assert frame.dataset.isna().sum() == 1
    frame = frame.set_index("spec_hash").loc[batch.spec_hash]
    assert frame.parameters.tolist() == batch.parameters
    assert frame.n_returns.isna().tolist() == [i % 10 == 7 for i in range(20)]
    np.testing.assert_array_equal(frame["mean"], batch.mean)
    np.testing.assert_array_equal(frame.sharpe_ratio, batch.metrics["sharpe_ratio"])
    np.testing.assert_array_equal(frame.total_trades, batch.metrics["total_trades"])
    assert frame.profit_factor.isna().all()
    assert {str(frame[name].dtype) for name in ("n_returns", "mean", "profit_factor")} == {"float64"}


def test_trials_of_a_dataset_a_strategy_a_sweep(database, make):
    batch = make.batch(6)
    record_trials(database, replace(batch, strategy_name="momentum", dataset_sha256="b" * 64))
    other = make.batch(4, seed=2)
    sweep = create_sweep(database, make.sweep(), [*batch.spec_hash[:2], *other.spec_hash, "9" * 64])
    record_sets(database, sweep, other)
    assert len(trials_table(database)) == 10
    assert len(trials_table(database, "b" * 64)) == 6
    assert len(trials_table(database, strategy_name="sma_cross")) == 4
    assert trials_table(database, "b" * 64, "sma_cross").empty
    assert set(trials_table(database, sweep_id=sweep).spec_hash) == {*batch.spec_hash[:2], *other.spec_hash}
    assert len(trials_table(database, "b" * 64, sweep_id=sweep)) == 2
    assert len(trials_table(database, limit=3)) == 3


def test_every_table_can_be_limited(filled):
    for table in TABLES:
        assert len(table(filled, limit=1)) <= 1
        assert table(filled).id.is_monotonic_decreasing


def test_names_of_listed_columns_are_columns(database):
    for frame, names in (
        (datasets_table(database), listings.DATASET_COLUMNS),
        (strategies_table(database), listings.STRATEGY_COLUMNS),
    ):
        assert list(frame.columns) == names


def test_one_row_or_an_error(filled):
    assert get_job(filled, 1).id == 1
    assert get_backtest(filled, 1).backtest_job_id == 1
    with pytest.raises(NotFoundError, match="no job 99"):
        get_job(filled, 99)
    with pytest.raises(NotFoundError, match="no backtest 99"):
        get_backtest(filled, 99)


def test_metrics_with_their_reasons(filled):
    metrics = job_metrics(filled, 1)
    assert metrics.values["total_return_percent"] == 10.0
    assert metrics.values["cagr"] == 0.07
    assert metrics.reasons == {"sortino_ratio": "no losing day"}
    json.dumps(metrics.values, allow_nan=False)
    with pytest.raises(NotFoundError, match="Job 3 has no metrics"):
        job_metrics(filled, 3)


def test_trades_of_a_job_without_any(filled):
    assert job_trades(filled, 3).empty
    assert len(job_trades(filled, 2)) == 2
