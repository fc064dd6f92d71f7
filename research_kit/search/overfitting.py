"""How overfitted the best set of a sweep is: the statistics of its daily returns, and their charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from research_kit.errors import DataError
from research_kit.metrics.inference.overfitting import Overfitting
from research_kit.metrics.inference.resampling import Resampling

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from research_kit.charts.template import Theme
    from research_kit.search.result import SweepResult


class SweepOverfitting(Overfitting):
    """``Overfitting`` of a sweep's best set, which draws itself."""

    def logits(self, *, theme: Theme = "notebook") -> go.Figure:
        """Return where the best set of one half stood among all in the other half: what lies below 0 is overfitted."""
        from research_kit.charts.searches.overfitting import logits_data, logits_figure

        return logits_figure(logits_data(self.overfit), theme=theme)

    def degradation(self, *, theme: Theme = "notebook") -> go.Figure:
        """Return what the best set of one half did in the other, against what it had promised."""
        from research_kit.charts.searches.overfitting import degradation_data, degradation_figure

        return degradation_figure(degradation_data(self.overfit, self._year), theme=theme)

    def deflation(self, *, theme: Theme = "notebook") -> go.Figure:
        """Return how the deflated Sharpe ratio falls with the number of trials, and where this search stands."""
        from research_kit.charts.searches.deflation import deflation_data, deflation_figure

        return deflation_figure(deflation_data(self.headline, effective=self.clusters.count), theme=theme)

    @property
    def _year(self) -> float:
        """Daily returns a year, from the history's length."""
        return self.days / self.headline.years


def overfitting_of(sweep: SweepResult, *, seed: int, draws: int) -> SweepOverfitting:
    """Return the statistics of a sweep's best set; the arguments are those of ``SweepResult.overfitting``."""
    chosen = sweep.best.position
    if not sweep.returns.size:
        raise DataError("The sweep kept no daily returns, and overfitting is judged by them.")
    recorded = sweep.trials > len(sweep)
    return SweepOverfitting.of(
        sweep.returns,
        periods_per_year=sweep.periods_per_year or _periods_per_year(sweep),
        chosen=chosen,
        trials=sweep.trials,
        scope="on this data" if recorded else "in this search",
        risk_free_rate=sweep.risk_free_rate,
        resampling=Resampling(draws=draws, seed=seed),
    )


def _periods_per_year(sweep: SweepResult) -> float:
    """Return q from the sets that moved: volatility is std × √q; float32 returns leave it off by a millionth."""
    yearly = np.asarray(sweep.metrics["volatility"])
    moved = np.flatnonzero(yearly > 0.0)
    if not len(moved) or sweep.returns.shape[1] < 2:
        raise DataError("No set has daily returns that vary: there is nothing to judge.")
    deviations = np.array([sweep.returns[at].std(ddof=1, dtype=np.float64) for at in moved[:64]])
    found = float(np.median((yearly[moved[:64]] / deviations) ** 2))
    return float(round(found)) if abs(found - round(found)) < 1e-3 * found else found
