"""Runs many sets of signals on the same bars: what is the same for all of them is prepared once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.sessions import day_ends
from research_kit.engine.ahead import padded_length
from research_kit.engine.layout import LOT, STATE, Book
from research_kit.engine.many.kernel import SCRATCH, Ledger, Rows, run_sets
from research_kit.engine.many.tally import SUMMARY, TALLY
from research_kit.engine.records import REJECTION, TRADE
from research_kit.engine.simulation import (
    check_columns,
    empty_book,
    fresh_state,
    has_levels,
    market_of,
    signal_row,
    wishes_of,
)
from research_kit.metrics.falls import FALLS

if TYPE_CHECKING:
    from research_kit.bars.frame import Bars
    from research_kit.engine.options import EngineOptions
    from research_kit.strategy.signals import Signals

BLOCK_BYTES = 8 << 20  # of signals that the kernel is handed at once


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What many sets came to: one record and one row of daily equity each."""

    summaries: NDArray[Any]
    tallies: NDArray[Any]
    daily: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Block:
    """Signals of the same kind, a row for each set; ``first`` are those of the first, for what is the same in all."""

    first: Signals
    rows: NDArray[Any]


class SetRunner:
    """Runs sets of signals on these bars under these options; one thread at a time."""

    def __init__(self, bars: Bars, options: EngineOptions) -> None:
        self.bars = bars
        self.options = options
        self.day_ends = day_ends(bars)
        self._market = market_of(bars)
        self._close_sums = np.concatenate([[0.0], np.cumsum(self._market.close)])
        self._scratch = np.empty(SCRATCH)
        self._books: dict[bool, Book] = {}
        self._rows: dict[np.dtype[Any], NDArray[Any]] = {}

    def gather(self, sets: Iterable[Signals], most: int) -> list[Block]:
        """Return the signals of ``most`` sets at most, copied into blocks that the next call writes over.

        Each has one value for each bar (``check_signals``). Each is let go before the next is made, so that all are
        made in the same memory, which is in the nearest cache.
        """
        blocks: list[Block] = []
        filled = 0
        for signals in sets:
            row = signal_row(signals)
            block = blocks[-1] if blocks else None
            if block is None or filled == len(block.rows) or not _alike(block, signals, row):
                if block is not None:
                    blocks[-1] = Block(block.first, block.rows[:filled])
                room = _fresh_room(1, row) if signals.prices else self._room(row, most, blocks)
                blocks.append(block := Block(signals, room))
                filled = 0
            block.rows[filled, : len(row)] = row
            filled += 1
        if blocks:
            blocks[-1] = Block(blocks[-1].first, blocks[-1].rows[:filled])
        return blocks

    def _room(self, row: NDArray[Any], most: int, blocks: Sequence[Block]) -> NDArray[Any]:
        """Return room for rows like this one: the same as before, unless one of the blocks holds it."""
        rows = min(most, max(1, BLOCK_BYTES // max(row.nbytes, 1)))
        kept = self._rows.get(row.dtype)
        if kept is not None and len(kept) >= rows and not any(block.rows.base is kept for block in blocks):
            return kept[:rows]
        fresh = _fresh_room(rows, row)
        if kept is None or len(kept) < rows:
            self._rows[row.dtype] = fresh
        return fresh[:rows]

    def run(self, sets: Sequence[Signals]) -> Outcomes:
        """Return what these signals came to, in their order; each has one value for each bar (``check_signals``).

        Raises
        ------
        MissingColumnError
            A column that the options need is not in the bars.
        """
        outcomes, step = self._outcomes(len(sets)), max(1, BLOCK_BYTES // (8 * max(len(self.bars), 1)))
        for first in range(0, len(sets), step):
            self._run(self.gather(sets[first : first + step], step), first, outcomes)
        return outcomes

    def run_blocks(self, blocks: Sequence[Block]) -> Outcomes:
        """Return what the signals of ``gather`` came to, in their order; errors as in ``run``."""
        outcomes = self._outcomes(sum(len(block.rows) for block in blocks))
        self._run(blocks, 0, outcomes)
        return outcomes

    def _outcomes(self, sets: int) -> Outcomes:
        return Outcomes(np.zeros(sets, SUMMARY), np.zeros(sets, TALLY), np.empty((sets, len(self.day_ends))))

    def _run(self, blocks: Sequence[Block], first: int, outcomes: Outcomes) -> None:
        for block in blocks if len(self.bars) else ():
            self._run_block(block.first, block.rows, slice(first, first + len(block.rows)), outcomes)
            first += len(block.rows)

    def _run_block(self, signals: Signals, block: NDArray[Any], part: slice, outcomes: Outcomes) -> None:
        """Run the rows of a block; ``signals`` are those of the first, for what is the same in all of them."""
        check_columns(self.bars, self.options, has_prices=bool(signals.prices))
        is_target, has_prices = signals.exposure is not None, bool(signals.prices)
        if is_target not in self._books:
            self._books[is_target] = empty_book(self.bars, self.options, is_target=is_target, has_prices=True)
        book = self._books[is_target]
        states = np.zeros(2, STATE)
        states[0] = fresh_state(self.options)
        book.settings["has_levels"] = has_levels(self.options, has_prices)
        ledger = Ledger(
            *(outcomes.summaries[part], outcomes.tallies[part], outcomes.daily[part], self.day_ends),
            *(states, np.zeros(1, FALLS), self._close_sums, self._scratch),
        )
        wishes = wishes_of(self.bars, signals, self.options)
        rows = Rows(block, block.view(np.uint64))
        done = run_sets(0, rows, self._market, wishes, book, ledger)
        while done < len(block):
            self._books[is_target] = book = _with_more_room(book)
            ledger.summaries[done], ledger.tallies[done] = np.zeros(1, SUMMARY)[0], np.zeros(1, TALLY)[0]
            done = run_sets(done, rows, self._market, wishes, book, ledger)


def _fresh_room(rows: int, row: NDArray[Any]) -> NDArray[Any]:
    """Return room for so many rows like this one, each of whole words."""
    return np.empty((rows, padded_length(len(row), row.dtype)), row.dtype)


def _with_more_room(book: Book) -> Book:
    return book._replace(
        lots=np.zeros(4 * len(book.lots), LOT),
        trades=np.zeros(4 * len(book.trades), TRADE),
        rejections=np.zeros(4 * len(book.rejections), REJECTION),
    )


def _alike(block: Block, signals: Signals, row: NDArray[Any]) -> bool:
    """Return whether signals may stand in a block: the same kind of signals, and no prices of their own."""
    if block.first.prices or signals.prices or block.rows.dtype != row.dtype:
        return False
    return (block.first.exposure is None) == (signals.exposure is None)
