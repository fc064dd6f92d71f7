"""ffn's performance statistics: all that it computes when it is made; of days, but for the total return."""

from __future__ import annotations

from collections.abc import Callable

import ffn
import pandas as pd

from curves.measuring import main
from curves.work import Curve, Values


def prepare(curve: Curve) -> Callable[[], Values]:
    equity = pd.Series(curve.equity, index=pd.DatetimeIndex(curve.times()))

    def compute() -> Values:
        found = ffn.core.PerformanceStats(equity)
        others = found.stats.drop(["start", "end", "total_return"]).astype(float).dropna()
        return {"total_return": found.total_return} | {f"{name} of days": value for name, value in others.items()}

    return compute


if __name__ == "__main__":
    main(prepare, "ffn", "numpy", "pandas")
