"""Bars that the checks call wrong left out on request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.columns.numbers import above
from research_kit.bars.derive.gather import gathered, taken
from research_kit.bars.findings import Finding, Severity, Tally
from research_kit.bars.frame import PRICE_COLUMNS, Bars
from research_kit.bars.importing.rows import Rows
from research_kit.bars.quality.checks import LARGEST, SMALLEST
from research_kit.bars.quality.coverage import Outliers
from research_kit.bars.quality.moves import Moves
from research_kit.bars.quality.still import FILLED_BARS
from research_kit.bars.sessions import open_hours
from research_kit.bars.timeframe import DAY
from research_kit.bars.windows import Window, spans, windows
from research_kit.errors import DataError, OptionError, did_you_mean

Marks = NDArray[np.bool_]


def drop_bad(bars: Bars, also: Sequence[str] = ()) -> tuple[Bars, tuple[Finding, ...]]:
    """Return the bars without those that a check calls an error, and what was left out.

    Errors are ``high_below_low``, ``close_outside``, ``extreme_price`` and ``volume_negative``, as in the quality
    report. Anything else stays unless it is named.

    Parameters
    ----------
    also
        Names of further findings whose bars go: ``spikes``, ``flat_fillers``, ``weekend_fillers``, ``outside_hours``,
        ``synthetic``, ``open_outside``, ``price_not_positive``, ``volume_missing``, ``volume_zero``.

    Returns
    -------
    Bars
        The given ones where nothing is wrong.
    tuple of Finding
        For each finding how many bars were left out, and the first of them; a bar may be in several.

    Raises
    ------
    OptionError
        A name is not one of these.
    DataError
        No bar would be left.

    Examples
    --------
    >>> ones = np.ones(3)
    >>> bars = Bars(np.arange(3), {"open": ones, "high": np.array([1, 0.5, 1]), "low": ones, "close": ones})
    >>> good, left_out = drop_bad(bars)
    >>> len(good), [(found.name, found.count) for found in left_out]
    (2, [('high_below_low', 1)])
    """
    names = [also] if isinstance(also, str) else list(also)
    for name in names:
        if name not in (*_RULES, "spikes"):
            raise OptionError(f"Bars cannot be left out by {name!r}. {did_you_mean(str(name), (*_RULES, 'spikes'))}")
    if not len(bars):
        return bars, ()
    always = [name for name, (severity, _) in _RULES.items() if severity == "error"]
    tallies = {name: _tally(bars, name) for name in dict.fromkeys([*always, *names])}
    if "flat_fillers" in tallies and not _tells_volumes(bars):
        del tallies["flat_fillers"]  # a volume of zero means nothing there
    good = gathered(bars, _good(bars, tallies))
    if not len(good):
        counts = ", ".join(f"{tally.count:,} {name}" for name, tally in tallies.items() if tally.count)
        raise DataError(
            f"Every one of the {len(bars):,} bars would be left out ({counts}): read the quality report, and import "
            "the file anew with its columns named."
        )
    findings = tuple(found for tally in tallies.values() for found in tally.finding())
    return (good if findings else bars), findings


def _good(bars: Bars, tallies: dict[str, Tally]) -> Iterator[Rows]:
    """Yield the bars that no rule marks, and count the others."""
    hours = open_hours(int(bars.time_ns[0]), int(bars.time_ns[-1]), bars.timeframe, bars.session)
    spikes = _Spikes(bars, hours) if "spikes" in tallies else None
    for window in windows(bars, hours):
        bad = np.zeros(len(window), dtype=np.bool_)
        for name, tally in tallies.items():
            marks = spikes.marks(window) if name == "spikes" and spikes is not None else _RULES[name][1](window)
            tally.add(window, marks)
            bad |= marks
        yield taken(bars.window(window.start, window.stop), ~bad)


def _tells_volumes(bars: Bars) -> bool:
    return "volume" in bars and any((bars.volume[part] > 0).any() for part in spans(bars.volume))


def _tally(bars: Bars, name: str) -> Tally:
    severity: Severity = "warning" if name == "spikes" else _RULES[name][0]
    words = f"Bars of the finding {name!r} were left out on request."
    shown = ("volume",) if name.startswith("volume") else tuple(price for price in PRICE_COLUMNS if price in bars)
    return Tally(name, severity, words, shown)


class _Spikes:
    """Asks the check of moves which bars of a window stand apart."""

    def __init__(self, bars: Bars, hours: Any) -> None:
        self._moves = Moves(bars, hours)
        self._moves.outliers = self._heard = _Heard()

    def marks(self, window: Window) -> Marks:
        self._heard.spikes.clear()
        self._moves.look(window)
        return np.isin(window.time_ns, np.concatenate([np.empty(0, dtype=np.int64), *self._heard.spikes]))


class _Heard(Outliers):
    """Outliers that are only listened to: times of spikes."""

    def __init__(self) -> None:
        super().__init__()
        self.spikes: list[NDArray[np.int64]] = []

    def add(self, kind: str, times: NDArray[np.int64], changes: NDArray[np.float64]) -> None:
        if kind == "spike":
            self.spikes.append(times)


def _none(window: Window) -> Marks:
    return np.zeros(len(window), dtype=np.bool_)


def _needs(*columns: str) -> Callable[[Callable[[Window], Marks]], Callable[[Window], Marks]]:
    """Return a decorator: a rule marks nothing where a column that it needs is not there."""
    return lambda rule: lambda window: rule(window) if all(name in window for name in columns) else _none(window)


@_needs(*PRICE_COLUMNS)
def _high_below_low(window: Window) -> Marks:
    return above(window["low"], window["high"])


def _outside(name: str) -> Callable[[Window], Marks]:
    """Return the rule that a price lies outside of low and high, where those are in order."""

    @_needs(*PRICE_COLUMNS)
    def rule(window: Window) -> Marks:
        marks: Marks = above(window[name], window["high"]) | above(window["low"], window[name])
        return marks & ~_high_below_low(window)

    return rule


def _extreme_price(window: Window) -> Marks:
    marks: Marks = _none(window)
    for name in PRICE_COLUMNS:
        if name in window:
            size = np.abs(window[name])
            marks |= (size > LARGEST) | ((size < SMALLEST) & (size > 0))
    return marks


def _price_not_positive(window: Window) -> Marks:
    marks: Marks = window["low" if "low" in window else "close"] <= 0
    return marks


@_needs("volume")
def _flat_fillers(window: Window) -> Marks:
    marks: Marks = window.filled & (window["volume"] == 0)
    return marks


def _weekend_fillers(window: Window) -> Marks:
    """Mark flat bars in closed hours, so many in a row that a vendor must have filled them in."""
    least = FILLED_BARS if window.bars.timeframe_ns < DAY else 1
    before = min(least, window.start)
    wide = Window(window.bars, window.start - before, min(len(window.bars), window.stop + least), window.hours)
    marks = wide.filled & wide.closed
    edges = np.flatnonzero(np.diff(marks, prepend=False, append=False))
    for start, stop in edges.reshape(-1, 2):
        if stop - start < least:
            marks[start:stop] = False
    return marks[before : before + len(window)]


def _synthetic(window: Window) -> Marks:
    marks = window.bars.synthetic
    return _none(window) if marks is None else marks[window.start : window.stop]


_RULES: dict[str, tuple[Severity, Callable[[Window], Marks]]] = {
    "high_below_low": ("error", _high_below_low),
    "close_outside": ("error", _outside("close")),
    "extreme_price": ("error", _extreme_price),
    "volume_negative": ("error", _needs("volume")(lambda window: window["volume"] < 0)),
    "price_not_positive": ("warning", _price_not_positive),
    "volume_missing": ("warning", _needs("volume")(lambda window: ~np.isfinite(window["volume"]))),
    "flat_fillers": ("warning", _flat_fillers),
    "weekend_fillers": ("note", _weekend_fillers),
    "outside_hours": ("note", lambda window: window.closed & ~window.filled),
    "open_outside": ("note", _outside("open")),
    "volume_zero": ("note", _needs("volume")(lambda window: window["volume"] == 0)),
    "synthetic": ("note", _synthetic),
}
"""The findings that are about single bars, with their severity in the quality report, and which bars they mark."""
