"""quantstats' stats: its metrics of returns; its value at risk is that of a normal distribution and stays apart."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
from quantstats import stats

from curves.measuring import main
from curves.work import PERIODS_PER_YEAR, Curve, Values


def prepare(curve: Curve) -> Callable[[], Values]:
    returns = pd.Series(curve.equity, index=pd.DatetimeIndex(curve.times())).pct_change().fillna(0.0)

    def compute() -> Values:
        return {
            "total_return": stats.comp(returns),
            "max_drawdown": stats.max_drawdown(returns),
            "volatility": stats.volatility(returns, periods=PERIODS_PER_YEAR),
            "sharpe_ratio": stats.sharpe(returns, periods=PERIODS_PER_YEAR),
            "sortino_ratio": stats.sortino(returns, periods=PERIODS_PER_YEAR),
            "normal_var_95": stats.var(returns),
            "normal_cvar_95": stats.cvar(returns),
        }

    return compute


if __name__ == "__main__":
    main(prepare, "quantstats", "numpy", "pandas")
