"""Indicators: functions from prices to arrays of the same length, compiled, each knowing no later bar than its own.

Rules of all of them:

- The value at bar t depends on bars 0 … t alone: ``indicator(x[:k])`` equals ``indicator(x)[:k]`` to the last bit.
- NaN until there are enough bars; a window longer than the series is all NaN.
- NaN and infinity mean *missing*. An indicator of a window is NaN while the window holds one, and right again once it
  has left. A smoothed one (``ema``, ``rsi``, ``atr``, ``macd``) is NaN on that bar and skips it.
- What is undefined (0 / 0) is NaN, never a guess.
- The input is never changed. Anything that NumPy can turn into one-dimensional float64 is taken.
- ``OptionError`` where a length is not a whole number of at least 1, or a series has not one dimension.
"""

from research_kit.strategy.indicators.averages import ema, sma, wma
from research_kit.strategy.indicators.channels import (
    Donchian,
    Stochastic,
    donchian,
    rolling_max,
    rolling_min,
    stochastic,
)
from research_kit.strategy.indicators.crossings import crossed_above, crossed_below, previous
from research_kit.strategy.indicators.memory import remembered
from research_kit.strategy.indicators.oscillators import Macd, macd, rsi
from research_kit.strategy.indicators.spread import Bollinger, atr, bollinger, rolling_std, zscore

__all__ = [
    "Bollinger",
    "Donchian",
    "Macd",
    "Stochastic",
    "atr",
    "bollinger",
    "crossed_above",
    "crossed_below",
    "donchian",
    "ema",
    "macd",
    "previous",
    "remembered",
    "rolling_max",
    "rolling_min",
    "rolling_std",
    "rsi",
    "sma",
    "stochastic",
    "wma",
    "zscore",
]
