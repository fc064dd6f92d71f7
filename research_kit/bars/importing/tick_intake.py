"""Trades and quotes on their way in: each block becomes bars, and the bars of all blocks are joined exactly."""

from __future__ import annotations

from collections.abc import Mapping

from research_kit.bars.columns.ticks import TickBars, combine, quote_bars, trade_bars
from research_kit.bars.findings import Finding
from research_kit.bars.frame import FloatArray, TimeArray
from research_kit.bars.importing.rows import Rows
from research_kit.bars.timeframe import timeframe_ns
from research_kit.errors import DataError

_BLOCKS = 16  # whose bars wait to be joined


class TickIntake:
    """Takes the ticks of a source block by block and gives their bars.

    Parameters
    ----------
    kind
        ``"trades"`` (columns ``close`` and, where known, ``volume``) or ``"quotes"`` (``close``, the bid, and ``ask``).
    timeframe
        Of the bars, as the user gave it.
    source
        What it is called in messages.

    Raises
    ------
    DataError
        No timeframe was given.
    """

    def __init__(self, kind: str, timeframe: str | None, source: str) -> None:
        if timeframe is None:
            raise DataError(
                f"{source} holds {kind}, not bars; say which bars to make of them, such as timeframe='1min'."
            )
        self.kind, self.timeframe = kind, timeframe
        self.ticks = 0
        self._step_ns = timeframe_ns(timeframe)
        self._parts: list[TickBars] = []

    def add(self, time_ns: TimeArray, columns: Mapping[str, FloatArray]) -> None:
        """Take the next ticks of the source."""
        self.ticks += len(time_ns)
        if self.kind == "quotes":
            self._parts.append(quote_bars(time_ns, columns["close"], columns["ask"], self._step_ns))
        else:
            self._parts.append(trade_bars(time_ns, columns["close"], columns.get("volume"), self._step_ns))
        if len(self._parts) >= _BLOCKS:
            self._parts = [combine(self._parts)]

    def settle(self) -> tuple[Rows, list[Finding]]:
        """Return the bars, and what was done."""
        time_ns, columns = combine(self._parts).bars()
        words = f"The source holds {self.kind}; they were made into bars of {self.timeframe}."
        if self.kind == "quotes":
            words += " Prices are the bid; the ask stands beside it."
        return Rows(time_ns, columns), [Finding("resampled_ticks", "note", self.ticks, words)]
