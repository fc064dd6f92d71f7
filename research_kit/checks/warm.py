"""How many bars a strategy needs: to decide at all, and to decide as it would with all the bars before."""

from __future__ import annotations

from collections.abc import Callable

from research_kit.bars.frame import Bars
from research_kit.checks.probes import Probe

STARTS = 8
LONGEST = 20_000  # bars of a comparison; what needs more is not called warm
SETTLED = 0.75  # of a comparison: what still differs behind this share has not converged


def warm_up_of(probe: Probe, bars: Bars, is_over: Callable[[], bool]) -> int | None:
    """Return after how many bars a strategy that begins later decides as if it had begun with the first bar.

    It begins at several places, and is compared with what it decides there with everything before. None where it has
    not converged (a cumulative sum, an expanding mean, decisions that depend on fills), or where nothing can be
    compared.
    """
    n = len(bars)
    length = min(LONGEST, n // 2)
    needed = 0
    for number in range(STARTS):
        start = 1 + number * (n - length - 1) // STARTS
        if length < 4 or is_over():
            return None
        try:
            whole = probe.footing(bars.window(max(0, start - LONGEST), start + length))
            late = probe.footing(bars.window(start, start + length))
        except Exception:  # on fewer bars it may raise what it likes: that is looked at elsewhere
            return None
        if whole is None or late is None:
            return None
        last = late.last_difference(whole.tail(length))
        if last >= SETTLED * length:
            return None
        needed = max(needed, last + 1)
    return needed


def least_bars(probe: Probe, bars: Bars) -> int:
    """Return on how few of the newest bars a strategy decides without raising."""
    low, high = 0, len(bars)  # it raises on low, not on high
    size = 1
    while size < high:
        if _answers(probe, bars, size):
            high = size
            break
        low, size = size, 2 * size
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _answers(probe, bars, middle) else (middle, high)
    return high


def _answers(probe: Probe, bars: Bars, size: int) -> bool:
    try:
        probe.ask(bars.window(len(bars) - size, len(bars)))
    except Exception:
        return False
    return True
