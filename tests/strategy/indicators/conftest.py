"""The indicators as functions of one series, and series that are hard in different ways."""

from collections.abc import Callable

import numpy as np
import pytest

from research_kit.strategy import indicators as ind

Indicator = Callable[[np.ndarray], tuple[np.ndarray, ...]]


def _ohlc(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return high, low and close made of one series, each bar from that bar's value alone."""
    wide = 0.25 + np.abs(np.sin(7.0 * np.nan_to_num(x, posinf=0, neginf=0)))
    return x + wide, x - wide, x + 0.5 * wide * np.cos(np.nan_to_num(x, posinf=0, neginf=0))


INDICATORS: dict[str, Indicator] = {
    **{f"sma {n}": (lambda x, n=n: (ind.sma(x, n),)) for n in (1, 2, 5, 50)},
    **{f"wma {n}": (lambda x, n=n: (ind.wma(x, n),)) for n in (1, 2, 5, 50)},
    **{f"ema {n}": (lambda x, n=n: (ind.ema(x, n),)) for n in (1, 9)},
    **{f"rsi {n}": (lambda x, n=n: (ind.rsi(x, n),)) for n in (1, 14)},
    **{f"rolling_std {n}": (lambda x, n=n: (ind.rolling_std(x, n),)) for n in (2, 20)},
    **{f"rolling_min {n}": (lambda x, n=n: (ind.rolling_min(x, n),)) for n in (1, 2, 13)},
    **{f"rolling_max {n}": (lambda x, n=n: (ind.rolling_max(x, n),)) for n in (1, 2, 13)},
    "rolling_std ddof 0": lambda x: (ind.rolling_std(x, 7, ddof=0),),
    "zscore": lambda x: (ind.zscore(x, 20),),
    "bollinger": lambda x: tuple(ind.bollinger(x, 10)),
    "macd": lambda x: tuple(ind.macd(x, 3, 6, 4)),
    "atr": lambda x: (ind.atr(*_ohlc(x), 5),),
    "donchian": lambda x: tuple(ind.donchian(*_ohlc(x)[:2], 6)),
    "stochastic": lambda x: tuple(ind.stochastic(*_ohlc(x), 6)),
    "previous": lambda x: (ind.previous(x, 3),),
    "crossed_above": lambda x: (ind.crossed_above(x, ind.sma(x, 4)),),
    "crossed_below": lambda x: (ind.crossed_below(x, ind.sma(x, 4)),),
}


@pytest.fixture(params=sorted(INDICATORS))
def indicator(request: pytest.FixtureRequest) -> Indicator:
    """Return each indicator in turn, as a function of one series."""
    return INDICATORS[request.param]


def _walk(n: int, rng: np.random.Generator) -> np.ndarray:
    return 100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, n)))


def _with_gaps(n: int, rng: np.random.Generator) -> np.ndarray:
    x = _walk(n, rng)
    x[rng.random(n) < 0.01] = np.nan
    x[rng.random(n) < 0.002] = np.inf
    x[n // 2 : n // 2 + 120] = np.nan
    return x


def _with_jumps(n: int, rng: np.random.Generator) -> np.ndarray:
    x = _walk(n, rng)
    x[rng.random(n) < 0.01] *= 1e6
    return x


SERIES = {
    "walk": _walk,
    "gaps": _with_gaps,
    "jumps": _with_jumps,
    "ticks": lambda n, rng: np.round(_walk(n, rng), 0),
    "flat stretches": lambda n, rng: np.repeat(_walk(n // 50 + 1, rng), 50)[:n],
    "signs": lambda n, rng: rng.choice([-1.0, 0.0, 1.0], n),
    "large with tiny moves": lambda n, rng: 1e8 + np.cumsum(rng.normal(0, 1e-3, n)),
}


@pytest.fixture(params=sorted(SERIES))
def hard_series(request: pytest.FixtureRequest) -> np.ndarray:
    """Return each kind of series in turn, 6,000 values: longer than the blocks in which sums are taken."""
    return SERIES[request.param](6_000, np.random.default_rng(11))


@pytest.fixture
def walk() -> np.ndarray:
    """Return a random walk of 6,000 prices."""
    return _walk(6_000, np.random.default_rng(3))


@pytest.fixture
def gaps() -> np.ndarray:
    """Return a random walk of 6,000 prices with missing values, alone and 120 in a row."""
    return _with_gaps(6_000, np.random.default_rng(5))
