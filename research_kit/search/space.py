"""What is searched: for each parameter its values or its range, and the sets that come of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.engine.options import EngineOptions
from research_kit.errors import OptionError, ParameterError, StrategyError, did_you_mean
from research_kit.strategy.base import Strategy

MOST_SETS = 5_000_000


@dataclass(frozen=True)
class Between:
    """A range of numbers: whole ones where both ends are; ``between`` makes it."""

    low: float
    high: float
    step: float | None = None
    log: bool = False

    @property
    def is_whole(self) -> bool:
        return all(isinstance(end, int) for end in (self.low, self.high, self.step or 1))

    @property
    def count(self) -> int | None:
        """How many numbers a grid has, None where only a random search can choose."""
        step = self._grid_step
        return None if step is None else math.floor((self.high - self.low) / step + 1e-9) + 1

    @property
    def _grid_step(self) -> float | None:
        return self.step or (1 if self.is_whole and not self.log else None)

    def number(self, at: int) -> Any:
        """Return a number of the grid; without what rounding adds, and never beyond an end."""
        number = self.low + at * (self._grid_step or 0)
        return number if self.is_whole else min(max(float(f"{number:.12g}"), self.low), self.high)

    def values(self) -> list[Any] | None:
        """Return the numbers of a grid, None where only a random search can choose.

        Raises
        ------
        OptionError
            They are too many.
        """
        count = self.count
        if count is not None and count > MOST_SETS:
            raise OptionError(
                f"between({self.low:g}, {self.high:g}) has {count:,} values, and at most {MOST_SETS:,} are listed. "
                "Take a larger step, or method='random'."
            )
        return None if count is None else [self.number(at) for at in range(count)]

    def draw(self, random: np.random.Generator, count: int) -> list[Any]:
        """Return numbers of the range, each as likely as any other (with ``log`` each order of magnitude)."""
        if self.count is not None:
            return [self.number(at) for at in random.integers(0, self.count, count).tolist()]
        if self.log:
            drawn = np.exp(random.uniform(math.log(self.low), math.log(self.high), count))
        else:
            drawn = random.uniform(self.low, self.high, count)
        drawn = np.clip(drawn, self.low, self.high)
        return [int(value) for value in np.rint(drawn)] if self.is_whole else drawn.tolist()


def between(low: float, high: float, step: float | None = None, *, log: bool = False) -> Between:
    """Return a range for a search: ``between(5, 50)``, ``between(0.01, 0.1, 0.005)``, ``between(1e-4, 1, log=True)``.

    Both ends belong to it. Whole numbers give whole numbers. A grid needs a step (1 for whole numbers when none is
    given); a random search draws from the range evenly, with ``log`` evenly over its logarithm.

    Raises
    ------
    OptionError
        The ends are no numbers in this order, the step is not above 0, or a logarithm is wanted of something that is
        not above 0.

    Examples
    --------
    >>> between(5, 20, 5).values(), between(0.1, 0.3, 0.1).values()
    ([5, 10, 15, 20], [0.1, 0.2, 0.3])
    """
    for end in (low, high, 1 if step is None else step):
        if isinstance(end, bool) or not isinstance(end, int | float | np.number) or not math.isfinite(end):
            raise OptionError(f"between takes numbers; given was {end!r}.")
    if not low <= high:
        raise OptionError(f"between takes the lower end first; given was {low:g}, {high:g}.")
    if step is not None and step <= 0:
        raise OptionError(f"The step of between must be above 0; given was {step:g}.")
    if log and (low <= 0 or step is not None):
        raise OptionError("between(..., log=True) takes ends above 0, and no step.")
    return Between(_plain(low), _plain(high), _plain(step), log)


Axis = list[Any] | Between


class Space:
    """The parameters of a strategy (and options of the engine) that are searched, each with its values.

    Parameters
    ----------
    strategy
        Its parameters may be searched; what is not searched keeps its default.
    grid
        For each name a list, range or array of values, ``between(...)``, or one value. Options of the engine, such as
        ``stop_loss``, may be searched too.

    Raises
    ------
    ParameterError
        A name is neither a parameter nor an option, or has no values.
    StrategyError
        It is no strategy.
    """

    def __init__(self, strategy: type[Strategy], grid: Mapping[str, Any]) -> None:
        if not (isinstance(strategy, type) and issubclass(strategy, Strategy)):
            raise StrategyError(f"A strategy is an rk.Strategy, or its class; this is {strategy.__name__}.")
        if strategy.style() == "none":
            raise StrategyError(f"{strategy.__name__} defines neither signals() nor on_bar().")
        own = strategy.model_fields
        for name in grid:
            if name not in own and name not in EngineOptions.model_fields:
                near = did_you_mean(name, [*own, *EngineOptions.model_fields])
                raise ParameterError(f"{strategy.name} has no parameter {name!r} to be searched. {near}")
        self.axes: dict[str, Axis] = {name: _axis(name, values) for name, values in grid.items()}
        self.options = frozenset(name for name in grid if name not in own)

    def grid(self) -> ParameterSets:
        """Return every combination, the last parameter changing fastest.

        Raises
        ------
        OptionError
            A range has no step, or the sets are too many.
        """
        listed = {name: _listed(name, axis) for name, axis in self.axes.items()}
        total = math.prod(len(values) for values in listed.values())
        if total > MOST_SETS:
            raise OptionError(
                f"The grid has {total:,} sets, and at most {MOST_SETS:,} are run at once. Take fewer values, or "
                f"method='random' with sets=10_000."
            )
        shape = [len(values) for values in listed.values()]
        codes = np.indices(shape, dtype=np.int32).reshape(len(shape), -1) if shape else np.zeros((0, 1), np.int32)
        return ParameterSets(listed, codes)

    @property
    def size(self) -> int | None:
        """How many sets there are, whatever their condition; None where a range has no steps."""
        counts = [axis.count if isinstance(axis, Between) else len(axis) for axis in self.axes.values()]
        known = [count for count in counts if count is not None]
        return math.prod(known) if len(known) == len(counts) else None

    def draw(self, random: np.random.Generator, count: int) -> ParameterSets:
        """Return different sets, drawn at random; fewer where there are not so many."""
        size = self.size
        if size is not None and size <= MOST_SETS:
            grid = self.grid()
            return grid.take(random.choice(len(grid), min(count, len(grid)), replace=False))
        drawn = {
            name: axis.draw(random, count)
            if isinstance(axis, Between)
            else [axis[at] for at in random.integers(0, len(axis), count)]
            for name, axis in self.axes.items()
        }
        sets = ParameterSets.of_columns(drawn, count)
        return sets.take(sets.first_of_each())


class ParameterSets:
    """Sets of parameters, column by column: ``values`` of each parameter, and for each set which of them it has."""

    def __init__(self, values: Mapping[str, list[Any]], codes: NDArray[np.int32]) -> None:
        self.values = dict(values)
        self.codes = codes

    @classmethod
    def of_columns(cls, columns: Mapping[str, list[Any]], count: int) -> ParameterSets:
        """Return sets from columns of values."""
        values, codes = {}, np.zeros((len(columns), count), dtype=np.int32)
        for at, (name, column) in enumerate(columns.items()):
            places = {value: place for place, value in enumerate(_sorted(set(column)))}
            values[name] = list(places)
            codes[at] = [places[value] for value in column]
        return cls(values, codes)

    @classmethod
    def of_rows(cls, rows: list[dict[str, Any]]) -> ParameterSets:
        """Return sets from mappings that all have the same names."""
        names = list(rows[0]) if rows else []
        return cls.of_columns({name: [row[name] for row in rows] for name in names}, len(rows))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.values)

    def __len__(self) -> int:
        return int(self.codes.shape[1])

    def __getitem__(self, at: int) -> dict[str, Any]:
        return {name: values[self.codes[k, at]] for k, (name, values) in enumerate(self.values.items())}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows(np.arange(len(self))))

    def rows(self, positions: NDArray[np.int64]) -> list[dict[str, Any]]:
        """Return the sets at these positions as mappings."""
        names, lists = self.names, list(self.values.values())
        return [
            {name: values[code] for name, values, code in zip(names, lists, codes, strict=True)}
            for codes in self.codes[:, positions].T.tolist()
        ]

    def column(self, name: str) -> NDArray[Any]:
        """Return the values of one parameter for all sets: numbers, booleans, or objects."""
        values = self.values[name]
        if _same_kind(values):
            array: NDArray[Any] = np.array(values)
        else:
            array = np.array([*values, None], dtype=object)[:-1]  # the None keeps rows of one length from a matrix
        column: NDArray[Any] = array[self.codes[self.names.index(name)]]
        return column

    @property
    def ranks(self) -> NDArray[np.int64]:
        """For each set the place of each of its values, 0 for the smallest; of what is no number, as it was given."""
        if not len(self.codes):
            return self.codes.astype(np.int64)
        return np.stack([ranks_of(values)[code] for values, code in zip(self.values.values(), self.codes, strict=True)])

    def take(self, positions: NDArray[np.int64] | NDArray[np.bool_]) -> ParameterSets:
        """Return some of the sets, in the order asked for."""
        return ParameterSets(self.values, self.codes[:, positions])

    def first_of_each(self) -> NDArray[np.int64]:
        """Return the position of each different set where it came first, ascending."""
        if not len(self.codes):
            return np.arange(min(len(self), 1))
        _, first = np.unique(self.codes, axis=1, return_index=True)
        return np.sort(first)


def _axis(name: str, values: Any) -> Axis:
    if isinstance(values, Between):
        return values
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        return [_plain(values)]
    try:
        listed = list(dict.fromkeys(_plain(value) for value in values))
    except TypeError:
        raise ParameterError(f"{name!r} has a value that cannot be searched; write lists as tuples.") from None
    if not listed:
        raise ParameterError(f"{name!r} has no values to be searched; give at least one.")
    return listed


def _listed(name: str, axis: Axis) -> list[Any]:
    listed = axis.values() if isinstance(axis, Between) else axis
    if listed is None:
        raise OptionError(
            f"A grid over {name!r} needs a step: between({axis.low:g}, {axis.high:g}, step)."  # type: ignore[union-attr]
            " Or search with method='random'."
        )
    return listed


def ranks_of(values: list[Any]) -> NDArray[np.int64]:
    """Return the place of each value among all of them, 0 for the smallest; of what is no number: as they are listed.

    >>> ranks_of([20, 5, 10]).tolist()
    [2, 0, 1]
    """
    return np.argsort(np.argsort(values)) if _same_kind(values) else np.arange(len(values))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _same_kind(values: list[Any]) -> bool:
    kinds = {type(value) for value in values}
    return kinds <= {int, float} or kinds == {bool}


def _sorted(values: set[Any]) -> list[Any]:
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=repr)
