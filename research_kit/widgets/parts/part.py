"""What all controls share: how they are shown, how they listen, and what they leave behind when they are closed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as w
from anywidget import AnyWidget

from research_kit.errors import error_text
from research_kit.widgets.parts.kept import KeptView
from research_kit.widgets.parts.turn import TURN
from research_kit.widgets.parts.words import LONGEST_ERROR


def style_sheet() -> w.HTML:
    """Return the invisible element that brings the controls' style."""
    sheets = sorted(Path(__file__).parent.glob("style*.css"))
    css = "".join(sheet.read_text("utf-8") for sheet in sheets)
    return w.HTML(f"<style>{css}</style>", layout={"display": "none"})


def alert(message: str) -> str:
    """Return a message as an element that screen readers announce; nothing for no message.

    >>> alert("<b> is too long")
    '<div class="rkw-alert" role="alert">&lt;b&gt; is too long</div>'
    """
    return f'<div class="rkw-alert" role="alert">{escape(message)}</div>' if message else ""


def hint(message: str) -> str:
    """Return a message as small, quiet text; nothing for no message."""
    return f'<div class="rkw-hint">{escape(message)}</div>' if message else ""


def in_voila() -> bool:
    """Return whether this kernel serves a page of Voilà, which names itself in the environment."""
    return os.environ.get("SERVER_SOFTWARE", "").startswith("voila")


class Keys(AnyWidget):
    """Keeps what is typed in a control from the application's own shortcuts; it shows nothing itself."""

    _esm = (Path(__file__).parent / "keys.js").read_text("utf-8")


class Note(w.HTML):  # type: ignore[misc]
    """HTML that takes no room while it is empty."""

    def __init__(self, html: str = "") -> None:
        super().__init__()
        self.show(html)

    def show(self, html: str) -> None:
        """Show this HTML, in which every text is escaped already."""
        self.value = html
        self.layout.display = None if html else "none"


class Part:
    """A control: ``body`` holds its widgets, ``view`` is the body with its style, ``note`` says what went wrong.

    An error in a handler is shown in the note: Jupyter itself would hide it in a log. Shown in a cell, it leaves beside
    the live view what it shows as plain HTML (``static``), for when the notebook is opened without its kernel.
    """

    body: w.Box

    def __init__(self) -> None:
        self.note = Note()
        self.kept = KeptView()
        self._undo: list[Callable[[], None]] = []
        self._listeners: list[Callable[[], None]] = []
        self._deaf: int | None = None  # the thread that sets own widgets

    @cached_property
    def view(self) -> w.VBox:
        """The widget to display; naming the control at the end of a cell does the same."""
        return w.VBox([style_sheet(), Keys(), self.kept.hider, self.body]).add_class("rkw-root")

    def static(self) -> str:
        """Return what is shown now as HTML that needs neither kernel nor style sheet; every text is escaped."""
        return f"<p>{escape(repr(self))}</p>"

    def on_change(self, handler: Callable[[], None]) -> None:
        """Call a handler whenever something else is chosen or typed; an error in it is shown here."""
        self._listeners.append(handler)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = self.view._repr_mimebundle_(**kwargs)
        if isinstance(bundle, dict):  # what an export shows where no widget can live
            bundle |= {"text/html": self.static(), "text/plain": repr(self)}
        return bundle

    def _ipython_display_(self, **kwargs: Any) -> None:
        bundle = self.view._repr_mimebundle_(**kwargs)
        live = bundle if isinstance(bundle, dict) else bundle[0]
        self.kept.display(live | {"text/plain": repr(self)}, self.static())

    def _changed(self) -> None:
        """Tell whoever listens, and keep what is shown now in the notebook."""
        for listener in list(self._listeners):
            listener()
        self._keep()

    def _keep(self) -> None:
        """Bring the static copy in the notebook up to date, where there is one."""
        if self.kept.is_displayed:
            self.kept.update(self.static(), repr(self))

    def close(self) -> None:
        """Stop listening, and free the widgets here and in the browser; what was shown stays as plain HTML."""
        self._keep()
        self._listeners.clear()
        while self._undo:
            self._undo.pop()()
        close_tree(self.view)

    @contextmanager
    def _unheard(self) -> Iterator[None]:
        """Set own widgets without taking it for something that a user chose or typed."""
        before, self._deaf = self._deaf, threading.get_ident()
        try:
            yield
        finally:
            self._deaf = before

    def _on_value(self, widget: w.Widget, handler: Callable[[], None]) -> None:
        def guarded(_: Any) -> None:
            if self._deaf != threading.get_ident():
                self._guard(handler)

        widget.observe(guarded, names="value")
        self._undo.append(lambda: widget.unobserve(guarded, names="value"))

    def _on_click(self, button: w.Button, handler: Callable[[], None], *, pause: float = 0.0) -> None:
        def guarded(_: Any) -> None:
            time.sleep(pause)
            self._guard(handler)

        button.on_click(guarded)
        self._undo.append(lambda: button.on_click(guarded, remove=True))

    def _guard(self, handler: Callable[[], None]) -> None:
        """Run a handler when it is its turn; its error is shown in the note."""
        with TURN:
            self.note.show("")
            try:
                handler()
            except Exception as error:
                self.note.show(alert(error_text(error, LONGEST_ERROR)))


def close_tree(widget: w.Widget) -> None:
    for child in getattr(widget, "children", ()):
        close_tree(child)
    for name in ("layout", "style"):
        if isinstance(owned := getattr(widget, name, None), w.Widget):
            owned.close()
    widget.close()
