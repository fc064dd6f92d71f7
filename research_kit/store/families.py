"""Families of datasets: what holds the same market, whatever was made from what.

A family is every version of a name, what these were made from, and all that was made from any of them. A trial is of
the family when it ran on the bars of one of its members.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import Session

from research_kit.store.tables import columns_of

_DATASETS, _PARENTS, _TRIALS = columns_of("datasets"), columns_of("dataset_parents"), columns_of("trials")


def family_of(which: sa.ColumnElement[bool]) -> sa.CTE:
    """Return the ids of the datasets that are meant, of their ancestors, and of everything made from any of these."""
    ancestors = sa.select(_DATASETS.c.id).where(which).cte("ancestors", recursive=True)
    up = sa.select(_PARENTS.c.parent_id).join(ancestors, _PARENTS.c.dataset_id == ancestors.c.id)
    family = sa.select(ancestors.union(up).c.id).cte("family", recursive=True)
    down = sa.select(_PARENTS.c.dataset_id).join(family, _PARENTS.c.parent_id == family.c.id)
    return family.union(down)  # not UNION ALL: what was found before is not looked at again


def family_bars(session: Session, dataset_sha256: str) -> tuple[str, ...]:
    """Return the hashes of the bars of a family, by that of one of its members, which comes first."""
    names = sa.select(_DATASETS.c.name).where(_DATASETS.c.sha256 == dataset_sha256)
    family = family_of(_DATASETS.c.name.in_(names))
    members = session.scalars(sa.select(_DATASETS.c.sha256).join(family, family.c.id == _DATASETS.c.id))
    others = sorted({one for one in members if one is not None} - {dataset_sha256})
    return dataset_sha256, *others  # itself even where its dataset was deleted


def tried_on(bars: Sequence[str]) -> sa.ColumnElement[bool]:
    """Return what is true of a trial on any of these bars; of one alone a list can be walked along its index."""
    trial = _TRIALS.c.dataset_sha256
    return trial == bars[0] if len(bars) == 1 else trial.in_(bars)
