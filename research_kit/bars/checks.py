"""The checks of a quality report: each takes bars and returns its findings, looking at all bars at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.findings import MOST_EXAMPLES, Finding, Severity, examples_at
from research_kit.bars.frame import PRICE_COLUMNS, Bars, FloatArray
from research_kit.bars.numbers import TOLERANCE
from research_kit.bars.timeframe import DAY

Check = Callable[[Bars], Iterator[Finding]]

SPIKE_SCALES = 20.0
"""A spike is a move of more than 20 robust standard deviations ..."""
SPIKE_LEAST = 0.02
"""... and of more than 2 % ..."""
SPIKE_RETURNED = 0.75
"""... of which the next bar takes back three quarters; a wick that long needs no taking back."""
WICK_LEAST = 0.2
"""Least length of a wick that is reported: 20 % beyond the open and close of its bar."""
JUMP_LEAST = 0.25
"""Least move that is reported as a jump where it stays: 25 %, as splits of 3:2 and larger make."""
STALE_DAYS, STALE_BARS = 5, 30
"""Bars in a row with one and the same price that are reported as stale: of a day or longer, and shorter ones."""
LARGEST, SMALLEST = 1e15, 1e-12
"""Prices beyond these are reported; 1e14 and 1e-8 are traded."""
_SCALE_SAMPLE = 200_000


def ohlc_order(bars: Bars) -> Iterator[Finding]:
    """Find bars whose high or low contradicts the other prices, beyond the last digits of a float."""
    if not all(name in bars for name in PRICE_COLUMNS):
        return
    high, low = bars.high, bars.low
    inverted = above(low, high)
    close_out = (above(bars.close, high) | above(low, bars.close)) & ~inverted
    open_out = (above(bars.open, high) | above(low, bars.open)) & ~inverted
    yield from _found(bars, ("high_below_low", "error"), inverted, "The high is below the low.", ("high", "low"))
    words = "The close is outside of low and high."
    yield from _found(bars, ("close_outside", "error"), close_out, words, ("low", "close", "high"))
    words = "The open is outside of low and high; that is normal on venues where a bar opens at the last close."
    yield from _found(bars, ("open_outside", "note"), open_out, words, ("low", "open", "high"))


def above(one: FloatArray, other: FloatArray) -> NDArray[np.bool_]:
    """Return where one price is above another by more than a relative 1e-9."""
    over = one > other
    if over.any():  # the tolerance is only worked out where it can matter
        at = np.flatnonzero(over)
        scale = np.maximum(np.abs(one[at]), np.abs(other[at]))
        over[at] = one[at] * 0.5 - other[at] * 0.5 > 0.5 * TOLERANCE * scale  # halves: no overflow at 1e308
    return over


def price_sign(bars: Bars) -> Iterator[Finding]:
    """Find prices at or below zero, where they are allowed at all."""
    if bars.allow_nonpositive:
        low = bars.low if "low" in bars else bars.close
        words = "Prices are at or below zero; returns in percent mean nothing there."
        yield from _found(bars, ("price_not_positive", "warning"), low <= 0, words, ("close",))


def extremes(bars: Bars) -> Iterator[Finding]:
    """Find prices of a size that nothing is traded at."""
    for name in PRICE_COLUMNS:
        if name in bars:
            size = np.abs(bars[name])
            where = (size > LARGEST) | ((size < SMALLEST) & (size > 0))
            words = f"The {name} is above {LARGEST:g} or below {SMALLEST:g}: was the number damaged?"
            yield from _found(bars, ("extreme_price", "error"), where, words, (name,))


def spikes(bars: Bars) -> Iterator[Finding]:
    """Find prices that leave and come back within a bar, wicks as long, and moves that stay like a split's."""
    if len(bars) < 20 or float(bars.close.min()) <= 0:
        return
    returns = np.diff(np.log(bars.close))
    scale = robust_scale(returns)
    large = np.flatnonzero(np.abs(returns) > max(SPIKE_SCALES * scale, SPIKE_LEAST))
    following = np.append(returns, 0.0)[large + 1]
    back = np.abs(returns[large] + following) < (1 - SPIKE_RETURNED) * np.abs(returns[large])
    spiky = np.zeros(len(bars), dtype=np.bool_)
    spiky[large[back] + 1] = True
    spiky |= _wicks(bars, max(SPIKE_SCALES * scale, WICK_LEAST))
    words = f"The price leaves by more than {SPIKE_SCALES:g} robust standard deviations and comes back at once."
    yield from _found(bars, ("spikes", "warning"), spiky, words, tuple(name for name in PRICE_COLUMNS if name in bars))
    jumps = large[~back & (np.abs(returns[large]) > -np.log1p(-JUMP_LEAST))] + 1
    jumps = jumps[~spiky[jumps - 1]]  # the way back from a spike is no jump
    examples = examples_at(bars.time_ns, jumps, (f"{np.expm1(returns[at - 1]):+.1%}" for at in jumps[:MOST_EXAMPLES]))
    if len(jumps):
        words = f"The price moves by more than {JUMP_LEAST:.0%} between two bars and stays, as in an unadjusted split."
        yield Finding("jumps", "warning", len(jumps), words, examples)


def _wicks(bars: Bars, least: float) -> NDArray[np.bool_]:
    if not all(name in bars for name in PRICE_COLUMNS) or float(bars.low.min()) <= 0:
        return np.zeros(len(bars), dtype=np.bool_)
    factor = np.exp(min(least, 700.0))
    with np.errstate(over="ignore"):
        up = bars.high > np.maximum(bars.open, bars.close) * factor
        down = bars.low * factor < np.minimum(bars.open, bars.close)
    wicks: NDArray[np.bool_] = up | down
    return wicks


def robust_scale(returns: FloatArray) -> float:
    """Return 1.4826 × the median absolute return of those that are not zero: a deviation that no spike can move."""
    sample = np.abs(returns[:: max(1, len(returns) // _SCALE_SAMPLE)])
    sample = sample[sample > 0]
    return 1.4826 * float(np.median(sample)) if len(sample) else 0.0


def stale_runs(bars: Bars) -> Iterator[Finding]:
    """Find long runs of bars without any movement, and bars that a vendor filled in where nothing was traded."""
    flat = _flat(bars)
    flat[0] = False
    flat[1:] &= bars.close[1:] == bars.close[:-1]
    volume = bars.columns.get("volume")
    counted = volume is not None and bool((volume > 0).any())
    if counted and volume is not None:
        fillers = flat & (volume == 0)
        words = "Bars repeat the close before them with a volume of zero, as vendors fill in where nothing was traded."
        yield from _found(bars, ("flat_fillers", "warning"), fillers, words)
    starts, lengths = runs_of(flat)
    long = lengths >= (STALE_DAYS if bars.timeframe_ns >= DAY else STALE_BARS)
    if long.any():
        starts, lengths = starts[long], lengths[long]
        words = "Bars do not move at all for a long time; a feed that stood still looks like this."
        examples = examples_at(bars.time_ns, starts, (f"{length:,} bars" for length in lengths[:MOST_EXAMPLES]))
        yield Finding("stale", "warning", int(lengths.sum()), words, examples)


def _flat(bars: Bars) -> NDArray[np.bool_]:
    flat = np.ones(len(bars), dtype=np.bool_)
    for name in ("open", "high", "low"):
        if name in bars:
            flat &= bars[name] == bars.close
    return flat


def runs_of(marks: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where runs of True begin, and how long they are.

    >>> runs_of(np.array([False, True, True, False, True]))
    (array([1, 4]), array([2, 1]))
    """
    edges = np.flatnonzero(np.diff(marks, prepend=False, append=False))
    return edges[::2], edges[1::2] - edges[::2]


def volumes(bars: Bars) -> Iterator[Finding]:
    """Find volumes that are zero, negative or missing."""
    volume = bars.columns.get("volume")
    if volume is None or not len(bars):
        return
    unknown = ~np.isfinite(volume)
    yield from _found(bars, ("volume_missing", "warning"), unknown, "The volume is missing or no number.")
    yield from _found(bars, ("volume_negative", "error"), volume < 0, "The volume is negative.", ("volume",))
    zero = volume == 0
    if zero.all():
        yield Finding("volume_empty", "note", len(bars), "Every volume is zero: the source does not tell volumes.")
    else:
        yield from _found(bars, ("volume_zero", "note"), zero, "The volume is zero.")


def _found(
    bars: Bars, finding: tuple[str, Severity], where: NDArray[np.bool_], meaning: str, shown: tuple[str, ...] = ()
) -> Iterator[Finding]:
    name, severity = finding
    count = int(np.count_nonzero(where))
    if not count:
        return
    first = np.flatnonzero(where)[:MOST_EXAMPLES] if count < len(bars) else np.arange(min(count, MOST_EXAMPLES))
    values = (", ".join(f"{column} {bars[column][at]:.10g}" for column in shown) for at in first) if shown else ()
    yield Finding(name, severity, count, meaning, examples_at(bars.time_ns, first, values))


CHECKS: tuple[Check, ...] = (ohlc_order, price_sign, extremes, spikes, stale_runs, volumes)
