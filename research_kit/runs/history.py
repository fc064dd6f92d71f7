"""What a user asks of the history of runs, in words, as what the store looks for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any, TypedDict, Unpack

from research_kit.errors import OptionError, did_you_mean
from research_kit.metrics.registry import describe
from research_kit.runs.strategies import StrategyKey, name_of
from research_kit.store.marks import checked_tags
from research_kit.store.tables import Dataset
from research_kit.store.wanted import Threshold, Wanted

Day = str | date | datetime

_THRESHOLD = re.compile(r"\s*(\w+)\s*(>=|<=|==|!=|=|>|<)\s*([-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")
EXAMPLE = "sharpe_ratio > 1 and max_drawdown_percent > -20"


class Which(TypedDict, total=False):
    """What ``ws.backtests`` may be asked for."""

    strategy: StrategyKey | None
    dataset: Dataset | int | str | None
    text: str | None
    tag: str | Iterable[str] | None
    pinned: bool | None
    since: Day | None
    until: Day | None
    where: str | None


def wanted(**which: Unpack[Which]) -> Wanted:
    """Return what a list of backtests is narrowed to; the arguments are those of ``ws.backtests``."""
    unknown = [name for name in which if name not in Which.__annotations__]
    if unknown:
        raise OptionError(
            f"Backtests are not listed by {unknown[0]!r}. {did_you_mean(unknown[0], Which.__annotations__)}"
        )
    tag, strategy, dataset = which.get("tag"), which.get("strategy"), which.get("dataset")
    return Wanted(
        strategy=None if strategy is None else name_of(strategy),
        dataset=_dataset(dataset),
        text=(which.get("text") or "").strip() or None,
        tags=() if tag is None else tuple(checked_tags([tag] if isinstance(tag, str) else tag)),
        pinned=which.get("pinned"),
        since=_time("since", which.get("since")),
        until=_time("until", which.get("until")),
        thresholds=thresholds_of(which.get("where") or ""),
    )


def _dataset(given: Any) -> int | str | None:
    if isinstance(given, Dataset):
        return given.id
    if given is None or isinstance(given, int | str):
        return given
    raise OptionError(f"A dataset is its name, its id or its row; given was {given!r:.100}.")


def thresholds_of(where: str) -> tuple[Threshold, ...]:
    """Return the comparisons of metrics with numbers that a text holds, joined by ``and``.

    Raises
    ------
    OptionError
        It is no such text.
    NotFoundError
        There is no metric of that name.

    Examples
    --------
    >>> thresholds_of("sharpe_ratio > 1 and max_drawdown_percent >= -20")[1]
    Threshold(metric='max_drawdown_percent', compare='>=', number=-20.0)
    """
    parts = re.split(r"\band\b|&", where) if where.strip() else []
    return tuple(_threshold(part) for part in parts)


def _threshold(text: str) -> Threshold:
    found = _THRESHOLD.fullmatch(text)
    if found is None:
        raise OptionError(
            f"{text.strip()!r:.100} compares no metric with a number; write such as {EXAMPLE!r}. Units are those of "
            "the table: percents for names that end in _percent."
        )
    metric, compare, number = found.groups()
    return Threshold(describe(metric).name, "==" if compare == "=" else compare, float(number))


def _time(name: str, given: Any) -> datetime | None:
    """Return a time with its zone; a day begins at midnight UTC."""
    if given is None or (isinstance(given, str) and not given.strip()):
        return None
    if isinstance(given, date) and not isinstance(given, datetime):
        given = datetime(given.year, given.month, given.day, tzinfo=UTC)
    try:
        time = datetime.fromisoformat(given.strip()) if isinstance(given, str) else given
    except ValueError:
        time = None
    if not isinstance(time, datetime):
        raise OptionError(f"{name}={given!r:.60} is no day or time; write it such as 2024-01-31.")
    return time.replace(tzinfo=UTC) if time.utcoffset() is None else time
