"""What is known about a metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["money", "percent", "fraction", "ratio", "count", "minutes", "days", "per year"]
Group = Literal["Return", "Risk", "Return for risk", "Days", "Trades", "Activity and costs", "Benchmark"]
Need = Literal["nothing", "bars", "daily returns", "trades", "exposure", "daily target", "benchmark"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric: its name, how it is read, how it is computed, and when it is undefined."""

    name: str
    title: str
    unit: Unit
    group: Group
    meaning: str  # what the number says, and its sign
    formula: str
    convention: str = ""  # what others do differently
    source: str = "definition"
    needs: Need  # without it the metric is undefined
    undefined: str = ""  # why it is None where what it needs is there
    headline: bool = False
    column: bool = False  # a column of the table backtest_metrics
