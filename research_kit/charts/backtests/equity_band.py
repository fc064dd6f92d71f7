"""Where equity could have gone with days drawn anew from the same ones: a band around the path that it took."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research_kit.charts.backtests.days import days_of
from research_kit.charts.series import BacktestSeries, epoch_ms
from research_kit.errors import OptionError
from research_kit.metrics.inference.monte_carlo import monte_carlo
from research_kit.metrics.inference.resampling import Resampling

CONFIDENCE = 0.9
DRAWS = 500


@dataclass(frozen=True, eq=False)
class EquityBand:
    """Money that a share of resampled paths, `confidence`, lies between; x in milliseconds since 1970.

    Each path draws as many days as there were, from those days, in blocks and with replacement: it shows how far luck
    in the order and choice of days carries, not what another market would have done.
    """

    x: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    confidence: float
    draws: int


def equity_band(
    series: BacktestSeries, confidence: float = CONFIDENCE, *, draws: int = DRAWS, seed: int = 0
) -> EquityBand | None:
    """Return the band of a backtest's equity, from its daily returns; None for fewer than 10 days.

    Parameters
    ----------
    series : BacktestSeries
        The backtest.
    confidence : float
        Share of the paths within the band, between 0 and 1.
    draws, seed : int
        How many paths, and the seed that they are drawn with: the same one gives the same band.

    Raises
    ------
    OptionError
        `confidence` is not between 0 and 1.
    DataError
        A day lost more than there was.
    """
    if not 0.0 < confidence < 1.0:
        raise OptionError(f"confidence is a share between 0 and 1, such as 0.9; given was {confidence!r}.")
    days = days_of(series)
    tail = (1.0 - confidence) / 2.0
    fan = monte_carlo(days.returns, resampling=Resampling(draws=draws, seed=seed), levels=(tail, 1.0 - tail))
    if fan is None:
        return None
    x = np.append(epoch_ms(series.time[:1]), epoch_ms(days.time))[fan.periods]  # it starts before the first day's end
    low, high = fan.quantiles * series.initial_cash
    return EquityBand(x, low, high, confidence, draws)
