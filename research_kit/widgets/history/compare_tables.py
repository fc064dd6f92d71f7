"""Runs side by side as tables: their metrics, what differs in what was run, and the order in which two part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from research_kit.charts.series import stamps
from research_kit.metrics.registry import GROUPS, HEADLINE, METRICS, UNDEFINED, format_value
from research_kit.widgets.parts.words import is_missing, scroll

if TYPE_CHECKING:
    import pandas as pd

MORE_IS_BETTER = frozenset(
    {
        *("total_return", "total_return_percent", "cagr", "best_day", "worst_day", "best_month", "worst_month"),
        *("max_drawdown", "max_drawdown_percent", "var_95", "cvar_95", "tail_ratio"),  # losses are negative
        *("sharpe_ratio", "sortino_ratio", "calmar_ratio", "daily_target_hit_rate", "win_rate", "profit_factor"),
        *("expectancy", "average_trade_percent", "payoff_ratio", "sqn", "average_win", "average_loss"),
        *("largest_win", "largest_loss", "alpha", "information_ratio"),
    }
)
LESS_IS_BETTER = frozenset(
    {
        *("volatility", "ulcer_index", "max_drawdown_duration", "recovery_time", "max_consecutive_losses"),
        *("total_commission", "total_slippage", "total_borrow"),
    }
)
Values = Mapping[str, "float | int | None"]


def best_of(name: str, values: Sequence[float | int | None]) -> list[bool]:
    """Return which of several values of a metric is the best; none where they are equal, or no end of it is better.

    >>> best_of("max_drawdown_percent", [-30.0, -12.5, None]), best_of("total_trades", [3, 4])
    ([False, True, False], [False, False])
    """
    known = [value for value in values if value is not None]
    if name not in MORE_IS_BETTER | LESS_IS_BETTER or len(set(known)) < 2:
        return [False] * len(values)
    best = max(known) if name in MORE_IS_BETTER else min(known)
    return [value == best for value in values]


def metrics_side_by_side(names: Sequence[str], metrics: Sequence[Values]) -> str:
    """Return the headline metrics as a table with one column for each run, and all of them below, folded."""
    head = _head("Metric", names)
    first = "".join(_metric_row(name, metrics) for name in HEADLINE if any(name in one for one in metrics))
    groups = "".join(_group(group, metrics) for group in GROUPS)
    note = '<div class="rkw-hint">★ marks the best where one end of a metric is better than the other.</div>'
    return (
        f"{scroll('Metrics side by side', f'<table>{head}<tbody>{first}</tbody></table>')}{note}"
        f'<details class="rkw-more"><summary>All metrics</summary>'
        f"{scroll('All metrics side by side', f'<table>{head}{groups}</table>')}</details>"
    )


def differences_html(names: Sequence[str], differences: Mapping[str, Sequence[Any]]) -> str:
    """Return what differs in what was run: one row for each name, one column for each run."""
    if not differences:
        return '<div class="rkw-hint">The same was run: data, code, parameters, options and versions.</div>'
    rows = "".join(
        f'<tr><th scope="row" class="rkw-text">{escape(what)}</th>{"".join(map(_plain_cell, values))}</tr>'
        for what, values in differences.items()
    )
    return scroll("What differs in what was run", f"<table>{_head('What differs', names)}<tbody>{rows}</tbody></table>")


def context_html(context: pd.DataFrame) -> str:
    """Return the bars around the first order that differs, a table for each run."""
    if context.empty:
        return ""
    sides = dict.fromkeys(context.index.get_level_values("side"))
    return f'<div class="rkw-sides">{"".join(_side(side, context.loc[side]) for side in sides)}</div>'


def _side(name: str, bars: Any) -> str:
    shown = bars.dropna(axis="columns", how="all")
    head = "".join(f'<th scope="col">{escape(str(column))}</th>' for column in shown)
    rows = "".join(
        f'<tr><th scope="row" class="rkw-text">{time}</th>{"".join(map(_number_cell, values))}</tr>'
        for time, values in zip(stamps(shown.index.tz_localize(None).to_numpy()), shown.to_numpy(), strict=True)
    )
    table = (
        f'<table><thead><tr><th scope="col" class="rkw-text">{escape(name)}</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )
    return scroll(f"Bars of {name}", table)


def _head(first: str, names: Sequence[str]) -> str:
    cells = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    return f'<thead><tr><th scope="col" class="rkw-text">{escape(first)}</th>{cells}</tr></thead>'


def _group(group: str, metrics: Sequence[Values]) -> str:
    names = [name for name, about in METRICS.items() if about.group == group and any(name in one for one in metrics)]
    if not names:
        return ""
    head = f'<th colspan="{len(metrics) + 1}" scope="rowgroup" class="rkw-text">{escape(group)}</th>'
    return f'<tbody><tr class="rkw-group">{head}</tr>{"".join(_metric_row(name, metrics) for name in names)}</tbody>'


def _metric_row(name: str, metrics: Sequence[Values]) -> str:
    values = [one.get(name) for one in metrics]
    cells = "".join(_metric_cell(name, *pair) for pair in zip(values, best_of(name, values), strict=True))
    about = METRICS[name]
    tip = escape(f"{about.meaning} {about.formula}")
    head = f'<th scope="row" class="rkw-text" title="{tip}">{escape(about.title)}</th>'
    return f'<tr data-metric="{name}">{head}{cells}</tr>'


def _metric_cell(name: str, value: float | int | None, best: bool) -> str:
    text = escape(format_value(name, value))
    if not best:
        return f"<td>{text}</td>"
    return f'<td class="rkw-best"><span aria-hidden="true">★ </span>{text}<span class="rkw-unseen"> (best)</span></td>'


def _plain_cell(value: Any) -> str:
    text = UNDEFINED if value is None else str(value)
    short = text if len(text) <= 40 else f"{text[:24]}…"
    return f'<td title="{escape(text)}">{escape(short)}</td>'


def _number_cell(value: Any) -> str:
    if is_missing(value):
        return f"<td>{UNDEFINED}</td>"
    return f"<td>{escape(f'{value:,.6g}' if isinstance(value, float | int) else str(value))}</td>"
