"""What a sweep found: a table of every set, the best of them, and what stands around it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.frame import FloatArray
from research_kit.errors import NotFoundError
from research_kit.metrics.registry import METRICS, format_value
from research_kit.search.objective import Objective
from research_kit.search.plateau import plateau_scores
from research_kit.search.space import ParameterSets

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from research_kit.charts.template import Theme
    from research_kit.search.overfitting import SweepOverfitting


@dataclass(frozen=True)
class Best:
    """The best set: its parameters, its value, the median of its neighbourhood (``plateau``), and all its metrics."""

    parameters: dict[str, Any]
    value: float
    plateau: float | None
    metrics: dict[str, float | None] = field(repr=False)
    position: int = field(repr=False)
    objective: str = "sharpe_ratio"

    def __repr__(self) -> str:
        name = self.objective.removeprefix("-")
        words = ", ".join(f"{key}={_short(value)}" for key, value in self.parameters.items())
        plateau = format_value(name, self.plateau)
        return f"Best({words}: {METRICS[name].title} {format_value(name, self.value)}, plateau {plateau})"


@dataclass(frozen=True, eq=False)
class SweepResult:
    """Every set of a sweep with its metrics.

    Parameters
    ----------
    sets
        The sets that were run, in the order of the grid.
    metrics
        Each metric of the registry by name, shape (sets,), NaN where it is undefined or the set failed.
    errors
        Why a set failed, by its position.
    kept_returns
        Daily returns, fractions, float32 of shape (sets, days).
    refused
        Sets that the strategy does not take, each with the reason: they were not run and are no trials.
    keys
        What decides between sets that are equally good: the smallest key. The hash of the parameters when not given.
    periods_per_year
        Daily returns a year; found from the sets' volatility when not given.
    risk_free_rate
        Annual fraction.
    """

    strategy_name: str
    sets: ParameterSets
    metrics: Mapping[str, FloatArray]
    objective: Objective
    errors: Mapping[int, str] = field(default_factory=dict)
    kept_returns: NDArray[np.float32] | None = field(default=None, repr=False)
    refused: Sequence[tuple[dict[str, Any], str]] = ()
    keys: Sequence[str] | None = None
    is_grid: bool = True
    periods_per_year: float | None = None
    risk_free_rate: float = 0.0

    def __len__(self) -> int:
        return len(self.sets)

    def __repr__(self) -> str:
        best = repr(self.best) if self.ranking.size else "no set has a value"
        return f"{type(self).__name__}({self.strategy_name}, {len(self):,} sets, {best})"

    @cached_property
    def returns(self) -> NDArray[np.float32]:
        """Daily returns, fractions of shape (sets, days), NaN where a set has none."""
        return np.empty((len(self), 0), np.float32) if self.kept_returns is None else self.kept_returns

    @cached_property
    def scores(self) -> FloatArray:
        """The objective of each set so that more is better, NaN where it is undefined."""
        return self.objective.scores(self.metrics)

    @cached_property
    def plateau(self) -> FloatArray:
        """The median of the objective's metric in the neighbourhood of each set."""
        return plateau_scores(self.sets, np.asarray(self.metrics[self.objective.metric]), is_grid=self.is_grid)

    @cached_property
    def ranking(self) -> NDArray[np.int64]:
        """Positions of the sets that have a value, the best first; of equal ones that with the smallest key."""
        positions = np.flatnonzero(~np.isnan(self.scores))
        order = positions[np.argsort(-self.scores[positions], kind="stable")]
        if not len(order):
            return order
        scores = self.scores[order]
        starts = np.flatnonzero(np.diff(scores, prepend=np.nan) != 0.0)
        for first, last in zip(starts, [*starts[1:], len(order)], strict=True):
            if last - first > 1:
                order[first:last] = sorted(order[first:last], key=self.key)
        return order

    def key(self, position: int) -> str:
        """Return what decides between equally good sets."""
        if self.keys is not None:
            return self.keys[position]
        text = json.dumps(self.sets[position], sort_keys=True, default=repr)
        return sha256(text.encode()).hexdigest()

    @property
    def best(self) -> Best:
        """The best set by the objective.

        Raises
        ------
        NotFoundError
            No set has a value.
        """
        if not self.ranking.size:
            why = f" The first failed with: {next(iter(self.errors.values()))}" if self.errors else ""
            raise NotFoundError(f"No set of {len(self):,} has a {self.objective.metric}.{why}")
        return self._as_best(int(self.ranking[0]))

    @property
    def broadest(self) -> Best:
        """The set whose neighbourhood has the best median, of those that have a value; of equal ones the better set.

        Raises
        ------
        NotFoundError
            No set has a value.
        """
        if not self.ranking.size:
            return self.best  # which says why there is none
        around = self.plateau[self.ranking] * (-1.0 if self.objective.lowest else 1.0)
        return self._as_best(int(self.ranking[np.argmax(around)]))

    def value(self, metric: str, position: int) -> float | None:
        """Return a metric of one set, None where it is undefined."""
        return _value(self.metrics[metric][position])

    def _as_best(self, at: int) -> Best:
        values = {name: _value(column[at]) for name, column in self.metrics.items()}
        value = float(self.metrics[self.objective.metric][at])
        return Best(self.sets[at], value, _value(self.plateau[at]), values, at, str(self.objective))

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row for each set in the order of the grid: parameters, metrics, ``plateau``, ``error``."""
        import pandas as pd

        columns: dict[str, Any] = {name: self.sets.column(name) for name in self.sets.names}
        columns |= {name: column for name, column in self.metrics.items() if name not in columns}
        columns["plateau"] = self.plateau
        columns["error"] = [self.errors.get(at, "") for at in range(len(self))]
        return pd.DataFrame(columns)

    def top(self, n: int = 10) -> pd.DataFrame:
        """Return the best sets, the best first: parameters, the objective's metric, its plateau, other headlines."""
        first = [*self.sets.names, self.objective.metric, "plateau"]
        others = [name for name, metric in METRICS.items() if metric.headline and name not in first]
        return self.table.iloc[self.ranking[:n]][[*first, *others]]

    @cached_property
    def refusals(self) -> pd.DataFrame:
        """The sets that the strategy does not take, with the reason; they were not run and are no trials."""
        import pandas as pd

        return pd.DataFrame([{**parameters, "reason": reason} for parameters, reason in self.refused])

    def heatmap(self, x: str, y: str, metric: str | None = None, **how: Any) -> go.Figure:
        """Return a heat map of a metric (the objective's, when none is named) over two parameters, the best set marked.

        Where other parameters vary, a cell is the median of its sets; ``reduce="max"``, ``fixed={"name": value}`` and
        ``theme`` change that.
        """
        from research_kit.charts.searches.sweep_grid import heatmap_data, heatmap_figure

        wanted, best = self._wanted(metric)
        plateau = "plateau" if wanted == self.objective.metric else None
        theme = how.pop("theme", "notebook")
        data = heatmap_data(self._columns(wanted), x, y, wanted, plateau=plateau, best=best, **how)
        return heatmap_figure(data, theme=theme, title=self.strategy_name)

    def parallel_coordinates(self, metric: str | None = None, *, theme: Theme = "notebook") -> go.Figure:
        """Return every set as a line through its parameters, coloured by a metric."""
        from research_kit.charts.searches.sweep_lines import parallel_data, parallel_figure

        wanted, best = self._wanted(metric)
        data = parallel_data(self._columns(wanted), self.sets.names, wanted, best=best)
        return parallel_figure(data, theme=theme, title=self.strategy_name)

    def slice(self, metric: str | None = None, *, theme: Theme = "notebook") -> go.Figure:
        """Return a metric against each parameter, one panel each: which of them matters, and where."""
        from research_kit.charts.searches.sweep_slices import slice_data, slice_figure

        wanted, best = self._wanted(metric)
        data = slice_data(self._columns(wanted), self.sets.names, wanted, best=best)
        return slice_figure(data, theme=theme, title=self.strategy_name)

    def distribution(self, metric: str | None = None, *, theme: Theme = "notebook") -> go.Figure:
        """Return how a metric spreads over all sets, with the best and the median: a lucky one stands alone."""
        from research_kit.charts.searches.sweep_spread import sweep_distribution_data, sweep_distribution_figure

        wanted, best = self._wanted(metric)
        data = sweep_distribution_data(self._columns(wanted), wanted, best=best)
        return sweep_distribution_figure(data, theme=theme, title=self.strategy_name)

    @property
    def trials(self) -> int:
        """How many sets were tried."""
        return len(self)

    def overfitting(self, *, seed: int = 0, draws: int = 1_000) -> SweepOverfitting:
        """Return how much of the best set is luck: every statistic that the sets' daily returns allow, in plain words.

        Deflated Sharpe ratio, probability of overfitting, SPA, haircuts and more (docs/inference.md), and their charts.
        Of a recorded sweep all trials on its data count. ``seed`` and ``draws`` are those of the bootstraps.

        Raises
        ------
        NotFoundError
            No set has a value.
        DataError
            No daily returns were kept, or none vary.
        """
        from research_kit.search.overfitting import overfitting_of

        return overfitting_of(self, seed=seed, draws=draws)

    def _wanted(self, metric: str | None) -> tuple[str, Any]:
        objective = self.objective if metric is None else Objective.of(metric)
        return objective.metric, objective.best

    def _columns(self, metric: str) -> dict[str, Any]:
        parameters = {name: self.sets.column(name) for name in self.sets.names}
        return {**parameters, metric: self.metrics[metric], "plateau": self.plateau}


def _short(value: Any) -> str:
    """Return a parameter as it is read: a number that was drawn at random has up to 17 digits.

    >>> _short(0.1515506847964977), _short(0.1), _short(20)
    ('0.151551', '0.1', '20')
    """
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _value(number: float) -> float | None:
    return None if np.isnan(number) else float(number)
