"""Trades as the texts of a table's cells."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from research_kit.metrics.registry import UNDEFINED, format_value
from research_kit.widgets.parts.grid import Column
from research_kit.widgets.parts.words import is_missing

if TYPE_CHECKING:
    import pandas as pd

NUMBER = "number"  # of a trade, counted from 1 in the order of exit
COLUMNS = (
    Column(NUMBER, "#", sortable=True, tip="Number of the trade, in the order of exit"),
    Column("entry_time", "Entry (UTC)", sortable=True),
    Column("exit_time", "Exit (UTC)", sortable=True),
    Column("side", "Side", "text", sortable=True),
    Column("quantity", "Quantity", sortable=True, tip="Units of what was traded"),
    Column("entry_price", "Entry price", sortable=True),
    Column("exit_price", "Exit price", sortable=True),
    Column("pnl", "P&L", "signed", sortable=True, tip="Money, net of costs"),
    Column("pnl_percent", "P&L %", "signed", sortable=True, tip="Percent of the value at entry, net of costs"),
    Column("holding_time_minutes", "Held", sortable=True),
    Column("entry_signal", "Opened by", "text", sortable=True),
    Column("exit_signal", "Closed by", "text", sortable=True),
)
_FORMS = {NUMBER: "{:,}", "pnl": "{:+,.2f}", "pnl_percent": "{:+,.2f} %"}
_TEXTS = ("side", "entry_signal", "exit_signal")

Writer = Callable[[Any], str]


def columns_of(trades: pd.DataFrame) -> list[Column]:
    """Return the columns that a table of these trades has."""
    return [column for column in COLUMNS if column.key == NUMBER or column.key in trades]


def writers_of(trades: pd.DataFrame) -> Mapping[str, Writer]:
    """Return how the cells of each column are written: with as many decimals as the largest of all trades needs."""
    return {column.key: _writer(column.key, trades) for column in columns_of(trades)}


def _writer(name: str, trades: pd.DataFrame) -> Writer:
    if name == "holding_time_minutes":
        return lambda value: UNDEFINED if is_missing(value) else format_value("average_holding_time", float(value))
    form = _FORMS.get(name) or _form(name, trades)
    return lambda value: UNDEFINED if is_missing(value) else form.format(value)


def _form(name: str, trades: pd.DataFrame) -> str:
    if name in _TEXTS:
        return "{}"
    if name.endswith("_time"):
        return "{:%Y-%m-%d}" if _is_daily(trades) else "{:%Y-%m-%d %H:%M}"
    largest = trades[name].abs().max()
    whole = math.floor(math.log10(largest)) if largest > 0 else 0
    return f"{{:,.{min(max(5 - whole, 2), 8)}f}}"


def _is_daily(trades: pd.DataFrame) -> bool:
    """Return whether no time of the trades has an hour of its own, so that days say enough."""
    times = trades["entry_time"].dt
    return bool((times.hour.nunique() <= 2) and (times.minute == 0).all() and (times.second == 0).all())
