"""Databases for the tests: SQLite, and a real PostgreSQL whose cluster is thrown away at the end."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import numpy as np
import pytest
import sqlalchemy as sa

from research_kit.store.database import Database
from research_kit.store.records import JobOutcome, NewDataset, NewJob, NewStrategy, NewSweep, TrialRecord
from research_kit.store.tables import Trial
from research_kit.store.trial_batch import TrialBatch


def list_trials(database, **where):
    """Return trials, oldest first, with their packed daily returns; all, or those with these values."""
    with database.read() as session:
        return list(session.scalars(sa.select(Trial).filter_by(**where).order_by(Trial.id)))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def backend(request: pytest.FixtureRequest) -> str:
    """Return each kind of database in turn."""
    return request.param


@pytest.fixture
def empty_url(backend, tmp_path, request) -> str:
    """Return the URL of a database without tables."""
    if backend == "sqlite":
        return f"sqlite:///{tmp_path / 'research.db'}"
    return request.getfixturevalue("postgres").empty()


@pytest.fixture
def database(backend, tmp_path, request) -> Iterator[Database]:
    """Return a migrated database of each kind, without rows; its tables must stay as they are."""
    sqlite = tmp_path / "research.db"
    with Database.open(sqlite if backend == "sqlite" else request.getfixturevalue("postgres").emptied()) as opened:
        yield opened


@pytest.fixture
def own_database(empty_url) -> Iterator[Database]:
    """Return a migrated database of each kind whose tables a test may change."""
    with Database.open(empty_url) as opened:
        yield opened


@pytest.fixture
def sqlite_database(tmp_path) -> Iterator[Database]:
    """Return a fresh SQLite database, for what only SQLite does."""
    with Database.open(tmp_path / "research.db") as opened:
        yield opened


def new_dataset(name: str = "SPY daily", sha256: str = "a" * 64, **more) -> NewDataset:
    values = {
        "file_path": f"data/{sha256}.arrow",
        "file_size": 1000,
        "rows_count": 20,
        "columns": ["close"],
        "timeframe": "1d",
        "symbol": "SPY",
        "start_date": datetime(2024, 1, 1, tzinfo=UTC),
    }
    return NewDataset(name=name, sha256=sha256, **(values | more))


def new_strategy(name: str = "sma_cross", source_sha256: str = "b" * 64, **more) -> NewStrategy:
    return NewStrategy(name=name, source="class SmaCross: ...", source_sha256=source_sha256, **more)


def new_job(spec_hash: str = "c" * 64, **more) -> NewJob:
    return NewJob(strategy="sma_cross", spec={"fast": 10}, spec_hash=spec_hash, strategy_params={"fast": 10}, **more)


def new_trial(spec_hash: str = "c" * 64, **more) -> TrialRecord:
    values = {"kind": "run", "strategy_name": "sma_cross", "dataset_sha256": "a" * 64}
    return TrialRecord(spec_hash=spec_hash, **(values | more))


def new_hashes(n: int, seed: int = 1) -> list[str]:
    rng = np.random.default_rng(seed)
    return [rng.bytes(32).hex() for _ in range(n)]


def new_sweep(sets_hash: str = "f" * 64, **more) -> NewSweep:
    return NewSweep(**({"strategy_name": "sma_cross", "method": "grid", "sets_hash": sets_hash} | more))


def new_batch(n: int = 3, seed: int = 1, days: int = 5, **more) -> TrialBatch:
    """Return a batch in which one set in ten is undefined wherever it may be."""
    rng = np.random.default_rng(seed)
    undefined = np.arange(n) % 10 == 7
    values = {
        "kind": "sweep",
        "strategy_name": "sma_cross",
        "strategy_sha256": "b" * 64,
        "dataset_sha256": "a" * 64,
        "options": {"commission": 0.001, "fill": "next_open", "daily_target": None},
        "first_day": date(2024, 1, 2),
        "spec_hash": new_hashes(n, seed),
        "parameters": [{"fast": i % 7, "slow": 10.5 + i // 7, "mode": "a", "on": True} for i in range(n)],
        "daily_returns": np.where(undefined[:, None], np.nan, rng.normal(0, 0.01, (n, days)).astype(np.float32)),
        "metrics": {
            "sharpe_ratio": np.where(undefined, np.nan, rng.normal(size=n)),
            "total_return_percent": np.where(undefined, np.inf, rng.normal(size=n)),
            "total_trades": np.where(undefined, np.nan, np.arange(n)),
            "cagr": np.full(n, np.nan),
        },
    }
    values |= {name: np.where(undefined, np.nan, rng.random(n)) for name in ("mean", "std", "skew", "kurtosis")}
    return TrialBatch(**(values | more))


def records_of(batch: TrialBatch) -> list[TrialRecord]:
    """Return the same trials one by one."""
    names = ("kind", "strategy_name", "strategy_sha256", "dataset_id", "dataset_sha256", "options", "sweep_id")
    shared = {name: getattr(batch, name) for name in names}

    def number(value):
        return float(value) if np.isfinite(value) else None

    def one(i):
        own = {name: getattr(batch, name)[i] for name in ("spec_hash", "parameters")}
        own |= {name: number(getattr(batch, name)[i]) for name in ("mean", "std", "skew", "kurtosis")}
        metrics = {name: number(values[i]) for name, values in batch.metrics.items()}
        returns = batch.daily_returns[i]
        if not np.isnan(returns).all():
            own |= {"daily_returns": returns, "first_day": batch.first_day}
        own["metrics"] = metrics if any(value is not None for value in metrics.values()) else {}
        return TrialRecord(state=batch.states[i], error=batch.error and batch.error[i], **shared, **own)

    return [one(i) for i in range(batch.size)]


def new_trades(n: int, seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    entry = 1_704_067_200_000_000_000 + 60_000_000_000 * np.arange(n)
    numbers = ("entry_price", "exit_price", "quantity", "pnl", "pnl_percent", "max_profit", "max_loss", "commission")
    trades = {name: rng.uniform(0.1, 100.0, n) for name in numbers}
    trades |= {"entry_time": entry, "exit_time": (entry + 90_000_001_000).view("datetime64[ns]")}
    trades |= {"holding_time_minutes": np.full(n, 1.5), "slippage": np.zeros(n), "borrow": np.zeros(n)}
    sides = np.where(rng.random(n) < 0.5, "long", "short").astype(object)
    return trades | {"side": sides, "entry_signal": np.full(n, 'enter, "now"', object), "exit_signal": ["stop"] * n}


def new_outcome(n: int = 3, total_return_percent: float | None = 12.5, **more) -> JobOutcome:
    metrics = {"total_return_percent": total_return_percent, "total_trades": n, "win_rate": 0.5, "cagr": 0.07}
    values = {
        "trades": new_trades(n),
        "metrics": metrics | {"sortino_ratio": None},
        "reasons": {"sortino_ratio": "no losing day"},
        "results": {"equity": [1.0, float("nan")]},
        "result_data": {"equity": [1.0, np.float64("inf")]},
        "trial": new_trial(daily_returns=np.array([0.01, -0.02]), metrics=metrics),
    }
    return JobOutcome(**(values | more))


@pytest.fixture
def make():
    """Return the makers of records: ``make.dataset()``, ``make.job()``, ``make.outcome()`` and so on."""

    class Makers:
        dataset = staticmethod(new_dataset)
        strategy = staticmethod(new_strategy)
        job = staticmethod(new_job)
        trial = staticmethod(new_trial)
        hashes = staticmethod(new_hashes)
        sweep = staticmethod(new_sweep)
        batch = staticmethod(new_batch)
        records = staticmethod(records_of)
        trades = staticmethod(new_trades)
        outcome = staticmethod(new_outcome)

    return Makers
