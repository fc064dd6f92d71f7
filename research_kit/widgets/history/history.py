"""The history of a workspace: what ran, marked, compared, deleted; and the jobs that run or failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from html import escape
from typing import TYPE_CHECKING

import ipywidgets as w

from research_kit.errors import OptionError, listed
from research_kit.widgets.history.compare import MOST, CompareView
from research_kit.widgets.history.run_list import RunList
from research_kit.widgets.parts.part import Note, Part, hint
from research_kit.widgets.results.run_view import RunView
from research_kit.widgets.work.job_list import JobList

if TYPE_CHECKING:
    from research_kit.widgets.parts.shelf import Shelf

NOTHING = "Tick runs to compare, tag, pin or delete them; a click on a row, or Enter, opens it."


class History(Part):
    """The recorded runs of a workspace: find, open, compare, tag, note, pin, delete.

    What is opened or compared is shown below, unless ``on_open`` or ``on_compare`` gave it to somebody else.

    Parameters
    ----------
    ws
        The workspace, from ``rk.open_workspace``.

    Attributes
    ----------
    runs
        The list: ``runs.filters``, ``runs.chosen``, ``runs.open(7)``.
    jobs
        The jobs that wait, run, failed or were cancelled.
    chosen
        The ids of the runs that are ticked; may be set.
    opened, compared
        Where a run, and a comparison, is shown.
    """

    def __init__(self, ws: Shelf) -> None:
        super().__init__()
        self.ws = ws
        self.runs, self.jobs = RunList(ws, choosable=True), JobList(ws)
        self.opened = RunView()
        self.compared = CompareView(ws)
        self._asked: list[int] = []
        self._opened: list[Callable[[int], None]] = []
        self._compares: list[Callable[[list[int]], None]] = []
        self._build()
        self.runs.on_open(self._open)
        self.runs.on_change(self._show_chosen)
        self.jobs.on_end(self.runs.refresh)
        self._show_chosen()

    def __repr__(self) -> str:
        return f"History({len(self.runs.shown)} runs on page {self.runs.page})"

    @property
    def chosen(self) -> list[int]:
        return self.runs.chosen

    @chosen.setter
    def chosen(self, ids: Iterable[int]) -> None:
        self.runs.chosen = list(ids)

    def on_open(self, handler: Callable[[int], None]) -> None:
        """Give the id of each run that is opened to a handler, instead of showing the run below."""
        self._opened.append(handler)

    def on_compare(self, handler: Callable[[list[int]], None]) -> None:
        """Give the ids of the runs that are compared to a handler, instead of comparing them below."""
        self._compares.append(handler)

    def refresh(self) -> None:
        """Read runs and jobs again; the page, the filters and what is ticked stay."""
        self.jobs.refresh()
        self.runs.refresh()

    def compare(self) -> None:
        """Compare the runs that are ticked: two to six."""
        ids = sorted(self._needed(least=2, most=MOST))
        for handler in self._compares:
            handler(ids)
        if not self._compares:
            self.compared.show(*(self.ws.load_run(run_id) for run_id in ids))
            self.place.children = (self.compared.body,)

    def pin(self, pinned: bool = True) -> None:
        """Pin the runs that are ticked, or take their pins off."""
        self._each(lambda run_id: self.ws.pin(run_id, pinned))

    def tag(self, tags: str) -> None:
        """Put tags, parted by commas, on the runs that are ticked."""
        self._each(lambda run_id: self.ws.tag(run_id, *_words(tags)))

    def untag(self, tags: str) -> None:
        """Take tags, parted by commas, off the runs that are ticked."""
        self._each(lambda run_id: self.ws.untag(run_id, *_words(tags)))

    def write_note(self, note: str) -> None:
        """Write a note on the runs that are ticked; an empty one takes theirs away."""
        self._each(lambda run_id: self.ws.note(run_id, note))

    def ask_delete(self) -> None:
        """Ask whether the runs that are ticked shall be deleted."""
        ids = self._needed()
        words = (
            f"Delete run{'s' * (len(ids) > 1)} {listed(map(str, sorted(ids)))}, with trades, metrics, tags and notes?"
        )
        told = f"{words} That is for ever; what was tried stays counted as tried."
        self.question.show(f'<div class="rkw-question" role="alert">{escape(told)}</div>')
        self.sure.layout.display = None
        self._asked = ids

    def delete(self) -> None:
        """Delete the runs that were asked about; their trials stay counted."""
        asked, gone = list(self._asked), set(self._asked)
        self.keep()
        for run_id in asked:
            self.ws.delete_backtest(run_id)
        if self.opened.run is not None and self.opened.run.id in gone:
            self.place.children = ()
        self.runs.grid.current = None if self.runs.current in gone else self.runs.current
        self.chosen = [run_id for run_id in self.chosen if run_id not in gone]
        self.runs.refresh()

    def keep(self) -> None:
        """Keep the runs that were asked about."""
        self._asked.clear()
        self.sure.layout.display = "none"

    def static(self) -> str:
        return self.runs.static() + self.jobs.static()

    def close(self) -> None:
        self._opened.clear()
        self._compares.clear()
        for part in (self.runs, self.jobs, self.opened, self.compared):
            part.close()
        super().close()

    def _build(self) -> None:
        self.chosen_text = Note()
        self.compare_button = self._button("Compare", "Two to six runs over one another", self.compare)
        self.pin_button = self._button("Pin", "Pin the runs that are ticked", self.pin)
        self.unpin_button = self._button("Unpin", "Take their pins off", partial(self.pin, False))
        self.delete_button = self._button("Delete …", "Asks once; what was tried stays counted", self.ask_delete)
        self.tag_text = w.Text(placeholder="tags, parted by commas", description="Tags", layout={"width": "auto"})
        self.tag_button = self._button("Add", "Put these tags on the runs that are ticked", self._tag)
        self.untag_button = self._button("Remove", "Take these tags off", lambda: self.untag(self.tag_text.value))
        self.note_text = w.Textarea(
            placeholder="what to remember", description="Note", rows=1, layout={"width": "auto"}
        )
        self.note_button = self._button("Save note", "Write it on the runs that are ticked", self._write_note)
        self.refresh_button = self._button("Refresh", "Read runs and jobs again", self.refresh)
        for field in (self.tag_text, self.note_text):
            field.style.description_width = "auto"
        self.question = Note()
        self.yes_button = self._button("Delete", "Delete them for ever", self.delete)
        self.yes_button.button_style = "danger"
        self.no_button = self._button("Keep", "Keep them", self.keep)
        self.sure = w.HBox([self.question, self.yes_button, self.no_button]).add_class("rkw-actions")
        self.sure.layout.display = "none"
        first = [self.compare_button, self.pin_button, self.unpin_button, self.delete_button]
        second = [self.tag_text, self.tag_button, self.untag_button, self.note_text, self.note_button]
        self.marks = w.HBox(second).add_class("rkw-actions")
        self.place = w.VBox()
        actions = w.HBox([self.chosen_text, *first, self.refresh_button]).add_class("rkw-actions")
        top = [self.runs.body, actions, self.marks, self.sure, self.note]
        self.body = w.VBox([*top, self.jobs.body, self.place]).add_class("rkw-history")

    def _button(self, title: str, tip: str, handler: Callable[[], None]) -> w.Button:
        button = w.Button(description=title, tooltip=tip).add_class("rkw-small")
        self._on_click(button, handler)
        return button

    def _open(self, run_id: int) -> None:
        for handler in self._opened:
            handler(run_id)
        if not self._opened:
            run = self.ws.load_run(run_id)
            self.place.children = (self.opened.body,)
            self.opened.show(run)

    def _show_chosen(self) -> None:
        ids = self.chosen
        self.chosen_text.show(hint(f"Ticked: {listed(map(str, ids))}." if ids else NOTHING))
        self.compare_button.disabled = not 2 <= len(ids) <= MOST
        for button in (self.pin_button, self.unpin_button, self.delete_button):
            button.disabled = not ids
        self.marks.layout.display = None if ids else "none"
        if self._asked and self._asked != ids:
            self.keep()
        self._changed()

    def _tag(self) -> None:
        self.tag(self.tag_text.value)
        self.tag_text.value = ""

    def _write_note(self) -> None:
        self.write_note(self.note_text.value)
        self.note_text.value = ""

    def _needed(self, least: int = 1, most: int | None = None) -> list[int]:
        ids = self.chosen
        if len(ids) < least or (most is not None and len(ids) > most):
            wanted = f"{least} to {most} runs" if most else "a run"
            raise OptionError(f"Tick {wanted} first; {len(ids)} are ticked.")
        return ids

    def _each(self, change: Callable[[int], object]) -> None:
        for run_id in self._needed():
            change(run_id)
        self.runs.refresh()


def _words(tags: str) -> list[str]:
    return [word for word in tags.split(",") if word.strip()]
