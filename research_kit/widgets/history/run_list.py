"""The recorded runs of a workspace, a page at a time: to choose one from, or several."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from research_kit.errors import NotFoundError
from research_kit.metrics.registry import METRICS, UNDEFINED, format_value
from research_kit.widgets.history.run_filters import RunFilters
from research_kit.widgets.parts.grid import Column, Event, Grid, Row
from research_kit.widgets.parts.part import Part

if TYPE_CHECKING:
    from research_kit.runs.run import Run
    from research_kit.widgets.parts.shelf import Shelf

PAGE = 15  # runs that are shown at once
_METRICS = (
    *(("total_return_percent", "Return"), ("sharpe_ratio", "Sharpe"), ("max_drawdown_percent", "Drawdown")),
    ("total_trades", "Trades"),
)
COLUMNS = (
    Column("id", "Run"),
    Column("pinned", "Pin", "text", tip="★ where it is pinned"),
    Column("strategy", "Strategy", "text"),
    Column("parameters", "Parameters", "text"),
    Column("dataset", "Dataset", "text"),
    *(Column(name, title, tip=METRICS[name].meaning) for name, title in _METRICS),
    Column("tags", "Tags", "text"),
    Column("note", "Note", "text"),
    Column("created_at", "Recorded (UTC)"),
)


class RunList(Part):
    """A page of the recorded runs, newest first, and the controls that narrow it; each page is one short question.

    Attributes
    ----------
    filters
        The controls; ``filters.which`` is what is asked for.
    shown
        The ids on the page.
    chosen
        The ids that are ticked, in the order in which they were, where runs can be ticked.
    current
        The id of the run that was opened last, None before.
    """

    def __init__(self, ws: Shelf, *, choosable: bool = False) -> None:
        super().__init__()
        self.ws = ws
        self.filters = RunFilters(ws)
        self.grid = Grid("Runs: Enter opens one", COLUMNS, openable=True, choosable=choosable)
        self.body = w.VBox([self.filters.body, self.grid, self.filters.note, self.note])
        self._opened: list[Callable[[int], None]] = []
        self._before: list[int | None] = [None]  # where each page up to this one begins
        self.shown: list[int] = []
        self.filters.on_change(self._narrow)
        self.grid.on_event(lambda event: self._guard(lambda: self._do(event)))
        self._fill()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.shown)} runs on page {self.page})"

    @property
    def chosen(self) -> list[int]:
        return list(self.grid.chosen)

    @chosen.setter
    def chosen(self, ids: list[int]) -> None:
        self.grid.chosen = list(dict.fromkeys(ids))
        self._changed()

    @property
    def current(self) -> int | None:
        found: int | None = self.grid.current
        return found

    @property
    def page(self) -> int:
        """The page that is shown, counted from 1."""
        return len(self._before)

    def on_open(self, handler: Callable[[int], None]) -> None:
        """Call a handler with the id of each run that is opened."""
        self._opened.append(handler)

    def open(self, run_id: int) -> None:
        """Open a run, as a click on its row does."""
        self.grid.current = run_id
        for handler in self._opened:
            handler(run_id)
        self._changed()

    def next_page(self) -> None:
        """Show the older runs behind these."""
        if not self.grid.has_next:
            raise NotFoundError("There are no older runs.")
        self._before.append(self.shown[-1])
        self._fill()

    def previous_page(self) -> None:
        """Show the page before."""
        if self.page == 1:
            raise NotFoundError("There are no newer runs.")
        self._before.pop()
        self._fill()

    def refresh(self) -> None:
        """Read this page again, and what there is to choose from."""
        self.filters.refresh()
        self._fill()

    def static(self) -> str:
        head = "".join(f"<th>{escape(column.title)}</th>" for column in COLUMNS)
        rows = "".join(
            f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row['cells'])}</tr>" for row in self.grid.rows
        )
        return f"<table><tr>{head}</tr>{rows}</table><p>{escape(self.grid.told)}</p>"

    def close(self) -> None:
        self._opened.clear()
        self.filters.close()
        super().close()

    def _narrow(self) -> None:
        self._before = [None]
        self._fill()

    def _do(self, event: Event) -> None:
        if event["do"] == "open":
            self.open(int(event["row"]))
        elif event["do"] == "page":
            self.next_page() if event["to"] == "next" else self.previous_page()
        elif event["do"] == "choose":
            others = [run_id for run_id in self.chosen if run_id != event["row"]]
            self.chosen = [*others, int(event["row"])] if event.get("on") else others

    def _fill(self) -> None:
        found = self.ws.backtests(PAGE + 1, self._before[-1], **self.filters.which)  # one more: is there another page?
        records = found.head(PAGE).to_dict("records")
        self.shown = [int(one["id"]) for one in records]
        self.grid.nothing = "No run is like that." if self.filters.is_narrow else "No run was recorded yet."
        told = f"Page {self.page}: runs {self.shown[0]:,} to {self.shown[-1]:,}" if self.shown else ""
        rows = [_row(one) for one in records]
        self.grid.show(rows, told, has_previous=self.page > 1, has_next=len(found) > PAGE)
        self._changed()


class BacktestPicker(RunList):
    """Choose one recorded run; ``value`` is its id, None for none.

    Parameters
    ----------
    ws
        The workspace, from ``rk.open_workspace``.
    """

    def __init__(self, ws: Shelf) -> None:
        super().__init__(ws)

    @property
    def value(self) -> int | None:
        """The id of the run that is chosen; may be set."""
        return self.current

    @value.setter
    def value(self, run_id: int | None) -> None:
        if run_id is None:
            self.grid.current = None
            self._changed()
            return
        self.ws.load_run(run_id)  # says where there is none
        self.open(run_id)

    @property
    def run(self) -> Run | None:
        """The run that is chosen."""
        return None if self.value is None else self.ws.load_run(self.value)


def _row(one: dict[Any, Any]) -> Row:
    parameters = ", ".join(f"{name}={value}" for name, value in (one["strategy_params"] or {}).items())
    metrics = [format_value(name, one[name]) for name, _ in _METRICS]
    dataset, note = (str(one[name]) if isinstance(one[name], str) else "" for name in ("dataset", "note"))
    texts = [f"{one['id']}", "★" if one["pinned"] else "", str(one["strategy_name"]), parameters, dataset or UNDEFINED]
    marks = [", ".join(one["tags"]), note.partition("\n")[0]]
    return Row(int(one["id"]), [*texts, *metrics, *marks, f"{one['created_at']:%Y-%m-%d %H:%M}"], f"run {one['id']}")
