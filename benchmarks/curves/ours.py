"""W4 by the project itself: every metric of its registry, from each point as a period or, as it does, from days."""

from __future__ import annotations

from collections.abc import Callable

import measuring
import numpy as np

from curves.measuring import main
from curves.work import PERIODS_PER_YEAR, Curve, Values
from research_kit.metrics.inputs import MetricInputs
from research_kit.metrics.summary import compute_metrics

MINUTES_PER_DAY, DAYS_PER_YEAR = 1_440, 365
SCALES = {"total_return_percent": ("total_return", 0.01), "max_drawdown_percent": ("max_drawdown", 0.01)}


def prepare(curve: Curve) -> Callable[[], Values]:
    points = len(curve.equity)
    by_points = measuring.engine() == "points"
    ends = np.arange(points) if by_points else np.arange(MINUTES_PER_DAY - 1, points, MINUTES_PER_DAY)

    def compute() -> Values:
        inputs = MetricInputs(
            equity=curve.equity,
            time_ns=curve.time_ns,
            initial_cash=float(curve.equity[0]),
            day_ends=ends if ends[-1] == points - 1 else np.append(ends, points - 1),
            periods_per_year=PERIODS_PER_YEAR if by_points else DAYS_PER_YEAR,
            trade_pnl=curve.pnl,
            trade_pnl_percent=curve.pnl / 100.0,
            trade_minutes=(curve.exit - curve.entry).astype(float),
            benchmark=curve.equity,
        )
        return _named(compute_metrics(inputs))

    return compute


def _named(metrics: dict[str, float | int | None]) -> Values:
    values = {
        name: value
        for name, value in metrics.items()
        if value is not None and name not in ("total_return", "max_drawdown")
    }
    renamed = {name: values.pop(percent) * scale for percent, (name, scale) in SCALES.items()}
    return values | renamed


if __name__ == "__main__":
    main(prepare, "numpy")
