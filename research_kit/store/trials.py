"""Trials: everything that was ever tried on a dataset, each spec once, counted for ever."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from research_kit.store.database import Database
from research_kit.store.records import TrialRecord, row_of
from research_kit.store.tables import Trial, columns_of, now

_TABLE = columns_of("trials")
_FIRST = ("id", "spec_hash", "kind", "created_at")  # what the first record of a spec decides
_NEWEST = ("state", "error")  # what the newest decides, also when it says NULL; of the others, what is known stays
# a failure takes nothing away from a spec that was completed once
_NOT_WORSE = "trials.state NOT IN ('completed', 'deleted') OR excluded.state NOT IN ('failed', 'cancelled')"


def pack_returns(returns: NDArray[np.floating[Any]]) -> bytes:
    """Return daily returns as float32, little-endian, compressed by zlib.

    >>> unpack_returns(pack_returns(np.array([0.5, -0.25]))).tolist()
    [0.5, -0.25]
    """
    packed = np.ascontiguousarray(returns, dtype="<f4")
    flat_days = np.count_nonzero(packed == 0.0)
    # returns are noise that no compressor shortens, ten times slower to try: only days without a position are worth it
    return zlib.compress(packed.tobytes(), level=1 if flat_days > 0.1 * packed.size else 0)


def unpack_returns(packed: bytes) -> NDArray[np.float32]:
    """Return what ``pack_returns`` packed, float32 of shape (days,)."""
    return np.frombuffer(zlib.decompress(packed), dtype="<f4").astype(np.float32, copy=False)


def record_trials(database: Database, trials: Sequence[TrialRecord]) -> None:
    """Record trials in one transaction; one whose spec is there already is the same trial, and is not counted again."""
    rows = trial_rows(trials)
    with database.write() as session:
        write_trial_rows(session, rows)


def write_trial(session: Session, trial: TrialRecord) -> None:
    """Record one trial in a transaction that is under way."""
    write_trial_rows(session, trial_rows([trial]))


def count_trials(database: Database, dataset_sha256: str | None = None, strategy_name: str | None = None) -> int:
    """Return how many different things were tried: on a dataset, with a strategy, or both."""
    query = sa.select(sa.func.count()).select_from(_TABLE)
    with database.read() as session:
        return session.scalar(_narrow(query, dataset_sha256, strategy_name)) or 0


def list_trials(
    database: Database, dataset_sha256: str | None = None, strategy_name: str | None = None, sweep_id: int | None = None
) -> list[Trial]:
    """Return trials, oldest first, with their packed daily returns."""
    query = _narrow(select(Trial).order_by(col(Trial.id)), dataset_sha256, strategy_name)
    if sweep_id is not None:
        query = query.where(_TABLE.c.sweep_id == sweep_id)
    with database.read() as session:
        return list(session.scalars(query))


def _narrow(query: Any, dataset_sha256: str | None, strategy_name: str | None) -> Any:
    if dataset_sha256 is not None:
        query = query.where(_TABLE.c.dataset_sha256 == dataset_sha256)
    if strategy_name is not None:
        query = query.where(_TABLE.c.strategy_name == strategy_name)
    return query


def trial_rows(trials: Sequence[TrialRecord]) -> list[dict[str, Any]]:
    """Return trials as checked rows, in the one order that keeps two writers from waiting for each other."""
    return sorted(map(_row, trials), key=lambda row: str(row["spec_hash"]))


def write_trial_rows(session: Session, rows: list[dict[str, Any]]) -> None:
    """Write the rows of ``trial_rows`` in a transaction that is under way."""
    if not rows:
        return
    session.execute(_upsert(session.get_bind().dialect.name), rows)


@cache
def _upsert(dialect: str) -> Any:
    """Return the statement that inserts a trial, or brings the one of the same spec up to date."""
    statement = (sqlite if dialect == "sqlite" else postgresql).insert(_TABLE)
    new = statement.excluded
    changes = {
        column.name: new[column.name] if column.name in _NEWEST else sa.func.coalesce(new[column.name], column)
        for column in _TABLE.columns
        if column.name not in _FIRST
    }
    return statement.on_conflict_do_update(index_elements=["spec_hash"], set_=changes, where=sa.text(_NOT_WORSE))


def _row(trial: TrialRecord) -> dict[str, Any]:
    row = row_of("trials", trial) | {"created_at": now(), "daily_returns": None, "n_returns": None}
    row["metrics"] = row["metrics"] or None
    if trial.daily_returns is not None:
        row |= {"daily_returns": pack_returns(trial.daily_returns), "n_returns": len(trial.daily_returns)}
    return row
