"""empyrical-reloaded: its metrics of returns; trades in NumPy."""

from __future__ import annotations

from collections.abc import Callable

import empyrical
import pandas as pd

from curves.measuring import main
from curves.work import PERIODS_PER_YEAR, Curve, Values, of_trades


def prepare(curve: Curve) -> Callable[[], Values]:
    returns = pd.Series(curve.equity, index=pd.DatetimeIndex(curve.times())).pct_change().fillna(0.0)

    def compute() -> Values:
        return {
            "total_return": empyrical.cum_returns_final(returns),
            "max_drawdown": empyrical.max_drawdown(returns),
            "volatility": empyrical.annual_volatility(returns, annualization=PERIODS_PER_YEAR),
            "sharpe_ratio": empyrical.sharpe_ratio(returns, annualization=PERIODS_PER_YEAR),
            "sortino_ratio": empyrical.sortino_ratio(returns, annualization=PERIODS_PER_YEAR),
            "var_95": empyrical.value_at_risk(returns),
            "cvar_95": empyrical.conditional_value_at_risk(returns),
        } | of_trades(curve.pnl)

    return compute


if __name__ == "__main__":
    main(prepare, "empyrical-reloaded", "numpy", "pandas")
