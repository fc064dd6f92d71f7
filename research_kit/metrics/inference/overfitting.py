"""Everything that the daily returns of a search tell about its winner, each number with its meaning in plain words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from research_kit.errors import DataError
from research_kit.metrics.inference.clusters import Clusters, cluster_trials
from research_kit.metrics.inference.cscv import Overfit, probability_of_overfitting
from research_kit.metrics.inference.haircut import Haircut, haircuts
from research_kit.metrics.inference.headline import CONVINCING, Headline, headline
from research_kit.metrics.inference.meaning import Statistic, statistics_of
from research_kit.metrics.inference.resampling import Resampling
from research_kit.metrics.inference.series import as_rows
from research_kit.metrics.inference.superior import Superior, superior_sets
from research_kit.metrics.many import ManyMoments
from research_kit.metrics.performance import periodic_rate
from research_kit.metrics.values import FloatArray

if TYPE_CHECKING:
    import pandas as pd

DRAWS = Resampling(draws=1_000)
DAYS_A_BLOCK = 10
SETS_AT_ONCE = 256


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Overfitting:
    """How much of a search's winner is luck. Shows itself as a table; ``statistics`` has each number with its meaning.

    Attributes
    ----------
    chosen : int
        Position of the set that all is about.
    sets, days : int
        Of the search.
    headline : Headline
        Of the chosen set: its Sharpe ratio with interval, trials, deflated.
    sharpes : array, shape (sets,)
        Sharpe ratio of each set, per year; NaN where undefined.
    clusters : Clusters
        Which sets are variations of one another.
    overfit : Overfit or None
        Probability of backtest overfitting, with all that its charts need.
    superior : Superior or None
        Reality check, SPA and StepM.
    haircuts : dict
        What multiple testing leaves of the chosen Sharpe ratio (per year), by method.
    reasons : dict
        Why a part is None, by its name.
    """

    chosen: int
    sets: int
    days: int
    headline: Headline
    sharpes: FloatArray
    clusters: Clusters
    overfit: Overfit | None
    superior: Superior | None
    haircuts: Mapping[str, Haircut]
    reasons: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        returns: NDArray[Any],
        *,
        periods_per_year: float,
        chosen: int | None = None,
        trials: int | None = None,
        scope: str = "in this search",
        risk_free_rate: float = 0.0,
        benchmark: ArrayLike | None = None,
        resampling: Resampling = DRAWS,
    ) -> Self:
        """Return what the daily returns of all sets of a search tell about the chosen one.

        Parameters
        ----------
        returns
            Fractions, float32 or float64, shape (sets, days); a row of NaN is a set that failed, and counts as a trial.
        periods_per_year, risk_free_rate
            As in ``sharpe_ratio``.
        chosen
            Position of the chosen set; the one with the highest Sharpe ratio when not given.
        trials, scope
            How many trials there were, where more than these sets, and words that say where.
        benchmark
            Daily returns, shape (days,), that sets should beat; cash when not given.
        resampling
            Samples, seed and blocks.

        Raises
        ------
        DataError
            No set has a Sharpe ratio, or the chosen one has no returns.
        """
        rows, positions = as_rows(returns)
        rate = periodic_rate(risk_free_rate, periods_per_year)
        sharpes = np.full(len(returns), np.nan)
        sharpes[positions] = _sharpes(rows, rate)
        if np.isnan(sharpes).all():
            raise DataError("No set has daily returns that vary: there is nothing to judge.")
        at = int(np.nanargmax(sharpes)) if chosen is None else chosen
        if not 0 <= at < len(returns) or at not in positions:
            raise DataError(f"Set {at} has no daily returns; the sets that have are among 0 to {len(returns) - 1:,}.")
        clusters, excess, beaten = cluster_trials(returns), _less(returns, rate), _less(benchmark, rate)
        tried = max(len(returns), trials or 0)
        defined = sharpes[~np.isnan(sharpes)]
        top = headline(
            np.asarray(returns[at], dtype=np.float64),
            periods_per_year=periods_per_year,
            trials=tried,
            effective=clusters.count if tried == len(returns) else None,
            sharpe_variance=float(defined.var(ddof=1)) if len(defined) > 1 else None,
            scope=scope,
            risk_free_rate=risk_free_rate,
            resampling=resampling,
        )
        year = np.sqrt(periods_per_year)
        parts = {
            "overfit": _overfit(excess),
            "superior": superior_sets(excess, beaten, resampling=resampling),
        }
        return cls(
            chosen=at,
            sets=len(returns),
            days=rows.shape[1],
            headline=top,
            sharpes=sharpes * year,
            clusters=clusters,
            haircuts=_yearly(haircuts(sharpes, rows.shape[1], chosen=at, tests=tried), float(year)),
            reasons=_reasons(parts, len(rows)),
            **parts,  # type: ignore[arg-type]
        )

    @property
    def pbo(self) -> float | None:
        """Probability of backtest overfitting, 0 to 1; None for fewer than 2 sets or too few days."""
        return None if self.overfit is None else self.overfit.pbo

    @property
    def deflated(self) -> float | None:
        """The deflated Sharpe ratio of the chosen set: a chance, 0 to 1."""
        return self.headline.deflated

    @property
    def statistics(self) -> dict[str, Statistic]:
        """Every number by name, with its value, how it is written, and what it means here."""
        return statistics_of(self)

    @property
    def verdict(self) -> str:
        """One sentence: what the numbers say together."""
        deflated, pbo = self.headline.deflated, self.pbo
        p_value = None if self.superior is None else self.superior.spa
        if deflated is None:
            return "There is no Sharpe ratio to judge."
        if deflated < 0.5 or (pbo is not None and pbo >= 0.5):
            return "Luck explains the winner: the best of as many sets without any skill would look like it."
        if deflated < CONVINCING or (p_value is not None and p_value > 0.05) or (pbo is not None and pbo > 0.1):
            return "Luck cannot be ruled out: more data, or fewer and better reasoned trials, would tell."
        return "Luck alone is an unlikely explanation. Whether the future is like this past, no statistic can tell."

    @property
    def table(self) -> pd.DataFrame:
        """The statistics as a DataFrame: title, value, shown, meaning."""
        import pandas as pd

        rows = {name: [one.title, one.value, one.shown, one.meaning] for name, one in self.statistics.items()}
        return pd.DataFrame.from_dict(rows, orient="index", columns=["title", "value", "shown", "meaning"])

    def __repr__(self) -> str:
        pbo = "" if self.pbo is None else f" · PBO {self.pbo:.2f}"
        return f"{type(self).__name__}({self.headline}{pbo})"

    def _repr_html_(self) -> str:
        return f"<p>{escape(str(self.headline))}<br>{escape(self.verdict)}</p>{_html(self.statistics.values())}"


def _html(statistics: Iterable[Statistic]) -> str:
    left, note = "text-align:left", "text-align:left;opacity:0.65;white-space:normal;max-width:48em"
    rows = "".join(
        f'<tr><td style="{left}">{escape(one.title)}</td><td>{escape(one.shown)}</td>'
        f'<td style="{note}">{escape(one.meaning)}</td></tr>'
        for one in statistics
    )
    return f"<table>{rows}</table>"


def _sharpes(rows: NDArray[Any], rate: float) -> FloatArray:
    """Return the Sharpe ratio of each row per period, NaN where it does not vary; a few rows at a time."""
    found = np.full(len(rows), np.nan)
    for first in range(0, len(rows), SETS_AT_ONCE):
        many = ManyMoments.of(rows[first : first + SETS_AT_ONCE].astype(np.float64))
        here = found[first : first + SETS_AT_ONCE]
        np.divide(many.mean - rate, many.deviation, out=here, where=many.deviation > 0.0)
    return found


def _less(returns: Any, rate: float) -> Any:
    """Return returns above the risk-free rate; themselves where that is 0, so that nothing is copied."""
    return returns if returns is None or rate == 0.0 else np.asarray(returns) - np.float32(rate)


def _overfit(returns: NDArray[Any]) -> Overfit | None:
    """Return the probability of overfitting from as many blocks as the days allow, at most 16."""
    blocks = min(16, returns.shape[1] // DAYS_A_BLOCK // 2 * 2)
    return probability_of_overfitting(returns, blocks=blocks) if blocks >= 4 else None


def _yearly(found: Mapping[str, Haircut], year: float) -> dict[str, Haircut]:
    return {name: replace(one, sharpe=one.sharpe * year) for name, one in found.items()}


def _reasons(parts: Mapping[str, object], sets: int) -> dict[str, str]:
    why = "fewer than 2 sets have returns" if sets < 2 else f"fewer than {4 * DAYS_A_BLOCK} days"
    return {name: why for name, part in parts.items() if part is None}
