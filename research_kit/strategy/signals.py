"""What a strategy returns: for each bar, what it wants at that bar's close."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from research_kit.errors import SignalError, did_you_mean
from research_kit.strategy.extent import largest_size

EVENTS = ("enter_long", "exit_long", "enter_short", "exit_short")
LEVELS = ("stop_loss", "take_profit")
MAX_LABEL = 100

Labels = str | Sequence[str]


@dataclass(frozen=True, eq=False)
class Signals:
    """What a strategy wants at each bar's close: either a target exposure, or enter and exit events.

    Each array has shape (n,), one value for each bar; a signal at bar i may use bars up to and including i.

    Parameters
    ----------
    enter_long, exit_long, enter_short, exit_short
        Boolean arrays: True where the event is wanted. They are read at each bar, so that an ``enter_long`` that
        stays True enters again after a stop. On one bar an exit comes before an entry.
    exposure
        Instead of events: the desired exposure as float (1 = ``size`` long, -1 short, fractions between, NaN keep
        what is). An order is made when it changes. Booleans and int8 stay as they are, at an eighth of the memory.
        Use ``Signals.target(...)``.
    labels
        The names that trades carry: ``{"enter_long": "breakout"}`` or an array of n texts instead of one text. The
        keys are the four events; a target uses ``enter_long``, ``enter_short``, ``exit_long``, ``exit_short`` too.
    prices
        ``{"stop_loss": array, "take_profit": array}``: price levels for the position that the signal of that bar
        opens, NaN for none. They replace the fractions of the options.

    Raises
    ------
    SignalError
        Lengths differ, a boolean signal holds NaN or something that is not True or False, both entries are on one
        bar, a target is infinite, or a label or level has an unknown name.

    Examples
    --------
    >>> import numpy as np
    >>> Signals.target(np.array([False, True, True])).exposure.tolist()
    [False, True, True]
    """

    enter_long: NDArray[np.bool_] | None = None
    exit_long: NDArray[np.bool_] | None = None
    enter_short: NDArray[np.bool_] | None = None
    exit_short: NDArray[np.bool_] | None = None
    labels: Mapping[str, Labels] = field(default_factory=dict)
    prices: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    exposure: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        if self.exposure is not None and not (self.labels or self.prices) and self._has_no_events():
            object.__setattr__(self, "exposure", _one_row(_exposure(self.exposure)))
            return  # the usual case of a sweep, thousands of times a second
        events = {name: _booleans(name, getattr(self, name)) for name in EVENTS if getattr(self, name) is not None}
        if (self.exposure is None) == (not events):
            raise SignalError("Signals need either a target exposure or at least one of " + ", ".join(EVENTS) + ".")
        for name, array in events.items():
            object.__setattr__(self, name, array)
        if self.exposure is not None:
            object.__setattr__(self, "exposure", _exposure(self.exposure))
        object.__setattr__(self, "prices", _levels(self.prices))
        _check_labels(self.labels)
        _check_lengths(self)
        _check_conflict(events)

    def __len__(self) -> int:
        return len(next(array for array in self._arrays().values()) if self.exposure is None else self.exposure)

    def _has_no_events(self) -> bool:
        return self.enter_long is self.exit_long is self.enter_short is self.exit_short is None

    def _arrays(self) -> dict[str, NDArray[Any]]:
        named = {name: getattr(self, name) for name in (*EVENTS, "exposure")}
        return {name: array for name, array in named.items() if array is not None} | dict(self.prices)

    def window(self, start: int, stop: int) -> Signals:
        """Return the signals of the bars from ``start`` up to but not including ``stop``, without copying."""
        part = slice(start, stop)
        arrays = {name: getattr(self, name) for name in (*EVENTS, "exposure")}
        return Signals(
            **{name: None if array is None else array[part] for name, array in arrays.items()},
            labels={name: label if isinstance(label, str) else label[part] for name, label in self.labels.items()},
            prices={name: level[part] for name, level in self.prices.items()},
        )

    @classmethod
    def target(
        cls,
        exposure: ArrayLike,
        *,
        labels: Mapping[str, Labels] | None = None,
        prices: Mapping[str, NDArray[np.float64]] | None = None,
    ) -> Signals:
        """Return signals that ask for an exposure: True or 1 long, False or 0 flat, -1 short, NaN keep what is."""
        return cls(exposure=np.asarray(exposure), labels=labels or {}, prices=prices or {})


def _booleans(name: str, values: ArrayLike) -> NDArray[np.bool_]:
    array = np.asarray(values)
    if array.dtype == np.bool_:
        return array
    if array.dtype.kind == "O":  # pandas' shift() makes objects of True, False and None or NaN
        wrong = [at for at, value in enumerate(array.ravel()) if not isinstance(value, bool | np.bool_)]
    elif array.dtype.kind in "fiu":
        wrong = np.flatnonzero((array != 0) & (array != 1)).tolist()
    else:
        raise SignalError(f"{name} must be True or False for each bar; it holds {array.dtype}.")
    if wrong:
        value = array.ravel()[wrong[0]]
        raise SignalError(
            f"{name} must be True or False for each bar; bar {wrong[0]} has {value}. Decide what it means."
        )
    return array.astype(np.bool_)


def _exposure(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype in (np.bool_, np.int8):
        return values
    if values.dtype.kind not in "fiuO":
        raise SignalError(f"A target must be a number for each bar; it holds {values.dtype}.")
    try:
        exposure = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise SignalError("A target must be a number or NaN (keep) for each bar; it holds other objects.") from None
    if exposure.ndim == 1 and np.isinf(largest_size(exposure)):
        at = int(np.argmax(np.isinf(exposure)))
        raise SignalError(f"A target must be finite or NaN (keep); bar {at} has infinity.")
    return exposure


def _one_row(exposure: NDArray[Any]) -> NDArray[Any]:
    if exposure.ndim != 1:
        raise SignalError(f"A target must have one value for each bar; its shape is {exposure.shape}.")
    return exposure


def _levels(prices: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float64]]:
    for name in prices:
        if name not in LEVELS:
            raise SignalError(f"There is no price level {name!r}. {did_you_mean(name, LEVELS)}")
    try:
        return {name: np.asarray(level, dtype=np.float64) for name, level in prices.items()}
    except (TypeError, ValueError):
        raise SignalError("Price levels must be numbers or NaN (none), one for each bar.") from None


def _check_labels(labels: Mapping[str, Labels]) -> None:
    for name, label in labels.items():
        if name not in EVENTS:
            raise SignalError(f"There is no event {name!r} to label. {did_you_mean(name, EVENTS)}")
        texts = [label] if isinstance(label, str) else label
        if not isinstance(texts, Iterable) or not all(isinstance(text, str) for text in texts):
            raise SignalError(f"The labels of {name!r} must be texts, one for each bar or one for all.")
        longest = max(map(len, texts), default=0)
        if longest > MAX_LABEL:
            raise SignalError(f"A label has at most {MAX_LABEL} characters; one of {name!r} has {longest}.")


def _check_lengths(signals: Signals) -> None:
    lengths = {name: np.shape(array) for name, array in signals._arrays().items()}
    lengths |= {
        f"labels[{name!r}]": (len(label),) for name, label in signals.labels.items() if not isinstance(label, str)
    }
    if len(set(lengths.values())) > 1 or any(len(shape) != 1 for shape in lengths.values()):
        raise SignalError(f"All signals must have one value for each bar; their shapes are {lengths}.")


def _check_conflict(events: Mapping[str, NDArray[np.bool_]]) -> None:
    if "enter_long" in events and "enter_short" in events:
        both = events["enter_long"] & events["enter_short"]
        if both.any():
            raise SignalError(f"Bar {int(np.argmax(both))} enters long and short at once; choose one.")
