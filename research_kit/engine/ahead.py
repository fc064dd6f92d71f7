"""Where the signals change, found a stretch ahead, so that what is needed there has come near by then."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.compiled import inlined
from research_kit.engine.layout import Book, Market, Wishes

SPAN = 4_096  # signals that are looked at together: their opens fit into the nearest cache
WORD = 64  # bits


def words_of(signals: NDArray[Any]) -> NDArray[np.uint64]:
    """Return a row of signals as words of eight bytes: its own memory where that is made of whole ones."""
    if signals.nbytes % 8 == 0 and signals.ctypes.data % 8 == 0:
        return signals.view(np.uint64)
    padded = np.zeros(padded_length(len(signals), signals.dtype), signals.dtype)
    padded[: len(signals)] = signals
    return padded.view(np.uint64)


def padded_length(bars: int, dtype: np.dtype[Any]) -> int:
    """Return how many signals of this type fill whole words; those behind the last bar mean nothing."""
    return -(-bars * dtype.itemsize // 8) * 8 // dtype.itemsize


@inlined
def look_from(bar: int, market: Market, wishes: Wishes, book: Book) -> None:
    """Have the changes noted from this bar (at least 1) on, as far as ``until``; ``next`` is the first of them."""
    ahead = book.ahead
    if bar >= ahead.until:
        _look(bar, market.open, wishes, book)
    while ahead.next < ahead.count and book.places[ahead.next] < bar:
        ahead.next += 1


@inlined
def look_afresh(book: Book) -> None:
    """Forget what was noted: other signals follow."""
    ahead = book.ahead
    ahead.until = ahead.next = ahead.count = 0


@inlined
def _look(bar: int, opens: NDArray[np.float64], wishes: Wishes, book: Book) -> None:
    """Note where signals change from about this bar on, and read the opens at which they will be acted on.

    A price that is asked for only when it is needed costs as much as all else that happens on its bar (measured on
    five million bars): one after another they come from memory, side by side from here.
    """
    words, itemsize = wishes.words, wishes.signal.itemsize
    in_word = 8 // itemsize
    start = bar // in_word
    stop = min(start + SPAN // in_word, len(words))
    ahead = book.ahead
    ahead.until, ahead.next = stop * in_word, 0
    ahead.count = _note_changes(words, (start, stop), np.uint64(8 * itemsize), book.places)
    lag, last, touched = book.settings.delay + (1 if book.settings.at_open else 0), len(opens) - 1, 0.0
    for k in range(ahead.count):
        touched += opens[min(book.places[k] + lag, last)]
    ahead.touched = touched


@inlined
def _note_changes(words: NDArray[np.uint64], span: tuple[int, int], bits: Any, places: NDArray[np.int64]) -> int:
    """Write down the signals of so many bits that are not the one before them; return their number.

    A word holds its first signal in its lowest bits, and is compared with itself moved up by one signal.
    """
    top, one, count, in_word = np.uint64(WORD) - bits, np.uint64(1), 0, WORD // int(bits)
    mask = np.uint64(0xFFFF_FFFF_FFFF_FFFF) >> top
    before = words[span[0] - 1] >> top if span[0] > 0 else words[0] & mask
    for j in range(span[0], span[1]):
        word = words[j]
        differing = word ^ (((word << (bits - one)) << one) | before)
        before = word >> top
        if differing != np.uint64(0):
            for k in range(in_word):
                places[count] = in_word * j + k
                count += ((differing >> (bits * np.uint64(k))) & mask) != np.uint64(0)
    return count
