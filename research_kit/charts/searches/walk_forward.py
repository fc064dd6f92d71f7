"""What the chart of a walk-forward is drawn from: the joined test windows, and what was chosen for each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.charts.reduce import Points, reduce_points
from research_kit.charts.searches.sweep_table import Levels, levels_of
from research_kit.charts.series import DAY, epoch_ms
from research_kit.errors import OptionError, did_you_mean
from research_kit.metrics.drawdown import drawdown_series

_TEST = ("test_start", "test_end")


@dataclass(frozen=True, eq=False, kw_only=True)
class Window:
    """One step of a walk-forward: parameters are chosen in training, and traded in the test that follows.

    Parameters
    ----------
    train_start, train_end, test_start, test_end : datetime64
        When training and test begin and end, UTC; an end is the first moment that is no more part of it.
    parameters : mapping
        The values chosen in training: numbers, bools or text; a name that a window lacks is shown as "none".
    in_sample, out_of_sample : float or None
        The metric in training and in the test; None and NaN are undefined.
    """

    train_start: np.datetime64
    train_end: np.datetime64
    test_start: np.datetime64
    test_end: np.datetime64
    parameters: Mapping[str, Any]
    in_sample: float | None = None
    out_of_sample: float | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class WalkForward:
    """The lines and steps of a walk-forward; times are milliseconds since 1970.

    Attributes
    ----------
    equity, drawdown, benchmark : Points
        Lines with few points; the drawdown was made from all of them.
    starts, ends : arrays, shape (n,)
        When each test window begins and ends.
    training : list of str
        For each window the days of its training.
    in_sample, out_of_sample : arrays, shape (n,)
        The metric of each window; NaN is undefined.
    parameters : tuple of Levels
        The parameters that changed from window to window.
    constant : dict
        Those that did not, and their value as text.
    """

    equity: Points
    drawdown: Points
    benchmark: Points | None
    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    training: list[str]
    in_sample: NDArray[np.float64]
    out_of_sample: NDArray[np.float64]
    metric: str
    parameters: tuple[Levels, ...]
    constant: dict[str, str]
    is_intraday: bool


def walk_forward_data(
    time: NDArray[Any],
    equity: NDArray[np.float64],
    initial_cash: float,
    windows: Iterable[Window | Mapping[str, Any]],
    *,
    metric: str = "sharpe_ratio",
    benchmark: NDArray[np.float64] | None = None,
    limit: int = 1500,
) -> WalkForward:
    """Return the joined test windows of a walk-forward as lines, and what was chosen for each as steps.

    Parameters
    ----------
    time : array of datetime64
        The bars of all test windows, one after the other, UTC, rising; shape (n,).
    equity : array
        Money at each bar's close; each window goes on with the money of the one before. Shape (n,).
    initial_cash : float
        Money before the first bar; the first peak of the drawdown.
    windows : iterable of Window, or of dicts with its fields
        In the order of their tests.
    metric : str
        What `in_sample` and `out_of_sample` are values of.
    benchmark : array, optional
        Equity of buying and holding over the same bars, shape (n,).
    limit : int
        At least 8: the points of a line.

    Raises
    ------
    OptionError
        Arrays differ in length, a window has a wrong field, ends before it begins, or begins before the one before
        has ended.

    >>> days = np.arange("2024-01-01", "2024-01-05", dtype="datetime64[D]")
    >>> step = {"train_start": days[0] - 9, "train_end": days[0], "test_start": days[0], "test_end": days[3]}
    >>> data = walk_forward_data(days, np.array([90.0, 120.0, 60.0, 90.0]), 100.0, [step | {"parameters": {"fast": 5}}])
    >>> data.drawdown.y.round(2), data.constant
    (array([-0.1 ,  0.  , -0.5 , -0.25]), {'fast': '5'})
    """
    for name, values in (("equity", equity), ("benchmark", benchmark)):
        if values is not None and len(values) != len(time):
            raise OptionError(f"{name} has {len(values)} values for {len(time)} times; give one for each bar.")
    steps = [window if isinstance(window, Window) else _window(window) for window in windows]
    starts, ends = _tests(steps)
    stamps = np.asarray(time, dtype="datetime64[ns]")
    chosen = _chosen(steps)
    return WalkForward(
        equity=_line(stamps, equity, limit),
        drawdown=_line(stamps, drawdown_series(equity, initial_cash), limit),
        benchmark=None if benchmark is None else _line(stamps, benchmark, limit),
        starts=epoch_ms(starts),
        ends=epoch_ms(ends),
        training=[_days(step.train_start, step.train_end) for step in steps],
        in_sample=_numbers([step.in_sample for step in steps]),
        out_of_sample=_numbers([step.out_of_sample for step in steps]),
        metric=metric,
        parameters=tuple(levels for levels in chosen if len(levels.values) > 1),
        constant={levels.name: levels.labels[0] for levels in chosen if len(levels.values) == 1},
        is_intraday=len(stamps) > 1 and bool(np.median(np.diff(stamps[:1000])) < DAY),
    )


def _window(given: Mapping[str, Any]) -> Window:
    names = [field.name for field in fields(Window)]
    for name in given:
        if name not in names:
            raise OptionError(f"A window has no field {name!r}. {did_you_mean(str(name), names)}")
    missing = [name for name in names[:5] if name not in given]
    if missing:
        raise OptionError(f"A window lacks {missing[0]!r}; needed are {', '.join(names[:5])}.")
    return Window(**given)


def _tests(steps: Sequence[Window]) -> tuple[NDArray[Any], NDArray[Any]]:
    starts, ends = (np.array([getattr(step, name) for step in steps], dtype="datetime64[ns]") for name in _TEST)
    for number, (start, end) in enumerate(zip(starts, ends, strict=True), start=1):
        if not start < end:
            raise OptionError(f"The test of window {number} begins at {start} and ends at {end}; it must end later.")
        if number > 1 and start < ends[number - 2]:
            raise OptionError(
                f"The test of window {number} begins at {start}, before that of window {number - 1} ends at "
                f"{ends[number - 2]}; tests must follow each other to make one curve."
            )
    return starts, ends


def _line(time: NDArray[Any], values: NDArray[np.float64], limit: int) -> Points:
    points = reduce_points(time, values, limit)
    return Points(epoch_ms(points.x), points.y, points.total)


def _numbers(values: Sequence[float | None]) -> NDArray[np.float64]:
    numbers = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _chosen(steps: Sequence[Window]) -> list[Levels]:
    names = dict.fromkeys(name for step in steps for name in step.parameters)
    columns = {name: [step.parameters.get(name) for step in steps] for name in names}
    return [levels_of(str(name), np.fromiter(column, dtype=object)) for name, column in columns.items()]


def _days(start: np.datetime64, end: np.datetime64) -> str:
    moments = np.array([start, end], dtype="datetime64[ns]") - np.array([0, 1], dtype="timedelta64[ns]")
    first, last = moments.astype("datetime64[D]")
    return f"{first} to {last}"
