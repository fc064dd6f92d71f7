"""Ticks become bars: trades (time, price, volume) and quotes (time, bid, ask), the same bytes in blocks or at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.frame import FloatArray, TimeArray
from research_kit.bars.timeframe import DAY
from research_kit.errors import DataError, OptionError

IntArray = NDArray[np.int64]

_MASK = (1 << 32) - 1


def are_regular(time_ns: TimeArray) -> bool:
    """Return whether sorted times are evenly spaced but for gaps, as those of bars are and those of ticks are not.

    >>> are_regular(np.array([0, 60, 120, 300])), are_regular(np.array([0, 17, 17, 45])), are_regular(np.array([5]))
    (True, False, False)
    """
    steps = np.diff(time_ns)
    if not len(steps) or steps.min() <= 0:
        return False
    return not (steps % steps.min()).any() and float(np.mean(steps == steps.min())) >= 0.5


@dataclass(frozen=True)
class Side:
    """One price (that of trades, the bid, or the ask) in bars, with what is needed to join it to other blocks.

    Parameters
    ----------
    label
        Opening times of the bars, ascending.
    first_ns, last_ns
        Times of the first and the last tick of each bar.
    open, high, low, close
        Of the ticks in the order of their times; those of one time keep the order of the file.
    count
        Ticks of each bar.
    digits
        Sums of the volumes, exact: by power of 2**32. None where there is no volume.
    unknown
        Where a volume was missing.
    """

    label: TimeArray
    first_ns: TimeArray
    last_ns: TimeArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    count: IntArray
    digits: Mapping[int, IntArray] | None = None
    unknown: NDArray[np.bool_] | None = None

    @classmethod
    def of(cls, time_ns: TimeArray, price: FloatArray, step_ns: int, volume: FloatArray | None = None) -> Side:
        """Return ticks in any order as bars; ticks without a price are left out."""
        chosen = np.flatnonzero(~np.isnan(price))
        if np.any(np.diff(time_ns[chosen]) < 0):
            chosen = chosen[np.argsort(time_ns[chosen], kind="stable")]
        time_ns, price = time_ns[chosen], price[chosen] + 0.0  # no -0.0: its maximum with 0.0 depends on the order
        label = _labels(time_ns, step_ns)
        starts, ends = _groups(label)
        digits, unknown = _volumes(None if volume is None else volume[chosen], starts)
        return cls(
            label=label[starts],
            first_ns=time_ns[starts],
            last_ns=time_ns[ends],
            open=price[starts],
            high=np.maximum.reduceat(price, starts) if len(starts) else price,
            low=np.minimum.reduceat(price, starts) if len(starts) else price,
            close=price[ends],
            count=ends - starts + 1,
            digits=digits,
            unknown=unknown,
        )

    @classmethod
    def joined(cls, sides: Sequence[Side]) -> Side:
        """Return the bars of successive blocks as one: of ticks of one time, those of an earlier block came first."""
        label = np.concatenate([side.label for side in sides])
        first_ns, last_ns = (
            np.concatenate([getattr(side, name) for side in sides]) for name in ("first_ns", "last_ns")
        )
        by_first, by_last = np.lexsort((first_ns, label)), np.lexsort((last_ns, label))
        starts, ends = _groups(label[by_first])
        if not len(starts):
            return sides[0]

        def gathered(name: str) -> NDArray[np.float64]:
            return np.concatenate([getattr(side, name) for side in sides])

        return cls(
            label=label[by_first][starts],
            first_ns=first_ns[by_first][starts],
            last_ns=last_ns[by_last][ends],
            open=gathered("open")[by_first][starts],
            high=np.maximum.reduceat(gathered("high")[by_first], starts),
            low=np.minimum.reduceat(gathered("low")[by_first], starts),
            close=gathered("close")[by_last][ends],
            count=np.add.reduceat(np.concatenate([side.count for side in sides])[by_first], starts),
            digits=_joined_digits(sides, by_first, starts),
            unknown=_joined_unknown(sides, by_first, starts),
        )

    def volume(self) -> FloatArray | None:
        """Return the sums of the volumes: the same for the same ticks, in whatever order and blocks they came."""
        if self.digits is None or self.unknown is None:
            return None
        total = np.zeros(len(self.label))
        with np.errstate(over="ignore"):
            for power, digit in sorted(_carried(self.digits).items()):
                total += np.ldexp(digit.astype(np.float64), 32 * power)
        total[self.unknown] = np.nan
        return total


@dataclass(frozen=True)
class TickBars:
    """Bars of one block of ticks, ready to be joined to those of other blocks: ``combine``.

    Parameters
    ----------
    step_ns
        Length of a bar in nanoseconds.
    price
        The trades, or the bids.
    ask
        The asks of quotes, None for trades.
    """

    step_ns: int
    price: Side
    ask: Side | None = None

    def bars(self) -> tuple[TimeArray, dict[str, FloatArray]]:
        """Return the opening times and the columns of the bars."""
        price = self.price
        columns = {"open": price.open, "high": price.high, "low": price.low, "close": price.close}
        volume = price.volume()
        if volume is not None:
            columns["volume"] = volume
        if self.ask is not None:
            columns |= _aligned(self.ask, price.label)
        return price.label, {**columns, "trades" if self.ask is None else "quotes": price.count.astype(np.float64)}


def trade_bars(time_ns: TimeArray, price: FloatArray, volume: FloatArray | None, step_ns: int) -> TickBars:
    """Return one block of trades as bars that can be combined; the arguments are those of ``bars_of_trades``."""
    _check(step_ns, time_ns, price, *([] if volume is None else [volume]))
    return TickBars(step_ns, Side.of(time_ns, price, step_ns, volume))


def quote_bars(time_ns: TimeArray, bid: FloatArray, ask: FloatArray, step_ns: int) -> TickBars:
    """Return one block of quotes as bars that can be combined; the arguments are those of ``bars_of_quotes``."""
    _check(step_ns, time_ns, bid, ask)
    return TickBars(step_ns, Side.of(time_ns, bid, step_ns), Side.of(time_ns, ask, step_ns))


def combine(parts: Sequence[TickBars]) -> TickBars:
    """Return the bars of successive blocks of one file, byte for byte those of the file read at once.

    >>> time, price, size = np.array([0, 40, 70]), np.array([1.0, 3.0, 2.0]), np.array([0.1, 0.2, 0.3])
    >>> whole = trade_bars(time, price, size, 100)
    >>> parts = [trade_bars(time[part], price[part], size[part], 100) for part in (slice(0, 1), slice(1, 3))]
    >>> combine(parts).bars()[1] == whole.bars()[1]
    True
    """
    if not parts:
        raise DataError("There are no bars of ticks to combine.")
    asks = [part.ask for part in parts if part.ask is not None]
    if len({part.step_ns for part in parts}) > 1 or len(asks) not in (0, len(parts)):
        raise DataError("Bars of ticks can be combined where all have one length, and are all trades or all quotes.")
    return TickBars(parts[0].step_ns, Side.joined([part.price for part in parts]), Side.joined(asks) if asks else None)


def bars_of_trades(
    time_ns: TimeArray, price: FloatArray, volume: FloatArray | None, step_ns: int
) -> tuple[TimeArray, dict[str, FloatArray]]:
    """Return trades as bars of open, high, low, close, volume and number of trades.

    A bar is labelled with its opening time, a multiple of the step since midnight UTC, and there is none where nothing
    was traded. Trades of one time keep their order. Trades without a price are left out; the sign of a volume (some
    venues write sales as negative) is not counted; a bar with a trade whose volume is missing has no volume (NaN).

    Parameters
    ----------
    time_ns, price, volume
        One for each trade, in any order, shape (n,); no volume at all is None.
    step_ns
        Length of a bar in nanoseconds, at most a day.

    Raises
    ------
    OptionError
        The step is not between a nanosecond and a day.

    Examples
    --------
    >>> time, columns = bars_of_trades(np.array([70, 10, 20]), np.array([3.0, 2.0, 5.0]), np.array([1.0, 1.0, 2.0]), 60)
    >>> time.tolist(), columns["open"].tolist(), columns["volume"].tolist(), columns["trades"].tolist()
    ([0, 60], [2.0, 3.0], [3.0, 1.0], [2.0, 1.0])
    """
    return trade_bars(time_ns, price, volume, step_ns).bars()


def bars_of_quotes(
    time_ns: TimeArray, bid: FloatArray, ask: FloatArray, step_ns: int
) -> tuple[TimeArray, dict[str, FloatArray]]:
    """Return quotes as bars: the prices are those of the bid, the ask is ``ask_open`` ... ``ask_close``.

    So do vendors of quotes, and a spread can be taken from the two. ``quotes`` is the number of bids. There is no bar
    where there was no bid, and no ask in a bar where none was quoted (NaN).

    Parameters
    ----------
    time_ns, bid, ask
        One for each quote, in any order, shape (n,); NaN where a quote has one side only.
    step_ns
        Length of a bar in nanoseconds, at most a day.

    Examples
    --------
    >>> _, columns = bars_of_quotes(np.array([1, 2]), np.array([1.0, np.nan]), np.array([1.2, 1.3]), 60)
    >>> columns["close"].tolist(), columns["ask_open"].tolist(), columns["ask_close"].tolist()
    ([1.0], [1.2], [1.3])
    """
    return quote_bars(time_ns, bid, ask, step_ns).bars()


def _check(step_ns: int, time_ns: TimeArray, *columns: FloatArray) -> None:
    if not 0 < step_ns <= DAY:
        raise OptionError(
            "Ticks become bars of at most a day; for longer ones import them with timeframe='1d' and resample the bars."
        )
    if any(len(column) != len(time_ns) for column in columns):
        raise DataError(f"There are {len(time_ns):,} times and {', '.join(f'{len(c):,}' for c in columns)} values.")


def _labels(time_ns: TimeArray, step_ns: int) -> TimeArray:
    day = time_ns // DAY * DAY
    return day + (time_ns - day) // step_ns * step_ns


def _groups(label: TimeArray) -> tuple[IntArray, IntArray]:
    """Return where each run of equal labels begins and ends."""
    if not len(label):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    breaks = np.flatnonzero(np.diff(label))
    return np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [len(label) - 1]])


def _volumes(
    volume: FloatArray | None, starts: IntArray
) -> tuple[dict[int, IntArray] | None, NDArray[np.bool_] | None]:
    if volume is None:
        return None, None
    if not len(starts):
        return {}, np.zeros(0, dtype=np.bool_)
    missing = ~np.isfinite(volume)
    digits = _digits(np.where(missing, 0.0, np.abs(volume)))
    sums = {power: np.add.reduceat(digit, starts) for power, digit in digits.items()}
    return sums, np.logical_or.reduceat(missing, starts)


def _digits(values: FloatArray) -> dict[int, IntArray]:
    """Return numbers at or above zero in base 2**32, exactly: a float is 53 bits times a power of two."""
    fraction, exponent = np.frexp(values)
    whole = np.ldexp(fraction, 53).astype(np.int64)
    power, shift = np.divmod(exponent.astype(np.int64) - 53, 32)
    low, high = (whole & _MASK) << shift, (whole >> 32) << shift
    parts = (low & _MASK, (low >> 32) + (high & _MASK), high >> 32)
    out: dict[int, IntArray] = {}
    for lowest in np.unique(power).tolist():
        here = (power == lowest) & (values != 0)
        for place, part in enumerate(parts):
            out[lowest + place] = out.get(lowest + place, 0) + np.where(here, part, 0)
    return out


def _carried(digits: Mapping[int, IntArray]) -> dict[int, IntArray]:
    """Return the digits below 2**32, so that a sum has one form only."""
    out: dict[int, IntArray] = {}
    pending = dict(digits)
    while pending:
        power = min(pending)
        digit = pending.pop(power)
        out[power] = digit & _MASK
        carry = digit >> 32
        if carry.any():
            pending[power + 1] = pending.get(power + 1, 0) + carry
    return out


def _joined_digits(sides: Sequence[Side], order: IntArray, starts: IntArray) -> dict[int, IntArray] | None:
    if any(side.digits is None for side in sides):
        return None
    known = [_carried(side.digits or {}) for side in sides]
    sums = {}
    for power in set().union(*known):
        column = [
            digits.get(power, np.zeros(len(side.label), np.int64)) for digits, side in zip(known, sides, strict=True)
        ]
        sums[power] = np.add.reduceat(np.concatenate(column)[order], starts)
    return sums


def _joined_unknown(sides: Sequence[Side], order: IntArray, starts: IntArray) -> NDArray[np.bool_] | None:
    known = [side.unknown for side in sides if side.unknown is not None]
    return np.logical_or.reduceat(np.concatenate(known)[order], starts) if len(known) == len(sides) else None


def _aligned(ask: Side, label: TimeArray) -> dict[str, FloatArray]:
    """Return the asks of the bars with these labels, NaN where there is none."""
    place = np.searchsorted(ask.label, label)
    found = np.zeros(len(label), dtype=np.bool_)
    inside = place < len(ask.label)
    found[inside] = ask.label[place[inside]] == label[inside]
    columns = {}
    for name in ("open", "high", "low", "close"):
        values = np.full(len(label), np.nan)
        values[found] = getattr(ask, name)[place[found]]
        columns[f"ask_{name}"] = values
    return columns
