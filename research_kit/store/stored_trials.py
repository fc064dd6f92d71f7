"""Trials as they were recorded, by column: the sets of a sweep, what is known already, and daily returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlmodel import Session

from research_kit.errors import NotFoundError
from research_kit.store.database import Database
from research_kit.store.json_columns import read_numbers, read_objects
from research_kit.store.returns import unpack_returns
from research_kit.store.tables import columns_of
from research_kit.store.trial_batch import MOMENTS
from research_kit.store.trial_writing import has_hash

_SWEEPS, _SETS, _TRIALS = columns_of("sweeps"), columns_of("sweep_sets"), columns_of("trials")
_CHUNK = 5_000  # trials that are read at once
_COLUMNS = [
    *(_TRIALS.c[name] for name in ("state", "error", "first_day", "n_returns", *MOMENTS)),
    *(sa.cast(_TRIALS.c[name], sa.Text).label(name) for name in ("parameters", "metrics")),
]
_NAMES = ("spec_hash", *(column.key for column in _COLUMNS))


@dataclass(frozen=True)
class StoredTrials:
    """Trials by column; of the k trials, position i of each column belongs together.

    ``state`` is ``pending``, and ``parameters`` None, for a set that has not been run; ``n_returns`` is 0 where there
    are no daily returns. ``mean`` to ``kurtosis`` and each of ``metrics`` have shape (k,), NaN where one is undefined.
    """

    spec_hash: list[str]
    state: list[str]
    parameters: list[dict[str, Any] | None]
    error: list[str | None]
    first_day: list[date | None]
    n_returns: NDArray[np.int64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    skew: NDArray[np.float64]
    kurtosis: NDArray[np.float64]
    metrics: dict[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.spec_hash)

    @cached_property
    def places(self) -> dict[str, int]:
        """The position of each spec hash; the first where it is there twice."""
        return {mark: i for i, mark in reversed(list(enumerate(self.spec_hash)))}


def read_sets(session: Session, sweep_id: int) -> StoredTrials:
    """Return the sets of a sweep in the order of their positions."""
    source = _SETS.outerjoin(_TRIALS, _TRIALS.c.spec_hash == _SETS.c.spec_hash)
    query = sa.select(_SETS.c.spec_hash, *_COLUMNS).select_from(source)
    return _by_column(session.execute(query.where(_SETS.c.sweep_id == sweep_id).order_by(_SETS.c.position)).all())


def known_trials(database: Database, spec_hashes: Sequence[str], *, engine_version: str | None = None) -> StoredTrials:
    """Return those of the specs that were completed once, with what is known of them, in the order given.

    With ``engine_version`` only those that this version of the engine computed.
    """
    found: dict[str, Any] = {}
    with database.read() as session:
        for rows in _chunks(session, spec_hashes, [*_COLUMNS, _TRIALS.c.engine_version]):
            wanted = (row for row in rows if row[1] == "completed" and engine_version in (None, row[-1]))
            found |= {row[0]: tuple(row)[:-1] for row in wanted}
    return _by_column([found[mark] for mark in dict.fromkeys(spec_hashes) if mark in found])


def options_of(database: Database, sweep_id: int, names: Sequence[str]) -> dict[str, list[Any]]:
    """Return some engine options of the sets of a sweep, in the order of their positions; None for one not run."""
    if not names:
        return {}
    source = _SETS.outerjoin(_TRIALS, _TRIALS.c.spec_hash == _SETS.c.spec_hash)
    query = sa.select(_TRIALS.c.options).select_from(source).where(_SETS.c.sweep_id == sweep_id)
    with database.read() as session:
        rows = [options or {} for options in session.scalars(query.order_by(_SETS.c.position))]
    return {name: [options.get(name) for options in rows] for name in names}


def daily_returns(database: Database, which: int | Sequence[str]) -> NDArray[np.float32]:
    """Return the daily returns of a sweep's sets in the order of their positions, or of the specs with these hashes.

    Fractions, shape (k, days of the longest); NaN where a set has none, and behind the end of a shorter one.
    """
    with database.read() as session:
        hashes = _hashes_of(session, which) if isinstance(which, int) else which
        places: dict[str, list[int]] = {}
        for i, mark in enumerate(hashes):
            places.setdefault(mark, []).append(i)
        matrix = np.empty((len(hashes), 0), dtype=np.float32)
        for rows in _chunks(session, places, [_TRIALS.c.daily_returns]):
            unpacked = [(places[mark], unpack_returns(packed)) for mark, packed in rows if packed is not None]
            matrix = _widened(matrix, max((len(returns) for _, returns in unpacked), default=0))
            for where, returns in unpacked:
                for i in where:
                    matrix[i, : len(returns)] = returns
    return matrix


def columns_of_rows(rows: Sequence[Any], names: Sequence[str]) -> dict[str, list[Any]]:
    """Return the values of rows by column, also where there are no rows."""
    values: Iterable[Any] = zip(*rows, strict=True) if rows else ((),) * len(names)
    return {name: list(column) for name, column in zip(names, values, strict=True)}


def _by_column(rows: Sequence[Any]) -> StoredTrials:
    columns = columns_of_rows(rows, _NAMES)
    return StoredTrials(
        spec_hash=columns["spec_hash"],
        state=[state or "pending" for state in columns["state"]],
        parameters=read_objects(columns["parameters"]),
        error=columns["error"],
        first_day=columns["first_day"],
        n_returns=np.array([count or 0 for count in columns["n_returns"]], dtype=np.int64),
        metrics=read_numbers(columns["metrics"]),
        **{name: np.array(columns[name], dtype=np.float64) for name in MOMENTS},
    )


def _hashes_of(session: Session, sweep_id: int) -> list[str]:
    if session.scalar(sa.select(_SWEEPS.c.id).where(_SWEEPS.c.id == sweep_id)) is None:
        raise NotFoundError(f"There is no sweep {sweep_id}.")
    query = sa.select(_SETS.c.spec_hash).where(_SETS.c.sweep_id == sweep_id).order_by(_SETS.c.position)
    return list(session.scalars(query))


def _chunks(session: Session, hashes: Iterable[str], columns: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield the rows that have these hashes, some thousand at a time, each in any order."""
    dialect, rest = session.get_bind().dialect.name, iter(hashes)
    while chunk := list(islice(rest, _CHUNK)):
        yield session.execute(sa.select(_TRIALS.c.spec_hash, *columns).where(has_hash(dialect, chunk))).all()


def _widened(matrix: NDArray[np.float32], days: int) -> NDArray[np.float32]:
    if days <= matrix.shape[1]:
        return matrix
    wider = np.full((len(matrix), days), np.nan, dtype=np.float32)
    wider[:, : matrix.shape[1]] = matrix
    return wider
