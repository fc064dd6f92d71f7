"""The convention band: the same strategy under every common convention, and so how much of its result is convention."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from html import escape
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from research_kit.charts.curves import BandCurve
from research_kit.charts.reduce import LIMIT, reduce_points
from research_kit.engine.backtest import BacktestResult, signals_of, simulation_of
from research_kit.engine.options import COSTS, EngineOptions
from research_kit.engine.simulation import Simulation, simulate
from research_kit.errors import OptionError
from research_kit.metrics.registry import HEADLINE, METRICS, format_value
from research_kit.metrics.result import Metrics

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from research_kit.bars.frame import Bars
    from research_kit.charts.template import Theme
    from research_kit.strategy.base import Strategy

FILLS = ("next_open", "same_close", "one_bar_later")
INTRABAR = ("stop_first", "target_first")
COST_FACTORS = (1.0, 2.0)


@dataclass(frozen=True, eq=False)
class Arm:
    """One convention and what came of it: when signals are filled, what comes first in a bar, how often costs count."""

    fill: str
    intrabar: str
    costs: float
    metrics: Metrics
    ambiguous_bars: int
    curve: BandCurve
    is_as_run: bool

    @property
    def title(self) -> str:
        """The convention in words."""
        return f"{self.fill.replace('_', ' ')}, {self.intrabar.replace('_', ' ')}, costs ×{self.costs:g}"


@dataclass(frozen=True, eq=False, repr=False)
class Band:
    """The results of one strategy under the twelve conventions.

    ``range`` is a DataFrame with the lowest and the highest value of each headline metric beside the one that was run,
    ``table`` one row for each convention, ``ambiguous_bars`` the most bars of one convention that reached both stop and
    target, so that the rule decided.
    """

    title: str
    arms: tuple[Arm, ...]
    as_run: Metrics

    @property
    def ambiguous_bars(self) -> int:
        """Bars that reached both stop and target: the most of any convention."""
        return max(arm.ambiguous_bars for arm in self.arms)

    @cached_property
    def range(self) -> pd.DataFrame:
        """Lowest and highest value of each headline metric, and the one that was run; NaN where it is undefined."""
        import pandas as pd

        names = [name for name in HEADLINE if name in self.as_run and METRICS[name].group != "Benchmark"]
        rows = {name: (*self.ends(name), _number(self.as_run[name])) for name in names}
        return pd.DataFrame.from_dict(rows, orient="index", columns=["lowest", "highest", "as_run"], dtype=float)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row for each convention: what it is, its headline metrics, its ambiguous bars."""
        import pandas as pd

        rows = [
            {"fill": arm.fill, "intrabar": arm.intrabar, "costs": arm.costs}
            | {name: _number(value) for name, value in arm.metrics.headline().items()}
            | {"ambiguous_bars": arm.ambiguous_bars, "as_run": arm.is_as_run}
            for arm in self.arms
        ]
        return pd.DataFrame(rows)

    def plot(self, theme: Theme = "notebook") -> go.Figure:
        """Return the equity of every convention, and the range of each headline metric below."""
        from research_kit.charts.band import band_figure

        spans = {
            METRICS[name].title: [_number(arm.metrics.get(name)) for arm in self.arms] for name in self.range.index
        }
        marks = {METRICS[name].title: _number(self.as_run[name]) for name in self.range.index}
        form = {METRICS[name].title: METRICS[name].unit for name in self.range.index}
        curves = [arm.curve for arm in self.arms]
        return band_figure(curves, spans, marks, units=form, theme=theme, title=f"{self.title}: convention band")

    def __repr__(self) -> str:
        words = "; ".join(f"{METRICS[name].title} {self._span(name)}" for name in self._shown)
        return f"Band({self.title}: {words}; {self.ambiguous_bars:,} ambiguous bars)"

    def _repr_html_(self) -> str:
        cells = "".join(
            f'<tr><th style="text-align:left">{escape(METRICS[name].title)}</th>'
            f"<td>{escape(format_value(name, self.as_run[name]))}</td><td>{escape(self._span(name))}</td></tr>"
            for name in self.range.index
        )
        head = f"<tr><th></th><th>as run</th><th>{len(self.arms)} conventions</th></tr>"
        return (
            f"<p>{escape(self.title)}: {self.ambiguous_bars:,} ambiguous bars (stop and target in one bar)</p>"
            f"<table>{head}{cells}</table>"
        )

    @property
    def _shown(self) -> list[str]:
        return [
            name for name in ("total_return_percent", "sharpe_ratio", "max_drawdown_percent") if name in self.as_run
        ]

    def _span(self, name: str) -> str:
        low, high = (None if np.isnan(end) else end for end in self.ends(name))
        return f"{format_value(name, low)} to {format_value(name, high)}"

    def ends(self, name: str) -> tuple[float, float]:
        """Return the lowest and the highest value of a metric; NaN where it is undefined under every convention."""
        values = np.array([_number(arm.metrics.get(name)) for arm in self.arms])
        known = values[~np.isnan(values)]
        return (float(known.min()), float(known.max())) if known.size else (np.nan, np.nan)


def convention_band(
    bars: Bars, strategy: Strategy | type[Strategy], options: EngineOptions | None = None, **changes: Any
) -> Band:
    """Return what a strategy would have done under each of twelve conventions.

    They are {next open, same close, one bar later} × {stop first, target first} × {costs × 1, costs × 2}.

    A result that is good under one convention only is a result about the convention. ``same_close`` is optimistic, it
    belongs to the band and is not to be believed; costs are commission, slippage, spread and borrow rate.

    Parameters
    ----------
    bars, strategy, options, changes
        As in ``rk.run_backtest``.

    Raises
    ------
    OptionError
        A rate of cost is half or more, so that twice of it cannot be.

    Examples
    --------
    >>> import research_kit as rk
    >>> close = 100 + np.sin(np.arange(60.0) / 3)
    >>> bars = rk.Bars(np.arange(60) * 86_400_000_000_000, dict.fromkeys(("open", "high", "low", "close"), close))
    >>> band = convention_band(bars, rk.strategies.SmaCross(fast=2, slow=5))
    >>> len(band.arms), band.ambiguous_bars
    (12, 0)
    """
    chosen = options or EngineOptions()
    if changes:
        chosen = EngineOptions(**chosen.model_dump() | changes)
    made = strategy() if isinstance(strategy, type) else strategy
    run = _runner(bars, made)
    as_run = BacktestResult(bars, made, chosen, run(chosen)).metrics
    return Band(made.name, tuple(_arms(bars, made, chosen, run)), as_run)


def _runner(bars: Bars, strategy: Strategy) -> Callable[[EngineOptions], Simulation]:
    """Return what runs a strategy under options; signals know nothing of options, and are made once."""
    if strategy.style() != "signals":
        return lambda options: simulation_of(strategy, bars, options)
    signals = signals_of(strategy, bars)
    return lambda options: simulate(bars, signals, options)


def _arms(
    bars: Bars, strategy: Strategy, options: EngineOptions, run: Callable[[EngineOptions], Simulation]
) -> Iterator[Arm]:
    for fill, costs in product(FILLS, COST_FACTORS):
        before: Simulation | None = None
        for intrabar in INTRABAR:
            arm = arm_options(options, fill, intrabar, costs)
            decided = before is None or before.ambiguous_bars > 0  # else the rule has nothing to decide
            simulation = run(arm) if decided or before is None else before
            before = simulation
            result = BacktestResult(bars, strategy, arm, simulation)
            points = reduce_points(bars.time, simulation.equity, LIMIT)
            title = f"{fill.replace('_', ' ')}, {intrabar.replace('_', ' ')}, costs ×{costs:g}"
            yield Arm(
                fill,
                intrabar,
                costs,
                result.metrics,
                simulation.ambiguous_bars,
                BandCurve(title, fill, points.x, points.y),
                arm == options,
            )


def arm_options(options: EngineOptions, fill: str, intrabar: str, costs: float) -> EngineOptions:
    """Return the options of one convention; everything else is as it was.

    Examples
    --------
    >>> arm = arm_options(EngineOptions(commission=0.001), "one_bar_later", "target_first", 2.0)
    >>> arm.fill, arm.delay, arm.intrabar, arm.commission
    ('next_open', 1, 'target_first', 0.002)
    """
    changes: dict[str, Any] = {"fill": "same_close" if fill == "same_close" else "next_open", "intrabar": intrabar}
    if fill == "one_bar_later":
        changes["delay"] = options.delay + 1
    if costs != 1.0:
        changes |= {name: _times(getattr(options, name), costs, name) for name in COSTS}
    return EngineOptions(**options.model_dump() | changes)


def _times(value: Any, factor: float, name: str) -> Any:
    if callable(value):
        return _multiplied(value, factor)
    if name in ("commission", "slippage", "spread") and value * factor >= 1:
        raise OptionError(
            f"{name}={value:g} is half of the price or more: the band counts costs twice, which cannot be."
        )
    return value * factor


@lru_cache(maxsize=32)
def _multiplied(function: Callable[[float, float], float], factor: float) -> Callable[[float, float], float]:
    """Return a commission function that charges a multiple of another; numba compiles both."""
    from numba import njit

    inner: Any = njit(function)
    return lambda price, units: factor * inner(price, units)


def _number(value: float | int | None) -> float:
    return np.nan if value is None else float(value)
