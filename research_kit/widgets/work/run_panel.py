"""Run, watch, cancel: a button, a bar with the step and the time left, and how it ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

import ipywidgets as w

from research_kit.errors import ResearchKitError, error_text
from research_kit.runs.places import place_of
from research_kit.widgets.parts.turn import TURN
from research_kit.widgets.parts.words import LONGEST_ERROR
from research_kit.widgets.work.errands import Ending, Errand, JobErrand, Request, Standing, begin, unfinished
from research_kit.widgets.work.runner import Runner, left_words

if TYPE_CHECKING:
    from research_kit.runs.jobs.job import Job
    from research_kit.runs.run import Run
    from research_kit.widgets.parts.bench import Bench


class RunPanel(Runner):
    """Starts what ``ask`` returns in another process, shows how far it is, and ends it when that is asked for.

    Parameters
    ----------
    ws
        The workspace.
    ask
        Returns what is to be run when Run is pressed; what it raises is shown, and nothing is started.
    on_start, on_run, on_stop
        Called when a run begins, with each run that completed (from a thread), and when one ended in another way.

    Attributes
    ----------
    last_run
        The newest run that completed; None before the first.
    errand
        The run on its way, or the last one.
    """

    def __init__(
        self,
        ws: Bench,
        ask: Callable[[], Request],
        *,
        on_start: Callable[[], None] | None = None,
        on_run: Callable[[Run], None] | None = None,
        on_stop: Callable[[], None] | None = None,
    ) -> None:
        button = w.Button(
            description="Run backtest", icon="play", button_style="primary", tooltip="Run, record and show a backtest"
        )
        super().__init__(button, "End the run")
        self.bench, self.ask = ws, ask
        self.last_run: Run | None = None
        self.errand: Errand | None = None
        self._on_start, self._on_run, self._on_stop = on_start, on_run, on_stop
        self.leave_button = w.Button(
            description="Leave it running",
            tooltip="Stop watching: the run goes on in its process and is recorded",
            layout={"display": "none"},
        ).add_class("rkw-quiet")
        self.body = w.VBox([*self.bar, self.leave_button, self.note])
        self._on_click(self.leave_button, self.leave)

    def __repr__(self) -> str:
        return f"RunPanel({self.words or self.state})"

    def run(self) -> None:
        """Start a run of what is asked for; ``wait`` waits for it. Nothing happens while one runs."""
        with self._starting:  # on some kernels callbacks and cells run at the same time
            if self.state == "running":
                return
            try:
                errand = begin(self.bench, self.ask())
            except ResearchKitError as error:
                self._show_state("failed", f"Not started. {error}", alarm=True)
                self._changed()
                return
            self._watch(errand)

    def follow(self, job: Job | int) -> None:
        """Watch a job that was submitted before, by whomever, as if it had been started here."""
        with self._starting:
            if self.state != "running":
                self._watch(JobErrand(self.bench.job(job) if isinstance(job, int) else job))

    def find(self) -> bool:
        """Follow the newest submitted job that has not ended, where there is one; return whether there is."""
        waiting = unfinished(self.bench)
        if waiting:
            self.follow(waiting[0])
        return bool(waiting)

    def cancel(self) -> None:
        """Ask for the end of the run; what it did is not recorded, but that it was tried."""
        if self.errand is not None and self.state == "running":
            self.cancel_button.disabled = True
            self._show_state("running", f"Cancelling {self.errand.title} …")
            self.errand.cancel()

    def leave(self) -> None:
        """Stop watching; a run in another process goes on and is recorded."""
        if self.errand is not None and self.state == "running":
            self.errand.leave()

    def static(self) -> str:
        """Return how the last run ended; of one that runs, that it did when this was kept."""
        when = "When this copy was made: " if self.state == "running" else ""
        return f'<p class="rkw-faint">{when}{escape(self.words)}</p>'

    def close(self) -> None:
        """Stop watching, and free the widgets; a run that was started is still recorded."""
        if self.errand is not None:
            self.errand.leave()
        super().close()

    def _watch(self, errand: Errand) -> None:
        self.errand = errand
        self.leave_button.layout.display = None if isinstance(errand, JobErrand) else "none"
        self._begin(f"Running {errand.title}: {errand.where} …")
        if self._on_start:
            self._on_start()
        self._changed()
        self._thread = threading.Thread(target=self._work, args=(errand,), name="research-kit-run", daemon=True)
        self._thread.start()

    def _work(self, errand: Errand) -> None:
        """Wait in the background: every end, good or bad, leaves the button free and a message."""
        started = time.perf_counter()
        ending = errand.carry_out(self._tell)
        try:
            if ending.run is not None:
                self.last_run = ending.run
                if self._on_run:
                    with TURN:
                        self._on_run(ending.run)
            elif self._on_stop:
                self._on_stop()
        except Exception as error:
            words = f"The run is recorded, but it cannot be shown. {error_text(error, LONGEST_ERROR)}"
            ending = Ending("failed", words=words, place=place_of(error))
        finally:
            self.leave_button.layout.display = "none"
            self._free()
        self._end(ending, errand, time.perf_counter() - started)

    def _end(self, ending: Ending, errand: Errand, took: float) -> None:
        if ending.run is not None and ending.state == "completed":
            self._show_state("completed", f"Run {ending.run.id} completed in {took:.1f} s.")
        elif ending.state == "cancelled":
            self._show_state("cancelled", f"Cancelled after {took:.1f} s: {errand.title}.")
        elif ending.state == "left":
            self._show_state("ready", f"{errand.title} goes on: {errand.where}.")
        else:
            self._show_state("failed", f"Failed. {ending.words}", alarm=True, details=ending.place)
        self._changed()

    def _tell(self, standing: Standing) -> None:
        where = f" ({self.errand.where})" if self.errand else ""
        words = f"{standing.step.capitalize()} … {standing.done:.0%}{left_words(standing.seconds_left)}{where}"
        self._advance(standing.done, words)
