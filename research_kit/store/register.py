"""The register of trials by scope: what was tried on a market, each with its strategy, shape and daily returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlmodel import Session

from research_kit.store.database import Database
from research_kit.store.families import family_bars, tried_on
from research_kit.store.stored_trials import columns_of_rows, daily_returns
from research_kit.store.tables import columns_of

_TRIALS = columns_of("trials")
_NAMES = ("spec_hash", "strategy_name", "first_day", "n_returns", "mean", "std")


@dataclass(frozen=True, eq=False)
class Register:
    """Everything that was tried on one market, by column, oldest first; position i of each belongs together.

    ``n_returns`` is 0 where a trial has no daily returns (it failed). ``mean`` and ``std`` are those of the daily
    returns, NaN where undefined.
    """

    spec_hash: list[str]
    strategy_name: list[str]
    first_day: list[date | None]
    n_returns: NDArray[np.int64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.spec_hash)

    def groups(self) -> list[NDArray[np.int64]]:
        """Return the positions of trials with daily returns over the same days, group by group."""
        groups: dict[Any, list[int]] = {}
        for at, days in enumerate(zip(self.first_day, self.n_returns.tolist(), strict=True)):
            if days[1]:
                groups.setdefault(days, []).append(at)
        return [np.array(group) for group in groups.values()]

    def returns(self, database: Database, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the daily returns of some trials of one group, shape (trials, days)."""
        return daily_returns(database, [self.spec_hash[at] for at in positions])

    def variance(self, returns: int) -> float | None:
        """Return the variance (n - 1) of the Sharpe ratios, per return, as it is over so many returns.

        None for fewer than two ratios. A ratio scatters by about 1 / √returns, per day or per week; scaled by that,
        trials over histories of any length, such as the fits of a walk-forward, stand beside each other.
        """
        moving = self.std > 0.0  # False where it is not known
        scaled = self.mean[moving] / self.std[moving] * np.sqrt(self.n_returns[moving])
        return float(scaled.var(ddof=1)) / returns if len(scaled) > 1 and returns > 0 else None


def read_register(database: Database, dataset_sha256: str | None) -> Register:
    """Return everything that was tried on the bars with this hash or on others of their family (``store.families``).

    Trials of every kind and state, deleted ones too.
    """
    query = sa.select(*(_TRIALS.c[name] for name in _NAMES))
    with database.read() as session:
        query = query.where(_of_its_family(session, dataset_sha256))
        columns = columns_of_rows(session.execute(query.order_by(_TRIALS.c.id)).all(), _NAMES)
    return Register(
        spec_hash=columns["spec_hash"],
        strategy_name=columns["strategy_name"],
        first_day=columns["first_day"],
        n_returns=np.array([count or 0 for count in columns["n_returns"]], dtype=np.int64),
        mean=np.array(columns["mean"], dtype=np.float64),
        std=np.array(columns["std"], dtype=np.float64),
    )


def register_mark(database: Database, dataset_sha256: str | None) -> tuple[int, int, int]:
    """Return how many trials there are on these bars and their family, the newest id, and how many have returns.

    It is the same while nothing was tried; a trial that failed and completes later is the same row.
    """
    trials = (sa.func.count(), sa.func.coalesce(sa.func.max(_TRIALS.c.id), 0), sa.func.count(_TRIALS.c.n_returns))
    with database.read() as session:
        query = sa.select(*trials).where(_of_its_family(session, dataset_sha256))
        count, newest, with_returns = session.execute(query).one()
    return int(count), int(newest), int(with_returns)


def _of_its_family(session: Session, dataset_sha256: str | None) -> sa.ColumnElement[bool]:
    """Return what is true of a trial on these bars or others of their family; None: on bars that nobody knows."""
    return (
        _TRIALS.c.dataset_sha256.is_(None) if dataset_sha256 is None else tried_on(family_bars(session, dataset_sha256))
    )
