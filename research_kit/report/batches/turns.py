"""Slots that are given in the order of a list: who stands first in it is begun first, whoever is ready sooner."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Condition


class Turns:
    """So many slots for those in ``order``; one that comes again is the next."""

    def __init__(self, slots: int, order: Sequence[int]) -> None:
        self._free = slots
        self._order = deque(order)
        self._changed = Condition()

    @contextmanager
    def slot(self, who: int) -> Iterator[None]:
        """Wait for one's turn, and hold a slot."""
        with self._changed:
            if who not in self._order:
                self._order.appendleft(who)
            self._changed.wait_for(lambda: self._free > 0 and self._order[0] == who)
            self._order.popleft()
            self._free -= 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()

    def leave(self, who: int) -> None:
        """Stand in nobody's way any more."""
        with self._changed, suppress(ValueError):
            self._order.remove(who)
            self._changed.notify_all()
