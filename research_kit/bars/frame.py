"""What a frame of bars is: named read-only columns over strictly increasing opening times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.timeframe import infer_timeframe, timeframe_ns
from research_kit.errors import DataError, MissingColumnError, did_you_mean, listed

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
TimeArray = NDArray[np.int64]

PRICE_COLUMNS = ("open", "high", "low", "close")
CANONICAL_ORDER = (*PRICE_COLUMNS, "volume")


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars of one symbol: opening times and float64 columns, all of the same length, all read-only.

    Parameters
    ----------
    time_ns
        Opening time of each bar, int64 nanoseconds since 1970 UTC, strictly increasing, shape (n,).
    columns
        Float64 arrays of shape (n,) by name: ``close`` at least; ``open``, ``high``, ``low``, ``volume`` and any
        other where the data has them. Prices are finite.
    symbol, timeframe, session
        What was traded, the bars' spacing (``"1min"``, ``"1h"``, ``"1d"``; inferred when not given), and the
        session (``"24/7"``, ``"24/5"`` or the name of an exchange calendar such as ``"XNYS"``).
    allow_nonpositive
        True for the instruments whose price may be zero or negative.
    synthetic
        True where a bar was filled in on request: marked to market, never traded on; None when there are none.
    check
        False only for data that was checked before, such as a stored dataset: opening it then reads no page.

    Raises
    ------
    DataError
        Lengths differ, times do not increase, or a price is not finite or not positive.
    MissingColumnError
        There is no ``close``.

    Examples
    --------
    >>> import numpy as np
    >>> bars = Bars(np.arange(3) * 60_000_000_000, {"close": np.array([1.0, 2.0, 3.0])})
    >>> len(bars), bars.timeframe, float(bars.close[-1])
    (3, '1min', 3.0)
    """

    time_ns: TimeArray
    columns: Mapping[str, FloatArray]
    symbol: str = ""
    timeframe: str = ""
    session: str = "24/7"
    allow_nonpositive: bool = False
    synthetic: NDArray[np.bool_] | None = field(default=None, repr=False)
    check: InitVar[bool] = True
    _found: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self, check: bool) -> None:
        time_ns = _read_only(np.asarray(self.time_ns, dtype=np.int64))
        columns = {name: _read_only(np.asarray(column, dtype=np.float64)) for name, column in self.columns.items()}
        if "close" not in columns:
            raise MissingColumnError(f"Bars need a 'close' column; these have {listed(columns) or 'none'}.")
        _check_lengths(time_ns, columns)
        if check:
            _check_times(time_ns)
            _check_prices(columns, self.allow_nonpositive)
        object.__setattr__(self, "time_ns", time_ns)
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "timeframe", self.timeframe or infer_timeframe(time_ns))

    def __len__(self) -> int:
        return len(self.time_ns)

    def __repr__(self) -> str:
        unit = "D" if self.timeframe_ns >= 86_400_000_000_000 else "m" if self.timeframe_ns >= 60_000_000_000 else "ms"
        ends = (
            [str(self.time[at].astype(f"datetime64[{unit}]")).replace("T", " ") for at in (0, -1)] if len(self) else []
        )
        span = " to ".join(ends) or "empty"
        return f"Bars({self.symbol or 'unnamed'}, {self.timeframe}, {len(self):,} bars, {span})"

    def __getitem__(self, name: str) -> FloatArray:
        if name not in self.columns:
            raise MissingColumnError(f"These bars have no column {name!r}. {did_you_mean(name, self.columns)}")
        return self.columns[name]

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    @property
    def time(self) -> NDArray[np.datetime64]:
        """Opening times as datetime64[ns], UTC."""
        return self.time_ns.view("datetime64[ns]")

    @property
    def open(self) -> FloatArray:
        return self["open"]

    @property
    def high(self) -> FloatArray:
        return self["high"]

    @property
    def low(self) -> FloatArray:
        return self["low"]

    @property
    def close(self) -> FloatArray:
        return self["close"]

    @property
    def volume(self) -> FloatArray:
        return self["volume"]

    @property
    def timeframe_ns(self) -> int:
        """Length of a bar in nanoseconds."""
        return timeframe_ns(self.timeframe)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The bars as a DataFrame with a UTC index named ``time``."""
        import pandas as pd

        index = pd.DatetimeIndex(self.time, name="time").tz_localize("UTC")
        return pd.DataFrame(dict(self.columns), index=index)

    def once(self, what: str, find: Callable[[Bars], NDArray[Any]]) -> NDArray[Any]:
        """Return what ``find`` makes of these bars; asked again, the same read-only array, found once."""
        if what not in self._found:
            self._found[what] = _read_only(find(self))
        return self._found[what]  # type: ignore[no-any-return]

    @cached_property
    def usable_open(self) -> FloatArray:
        """The opens, each moved into [low, high]: some venues give the previous close. The closes where none is."""
        if "open" not in self:
            return self.close
        if "high" not in self or "low" not in self:
            return self.open
        inside = np.minimum(np.maximum(self.open, self.low), self.high)
        return self.open if np.array_equal(inside, self.open) else _read_only(inside)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, timezone: str | None = None, **details: Any) -> Bars:
        """Return bars made from a DataFrame: a time index or column, and columns under their common names.

        ``timezone`` says what naive times mean (such as ``"America/New_York"``); it is needed unless the times carry
        their zone. ``details`` are the other fields of ``Bars``.
        """
        from research_kit.bars.importing.reading import bars_from_frame

        return bars_from_frame(frame, timezone=timezone, **details)

    def window(self, start: int, stop: int) -> Bars:
        """Return the bars from position ``start`` up to but not including ``stop``, without copying."""
        part = slice(start, stop)
        return Bars(
            self.time_ns[part],
            {name: column[part] for name, column in self.columns.items()},
            symbol=self.symbol,
            timeframe=self.timeframe,
            session=self.session,
            allow_nonpositive=self.allow_nonpositive,
            synthetic=None if self.synthetic is None else self.synthetic[part],
            check=False,
        )


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array


def _check_lengths(time_ns: TimeArray, columns: Mapping[str, FloatArray]) -> None:
    for name, column in columns.items():
        if column.shape != time_ns.shape:
            raise DataError(f"Column {name!r} has shape {column.shape}, the times have {time_ns.shape}.")


def _check_times(time_ns: TimeArray) -> None:
    later = time_ns[1:] > time_ns[:-1]
    if not later.all():
        at = int(np.argmin(later)) + 1
        stamp = np.datetime64(int(time_ns[at]), "ns")
        raise DataError(f"Times must increase strictly; bar {at} ({stamp}) is not later than the one before it.")


def _check_prices(columns: Mapping[str, FloatArray], allow_nonpositive: bool) -> None:
    for name in PRICE_COLUMNS:
        column = columns.get(name)
        if column is None or not len(column):
            continue
        lowest, highest = float(column.min()), float(column.max())  # NaN in the column makes both NaN
        if not (np.isfinite(lowest) and np.isfinite(highest)):
            at = int(np.argmin(np.isfinite(column)))
            raise DataError(f"Every {name!r} must be a finite number; bar {at} has {column[at]}.")
        if lowest <= 0.0 and not allow_nonpositive:
            at = int(np.argmin(column))
            raise DataError(
                f"Prices must be positive; {name!r} of bar {at} is {column[at]}. "
                "If this instrument can trade at or below zero, say allow_nonpositive=True."
            )
