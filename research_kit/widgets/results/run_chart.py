"""The chart of a run, drawn again with all its points where it is zoomed; and one trade from close by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import numpy as np
from anywidget import AnyWidget

from research_kit.charts.refine import Moment, window_slice
from research_kit.charts.series import CANDLE_LIMIT, TRADE_COLUMNS, BacktestSeries, epoch_ms, stamps
from research_kit.errors import NotFoundError
from research_kit.widgets.parts.chart import Chart
from research_kit.widgets.parts.part import Note, Part, hint

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from research_kit.runs.run import Run

_LEAST = 4  # bars of a part that is worth drawing


class ZoomEar(AnyWidget):
    """Hears the chart in the same box being zoomed. Where no chart can be heard, nothing happens."""

    _esm = (Path(__file__).parent / "zoom.js").read_text("utf-8")


class RunChart(Part):
    """Equity, drawdown, price and trades of a run; ``window`` is the part that is shown, None for the whole.

    Zooming with the mouse, or setting the two days, draws that part anew with every point that it has room for. The
    figure itself travels as data (a live figure would bring 5 MB of JavaScript into each view).
    """

    def __init__(self) -> None:
        super().__init__()
        self.series: BacktestSeries | None = None
        self.window: tuple[Moment, Moment] | None = None
        self.chart = Chart()
        self._ear = ZoomEar()
        self._ear.on_msg(self._heard)
        narrow = {"style": {"description_width": "auto"}, "layout": {"width": "auto"}}
        self.start = w.DatePicker(description="From", tooltip="First day to show", **narrow)
        self.end = w.DatePicker(description="to", tooltip="Last day to show", **narrow)
        self.whole_button = w.Button(description="Whole run", tooltip="Show the whole run again", disabled=True)
        self.whole_button.add_class("rkw-small")
        self.told = Note()
        self.controls = w.HBox([self.start, self.end, self.whole_button, self.told]).add_class("rkw-period")
        self.body = w.VBox([self.chart.view, self.controls, self._ear, self.note]).add_class("rkw-zoom")
        self.controls.layout.display = "none"
        self._name = "chart"
        self._on_value(self.start, self._typed)
        self._on_value(self.end, self._typed)
        self._on_click(self.whole_button, self.show_whole)

    def __repr__(self) -> str:
        return f"RunChart({self._name})"

    def show(self, run: Run) -> None:
        """Show a run in the place of the one before."""
        self.series, self._name = replace(run.chart_series, title=""), f"run-{run.id}"
        self.controls.layout.display = None
        self.show_whole()

    def show_whole(self) -> None:
        """Show the whole run."""
        self._draw(self._series, None)

    def show_window(self, start: Moment, end: Moment) -> None:
        """Show a part of the run with all the points that there is room for: days such as "2024-01-31", or times."""
        part = window_slice(self._series.time, start, end)
        if part.stop - part.start >= len(self._series.time):
            self.show_whole()
        elif part.stop - part.start >= _LEAST:
            self._draw(part_of(self._series, part), (start, end))

    def close(self) -> None:
        self.chart.show(None)
        super().close()

    @property
    def _series(self) -> BacktestSeries:
        if self.series is None:
            raise NotFoundError("There is no chart yet: show a run first.")
        return self.series

    def _draw(self, part: BacktestSeries, window: tuple[Moment, Moment] | None) -> None:
        from research_kit.charts.backtests.backtest import backtest_figure

        self.chart.show(backtest_figure(part), name=self._name)
        self.window = window
        self.whole_button.disabled = window is None
        first, last = stamps(part.time[[0, -1]])
        shown = f"{len(part.time):,} of {len(self._series.time):,} bars" if window else f"{len(part.time):,} bars"
        self.told.show(hint(f"{first} to {last}: {shown}"))
        with self._unheard():
            self.start.value, self.end.value = (_day(time) for time in part.time[[0, -1]])

    def _typed(self) -> None:
        if self.start.value and self.end.value:
            last = np.datetime64(max(self.start.value, self.end.value)) + np.timedelta64(1, "D")
            first = np.datetime64(min(self.start.value, self.end.value))
            self.show_window(first, last - np.timedelta64(1, "ms"))

    def _heard(self, _: Any, content: Any, __: Any) -> None:
        if isinstance(content, Mapping) and self.series is not None:
            self._guard(partial(self._zoomed, content))

    def _zoomed(self, event: Mapping[str, Any]) -> None:
        if event.get("do") == "whole" and self.window is not None:
            self.show_whole()
        elif event.get("do") == "zoom":
            self.show_window(event["start"], event["end"])


class TradeChart(Part):
    """The price around one trade, with its entry, its exit, and the trades beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.number: int | None = None
        self.chart, self.told = Chart(), Note()
        self.close_button = w.Button(description="Hide", tooltip="Hide the chart of the trade").add_class("rkw-small")
        self.head = w.HBox([self.told, self.close_button]).add_class("rkw-period")
        self.body = w.VBox([self.head, self.chart.view, self.note])
        self._on_click(self.close_button, self.hide)
        self.hide()

    def __repr__(self) -> str:
        return f"TradeChart({'nothing' if self.number is None else f'trade {self.number}'})"

    def show(self, run: Run, number: int) -> None:
        """Show a trade of a run by its number, counted from 1 in the order of exit."""
        series = run.chart_series
        figure = trade_figure(series, number)
        self.told.show(trade_html(series, number))
        self.chart.show(figure, name=f"run-{run.id}-trade-{number}")
        self.head.layout.display, self.number = None, number

    def hide(self) -> None:
        """Show nothing."""
        self.chart.show(None)
        self.told.show("")
        self.head.layout.display, self.number = "none", None

    def close(self) -> None:
        self.chart.show(None)
        super().close()


def part_of(series: BacktestSeries, part: slice) -> BacktestSeries:
    """Return a part of a backtest: its bars, the trades that touch them, and its drawdown as it is in the whole."""
    before = series.equity[: part.start].max(initial=series.initial_cash)  # the peak so far; the drawdown knows it
    names = ("time", "equity", "close", "open", "high", "low", "benchmark")
    arrays: dict[str, Any] = {name: getattr(series, name)[part] for name in names if getattr(series, name) is not None}
    trades = _touching(series.trades, arrays["time"][0], arrays["time"][-1])
    return replace(series, **arrays, initial_cash=float(before), trades=trades, orders={}, day_ends=None)


def trade_figure(series: BacktestSeries, number: int) -> go.Figure:
    """Return the price around a trade, the time in which it was held shaded."""
    from research_kit.charts.backtests.backtest import price_figure
    from research_kit.charts.template import GREY

    entry, out = _times(series, number)
    first, last = (int(np.searchsorted(series.time, time)) for time in (entry, out))
    room = max(min((CANDLE_LIMIT - (last - first)) // 2, max(12, (last - first) // 2)), 12)
    part = slice(max(first - room, 0), min(last + room + 1, len(series.time)))
    figure = price_figure(part_of(replace(series, title=""), part))
    x0, x1 = epoch_ms(np.array([entry, out]))
    figure.add_vrect(x0=x0, x1=x1, fillcolor=GREY, opacity=0.16, line_width=0, layer="below")
    return figure


def trade_html(series: BacktestSeries, number: int) -> str:
    """Return one line about a trade."""
    row = {name: series.trades[name][number - 1] for name in TRADE_COLUMNS}
    entry, out = stamps(np.array([row["entry_time"], row["exit_time"]], dtype="datetime64[ns]"))
    end = f"closed {out} at {row['exit_price']:,.6g} by {row['exit_signal']}" if out != "–" else "still open"
    begin = f"{row['side']} {row['quantity']:,.6g} from {entry} at {row['entry_price']:,.6g} by {row['entry_signal']}"
    gain = "" if row["pnl"] is None or np.isnan(row["pnl"]) else f": {row['pnl']:+,.2f}"
    return f'<div role="status"><b>Trade {number:,}</b> · {escape(f"{begin}, {end}")}<b>{escape(gain)}</b></div>'


def _times(series: BacktestSeries, number: int) -> tuple[np.datetime64, np.datetime64]:
    """Return when a trade began and ended; one that is open ends with the bars."""
    count = len(series.trades["pnl"]) if series.trades else 0
    if not 1 <= number <= count:
        raise NotFoundError(f"There is no trade {number}; there are {count:,}.")
    entry, out = (np.datetime64(series.trades[name][number - 1], "ns") for name in ("entry_time", "exit_time"))
    return entry, series.time[-1].astype("datetime64[ns]") if np.isnat(out) else out


def _touching(trades: Mapping[str, Any], start: np.datetime64, end: np.datetime64) -> dict[str, Any]:
    """Return the trades that were open between two times; what lies outside has no mark, which would bend the axis."""
    if not trades:
        return {}
    entry, out = (np.asarray(trades[name], dtype="datetime64[ns]") for name in ("entry_time", "exit_time"))
    held = (entry <= end) & (np.isnat(out) | (out >= start))
    found = {name: np.asarray(values)[held].copy() for name, values in trades.items()}
    nothing = np.datetime64("NaT")
    found["entry_time"][entry[held] < start], found["exit_time"][out[held] > end] = nothing, nothing
    for name, outside in (("entry_price", entry[held] < start), ("exit_price", out[held] > end)):
        found[name] = np.where(outside, np.nan, found[name].astype(np.float64))
    return found


def _day(time: np.datetime64) -> date:
    found: date = time.astype("datetime64[D]").astype(object)
    return found
