"""The trades of a run: sorted, narrowed and looked at a page at a time."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import numpy as np

from research_kit.errors import NotFoundError, did_you_mean
from research_kit.widgets.parts.grid import Event, Grid, Row
from research_kit.widgets.parts.part import Part
from research_kit.widgets.results.trade_cells import COLUMNS, NUMBER, columns_of, writers_of

if TYPE_CHECKING:
    import pandas as pd

    from research_kit.runs.run import Run

PAGE = 15  # trades that are shown at once
STATIC = 20  # trades that stay in the notebook
ALL, PROFIT, LOSS, OPEN = "All trades", "With profit", "With loss", "Still open"
BOTH = "Long and short"


class TradesTable(Part):
    """The trades of a run, a page at a time: only that page is in the browser, however many there are.

    Parameters
    ----------
    trades
        A run, or a DataFrame such as ``run.trades``; more may be given to ``show``.

    Attributes
    ----------
    result, side, text
        What the table is narrowed to: two lists and a text that the signals hold.
    shown
        The trades that are left, in the order of the table: a DataFrame.
    current
        The number of the trade that was opened last, counted from 1 in the order of exit; None before.
    """

    def __init__(self, trades: Run | pd.DataFrame | None = None) -> None:
        super().__init__()
        self.grid = Grid(
            "Trades: Enter shows one on the chart",
            COLUMNS,
            openable=True,
            nothing="No trades were made.",
        )
        wide = {"layout": {"width": "auto"}}
        self.result = w.Dropdown(options=[ALL, PROFIT, LOSS, OPEN], tooltip="Which trades by their result", **wide)
        self.side = w.Dropdown(options=[BOTH, "long", "short"], tooltip="Which trades by their side", **wide)
        self.text = w.Text(placeholder="Signal contains …", continuous_update=False, **wide)
        self.filters = w.HBox([self.result, self.side, self.text]).add_class("rkw-filters")
        for name, widget in (("Result", self.result), ("Side", self.side), ("Signal contains", self.text)):
            widget.description, widget.style.description_width = name, "auto"
            self._on_value(widget, self._narrow)
        self.body = w.VBox([self.filters, self.grid, self.note])
        self._opened: list[Callable[[int], None]] = []
        self.grid.on_event(self._heard)
        self._trades: pd.DataFrame | None = None
        self.shown: pd.DataFrame | None = None
        self._page = 0
        if trades is not None:
            self.show(trades)

    def __repr__(self) -> str:
        return f"TradesTable({0 if self._trades is None else len(self._trades):,} trades)"

    @property
    def current(self) -> int | None:
        found: int | None = self.grid.current
        return found

    @property
    def page(self) -> int:
        """The page that is shown, counted from 1; may be set."""
        return self._page + 1

    @page.setter
    def page(self, number: int) -> None:
        last = self.pages
        if not 1 <= number <= last:
            raise NotFoundError(f"There is no page {number}; the trades have {last}.")
        self._page = number - 1
        self._fill()

    @property
    def pages(self) -> int:
        """How many pages there are, 1 at least."""
        return max(-(-self._count // PAGE), 1)

    def show(self, trades: Run | pd.DataFrame) -> None:
        """Show these trades in the place of those before; filters and order begin anew."""
        import pandas as pd

        frame = trades if isinstance(trades, pd.DataFrame) else trades.trades
        writers, columns = writers_of(frame), columns_of(frame)
        self._trades, self._writers = frame.assign(**{NUMBER: range(1, len(frame) + 1)}), writers
        sides = [BOTH, *sorted(map(str, frame["side"].unique()))] if "side" in frame else [BOTH]
        with self.grid.hold_sync():
            self.grid.columns = [vars(column) for column in columns]
            self.grid.sort = self.grid.current = None
        with self._unheard():
            self.result.value, self.text.value, self.side.options = ALL, "", sides
        self.side.layout.display = None if len(sides) > 2 else "none"
        self.filters.layout.display = None if len(frame) > 1 else "none"
        self._narrow()

    def sort_by(self, column: str, *, descending: bool = False) -> None:
        """Sort by a column of the trades, or by ``number``; what is missing comes last."""
        known = [one["key"] for one in self.grid.columns]
        if column not in known:
            raise NotFoundError(f"The table has no column {column!r}. {did_you_mean(column, known)}")
        self.grid.sort = {"column": column, "descending": descending}
        self._narrow()

    def on_open(self, handler: Callable[[int], None]) -> None:
        """Call a handler with the number of each trade that is opened, counted from 1 in the order of exit."""
        self._opened.append(handler)

    def open(self, number: int) -> None:
        """Open a trade by its number, as a click on its row does."""
        count = 0 if self._trades is None else len(self._trades)
        if not 1 <= number <= count:
            raise NotFoundError(f"There is no trade {number}; there are {count:,}.")
        self.grid.current = number
        for handler in self._opened:
            handler(number)

    def static(self) -> str:
        if self.shown is None or self.shown.empty:
            return "<p>No trades.</p>"
        head = "".join(f"<th>{escape(column['title'])}</th>" for column in self.grid.columns)
        rows = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row.cells)}</tr>" for row in self._rows(0, STATIC)
        )
        more = f"<p>The first {STATIC} of {self._count:,} trades.</p>" if self._count > STATIC else ""
        return f"<table><tr>{head}</tr>{rows}</table>{more}"

    def close(self) -> None:
        self._opened.clear()
        super().close()

    @property
    def _count(self) -> int:
        return 0 if self.shown is None else len(self.shown)

    def _heard(self, event: Event) -> None:
        self._guard(lambda: self._do(event))

    def _do(self, event: Event) -> None:
        if event["do"] == "open":
            self.open(int(event["row"]))
        elif event["do"] == "page":
            self.page += 1 if event["to"] == "next" else -1
        elif event["do"] == "sort":
            sort, column = self.grid.sort or {}, str(event["column"])
            self.sort_by(column, descending=sort.get("column") == column and not sort["descending"])

    def _narrow(self) -> None:
        """Choose and order the trades anew, and show the first page."""
        if self._trades is None:
            return
        chosen = self._trades[self._holds(self._trades)]
        sort = self.grid.sort
        if sort is not None:
            order = {"ascending": not sort["descending"], "kind": "stable", "na_position": "last"}
            chosen = chosen.sort_values(sort["column"], **order)
        self.shown, self._page = chosen, 0
        self.grid.nothing = "No trade is like that." if len(self._trades) else "No trades were made."
        self._fill()

    def _holds(self, trades: pd.DataFrame) -> Any:
        """Return for each trade whether the filters let it through; profit and loss are of closed trades."""
        held = _has_result(trades, self.result.value)
        if self.side.value != BOTH:
            held &= trades["side"] == self.side.value
        if words := self.text.value.strip().lower():
            signals = [trades[name] for name in ("entry_signal", "exit_signal") if name in trades]
            found = [signal.astype(str).str.lower().str.contains(words, regex=False) for signal in signals]
            held &= np.logical_or.reduce(found) if found else False
        return held

    def _fill(self) -> None:
        first = self._page * PAGE
        rows = self._rows(first, PAGE)
        total = 0 if self._trades is None else len(self._trades)
        of = f"{self._count:,}" if self._count == total else f"{self._count:,} chosen ones (of {total:,})"
        told = f"Trades {first + 1:,} to {first + len(rows):,} of {of}" if rows else ""
        self.grid.show(rows, told, has_previous=self._page > 0, has_next=self.page < self.pages)
        self._changed()

    def _rows(self, first: int, count: int) -> list[Row]:
        if self.shown is None:
            return []
        names = [column["key"] for column in self.grid.columns]
        records = self.shown[names].iloc[first : first + count].to_dict("records")
        return [
            Row(int(one[NUMBER]), [self._writers[name](one[name]) for name in names], f"trade {one[NUMBER]}")
            for one in records
        ]


def _has_result(trades: pd.DataFrame, result: str) -> Any:
    is_open = trades["exit_time"].isna()
    if result == OPEN:
        return is_open
    if result == ALL:
        return is_open | True
    return ~is_open & (trades["pnl"] > 0 if result == PROFIT else trades["pnl"] < 0)
