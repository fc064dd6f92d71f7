"""What starts work and shows how it goes: Run and Cancel, a bar with the time left, and how it ended."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from html import escape
from typing import Literal

import ipywidgets as w

from research_kit.widgets.parts.part import Part

State = Literal["ready", "running", "completed", "failed", "cancelled"]
OFTEN = 0.1  # seconds between two updates of the progress bar
TYPED = 0.1  # seconds in which what was typed last arrives, where JupyterLab hands it to another thread


class Runner(Part, ABC):
    """Run and Cancel, a bar, and a line that says how it stands; the work itself goes on in a thread.

    Attributes
    ----------
    state
        ``"ready"``, ``"running"``, ``"completed"``, ``"failed"`` or ``"cancelled"``.
    words
        What is said of it.
    run_button, cancel_button, progress, status
        The widgets, which stand in ``bar`` below one another.
    """

    def __init__(self, run: w.Button, cancel_tooltip: str) -> None:
        super().__init__()
        self.state: State = "ready"
        self.words = ""
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._shown_at = 0.0
        self.run_button = run.add_class("rkw-run")
        self.cancel_button = w.Button(description="Cancel", icon="stop", tooltip=cancel_tooltip, disabled=True)
        self.progress = w.FloatProgress(min=0.0, max=1.0, layout={"width": "auto", "visibility": "hidden"})
        self.status = w.HTML()
        buttons = w.HBox([self.run_button, self.cancel_button.add_class("rkw-cancel")]).add_class("rkw-buttons")
        self.bar: list[w.Widget] = [buttons, self.progress.add_class("rkw-progress"), self.status]
        self._on_click(self.run_button, self.run, pause=TYPED)
        self._on_click(self.cancel_button, self.cancel)
        self._show_state("ready", "Ready.")

    @abstractmethod
    def run(self) -> None:
        """Start; nothing happens while something runs."""

    @abstractmethod
    def cancel(self) -> None:
        """Ask for the end."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended, at most ``timeout`` seconds; return whether it has."""
        if self._thread is not None:
            self._thread.join(timeout)
        return self._thread is None or not self._thread.is_alive()

    def _begin(self, words: str) -> None:
        """Show that something runs now."""
        self.run_button.disabled, self.cancel_button.disabled = True, False
        self.progress.value, self.progress.layout.visibility = 0.0, "visible"
        self._show_state("running", words)

    def _advance(self, done: float, words: str) -> None:
        """Show how far it is, a fraction, but not more often than anybody could read."""
        now = time.monotonic()
        if now - self._shown_at >= OFTEN or done in (0.0, 1.0):
            self._shown_at = now
            self.progress.value = done
            self._show_state("running", words, quiet=True)

    def _free(self) -> None:
        """Make the buttons ready for the next one."""
        self.progress.layout.visibility = "hidden"
        self.run_button.disabled, self.cancel_button.disabled = False, True

    def _show_state(
        self, state: State, words: str, *, alarm: bool = False, quiet: bool = False, details: str = ""
    ) -> None:
        self.state, self.words = state, words
        self.status.value = status_html(state, words, alarm=alarm, quiet=quiet, details=details)


def status_html(state: str, words: str, *, alarm: bool = False, quiet: bool = False, details: str = "") -> str:
    """Return a line that screen readers announce, with what happened where folded below it.

    A ``quiet`` one is not announced: what changes five times a second would drown everything else.
    """
    look, role = ("rkw-alert", "alert") if alarm else ("rkw-hint", "status")
    role = f'{role}" aria-live="off' if quiet else role
    folded = f"<details><summary>Where it happened</summary><pre>{escape(details)}</pre></details>"
    return (
        f'<div class="rkw-status {look}" role="{role}" data-testid="status" data-state="{state}">{escape(words)}'
        f"{folded if details else ''}</div>"
    )


def left_words(seconds: float | None) -> str:
    """Return the time that is left as what is added to a sentence, "" where it is not known.

    >>> left_words(75), left_words(None)
    (', about 1 min 15 s left', '')
    """
    return "" if seconds is None else f", about {duration(seconds)} left"


def duration(seconds: float) -> str:
    """Return a time in words.

    >>> duration(3.2), duration(75), duration(7300)
    ('3 s', '1 min 15 s', '2 h 1 min')
    """
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
