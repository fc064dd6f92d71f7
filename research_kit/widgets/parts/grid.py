"""One page of a table: sorted, opened and chosen from by mouse or keys; the rows stay in the kernel, a page travels.

Written on anywidget rather than taken from a grid library: with itables 2.9 a table of 50,000 trades is a state of
15 MB, 0.7 MB without any row, its rows cannot be reached by keys, and it cannot page through a database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import traitlets as t
from anywidget import AnyWidget

from research_kit.errors import OptionError, did_you_mean

_HERE = Path(__file__).parent
Event = Mapping[str, Any]
EVENTS = {"sort": "column", "open": "row", "choose": "row", "page": "to"}  # what happens, and what it is told with


@dataclass(frozen=True)
class Column:
    """A column: its key, its heading, what its texts are (``signed`` numbers begin with + or -), its explanation."""

    key: str
    title: str
    kind: Literal["text", "number", "signed"] = "number"
    sortable: bool = False
    tip: str = ""


@dataclass(frozen=True)
class Row:
    """A row: its key, the texts of its cells, and the name by which screen readers tell its tick box from others."""

    key: int
    cells: Sequence[str]
    name: str = ""


class Grid(AnyWidget):
    """A page of a table. Texts are plain: whatever they hold is shown and never read as HTML.

    ``on_event`` is told what users do: ``{"do": "open", "row": 7}``, ``{"do": "choose", "row": 7, "on": True}``,
    ``{"do": "sort", "column": "pnl"}``, ``{"do": "page", "to": "next"}``.
    """

    _esm = (_HERE / "grid.js").read_text("utf-8")

    label = t.Unicode().tag(sync=True)
    columns: t.List[Any] = t.List().tag(sync=True)
    rows: t.List[Any] = t.List().tag(sync=True)
    sort: Any = t.Dict(None, allow_none=True).tag(sync=True)
    openable = t.Bool(False).tag(sync=True)
    choosable = t.Bool(False).tag(sync=True)
    chosen: t.List[Any] = t.List().tag(sync=True)
    current: Any = t.Int(None, allow_none=True).tag(sync=True)
    told = t.Unicode().tag(sync=True)
    nothing = t.Unicode("There is nothing to show.").tag(sync=True)
    has_previous = t.Bool(False).tag(sync=True)
    has_next = t.Bool(False).tag(sync=True)

    def __init__(self, label: str, columns: Sequence[Column], **given: Any) -> None:
        super().__init__(label=label, columns=[asdict(column) for column in columns], **given)
        self._handlers: list[Callable[[Event], None]] = []
        self.on_msg(self._heard)

    def show(self, rows: Sequence[Row], told: str, *, has_previous: bool = False, has_next: bool = False) -> None:
        """Show these rows in the place of those before; ``told`` says which they are, of how many."""
        page = [asdict(row) | {"cells": list(row.cells)} for row in rows]
        with self.hold_sync():
            self.rows, self.told = page, told
            self.has_previous, self.has_next = has_previous, has_next

    def on_event(self, handler: Callable[[Event], None]) -> None:
        """Call a handler with whatever users do from now on."""
        self._handlers.append(handler)

    def tell(self, **event: Any) -> None:
        """Do what a user does in the browser: ``grid.tell(do="open", row=7)``."""
        do = event.get("do")
        if do not in EVENTS or EVENTS[do] not in event:
            raise OptionError(f"A table knows no event {event!r}. {did_you_mean(str(do), EVENTS)}")
        for handler in self._handlers:
            handler(event)

    def close(self) -> None:
        self._handlers.clear()
        super().close()

    def _heard(self, _: Any, content: Any, __: Any) -> None:
        if isinstance(content, dict) and EVENTS.get(str(content.get("do"))) in content:
            self.tell(**content)
