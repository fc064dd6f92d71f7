"""Work that goes on while the notebook stays free."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from research_kit.widgets.parts.turn import TURN

Result = TypeVar("Result")


class Background:
    """One piece of work at a time in a thread; of several that were begun only the newest one's end is told."""

    def __init__(self, name: str) -> None:
        self.name = f"research-kit-{name}"
        self._thread: threading.Thread | None = None
        self._newest = self._begun = 0

    @property
    def is_busy(self) -> bool:
        """Whether a piece of work goes on whose end will be told."""
        return self._newest == self._begun and self._thread is not None and self._thread.is_alive()

    def start(
        self, work: Callable[[], Result], done: Callable[[Result], None], failed: Callable[[BaseException], None]
    ) -> None:
        """Begin; at its end ``done`` gets the result, or ``failed`` the error, also one of ``done``."""
        with TURN:
            self.forget()
            mine = self._begun = self._newest
            self._thread = threading.Thread(
                target=lambda: self._run(mine, work, done, failed), name=self.name, daemon=True
            )
            self._thread.start()

    def forget(self) -> None:
        """Let what goes on end without telling anybody."""
        with TURN:
            self._newest += 1

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most so many seconds; return whether it has come."""
        if self._thread is None:
            return True
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(
        self,
        mine: int,
        work: Callable[[], Result],
        done: Callable[[Result], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        try:
            result = work()
            with TURN:
                if mine == self._newest:
                    done(result)
        except BaseException as error:
            with TURN:
                if mine == self._newest:
                    failed(error)
