"""Large arrays whose memory is used again: to be given fresh memory costs as much as to fill it.

The memory of a large array that nobody holds any more is kept for the next one of its size, as far as ``MOST_KEPT``
goes. Small arrays are left to NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGE = 4 << 20  # bytes from which on an array's memory is worth keeping
MOST_KEPT = 256 << 20  # bytes that are kept at most


class _Shelf:
    """Memory that waits to be used again.

    It is given back whenever an array goes, in the middle of anything, so nothing here waits for a lock: each step is
    one that no other can come between.
    """

    def __init__(self) -> None:
        self._kept: dict[int, list[NDArray[np.float64]]] = {}

    def take(self, size: int) -> NDArray[np.float64]:
        """Return memory for so many numbers: kept one where there is any of just this size."""
        try:
            return self._kept[size].pop()
        except (KeyError, IndexError):
            return np.empty(size)

    def put(self, memory: NDArray[np.float64]) -> None:
        """Keep memory that nobody uses any more; what has waited longest goes where it would be too much."""
        waiting = self._kept.pop(len(memory), [])
        waiting.append(memory)
        self._kept[len(memory)] = waiting
        sizes = list(self._kept)
        while self.kept_bytes() > MOST_KEPT and sizes:
            self._kept.pop(sizes.pop(0), None)

    def kept_bytes(self) -> int:
        return sum(8 * size * len(waiting) for size, waiting in list(self._kept.items()))


_SHELF = _Shelf()


class _Lent:
    """Memory that is lent to an array: it goes back when the array and every view of it are gone."""

    __slots__ = ("__array_interface__", "_memory")

    def __init__(self, memory: NDArray[np.float64]) -> None:
        self._memory = memory
        self.__array_interface__: dict[str, Any] = memory.__array_interface__

    def __del__(self) -> None:
        _SHELF.put(self._memory)


def empty_floats(size: int) -> NDArray[np.float64]:
    """Return an array of so many float64 that holds anything, as ``np.empty`` does.

    >>> empty_floats(3).shape
    (3,)
    """
    if size * 8 < LARGE:
        return np.empty(size)
    return np.asarray(_Lent(_SHELF.take(size)))
