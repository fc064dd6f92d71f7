"""What a backtest's charts are drawn from: plain arrays in, arrays to draw out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.charts.reduce import LIMIT, Points, reduce_points
from research_kit.charts.text import escape_text
from research_kit.errors import OptionError, did_you_mean
from research_kit.metrics.drawdown import drawdown_series

TRADE_COLUMNS = (
    "entry_time",
    "exit_time",
    "entry_price",
    "exit_price",
    "side",
    "pnl",
    "quantity",
    "entry_signal",
    "exit_signal",
)
ORDER_COLUMNS = ("kind", "state", "limit", "stop", "label", "made", "filled_bar", "filled_price", "filled_units")
TRADE_LIMIT = 300
CANDLE_LIMIT = 200
DAY = np.timedelta64(1, "D")


def market_held(close: NDArray[np.float64], cash: float) -> NDArray[np.float64] | None:
    """Return what cash becomes that buys at the first close and holds, money, shape (bars,).

    None where a close is zero or below: such a market has no returns.
    """
    return cash * close / close[0] if len(close) and close.min() > 0.0 else None


@dataclass(frozen=True, eq=False, kw_only=True)
class BacktestSeries:
    """The arrays of one backtest; those of bars are equally long.

    Parameters
    ----------
    time : array of datetime64
        Opening times of the bars, UTC, rising.
    equity, close : array
        Money at, and price of, each bar's close; `open`, `high` and `low` are for candles.
    initial_cash : float
        Money before the first bar; the first peak of the drawdown.
    benchmark : array, optional
        Equity of buying and holding over the same bars.
    trades : mapping of arrays
        Columns `TRADE_COLUMNS`, one row for each trade in the order of exit: `side` is "long" or "short", the
        `exit_time` of an open trade is NaT, `pnl` is money net of costs. Empty when there are none.
    orders : mapping of arrays
        Columns `ORDER_COLUMNS` of an event strategy's orders, in the order in which they were made; `made` and
        `filled_bar` are positions of bars (-1: never filled). Empty when there are none.
    day_ends : array of int64, optional
        Position of the last bar of each session day, rising, the last one n - 1; without it days are those of UTC.
    periods_per_year, risk_free_rate : float
        Of the daily returns, as in `metrics.sharpe_ratio`.
    clock : str
        Time zone in which hours and weekdays of trades are told, such as "America/New_York".
    title, currency : str
        Any text; it is escaped where it is drawn.
    """

    time: NDArray[np.datetime64]
    equity: NDArray[np.float64]
    initial_cash: float
    close: NDArray[np.float64]
    benchmark: NDArray[np.float64] | None = None
    open: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None
    low: NDArray[np.float64] | None = None
    trades: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    orders: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    day_ends: NDArray[np.int64] | None = None
    periods_per_year: float = 252.0
    risk_free_rate: float = 0.0
    clock: str = "UTC"
    title: str = ""
    currency: str = ""

    def __post_init__(self) -> None:
        for name in ("equity", "close", "benchmark", "open", "high", "low"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.time):
                raise OptionError(f"{name} has {len(values)} values for {len(self.time)} times; give one for each bar.")
        missing = [name for name in TRADE_COLUMNS if name not in self.trades]
        if self.trades and missing:
            raise OptionError(f"The trades lack the column {missing[0]!r}; needed are {', '.join(TRADE_COLUMNS)}.")
        missing = [name for name in ORDER_COLUMNS if name not in self.orders]
        if len(self.orders) and missing:
            raise OptionError(f"The orders lack the column {missing[0]!r}; needed are {', '.join(ORDER_COLUMNS)}.")

    @classmethod
    def of_bars(
        cls,
        time: NDArray[np.datetime64],
        columns: Mapping[str, NDArray[np.float64]],
        equity: NDArray[np.float64],
        initial_cash: float,
        **more: Any,
    ) -> BacktestSeries:
        """Return the arrays of a backtest on bars with these columns; the benchmark is the market, bought and held."""
        close = columns["close"]
        prices: dict[str, Any] = {name: columns.get(name) for name in ("open", "high", "low")}
        return cls(
            time=time,
            equity=equity,
            initial_cash=initial_cash,
            benchmark=market_held(close, initial_cash),
            close=close,
            **prices,
            **more,
        )

    @property
    def is_intraday(self) -> bool:
        """Return whether the bars are shorter than a day, so that times need hours and minutes."""
        return bool(self._step < DAY)

    @property
    def period(self) -> str:
        """Return what returns are told of: "day", or "bar" where bars are longer than a day, such as weeks."""
        return "bar" if self._step > DAY else "day"

    @cached_property
    def _step(self) -> np.timedelta64:
        """From one bar to the next, by the median of the first thousand; a day where there is only one."""
        return np.timedelta64(np.median(np.diff(self.time[:1000]))) if len(self.time) > 1 else DAY

    def closed(self, name: str) -> NDArray[Any]:
        """Return a column of the trades, of those that are closed, in the order of exit; empty without trades.

        Raises
        ------
        OptionError
            The trades have no such column.
        """
        if not self.trades:
            return np.empty(0)
        if name not in self.trades:
            raise OptionError(f"This chart needs the column {name!r} of the trades. {did_you_mean(name, self.trades)}")
        exits = np.asarray(self.trades["exit_time"], dtype="datetime64[ns]")
        kept: NDArray[Any] = np.asarray(self.trades[name])[~np.isnat(exits)]
        return kept

    def closed_numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column of the closed trades as numbers; the rest is as `closed` does it."""
        return np.asarray(self.closed(name), dtype=np.float64)

    @cached_property
    def drawdown(self) -> NDArray[np.float64]:
        """Equity over its highest value so far (initial cash included) minus 1 at every bar: a fraction <= 0."""
        return drawdown_series(self.equity, self.initial_cash)


def epoch_ms(time: NDArray[Any]) -> NDArray[np.float64]:
    """Return times as milliseconds since 1970, NaN for NaT: a third of the size of ISO text in a figure's JSON.

    >>> epoch_ms(np.array(["1970-01-02", "NaT"], dtype="datetime64[ns]"))
    array([86400000.,       nan])
    """
    stamps = np.asarray(time, dtype="datetime64[ns]")
    return np.where(np.isnat(stamps), np.nan, stamps.view(np.int64) / 1e6)


def time_axis(series: BacktestSeries, time: NDArray[np.datetime64] | None = None) -> dict[str, Any]:
    """Return the axis of the bars' times, or of others, with room for the whole of the first and the last candle."""
    shown = series.time if time is None else time
    hover = "%d %b %Y %H:%M UTC" if series.is_intraday else "%d %b %Y"
    axis: dict[str, Any] = {"type": "date", "hoverformat": hover, "rangeslider": {"visible": False}}
    if len(shown) > 1:
        first, last = epoch_ms(shown[[0, -1]]).tolist()
        room = (last - first) * max(0.01, 0.6 / (len(shown) - 1))
        axis["range"] = [first - room, last + room]
    return axis


def line(series: BacktestSeries, values: NDArray[np.float64], limit: int = LIMIT) -> Points:
    """Return values at the bars as few points, x in milliseconds since 1970."""
    points = reduce_points(series.time, values, limit)
    return Points(epoch_ms(points.x), points.y, points.total)


def drawdown_line(series: BacktestSeries, limit: int = LIMIT) -> Points:
    """Return the drawdown of every bar, made from the whole equity and only then reduced."""
    return line(series, series.drawdown, limit)


@dataclass(frozen=True, eq=False)
class Marks:
    """Marks of one kind: x in milliseconds since 1970, prices, and escaped text for each."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    text: list[str]


@dataclass(frozen=True, eq=False)
class TradeMarks:
    """The trades of a chart.

    Attributes
    ----------
    kinds : dict
        `Marks` for "long_entry", "short_entry", "profit_exit", "loss_exit" and "even_exit".
    paths : dict
        For "profit" and "loss", x and y of the ways from entry to exit, parted by NaN.
    shown, total : int
        How many trades are drawn, of how many.
    """

    kinds: dict[str, Marks]
    paths: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
    shown: int
    total: int

    @property
    def notes(self) -> list[str]:
        """What to say under a title where not all of them are shown."""
        fewer = self.shown < self.total
        return [f"Trades shown: {self.shown:,} of {self.total:,} (largest profit or loss)"] if fewer else []


def chosen_trades(trades: Mapping[str, NDArray[Any]], limit: int = TRADE_LIMIT) -> NDArray[np.int64]:
    """Return the rows of the trades to draw, in their order: open ones, then those of the largest profit or loss."""
    pnl = np.abs(np.nan_to_num(np.asarray(trades["pnl"], dtype=np.float64)))
    weight = np.where(np.isnat(np.asarray(trades["exit_time"], dtype="datetime64[ns]")), np.inf, pnl)
    return np.sort(np.argsort(-weight, kind="stable")[:limit])


def trade_marks(series: BacktestSeries, limit: int = TRADE_LIMIT) -> TradeMarks:
    """Return the marks of at most `limit` trades; each column is as long as what is shown, whatever the total."""
    if not series.trades:
        return TradeMarks({}, {}, 0, 0)
    rows = chosen_trades(series.trades, limit)
    part = {name: np.asarray(series.trades[name])[rows] for name in TRADE_COLUMNS}
    side, pnl = part["side"].astype(str), part["pnl"].astype(np.float64)
    start, end = epoch_ms(part["entry_time"]), epoch_ms(part["exit_time"])
    closed = np.isfinite(end)
    profit, loss = closed & (pnl > 0), closed & (pnl < 0)
    entry_text, exit_text = _entry_texts(part), _exit_texts(part)
    kinds = {
        "long_entry": _marks(start, part["entry_price"], entry_text, side == "long"),
        "short_entry": _marks(start, part["entry_price"], entry_text, side == "short"),
        "profit_exit": _marks(end, part["exit_price"], exit_text, profit),
        "loss_exit": _marks(end, part["exit_price"], exit_text, loss),
        "even_exit": _marks(end, part["exit_price"], exit_text, closed & ~profit & ~loss),
    }
    corners = (start, end), (part["entry_price"], part["exit_price"])
    paths = {"profit": _paths(*corners, profit), "loss": _paths(*corners, loss)}
    return TradeMarks(kinds, paths, shown=len(rows), total=len(series.trades["pnl"]))


def _marks(x: NDArray[np.float64], y: NDArray[Any], text: list[str], where: NDArray[np.bool_]) -> Marks:
    return Marks(x[where], y[where].astype(np.float64), [text[row] for row in np.flatnonzero(where)])


def _entry_texts(part: Mapping[str, NDArray[Any]]) -> list[str]:
    rows = zip(stamps(part["entry_time"]), part["side"], part["quantity"], part["entry_price"], strict=True)
    facts = [f"{escape_text(side)} {units:,.6g} at {price:,.6g}, {when}" for when, side, units, price in rows]
    return _with_signal(facts, part["entry_signal"])


def _exit_texts(part: Mapping[str, NDArray[Any]]) -> list[str]:
    rows = zip(stamps(part["exit_time"]), part["side"], part["exit_price"], part["pnl"], strict=True)
    facts = [f"{escape_text(side)} out at {price:,.6g}, {when}: {pnl:+,.2f}" for when, side, price, pnl in rows]
    return _with_signal(facts, part["exit_signal"])


def _with_signal(facts: list[str], signals: NDArray[Any]) -> list[str]:
    return [f"{fact} · {escape_text(signal)}" for fact, signal in zip(facts, signals, strict=True)]


def stamps(time: NDArray[Any]) -> list[str]:
    """Return times as texts, in minutes or as days: a hover box shows the marks near its time, so each states its own.

    >>> stamps(np.array(["2024-01-02T09:30", "2024-01-03", "NaT"], dtype="datetime64[ns]"))
    ['2024-01-02 09:30', '2024-01-03', '–']
    """
    minutes = np.datetime_as_string(np.asarray(time, dtype="datetime64[m]"))
    return ["–" if stamp == "NaT" else stamp.replace("T00:00", "").replace("T", " ") for stamp in minutes.tolist()]


def _paths(
    x: tuple[NDArray[Any], NDArray[Any]], y: tuple[NDArray[Any], NDArray[Any]], where: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    gap = np.full(int(where.sum()), np.nan)
    along, up = (np.column_stack([first[where], last[where], gap]).ravel() for first, last in (x, y))
    return along.astype(np.float64), up.astype(np.float64)
