"""What the metrics are computed from: plain arrays and numbers of one run."""

from __future__ import annotations

import math
from dataclasses import InitVar, dataclass, field

import numpy as np

from research_kit.errors import DataError
from research_kit.metrics.values import FloatArray, TimeArray, as_floats, as_times


def _nothing() -> FloatArray:
    return np.empty(0)


@dataclass(frozen=True, eq=False, kw_only=True)
class MetricInputs:
    """One run as arrays, all read-only once they are here.

    Parameters
    ----------
    equity, time_ns
        Money at each bar's close, and the bar's opening time in int64 nanoseconds UTC; shape (n,).
    initial_cash
        Money at the start, above 0.
    day_ends
        Position of the last bar of each session day, int64, increasing, the last one n - 1; every position where bars
        are a day or longer. Annualised figures come from the equity there.
    periods_per_year
        q, the number of daily returns a year: 252, 260 or 365; the bars' own number where they are longer than a day.
    risk_free_rate
        Annual fraction; one period counts rate / q.
    daily_target
        Fraction that ``daily_target_hit_rate`` counts; None when not set.
    trade_pnl, trade_pnl_percent, trade_minutes
        Net money, percent of the value at entry, and holding time of the **closed** trades, in the order of closing.
    exposure
        Share of bars that closed with a position open; None when not known.
    traded_value, total_commission, total_slippage, total_borrow
        Money, at least 0, summed over all fills.
    benchmark
        Close of the benchmark at each bar, shape (n,); None for no benchmark.
    check
        False only for arrays that an engine made: they are taken as they are.

    Raises
    ------
    DataError
        Shapes do not fit, a number is not finite, or the day ends are not positions in order.
    """

    equity: FloatArray
    time_ns: TimeArray
    initial_cash: float
    day_ends: TimeArray
    periods_per_year: float
    risk_free_rate: float = 0.0
    daily_target: float | None = None
    trade_pnl: FloatArray = field(default_factory=_nothing)
    trade_pnl_percent: FloatArray = field(default_factory=_nothing)
    trade_minutes: FloatArray = field(default_factory=_nothing)
    exposure: float | None = None
    traded_value: float = 0.0
    total_commission: float = 0.0
    total_slippage: float = 0.0
    total_borrow: float = 0.0
    benchmark: FloatArray | None = None
    check: InitVar[bool] = True

    def __post_init__(self, check: bool) -> None:
        if not check:
            return
        for name in ("equity", "trade_pnl", "trade_pnl_percent", "trade_minutes", "benchmark"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _finite_array(name, as_floats(getattr(self, name))))
        for name in ("time_ns", "day_ends"):
            object.__setattr__(self, name, as_times(getattr(self, name)))
        for name in ("initial_cash", "periods_per_year"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0.0):
                raise DataError(f"{name} must be a number above 0; it is {getattr(self, name)!r}.")
        self._check_shapes()
        self._check_day_ends()

    def _check_shapes(self) -> None:
        bars, trades = self.equity.shape, self.trade_pnl.shape
        wanted = {"time_ns": bars, "trade_pnl_percent": trades, "trade_minutes": trades, "benchmark": bars}
        for name, shape in wanted.items():
            given = getattr(self, name)
            if given is not None and given.shape != shape:
                raise DataError(f"{name} has shape {given.shape}; {shape} fits the other arrays.")
        if self.time_ns[1:].size and not np.all(self.time_ns[1:] > self.time_ns[:-1]):
            raise DataError("Times must increase from bar to bar.")

    def _check_day_ends(self) -> None:
        bars, ends = len(self.equity), self.day_ends
        last = int(ends[-1]) if len(ends) else -1
        if last != bars - 1 or (len(ends) and ends[0] < 0) or not np.all(ends[1:] > ends[:-1]):
            raise DataError(
                f"day_ends must be positions in increasing order that end with the last bar, {bars - 1}; "
                f"{len(ends):,} were given, the last is {last}."
            )


def _finite_array(name: str, values: FloatArray) -> FloatArray:
    if values.ndim != 1:
        raise DataError(f"{name} must have one dimension; its shape is {values.shape}.")
    if len(values) and not (math.isfinite(values.min()) and math.isfinite(values.max())):
        at = int(np.argmin(np.isfinite(values)))
        raise DataError(f"{name} must be finite numbers; value {at} is {values[at]}.")
    return values
