"""One line that says what a result is worth: Sharpe ratio, how far off it may be, how many were tried, what is left."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from numpy.typing import ArrayLike

from research_kit.metrics.inference.intervals import Interval, bootstrap_intervals
from research_kit.metrics.inference.luck import (
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    minimum_backtest_length,
    null_variance,
)
from research_kit.metrics.inference.resampling import PLAIN, Resampling
from research_kit.metrics.inference.series import as_returns, check_count
from research_kit.metrics.inference.sharpe import (
    SharpeEstimate,
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
    sharpe_estimate,
)
from research_kit.metrics.performance import periodic_rate
from research_kit.metrics.registry import UNDEFINED, format_value

CONVINCING = 0.95


@dataclass(frozen=True, kw_only=True)
class Headline:
    """What a Sharpe ratio is worth. Ratios are per year, lengths in years; what is None has its reason in ``reasons``.

    Attributes
    ----------
    sharpe_ratio, low, high
        The ratio, and its block-bootstrap interval.
    trials, effective, scope
        How many were made, how many of them were really different (None: not known), and where: "on this data".
    probabilistic
        Chance, 0 to 1, that the true ratio is above 0, if nothing else had been tried.
    luck
        The ratio that the best of so many trials without skill is expected to show.
    deflated
        Chance, 0 to 1, that the true ratio is above that.
    track_record
        How long a history like this must be until the ratio is above 0 with a confidence of 95 %.
    backtest_length
        How long a history must be so that luck alone is not expected to show a ratio of 1.
    years
        How long the history is.
    estimate, variance
        The ratio per day with its moments, and the variance of the trials' ratios per day: what it was deflated with.
    intervals
        Of all headline metrics of daily returns, by name.
    """

    sharpe_ratio: float | None
    low: float | None
    high: float | None
    trials: int
    effective: float | None
    scope: str
    probabilistic: float | None
    luck: float | None
    deflated: float | None
    track_record: float | None
    backtest_length: float | None
    years: float
    estimate: SharpeEstimate | None = field(repr=False)
    variance: float | None = field(repr=False)
    intervals: Mapping[str, Interval] = field(repr=False)
    reasons: Mapping[str, str] = field(repr=False)

    def __str__(self) -> str:
        between = "" if self.low is None or self.high is None else f" [{_short(self.low)}, {_short(self.high)}]"
        made = f"{self.trials:,} trial{'' if self.trials == 1 else 's'} {self.scope}".rstrip()
        different = "" if self.effective is None or self.trials == 1 else f" ({self.effective:,.0f} effective)"
        ratio = format_value("sharpe_ratio", self.sharpe_ratio)
        return f"Sharpe {ratio}{between} · {made}{different} · deflated {chance(self.deflated)}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(str(self))}</p>"


def headline(
    returns: ArrayLike,
    *,
    periods_per_year: float,
    trials: int,
    effective: float | None = None,
    sharpe_variance: float | None = None,
    scope: str = "on this data",
    risk_free_rate: float = 0.0,
    resampling: Resampling = PLAIN,
) -> Headline:
    """Return what the Sharpe ratio of a run is worth, given that it is one of many trials.

    It is deflated by **all** trials and the variance of their ratios: variations of one idea vary little, and so weigh
    little. The effective number is shown beside. (Measured on searches of noise, with all trials the best one came out
    above 0.95 in 0 to 3 of 100, and with the effective number and the variance over clusters in 3 to 7.)

    Parameters
    ----------
    returns
        Daily returns of the run, fractions, shape (n,).
    periods_per_year, risk_free_rate
        As in ``sharpe_ratio``.
    trials, effective
        How many trials there were, this one included, and how many of them were different.
    sharpe_variance
        Variance of the trials' Sharpe ratios **per day** (ddof 1, of the trials that have one); None where it is not
        known: 1 / (n − 1), what ratios without skill have.
    scope
        Words that say where the trials were counted.
    resampling
        Samples, seed and blocks of the intervals.

    Examples
    --------
    >>> import numpy as np
    >>> daily = np.random.default_rng(4).normal(0.0008, 0.01, 1000)
    >>> print(headline(daily, periods_per_year=252, trials=212, effective=31))
    Sharpe 1.10 [0.1, 2.1] · 212 trials on this data (31 effective) · deflated 0.28
    """
    check_count("trials", trials)
    values = as_returns(returns)
    estimate = sharpe_estimate(values, periodic_rate=periodic_rate(risk_free_rate, periods_per_year))
    intervals = bootstrap_intervals(
        values, periods_per_year=periods_per_year, risk_free_rate=risk_free_rate, resampling=resampling
    )
    between, year = intervals["sharpe_ratio"], math.sqrt(periods_per_year)
    variance = null_variance(len(values)) if sharpe_variance is None else sharpe_variance
    luck = None if variance is None else expected_maximum_sharpe(trials, variance)
    record = minimum_track_record_length(estimate)
    numbers = {
        "sharpe_ratio": None if estimate is None else estimate.sharpe * year,
        "probabilistic": probabilistic_sharpe_ratio(estimate),
        "luck": None if luck is None else luck * year,
        "deflated": None if variance is None else deflated_sharpe_ratio(estimate, trials=trials, variance=variance),
        "track_record": None if record is None else record / periods_per_year,
        "backtest_length": minimum_backtest_length(trials),
    }
    return Headline(
        **numbers,
        low=between.low,
        high=between.high,
        trials=trials,
        effective=effective,
        scope=scope,
        years=len(values) / periods_per_year,
        estimate=estimate,
        variance=variance,
        intervals=intervals,
        reasons=_reasons(numbers, estimate, between, len(values)),
    )


def chance(value: float | None) -> str:
    """Return a probability in two digits, which never says that something is certain.

    >>> chance(0.614), chance(0.999), chance(0.0), chance(None)
    ('0.61', '> 0.99', '< 0.01', '–')
    """
    if value is None:
        return UNDEFINED
    if value > 0.99:
        return "> 0.99"
    return "< 0.01" if value < 0.01 else f"{value:.2f}"


def _short(value: float) -> str:
    return f"{round(value, 1) + 0.0:.1f}"  # no minus zero


def _reasons(
    numbers: Mapping[str, float | None], estimate: SharpeEstimate | None, between: Interval, n: int
) -> dict[str, str]:
    """Return why each number that is undefined is so."""
    why = "fewer than 2 daily returns" if n < 2 else "the daily returns do not vary"
    if estimate is not None:
        why = "the Sharpe ratio is not above 0"  # only the length of a track record needs that
    reasons = {name: why for name, value in numbers.items() if value is None}
    if between.low is None:
        reasons |= dict.fromkeys(("low", "high"), between.reason)
    return reasons
