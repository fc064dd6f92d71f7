"""vectorbt's accessor of returns, by the engine that is asked for; trades in NumPy."""

from __future__ import annotations

from collections.abc import Callable

import measuring
import pandas as pd
import vectorbt as vbt

from curves.measuring import main
from curves.work import Curve, Values, of_trades

vbt.settings["engine"] = measuring.engine()


def prepare(curve: Curve) -> Callable[[], Values]:
    returns = pd.Series(curve.equity, index=pd.DatetimeIndex(curve.times())).pct_change().fillna(0.0)

    def compute() -> Values:
        accessor = returns.vbt.returns(freq="1min")
        return {
            "total_return": accessor.total(),
            "max_drawdown": accessor.max_drawdown(),
            "volatility": accessor.annualized_volatility(),
            "sharpe_ratio": accessor.sharpe_ratio(),
            "sortino_ratio": accessor.sortino_ratio(),
            "var_95": accessor.value_at_risk(),
            "cvar_95": accessor.cond_value_at_risk(),
        } | of_trades(curve.pnl)

    return compute


if __name__ == "__main__":
    main(prepare, "vectorbt", "numpy", "numba", "pandas")
