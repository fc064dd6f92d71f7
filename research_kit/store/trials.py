"""Trials: everything that was ever tried on a dataset, each spec once, counted for ever."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from research_kit.store.database import Database
from research_kit.store.families import family_bars, tried_on
from research_kit.store.records import TrialRecord
from research_kit.store.returns import pack_returns, unpack_returns
from research_kit.store.tables import SweepSet, Trial, columns_of
from research_kit.store.trial_batch import TrialBatch
from research_kit.store.trial_rows import trial_columns
from research_kit.store.trial_writing import write_columns

__all__ = [
    "count_trials",
    "find_trial",
    "narrowed",
    "pack_returns",
    "record_trials",
    "unpack_returns",
    "write_trial",
]

_TABLE = columns_of("trials")


def record_trials(database: Database, trials: TrialBatch | Sequence[TrialRecord]) -> None:
    """Record trials in one transaction; one whose spec is there already is the same trial, and is not counted again."""
    columns = trial_columns(trials)
    with database.write() as session:
        write_columns(session, columns)


def write_trial(session: Session, trial: TrialRecord) -> None:
    """Record one trial in a transaction that is under way."""
    write_columns(session, trial_columns([trial]))


def count_trials(database: Database, dataset_sha256: str | None = None, strategy_name: str | None = None) -> int:
    """Return how many different things were tried: on a dataset and its family, with a strategy, or both."""
    query = sa.select(sa.func.count()).select_from(_TABLE)
    with database.read() as session:
        bars = family_bars(session, dataset_sha256) if dataset_sha256 is not None else None
        return session.scalar(narrowed(query, bars, strategy_name)) or 0


def find_trial(database: Database, spec_hash: str) -> Trial | None:
    """Return the trial of a specification, None where there is none."""
    with database.read() as session:
        return session.exec(select(Trial).where(Trial.spec_hash == spec_hash)).first()


def narrowed(
    query: Any, bars: Sequence[str] | None, strategy_name: str | None = None, sweep_id: int | None = None
) -> Any:
    """Return a query for those trials only that are on any of these bars, with a strategy, of a sweep's sets."""
    if bars is not None:
        query = query.where(tried_on(bars))
    if strategy_name is not None:
        query = query.where(_TABLE.c.strategy_name == strategy_name)
    if sweep_id is not None:
        members = sa.select(col(SweepSet.spec_hash)).where(col(SweepSet.sweep_id) == sweep_id)
        query = query.where(_TABLE.c.spec_hash.in_(members))
    return query
