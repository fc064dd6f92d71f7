"""The page on metrics, written from the registry: ``python -m research_kit.metrics.docs > docs/metrics.md``."""

from __future__ import annotations

from research_kit.metrics.entry import Metric
from research_kit.metrics.registry import COLUMNS, GROUPS, HEADLINE, METRICS

_INTRO = f"""\
# Metrics

This page is written by `python -m research_kit.metrics.docs` from the registry, which tables, tooltips and reports
use too.

- **Equity** is marked at each bar's close. Annualised figures and everything about days come from the equity at the
  end of each session day, so that the same strategy on 1-minute and on 1-hour bars has the same Sharpe ratio. Where
  bars are a day or longer, "daily" means the bars' own returns.
- The first day's return starts from the initial cash. The benchmark is bought at the first bar's close, the earliest
  moment at which a strategy can act, and held to the last bar.
- **Units**: `percent` 12.5 is 12.5 %; `fraction` 0.125 is 12.5 %, and is shown as a percent. Money is in the account's
  currency.
- **Signs**: losses are negative everywhere: drawdowns, losing trades, VaR and CVaR. Costs are positive amounts.
- **Undefined** is `None` with its reason in `metrics.reasons`; never NaN, infinity, or a 0 that means nothing. With
  fewer than 30 daily returns a value is given and flagged in `metrics.flags`.
- In formulas: E equity, C initial cash, peak the highest of C and E so far, r daily returns, n their number, q periods
  a year, rf the risk-free rate of one period (annual rate / q), b the benchmark's returns, pnl the net money of each
  closed trade.

{len(METRICS)} metrics, {len(COLUMNS)} of them columns of the table `backtest_metrics` (marked ▪). Summaries show:
{", ".join(f"`{name}`" for name in HEADLINE)}.
"""


def metrics_page() -> str:
    """Return the page as Markdown: every metric with unit, meaning, formula, convention and source."""
    return _INTRO + "".join(_section(group) for group in GROUPS)


def _section(group: str) -> str:
    entries = "".join(_entry(metric) for metric in METRICS.values() if metric.group == group)
    return f"\n## {group}\n{entries}"


def _entry(metric: Metric) -> str:
    mark = " ▪" if metric.column else ""
    lines = [f"\n### `{metric.name}`{mark}", f"{metric.title}, {metric.unit}. {metric.meaning}", ""]
    lines.append(f"- Formula: {metric.formula}")
    if metric.convention:
        lines.append(f"- Convention: {metric.convention}")
    if metric.source != "definition":
        lines.append(f"- Source: {metric.source}")
    if metric.undefined:
        lines.append(f"- Undefined when {metric.undefined}.")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(metrics_page(), end="")
