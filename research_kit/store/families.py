"""Families of datasets: what holds the same market, whatever was made from what.

A family is every version of a name, what these were made from, and all that was made from any of them. A trial is of
the family when it ran on the bars of one of its members.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from research_kit.store.tables import columns_of

_DATASETS, _PARENTS, _TRIALS = columns_of("datasets"), columns_of("dataset_parents"), columns_of("trials")


def family_of(which: sa.ColumnElement[bool]) -> sa.CTE:
    """Return the ids of the datasets that are meant, of their ancestors, and of everything made from any of these."""
    ancestors = sa.select(_DATASETS.c.id).where(which).cte("ancestors", recursive=True)
    up = sa.select(_PARENTS.c.parent_id).join(ancestors, _PARENTS.c.dataset_id == ancestors.c.id)
    family = sa.select(ancestors.union(up).c.id).cte("family", recursive=True)
    down = sa.select(_PARENTS.c.dataset_id).join(family, _PARENTS.c.parent_id == family.c.id)
    return family.union(down)  # not UNION ALL: what was found before is not looked at again


def tried_on(dataset_sha256: str | None) -> sa.ColumnElement[bool]:
    """Return what is true of a trial on these bars, or on others of their family; None: on bars that nobody knows."""
    if dataset_sha256 is None:
        return _TRIALS.c.dataset_sha256.is_(None)
    names = sa.select(_DATASETS.c.name).where(_DATASETS.c.sha256 == dataset_sha256)
    family = family_of(_DATASETS.c.name.in_(names))
    members = sa.select(_DATASETS.c.sha256).join(family, family.c.id == _DATASETS.c.id)
    itself: Any = sa.select(sa.literal(dataset_sha256))  # there even when its dataset was deleted
    return _TRIALS.c.dataset_sha256.in_(itself.union(members))
