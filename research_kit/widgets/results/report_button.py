"""A button that writes the report of a run, and what opens or saves it."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import ipywidgets as w
from anywidget import AnyWidget

from research_kit.widgets.parts.background import Background
from research_kit.widgets.parts.part import Note, Part, alert, hint, in_voila
from research_kit.widgets.parts.words import told

if TYPE_CHECKING:
    from research_kit.runs.run import Run


class Saver(AnyWidget):
    """Hands a file to the browser, which saves it; it shows nothing itself."""

    _esm = (Path(__file__).parent / "download.js").read_text("utf-8")

    def save(self, path: Path) -> None:
        """Send a file as it is now."""
        self.send({"do": "save", "name": path.name, "type": "text/html"}, [path.read_bytes()])


class ReportButton(Part):
    """Write the report of a run in the background, then open it in a tab or save it.

    Parameters
    ----------
    run
        A run; another may be given to ``show``.

    Attributes
    ----------
    path
        The file that was written, None before.
    """

    def __init__(self, run: Run | None = None) -> None:
        super().__init__()
        self.run: Run | None = None
        self.path: Path | None = None
        self.button = w.Button(description="Make report", icon="file-text-o", tooltip="Write one offline HTML file")
        self.button.add_class("rkw-small")
        self.save_button = w.Button(description="Download", icon="download", tooltip="Save the report's file")
        self.save_button.add_class("rkw-small")
        self.told = Note()
        self.link = w.Output().add_class("rkw-link")
        self._saver = Saver()
        row = w.HBox([self.button, self.save_button, self.link, self.told, self._saver]).add_class("rkw-report")
        self.body = w.VBox([row, self.note])
        self._work = Background("report")
        self._on_click(self.button, self.make)
        self._on_click(self.save_button, self.save)
        self.show(run)

    def __repr__(self) -> str:
        return f"ReportButton({self.path if self.path is not None else 'no report yet'})"

    def show(self, run: Run | None) -> None:
        """Be the button of this run; a report that is being made is still written."""
        self._work.forget()
        self.run, self.path = run, None
        self.button.disabled = run is None
        self._show_file("")

    def make(self) -> None:
        """Write the report; the notebook stays free meanwhile."""
        run = self.run
        if run is None or self._work.is_busy:
            return
        self.button.disabled, self.path = True, None
        self._show_file('<div class="rkw-hint" role="status">Writing the report … The notebook stays free.</div>')
        self._work.start(run.report, self._made, self._failed)

    def save(self) -> None:
        """Let the browser save the report."""
        if self.path is not None:
            self._saver.save(self.path)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the report, at most so many seconds; return whether what was begun has ended."""
        return self._work.wait(timeout)

    def close(self) -> None:
        self._work.forget()
        super().close()

    def _made(self, path: Path) -> None:
        self.path = path
        self.button.disabled = False
        self._show_file(hint(f"{path.name}, {path.stat().st_size / 1e6:.1f} MB, in {path.parent}"))
        self._changed()

    def _failed(self, error: BaseException) -> None:
        self.button.disabled = False
        words = told(error)
        self._show_file(alert(f"There is no report. {words}"))

    def _show_file(self, told: str) -> None:
        self.told.show(told)
        self.save_button.layout.display = None if self.path is not None else "none"
        html = "" if self.path is None else link_html(self.path)
        self.link.layout.display = None if html else "none"
        data = {"text/html": html, "text/plain": str(self.path)}
        self.link.outputs = ({"output_type": "display_data", "data": data, "metadata": {}},) if html else ()


def link_html(path: Path, folder: Path | None = None) -> str:
    """Return a link that opens a file in Jupyter, which serves what lies below the notebook; nothing for others.

    Voilà serves no files.
    """
    if in_voila():
        return ""
    beside = os.path.relpath(path, folder or Path.cwd())
    if beside.startswith(os.pardir) or Path(beside).is_absolute():
        return ""
    target = "/".join(quote(part) for part in Path(beside).parts)
    return f'<a href="{escape(target)}" target="_blank" rel="noopener">Open {escape(path.name)}</a>'
