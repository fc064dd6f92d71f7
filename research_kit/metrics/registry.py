"""The registry of metrics: what each is called, what it means, how it is computed, and how it is written.

Docs, tables, tooltips and reports are made from it; the numbers themselves come from ``summary``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from research_kit.errors import NotFoundError, did_you_mean
from research_kit.metrics.catalogue import CATALOGUE
from research_kit.metrics.entry import Metric

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in CATALOGUE})
GROUPS: tuple[str, ...] = tuple(dict.fromkeys(metric.group for metric in CATALOGUE))
COLUMNS: tuple[str, ...] = tuple(metric.name for metric in CATALOGUE if metric.column)
HEADLINE: tuple[str, ...] = tuple(metric.name for metric in CATALOGUE if metric.headline)

UNDEFINED = "–"


def describe(name: str) -> Metric:
    """Return the entry of a metric: title, unit, meaning, formula, convention, source.

    Raises
    ------
    NotFoundError
        There is no metric of this name.

    Examples
    --------
    >>> describe("win_rate").unit
    'fraction'
    """
    if name not in METRICS:
        raise NotFoundError(f"There is no metric {name!r}. {did_you_mean(name, METRICS)}")
    return METRICS[name]


def format_value(name: str, value: float | None) -> str:
    """Return a metric's value as people read it, with its unit; fractions as percents; None and NaN are a dash.

    >>> format_value("total_return_percent", 12.5), format_value("win_rate", 0.4), format_value("total_return", 1234.5)
    ('12.5 %', '40.0 %', '1,234.50')
    >>> format_value("max_drawdown_duration", 497.0), format_value("average_holding_time", 95.0)
    ('497 days', '1.6 hours')
    >>> format_value("sharpe_ratio", None)
    '–'
    """
    unit = describe(name).unit
    return UNDEFINED if value is None or math.isnan(value) else _WRITERS[unit](value)


def _number(value: float) -> str:
    """Return about three digits, in full up to a thousand million, and never a 0 that is not one."""
    size = abs(value)
    if value == 0.0:
        return "0.00"
    if size >= 1e9 or size < 0.005:
        return f"{value:.2g}"
    return f"{value:,.{1 if size >= 9.995 else 2}f}"


def _money(value: float) -> str:
    cents = f"{value:,.2f}"
    return f"{value:.6g}" if abs(value) >= 1e15 or (value and not float(cents.replace(",", ""))) else cents


def _duration(minutes: float) -> str:
    size = abs(minutes)
    if size < 60:
        return f"{minutes:.3g} minutes"
    if size < 48 * 60:
        return f"{minutes / 60:.1f} hours"
    days = minutes / (24 * 60)
    return f"{days:.1f} days" if size < 100 * 24 * 60 else f"{days:,.0f} days"


_WRITERS: dict[str, Callable[[float], str]] = {
    "money": _money,
    "percent": lambda value: f"{_number(value)} %",
    "fraction": lambda value: f"{_number(100.0 * value)} %",
    "ratio": _number,
    "count": lambda value: f"{value:,.0f}",
    "minutes": _duration,
    "days": lambda value: _duration(value * 24 * 60),
    "per year": lambda value: f"{_number(value)} per year",
}
