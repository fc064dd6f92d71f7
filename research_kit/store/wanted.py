"""Which finished backtests a list shows: a value that becomes the conditions of one statement."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from research_kit.errors import OptionError, did_you_mean
from research_kit.store.database import Database
from research_kit.store.tables import METRIC_COLUMNS, columns_of

_BACKTESTS, _DATASETS, _METRICS = columns_of("backtests"), columns_of("datasets"), columns_of("backtest_metrics")
_TAGS = columns_of("backtest_tags")

COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    **{">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le},
    **{"==": operator.eq, "!=": operator.ne},
}


class Threshold(NamedTuple):
    """A metric by name, how it is compared, and with which number; where it is undefined, nothing holds."""

    metric: str
    compare: str
    number: float


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a list of backtests is narrowed to: everything that is given holds.

    ``dataset`` is a name, of any version, or an id. ``text`` is looked for in strategy, parameters, dataset, note and
    tags, in any case (on SQLite, of ASCII letters); ``since`` and ``until`` bound when it was recorded, the first
    included, the second not.
    """

    strategy: str | None = None
    dataset: str | int | None = None
    text: str | None = None
    tags: tuple[str, ...] = ()
    pinned: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    thresholds: tuple[Threshold, ...] = ()

    def __post_init__(self) -> None:
        for name in ("since", "until"):
            time = getattr(self, name)
            if time is not None and time.utcoffset() is None:
                raise OptionError(f"{name} needs a time with its zone; {time!r} has none.")
        for one in self.thresholds:
            if one.compare not in COMPARE:
                raise OptionError(f"{one.compare!r} compares nothing. {did_you_mean(one.compare, COMPARE)}")

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return what holds for a row of backtests that is joined with its dataset and its metrics."""
        found = [
            condition(given) for name, condition in _CONDITIONS.items() if (given := getattr(self, name)) is not None
        ]
        found += [_BACKTESTS.c.id.in_(sa.select(_TAGS.c.backtest_id).where(_TAGS.c.tag == tag)) for tag in self.tags]
        return found + [COMPARE[one.compare](_value(one.metric), one.number) for one in self.thresholds]


def tags_as_text() -> sa.ColumnElement[str | None]:
    """Return the tags of a row of backtests, parted by commas; NULL where there are none."""
    words = sa.func.aggregate_strings(_TAGS.c.tag, ",")
    return sa.select(words).where(_TAGS.c.backtest_id == _BACKTESTS.c.id).scalar_subquery()


def _has_text(text: str) -> sa.ColumnElement[bool]:
    parameters = sa.cast(_BACKTESTS.c.strategy_params, sa.Text)
    places = (_BACKTESTS.c.strategy_name, _DATASETS.c.name, _BACKTESTS.c.note, parameters)
    tagged = sa.select(_TAGS.c.backtest_id).where(_TAGS.c.tag.icontains(text, autoescape=True))
    return sa.or_(*(place.icontains(text, autoescape=True) for place in places), _BACKTESTS.c.id.in_(tagged))


_CONDITIONS: Mapping[str, Callable[[Any], sa.ColumnElement[bool]]] = {
    "strategy": lambda name: _BACKTESTS.c.strategy_name == name,
    "dataset": lambda key: (_DATASETS.c.id if isinstance(key, int) else _DATASETS.c.name) == key,
    "text": _has_text,
    "pinned": lambda pinned: _BACKTESTS.c.pinned == sa.literal(bool(pinned)),
    "since": lambda time: _BACKTESTS.c.created_at >= time,
    "until": lambda time: _BACKTESTS.c.created_at < time,
}


def _value(metric: str) -> sa.ColumnElement[Any]:
    return _METRICS.c[metric] if metric in METRIC_COLUMNS else _METRICS.c.extra[metric].as_float()


class Choices(NamedTuple):
    """What a list of backtests can be narrowed to: the names that are in use, sorted."""

    strategies: list[str]
    datasets: list[str]
    tags: list[str]


def filter_choices(database: Database) -> Choices:
    """Return the strategies, datasets and tags of the backtests that there are."""
    used = sa.select(_BACKTESTS.c.dataset_id).distinct()
    queries = (
        sa.select(_BACKTESTS.c.strategy_name).distinct().order_by(_BACKTESTS.c.strategy_name),
        sa.select(_DATASETS.c.name).where(_DATASETS.c.id.in_(used)).distinct().order_by(_DATASETS.c.name),
        sa.select(_TAGS.c.tag).distinct().order_by(_TAGS.c.tag),
    )
    with database.read() as session:
        return Choices(*(list(session.scalars(query)) for query in queries))
