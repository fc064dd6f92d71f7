"""One thing at a time, in the order in which it was asked for."""

from __future__ import annotations

import threading
from collections import deque


class Turn:
    """A lock that is had in the order in which it was asked for, and asked for again by whoever has it.

    Locks of Python let anybody in. Here it matters who came first: what was filled in is read by what was pressed next.
    """

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._waiting: deque[object] = deque()
        self._owner: int | None = None
        self._depth = 0

    def __enter__(self) -> None:
        me, ticket = threading.get_ident(), object()
        with self._change:
            if self._owner != me:
                self._waiting.append(ticket)
                try:
                    self._change.wait_for(lambda: self._owner is None and self._waiting[0] is ticket)
                finally:  # an interrupt leaves the line, too
                    self._waiting.remove(ticket)
                    self._change.notify_all()
                self._owner = me
            self._depth += 1

    def __exit__(self, *_: object) -> None:
        with self._change:
            self._depth -= 1
            if self._depth == 0:
                self._owner = None
                self._change.notify_all()


TURN = Turn()
"""Whoever shows something new has it: JupyterLab hands the messages of widgets to two threads, and work in the
background ends in others."""
