"""When trades are entered: by the hour of the day and the day of the week, told by the exchange's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from research_kit.charts.captions import heading
from research_kit.charts.series import BacktestSeries
from research_kit.charts.template import BLUE, GREY, LOSS, Theme, chart_template
from research_kit.charts.text import escape_text
from research_kit.errors import OptionError

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOUR_NS = 3_600_000_000_000


@dataclass(frozen=True, eq=False)
class TradeTimes:
    """Closed trades by the hour (24) and the weekday (7, from Monday) of their entry: how many, and their pnl in money.

    `hour_count` and `hour_pnl` are None where bars are a day or longer: such an entry has no hour. `clock` is the time
    zone in which they are told.
    """

    day_count: NDArray[np.int64]
    day_pnl: NDArray[np.float64]
    hour_count: NDArray[np.int64] | None
    hour_pnl: NDArray[np.float64] | None
    clock: str


def trade_times(series: BacktestSeries) -> TradeTimes:
    """Return when the closed trades of a backtest were entered.

    Raises
    ------
    OptionError
        `series.clock` is no time zone.
    """
    entries = np.asarray(series.closed("entry_time"), dtype="datetime64[ns]").view(np.int64)
    pnl = series.closed_numbers("pnl")
    clock = series.clock if series.is_intraday else "UTC"  # the stamp of a day is its date, not a moment
    local = entries + _offsets(entries, clock)
    hours = local // _HOUR_NS
    day = (hours // 24 + 3) % 7  # 1970-01-01 was a Thursday
    day_count, day_pnl = _sums(day, pnl, 7)
    if not series.is_intraday:
        return TradeTimes(day_count, day_pnl, None, None, clock)
    return TradeTimes(day_count, day_pnl, *_sums(hours % 24, pnl, 24), clock)


def _sums(
    place: NDArray[np.int64], pnl: NDArray[np.float64], size: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    count = np.bincount(place, minlength=size).astype(np.int64)
    return count, np.bincount(place, weights=pnl, minlength=size).astype(np.float64)


def _offsets(utc_ns: NDArray[np.int64], clock: str) -> NDArray[np.int64]:
    """Return how far a clock is ahead of UTC; asked once for each quarter of an hour, within which none changes."""
    if clock == "UTC":
        return np.zeros_like(utc_ns)
    try:
        zone = ZoneInfo(clock)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise OptionError(f"There is no time zone {clock!r}; 'America/New_York' is one, or 'UTC'.") from None
    quarters, place = np.unique(utc_ns // (_HOUR_NS // 4), return_inverse=True)
    shifts = [datetime.fromtimestamp(900 * quarter, UTC).astimezone(zone).utcoffset() for quarter in quarters.tolist()]
    seconds = np.array([shift.total_seconds() if shift else 0.0 for shift in shifts])
    return (seconds * 1e9).astype(np.int64)[place] if len(place) else np.zeros_like(utc_ns)


def trade_times_figure(data: TradeTimes, *, theme: Theme = "notebook", currency: str = "") -> go.Figure:
    """Return the pnl of trades by weekday of entry, and by hour where bars are shorter than a day."""
    figure = go.Figure(layout={"template": chart_template(theme), "showlegend": False})
    traded = data.day_count[5:].sum() > 0  # at weekends
    days = slice(None) if traded else slice(0, 5)
    figure.add_trace(_bars(list(WEEKDAYS[days]), data.day_pnl[days], data.day_count[days], "x"))
    both = data.hour_pnl is not None and data.hour_count is not None
    if data.hour_pnl is not None and data.hour_count is not None:
        seen = np.flatnonzero(data.hour_count)
        hours = np.arange(seen[0], seen[-1] + 1) if len(seen) else np.arange(24)
        figure.add_trace(_bars(hours.tolist(), data.hour_pnl[hours], data.hour_count[hours], "x2"))
    money = escape_text(currency, limit=12)
    figure.update_layout(
        xaxis={"title": {"text": "Weekday of entry"}, "type": "category", "domain": [0, 0.3 if both else 1]},
        yaxis={"title": {"text": f"Profit and loss ({money})" if money else "Profit and loss"}, "tickformat": "~s"},
    )
    if both:
        hour = {
            "title": {"text": f"Hour of entry, {escape_text(data.clock)}"},
            "domain": [0.36, 1],
            "tickformat": "02d",
        }
        figure.update_layout(xaxis2=hour | {"anchor": "y", "dtick": 1 if len(hours) <= 12 else 3, "tick0": 0})
    figure.update_xaxes(showspikes=False, showgrid=False)
    figure.update_yaxes(zeroline=True, zerolinecolor=GREY)
    notes = ["sums of the closed trades' results, by the time of their entry", "number of trades at each bar"]
    return figure.update_layout(heading("When trades are entered", notes, plot=240))


def _bars(names: list[Any], pnl: NDArray[np.float64], count: NDArray[np.int64], axis: str) -> go.Bar:
    look: dict[str, Any] = {"color": np.where(pnl < 0, LOSS, BLUE).tolist(), "opacity": 0.85}
    return go.Bar(
        x=names,
        y=pnl,
        text=[f"{number:,}" if number else "" for number in count.tolist()],
        textposition="outside",
        textangle=0,
        cliponaxis=False,
        textfont={"size": 11},
        customdata=count,
        marker=look,
        xaxis=axis,
        yaxis="y",
        hovertemplate="%{x}: %{y:+,.2f} from %{customdata:,} trades<extra></extra>",
    )
