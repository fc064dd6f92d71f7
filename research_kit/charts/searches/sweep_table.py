"""The table of a parameter search: its columns checked, the values of its parameters put in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from research_kit.errors import NotFoundError, OptionError, did_you_mean, listed

MOST_VALUES = 400  # of a parameter that a chart names one by one
FEW = 12  # so many of them get a tick each on an axis of numbers
NOT_SET = "none"


class SweepTable(Protocol):
    """Columns by name, each one value for each parameter set: a dict of arrays, or a pandas DataFrame."""

    def __iter__(self) -> Iterator[Any]: ...
    def __getitem__(self, name: str, /) -> Any: ...


@dataclass(frozen=True, eq=False)
class Levels:
    """The distinct values of a parameter in order, and which of them each set has.

    Attributes
    ----------
    name : str
        The parameter.
    values : array
        Rising numbers, False before True, text by alphabet; what is not set stands last, as None. Shape (k,).
    labels : list of str
        The values as people read them, not escaped.
    codes : array of int
        For each set the place of its value in `values`. Shape (n,).
    ordered : bool
        Whether the values are finite numbers, at a distance from each other.
    """

    name: str
    values: NDArray[Any]
    labels: list[str]
    codes: NDArray[np.int64]
    ordered: bool

    @property
    def is_spaced(self) -> bool:
        """Return whether the values belong on an axis of numbers; a few that grow by factors are steps of a ladder."""
        if not self.ordered or not 0 < len(self.values) <= FEW:
            return self.ordered
        low, high = float(self.values[0]), float(self.values[-1])
        return not (low > 0 and high / low >= 50)

    @property
    def places(self) -> NDArray[np.float64]:
        """Return where each set stands on an axis: its number, or the count of its value where that has no distance."""
        return self.values.astype(np.float64)[self.codes] if self.is_spaced else self.codes.astype(np.float64)

    @property
    def ticks(self) -> tuple[list[float], list[str]] | None:
        """Return places and labels of the values, None where an axis of numbers finds its own."""
        if self.is_spaced:
            return ([float(value) for value in self.values], self.labels) if len(self.values) <= FEW else None
        return [float(place) for place in range(len(self.values))], self.labels


def column(table: SweepTable, name: str) -> NDArray[Any]:
    """Return a column, shape (n,).

    Raises
    ------
    NotFoundError
        The table has no such column.
    OptionError
        The column is no list of values.

    >>> column({"fast": [5, 10]}, "fast")
    array([ 5, 10])
    """
    names = [str(key) for key in table]
    if name not in names:
        raise NotFoundError(f"The table of parameter sets has no column {name!r}. {did_you_mean(str(name), names)}")
    values = np.asarray(table[name])
    if values.ndim != 1:
        raise OptionError(f"The column {name!r} has {values.ndim} dimensions; a column is one value for each set.")
    return values


def metric_column(table: SweepTable, name: str) -> NDArray[np.float64]:
    """Return the values of a metric, shape (n,); what is missing or infinite is NaN: undefined.

    >>> metric_column({"sharpe_ratio": [1.5, None, float("inf")]}, "sharpe_ratio")
    array([1.5, nan, nan])
    """
    values = column(table, name)
    try:
        numbers = np.where(_missing(values), np.nan, values).astype(np.float64)
    except (TypeError, ValueError):
        raise OptionError(f"The column {name!r} holds text; a metric is a column of numbers.") from None
    numbers[~np.isfinite(numbers)] = np.nan
    return numbers


def parameter_columns(table: SweepTable, names: Iterable[str], sets: int) -> dict[str, NDArray[Any]]:
    """Return the columns of parameters, each with a value for every one of the `sets`.

    Raises
    ------
    NotFoundError
        A column is not there.
    OptionError
        No parameter is named, or a column has another length.
    """
    wanted = [names] if isinstance(names, str) else list(names)
    columns = {name: column(table, name) for name in wanted}
    for name, values in columns.items():
        if len(values) != sets:
            raise OptionError(f"The column {name!r} has {len(values)} values where the metric has {sets}.")
    if not columns:
        raise OptionError("No parameter was named; name at least one column.")
    return columns


def levels_of(name: str, values: NDArray[Any]) -> Levels:
    """Return the distinct values of one column.

    >>> found = levels_of("stop", np.array([0.1, None, 0.05], dtype=object))
    >>> found.labels, found.codes.tolist(), found.ordered
    (['0.05', '0.1', 'none'], [1, 2, 0], False)
    """
    missing = _missing(values)
    given = _plain(values[~missing])
    distinct, places = np.unique(given, return_inverse=True)
    codes = np.full(len(values), len(distinct), dtype=np.int64)
    codes[~missing] = places
    labels = _labels(distinct)
    ordered = distinct.dtype.kind in "iuf" and not missing.any() and bool(np.isfinite(distinct).all())
    if missing.any():
        distinct, labels = np.array([*distinct.tolist(), None], dtype=object), [*labels, NOT_SET]
    return Levels(name, distinct, labels, codes, ordered)


def _missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    import pandas as pd

    return np.asarray(pd.isna(values), dtype=np.bool_)


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """Return an array of one sort of numbers, of bools, or else of text."""
    if values.dtype.kind in "biuf":
        return values
    for kinds, sort in (
        ((bool, np.bool_), np.bool_),
        ((int, np.integer), np.int64),
        ((float, np.floating), np.float64),
    ):
        if all(isinstance(value, kinds) and (sort is np.bool_ or not isinstance(value, bool)) for value in values):
            return values.astype(sort)
    if all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in values):
        return values.astype(np.float64)
    return np.array([str(value) for value in values], dtype=object)


def _labels(values: NDArray[Any]) -> list[str]:
    """Return six digits; where that makes some of a few values look alike, as many as it takes."""
    every = values.tolist()
    for digits in (6, 9, 17):
        labels = [_label(value, digits) for value in every]
        if len(labels) > MOST_VALUES or len(set(labels)) == len(labels):
            break
    return labels


def _label(value: Any, digits: int) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.{digits}g}"
    return str(value)


def in_bins(levels: Levels, bins: int) -> Levels:
    """Return numbers gathered into `bins` equal bins or fewer (at most one more), whose edges are round numbers.

    A bin holds its lower edge; bins of whole numbers name the first and the last of them.

    >>> in_bins(levels_of("fast", np.arange(1, 101)), 10).labels[:2]
    ['0 to 9', '10 to 19']
    """
    low, high = float(levels.values[0]), float(levels.values[-1])
    whole = levels.values.dtype.kind in "iu"
    width = _round_width((high - low + whole) / bins or 1.0)
    width = max(width, 1.0) if whole else width
    start = np.floor(low / width + 1e-9)
    places = np.maximum(np.floor(levels.values / width + 1e-9) - start, 0.0).astype(np.int64)
    edges = width * (start + np.arange(places[-1] + 2))
    last = edges[1:] - 1 if whole else edges[1:]
    digits = int(np.clip(-np.floor(np.log10(width)), 0, 12))
    labels = [f"{first:,.{digits}f} to {final:,.{digits}f}" for first, final in zip(edges[:-1], last, strict=True)]
    return Levels(levels.name, (edges[:-1] + last) / 2, labels, places[levels.codes], ordered=True)


def _round_width(width: float) -> float:
    """Return 1, 2 or 5 times a power of ten, at least `width`."""
    power = 10.0 ** np.floor(np.log10(width))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= width * (1 - 1e-9)))


def pinned(table: SweepTable, fixed: Mapping[str, Any], sets: int) -> NDArray[np.bool_]:
    """Return which of the `sets` have the values that `fixed` asks for.

    Raises
    ------
    OptionError
        No set has this value of the parameter.
    """
    chosen = np.ones(sets, dtype=np.bool_)
    for name, value in fixed.items():
        levels = levels_of(name, parameter_columns(table, [name], sets)[name])
        found = np.flatnonzero([_same(level, value) for level in levels.values.tolist()])
        if len(found) == 0:
            raise OptionError(f"No set has {name} = {value}; its values are {listed(levels.labels, most=20)}.")
        chosen &= levels.codes == found[0]
    return chosen


def _same(level: Any, value: Any) -> bool:
    if level is None or value is None:
        return level is value
    if isinstance(level, float) and isinstance(value, int | float):
        return bool(np.isclose(level, float(value), rtol=1e-9, atol=0.0))  # 0.1 + 0.2 is meant where 0.3 is written
    return bool(level == value)
