"""The checks of a quality report: each looks at bars window by window, and says in the end what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np

from research_kit.bars.columns.numbers import above
from research_kit.bars.findings import Finding, Tally
from research_kit.bars.frame import PRICE_COLUMNS, Bars
from research_kit.bars.sessions import OpenHours
from research_kit.bars.windows import Window

LARGEST, SMALLEST = 1e15, 1e-12
"""Prices beyond these are reported; 1e14 and 1e-8 are traded."""


class Check(Protocol):
    """One check: it sees every window once, in the order of time."""

    def look(self, window: Window) -> None:
        """Take notice of a window."""

    def findings(self) -> Iterator[Finding]:
        """Yield what was found, after the last window."""


MakeCheck = Callable[[Bars, OpenHours], Check]


class PriceOrder:
    """Finds bars whose high or low contradicts the other prices, beyond the last digits of a float."""

    def __init__(self, bars: Bars, hours: OpenHours) -> None:
        self._active = all(name in bars for name in PRICE_COLUMNS)
        self._inverted = Tally(
            "high_below_low",
            "error",
            "The high is below the low: columns swapped or a damaged row. Import the file anew with its columns named, "
            "or leave these bars out.",
            ("high", "low"),
        )
        self._close = Tally(
            "close_outside",
            "error",
            "The close is outside of low and high: stops and limits would fill at prices that never were. Ask the "
            "vendor, or leave these bars out.",
            ("low", "close", "high"),
        )
        self._open = Tally(
            "open_outside",
            "note",
            "The open is outside of low and high; that is normal on venues where a bar opens at the last close.",
            ("low", "open", "high"),
        )

    def look(self, window: Window) -> None:
        if not self._active:
            return
        opens, high, low, close = (window[name] for name in PRICE_COLUMNS)
        upper, lower = np.maximum(opens, close), np.minimum(opens, close)
        if not ((upper > high).any() or (lower < low).any()):
            return
        inverted = above(low, high)
        self._inverted.add(window, inverted)
        self._close.add(window, (above(close, high) | above(low, close)) & ~inverted)
        self._open.add(window, (above(opens, high) | above(low, opens)) & ~inverted)

    def findings(self) -> Iterator[Finding]:
        for tally in (self._inverted, self._close, self._open):
            yield from tally.finding()


class PriceSize:
    """Finds prices at or below zero, where they are allowed at all, and of a size that nothing is traded at."""

    def __init__(self, bars: Bars, hours: OpenHours) -> None:
        self._lowest = "low" if "low" in bars else "close"
        self._sign = Tally(
            "price_not_positive",
            "warning",
            "Prices are at or below zero: returns in percent mean nothing there. Size positions in units or cash.",
            (self._lowest,),
        )
        words = f"The {{}} is above {LARGEST:g} or below {SMALLEST:g}: was the number damaged? Leave these bars out."
        self._sizes = {
            name: Tally("extreme_price", "error", words.format(name), (name,)) for name in PRICE_COLUMNS if name in bars
        }

    def look(self, window: Window) -> None:
        for name, tally in self._sizes.items():
            price = window[name]
            lowest = float(price.min())
            if lowest <= 0.0 and name == self._lowest:
                self._sign.add(window, price <= 0.0)
            if lowest < SMALLEST or float(price.max()) > LARGEST:
                size = np.abs(price)
                tally.add(window, (size > LARGEST) | ((size < SMALLEST) & (size > 0)))

    def findings(self) -> Iterator[Finding]:
        for tally in (self._sign, *self._sizes.values()):
            yield from tally.finding()


class Volumes:
    """Finds volumes that are zero, negative or missing."""

    def __init__(self, bars: Bars, hours: OpenHours) -> None:
        self._bars = len(bars) if "volume" in bars else 0
        self._told = False  # whether any volume is above zero
        self._unknown = Tally(
            "volume_missing",
            "warning",
            "The volume is missing or no number; a strategy that uses volume sees NaN there.",
        )
        self._negative = Tally("volume_negative", "error", "The volume is negative: was the row damaged?", ("volume",))
        self._zero = Tally("volume_zero", "note", "The volume is zero: nothing was traded, or it was not counted.")

    def look(self, window: Window) -> None:
        if not self._bars:
            return
        volume = window["volume"]
        self._told = self._told or bool((volume > 0).any())
        if volume.min() > 0.0 and volume.max() < np.inf:  # a NaN makes both comparisons false
            return
        self._unknown.add(window, ~np.isfinite(volume))
        self._negative.add(window, volume < 0)
        self._zero.add(window, volume == 0)

    def findings(self) -> Iterator[Finding]:
        yield from self._unknown.finding()
        yield from self._negative.finding()
        if self._zero.count and not self._told:
            words = "No volume is above zero: the source does not tell volumes."
            yield Finding("volume_empty", "note", self._zero.count, words)
        else:
            yield from self._zero.finding()
