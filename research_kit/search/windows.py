"""The windows of a walk-forward: where training and test begin and end, as positions of bars."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from research_kit.bars.frame import Bars
from research_kit.bars.timeframe import timeframe_ns
from research_kit.errors import DataError, OptionError

Span = int | str
"""So many bars, or a time such as ``"730d"``, ``"6mo"`` (months of 30 days), ``"12h"``."""

FEWEST = 2  # bars of a training or a test


@dataclass(frozen=True)
class Spans:
    """How long training, test and the gaps between them are."""

    train: Span
    test: Span
    step: Span | None = None
    anchored: bool = False
    purge: Span = 0
    embargo: Span = 0

    def __post_init__(self) -> None:
        for name in ("train", "test", "step", "purge", "embargo"):
            value = getattr(self, name)
            if name == "step" and value is None:
                continue
            least = 0 if name in ("purge", "embargo") else 1
            if isinstance(value, bool) or not isinstance(value, int | str):
                raise OptionError(f"{name} is a number of bars or a time such as '180d'; given was {value!r}.")
            if isinstance(value, int) and value < least:
                raise OptionError(f"{name} must be at least {least} bars; given was {value}.")
            if isinstance(value, str):
                timeframe_ns(value.lower())

    def as_dict(self) -> dict[str, Any]:
        """Return the spans as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Fold:
    """One training and the test that follows it; an end is the first bar that is no more part of it."""

    train_start: int
    train_end: int
    test_start: int
    test_end: int


def folds(bars: Bars, spans: Spans) -> list[Fold]:
    """Return the folds of these bars, oldest first; test windows never overlap.

    Training begins with the first bar and takes ``train``; of its end ``purge`` is left out. Then comes ``test``, of
    whose beginning ``embargo`` is left out. The next fold begins ``step`` later (the length of a test when none is
    given); anchored training always begins with the first bar. The last test may be shorter.

    Raises
    ------
    OptionError
        A step is shorter than a test: test windows would overlap.
    DataError
        The bars are too few for one fold.
    """
    ends = _Clock(bars)
    found: list[Fold] = []
    begin, n = 0, len(bars)
    train_end = ends.after(0, spans.train)
    while train_end < n:
        test_end = min(ends.after(train_end, spans.test), n)
        fold = Fold(
            0 if spans.anchored else begin,
            ends.before(train_end, spans.purge),
            ends.after(train_end, spans.embargo),
            test_end,
        )
        if fold.train_end - fold.train_start >= FEWEST and fold.test_end - fold.test_start >= FEWEST:
            found.append(fold)
        following = ends.after(train_end, spans.test if spans.step is None else spans.step)
        if following < test_end:
            raise OptionError(f"step={spans.step!r} is shorter than test={spans.test!r}: test windows would overlap.")
        if following <= train_end:
            break
        begin = ends.after(begin, spans.test if spans.step is None else spans.step)
        train_end = following
    if not found:
        raise DataError(
            f"{n:,} bars are too few for a training of {spans.train!r} and a test of {spans.test!r}; take shorter ones."
        )
    return found


class _Clock:
    """Counts spans in bars, or in time from the opening of a bar."""

    def __init__(self, bars: Bars) -> None:
        self.time_ns = bars.time_ns

    def after(self, at: int, span: Span) -> int:
        """Return the first bar that is no more part of a span that begins with bar ``at``."""
        if isinstance(span, int):
            return min(at + span, len(self.time_ns))
        if at >= len(self.time_ns):
            return at
        return int(np.searchsorted(self.time_ns, int(self.time_ns[at]) + timeframe_ns(span.lower())))

    def before(self, end: int, span: Span) -> int:
        """Return the end that is left when a span is taken from the bars before ``end``."""
        if isinstance(span, int):
            return max(end - span, 0)
        last = int(self.time_ns[end - 1]) - timeframe_ns(span.lower())
        return int(np.searchsorted(self.time_ns, last, side="right"))
