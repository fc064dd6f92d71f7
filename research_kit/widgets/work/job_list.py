"""The jobs that wait, run or did not complete: their states, and why."""

from __future__ import annotations

import threading
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from research_kit.runs.jobs.settling import settle
from research_kit.store.listings import jobs_table
from research_kit.widgets.parts.background import Background
from research_kit.widgets.parts.grid import Column, Event, Grid, Row
from research_kit.widgets.parts.part import Note, Part, alert, hint
from research_kit.widgets.parts.words import told

if TYPE_CHECKING:
    from research_kit.widgets.parts.shelf import Shelf

STATES = ("running", "pending", "failed", "cancelled")  # a completed job is a run
UNFINISHED = ("running", "pending")
MOST = 8  # jobs of each state
EVERY = 2.0  # seconds between two looks while something runs
COLUMNS = (
    Column("id", "Job"),
    Column("status", "State", "text"),
    Column("strategy", "Strategy", "text"),
    Column("parameters", "Parameters", "text"),
    Column("dataset", "Dataset", "text"),
    Column("progress", "Done"),
    Column("created_at", "Asked (UTC)"),
    Column("reason", "Step, or why it ended", "text"),
)


class JobList(Part):
    """The newest jobs that are not completed; while some run they are looked at again every two seconds."""

    def __init__(self, ws: Shelf) -> None:
        super().__init__()
        self.ws = ws
        self.heading, self.details, self.trouble = Note(), Note(), Note()
        self.grid = Grid("Jobs: Enter tells more", COLUMNS, openable=True)
        self.cancel_button = w.Button(description="Cancel job", tooltip="End the job that is opened").add_class(
            "rkw-small"
        )
        self.body = w.VBox([self.heading, self.grid, self.details, self.cancel_button, self.trouble, self.note])
        self._rows: dict[int, dict[Any, Any]] = {}
        self._ended: list[Callable[[], None]] = []
        self._cancelling, self._closed = Background("cancel"), threading.Event()
        self._watcher: threading.Thread | None = None
        self.grid.on_event(lambda event: self._guard(lambda: self._do(event)))
        self._on_click(self.cancel_button, self.cancel)
        self.refresh()

    def __repr__(self) -> str:
        return f"JobList({len(self._rows)} jobs)"

    @property
    def unfinished(self) -> list[int]:
        """The ids of the jobs that are shown and have not ended."""
        return [job_id for job_id, row in self._rows.items() if row["status"] in UNFINISHED]

    def refresh(self) -> None:
        """Read the jobs again; those whose worker died are ended first."""
        before = self.unfinished
        settle(self.ws.database)
        tables = [jobs_table(self.ws.database, MOST, status=state) for state in STATES]
        self._rows = {int(row["id"]): row for table in tables for row in table.to_dict("records")}
        self.body.layout.display = None if self._rows else "none"
        self.heading.show(f'<h4 class="rkw-sub">{escape(_summary(self._rows))}</h4>' if self._rows else "")
        self.grid.show([_row(row) for row in self._rows.values()], "")
        self._tell_more()
        if any(job_id not in self.unfinished for job_id in before):
            for handler in self._ended:
                handler()
        if self.unfinished:
            self._watch()
        self._changed()

    def open(self, job_id: int) -> None:
        """Tell more of a job, as a click on its row does."""
        self.grid.current = job_id
        self._tell_more()

    def cancel(self) -> None:
        """Ask for the end of the job that is opened, and wait for it in the background."""
        job_id = self.grid.current
        if job_id in self.unfinished:
            self.cancel_button.disabled = True
            self.trouble.show("")
            self._cancelling.start(self.ws.job(job_id).cancel, lambda _: self.refresh(), self._failed)

    def on_end(self, handler: Callable[[], None]) -> None:
        """Call a handler when a job that was not finished has ended."""
        self._ended.append(handler)

    def close(self) -> None:
        self._closed.set()
        self._cancelling.forget()
        self._ended.clear()
        super().close()

    def static(self) -> str:
        rows = "".join(
            f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row['cells'])}</tr>" for row in self.grid.rows
        )
        return f"{self.heading.value}<table>{rows}</table>" if rows else ""

    def _do(self, event: Event) -> None:
        if event["do"] == "open":
            self.open(int(event["row"]))

    def _tell_more(self) -> None:
        row = self._rows.get(self.grid.current or 0)
        ends = row is not None and row["status"] in UNFINISHED
        self.cancel_button.layout.display = None if ends else "none"
        self.cancel_button.disabled = bool(row is not None and row["cancel_requested"])
        if row is None:
            self.details.show("")
            return
        reason = str(row["error_message"] or "")
        self.details.show(f"<pre>{escape(reason)}</pre>" if reason else hint(f"Job {row['id']} is {row['status']}."))

    def _failed(self, error: BaseException) -> None:
        self.trouble.show(alert(told(error)))
        self.cancel_button.disabled = False

    def _watch(self) -> None:
        if self._watcher is None or not self._watcher.is_alive():
            self._watcher = threading.Thread(target=self._look, name="research-kit-jobs", daemon=True)
            self._watcher.start()

    def _look(self) -> None:
        """Look again until nothing runs; a database that is gone ends it."""
        while not self._closed.wait(EVERY) and self.unfinished:
            self._guard(self.refresh)
            if self.note.value:
                return


def _summary(rows: dict[int, dict[Any, Any]]) -> str:
    counts = {state: sum(row["status"] == state for row in rows.values()) for state in STATES}
    words = [f"{count}{'+' if count == MOST else ''} {state}" for state, count in counts.items() if count]
    return f"Jobs: {', '.join(words)}"


def _row(one: dict[Any, Any]) -> Row:
    parameters = ", ".join(f"{name}={value}" for name, value in (one["strategy_params"] or {}).items())
    dataset = one["dataset"] if isinstance(one["dataset"], str) else "–"
    ended = one["status"] not in UNFINISHED
    why = one["error_message"] if ended else one["current_step"]
    reason = str(why or "").strip().partition("\n")[0]
    texts = [f"{one['id']}", one["status"], str(one["strategy"]), parameters, dataset, f"{one['progress']:.0%}"]
    return Row(int(one["id"]), [*texts, f"{one['created_at']:%Y-%m-%d %H:%M}", reason], f"job {one['id']}")
