"""Runs many sets of signals on the same bars: what is the same for all of them is prepared once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.sessions import day_ends
from research_kit.engine.layout import LOT, STATE, Book
from research_kit.engine.many.kernel import SCRATCH, Ledger, run_sets
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

    def run(self, sets: Sequence[Signals]) -> Outcomes:
        """Return what these signals came to, in their order; each has one value for each bar (``check_signals``).

        Raises
        ------
        MissingColumnError
            A column that the options need is not in the bars.
        """
        outcomes = Outcomes(
            np.zeros(len(sets), SUMMARY), np.zeros(len(sets), TALLY), np.empty((len(sets), len(self.day_ends)))
        )
        rows = [signal_row(signals) for signals in sets]
        first = 0
        while len(self.bars) and first < len(sets):
            last, most = first + 1, BLOCK_BYTES // rows[first].nbytes
            while last < len(sets) and last - first < most and _alike(sets, rows, first, last):
                last += 1
            self._run_block(sets[first], np.stack(rows[first:last]), slice(first, last), outcomes)
            first = last
        return outcomes

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
        done = run_sets(0, block, self._market, wishes, book, ledger)
        while done < len(block):
            self._books[is_target] = book = _with_more_room(book)
            ledger.summaries[done], ledger.tallies[done] = np.zeros(1, SUMMARY)[0], np.zeros(1, TALLY)[0]
            done = run_sets(done, block, self._market, wishes, book, ledger)


def _with_more_room(book: Book) -> Book:
    return book._replace(
        lots=np.zeros(4 * len(book.lots), LOT),
        trades=np.zeros(4 * len(book.trades), TRADE),
        rejections=np.zeros(4 * len(book.rejections), REJECTION),
    )


def _alike(sets: Sequence[Signals], rows: Sequence[NDArray[Any]], one: int, other: int) -> bool:
    """Return whether two sets may stand in one block: the same kind of signals, and no prices of their own."""
    if sets[one].prices or sets[other].prices or rows[one].dtype != rows[other].dtype:
        return False
    return (sets[one].exposure is None) == (sets[other].exposure is None)
