"""Candles, coarser where there are too many to see, with the trades and the orders of a backtest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from research_kit.charts.backtests.orders import order_marks
from research_kit.charts.captions import heading
from research_kit.charts.marks import order_traces, trade_traces
from research_kit.charts.refine import Moment, window_slice
from research_kit.charts.series import BacktestSeries, epoch_ms, time_axis, trade_marks
from research_kit.charts.template import Theme, chart_template
from research_kit.errors import OptionError

LIMIT = 250  # candles; more are narrower than the gap between them
TRADES = 120  # more marks hide the candles
_SECOND = 1_000_000_000
_STEPS = {  # nanoseconds; months and longer are counted by the calendar
    **{f"{n} second{'s' * (n > 1)}": n * _SECOND for n in (1, 5, 15, 30)},
    **{f"{n} minute{'s' * (n > 1)}": n * 60 * _SECOND for n in (1, 5, 15, 30)},
    **{f"{n} hour{'s' * (n > 1)}": n * 3600 * _SECOND for n in (1, 2, 4, 12)},
    "1 day": 86_400 * _SECOND,
    "1 week": 7 * 86_400 * _SECOND,
}
_MONTHS = {"1 month": 1, "1 quarter": 3, "1 year": 12, "5 years": 60, "10 years": 120, "100 years": 1_200}
_MONDAY = 4 * 86_400 * _SECOND  # 1970-01-05


@dataclass(frozen=True, eq=False)
class Candles:
    """Candles to draw: opening times, and for each the first open, the true extremes and the last close of its bars.

    `each` says how long a candle is ("1 week"; "" where each is one bar); `bars` counts what they were made of.
    """

    time: NDArray[np.datetime64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    each: str
    bars: int


def candles(
    series: BacktestSeries, start: Moment | None = None, end: Moment | None = None, *, limit: int = LIMIT
) -> Candles:
    """Return at most `limit` candles of the bars between two moments.

    Of more bars, whole minutes, hours, days, weeks from Monday, or months make a candle, by UTC: the shortest of these
    that are few enough. A bar without open, high or low counts with its close.

    Raises
    ------
    OptionError
        `limit` is below 8, or a moment is no time.

    Examples
    --------
    >>> time = np.arange("2024-01-01", "2024-01-15", dtype="datetime64[D]").astype("datetime64[ns]")
    >>> close = np.arange(14.0)
    >>> found = candles(BacktestSeries(time=time, equity=close, close=close, initial_cash=1.0), limit=8)
    >>> found.each, found.open.tolist(), found.high.tolist(), found.close.tolist()
    ('1 week', [0.0, 7.0], [6.0, 13.0], [6.0, 13.0])
    """
    if limit < 8:
        raise OptionError(f"limit is {limit}; a chart needs at least 8 candles.")
    part = window_slice(series.time, start, end)
    time = np.asarray(series.time[part], dtype="datetime64[ns]")
    close = series.close[part]
    opened, high, low = (close if one is None else one[part] for one in (series.open, series.high, series.low))
    if len(time) <= limit:
        return Candles(time, opened, high, low, close, "", len(time))
    each, first, begin = _grouped(time, limit)
    last = np.append(first[1:], len(time)) - 1
    tops, bottoms = np.maximum.reduceat(high, first), np.minimum.reduceat(low, first)
    return Candles(begin, opened[first], tops, bottoms, close[last], each, len(time))


def _grouped(time: NDArray[np.datetime64], limit: int) -> tuple[str, NDArray[np.int64], NDArray[np.datetime64]]:
    """Return the name of the shortest step that is few enough, where its groups begin, and the times of their steps."""
    least = float(np.median(np.diff(time[:10_000]).astype(np.int64))) * len(time) / limit / 2
    for name, step in _STEPS.items():
        if step >= least:
            number = (time.view(np.int64) - _MONDAY) // step
            first = _changes(number)
            if len(first) <= limit:
                return name, first, (number[first] * step + _MONDAY).view("datetime64[ns]")
    for name, months in _MONTHS.items():
        found = (name, *_by_months(time, months))
        if len(found[1]) <= limit:
            break
    return found


def _by_months(time: NDArray[np.datetime64], step: int) -> tuple[NDArray[np.int64], NDArray[np.datetime64]]:
    """Return where the groups of whole months begin, and the first moments of these, by looking up those moments."""
    low, high = time[[0, -1]].astype("datetime64[M]").astype(np.int64) // step * step
    starts = np.arange(low, high + 1, step).astype("datetime64[M]").astype("datetime64[ns]")
    first = np.searchsorted(time, starts)
    used = np.diff(first, append=len(time)) > 0
    return first[used], starts[used]


def _changes(number: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.append(0, np.flatnonzero(number[1:] != number[:-1]) + 1)


def candle_figure(
    series: BacktestSeries,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    theme: Theme = "notebook",
    limit: int = LIMIT,
    trade_limit: int = TRADES,
) -> go.Figure:
    """Return candles between two moments (all of them when not given) with trades, and with orders where known."""
    data = candles(series, start, end, limit=limit)
    shown = replace(series, trades=_inside(series, start, end))
    marks, orders = trade_marks(shown, trade_limit), order_marks(series, window_slice(series.time, start, end))
    figure = go.Figure(layout={"template": chart_template(theme), "hovermode": "x unified"})
    figure.add_candlestick(
        x=epoch_ms(data.time), open=data.open, high=data.high, low=data.low, close=data.close, name="Price",
        showlegend=False,
    )  # fmt: skip
    figure.add_traces([*order_traces(orders), *trade_traces(marks)])
    figure.update_yaxes(title_text="Price")
    figure.update_xaxes(**time_axis(series, data.time))
    notes = [*_notes(data), *marks.notes, *orders.notes]
    return figure.update_layout(heading(_title(data), notes, plot=380, bottom=64))


def _title(data: Candles) -> str:
    return f"Candles of {data.each}" if data.each else "Candles"


def _notes(data: Candles) -> Iterator[str]:
    if data.each:
        yield f"{len(data.time):,} candles of {data.bars:,} bars, with their true highs and lows"


def _inside(series: BacktestSeries, start: Moment | None, end: Moment | None) -> Mapping[str, NDArray[Any]]:
    """Return the trades that were open at some time between two moments."""
    if not series.trades or (start is None and end is None) or not len(series.time):
        return series.trades
    part = series.time[window_slice(series.time, start, end)]
    begin, leave = (np.asarray(series.trades[name], "datetime64[ns]") for name in ("entry_time", "exit_time"))
    seen = (begin <= part[-1]) & (np.isnat(leave) | (leave >= part[0])) if len(part) else np.zeros(len(begin), bool)
    return {name: np.asarray(column)[seen] for name, column in series.trades.items()} if seen.any() else {}
