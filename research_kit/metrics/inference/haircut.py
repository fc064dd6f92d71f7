"""How much of a Sharpe ratio is left once its p-value has paid for all that were tested.

Source: Harvey and Liu, Backtesting, Journal of Portfolio Management 2015.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from research_kit.errors import DataError, OptionError, did_you_mean
from research_kit.metrics.inference.series import check_count
from research_kit.metrics.values import FloatArray, finite

Method = Literal["bonferroni", "sidak", "holm", "bhy"]
METHODS: tuple[Method, ...] = get_args(Method)


@dataclass(frozen=True)
class Haircut:
    """A Sharpe ratio after one correction; ratios in the unit that was given.

    ``haircut`` is the share that is lost, 0 to 1; None where the ratio was not above 0 before.
    """

    method: str
    tests: int
    p_value: float  # of the ratio alone, two-sided
    adjusted_p_value: float
    sharpe: float
    haircut: float | None


def sharpe_p_values(sharpes: ArrayLike, n: int) -> FloatArray:
    """Return the two-sided p-values of Sharpe ratios per period, from n returns each: Student's t of SR·√n, n − 1 d.f.

    NaN stays NaN. Shape as given.

    >>> sharpe_p_values([0.75 / 12**0.5], n=240).round(4)
    array([0.0009])
    """
    from scipy.special import stdtr

    check_count("n", n, least=2)
    values = np.asarray(sharpes, dtype=np.float64)
    return np.asarray(2.0 * stdtr(n - 1, -np.abs(values) * math.sqrt(n)), dtype=np.float64)


def adjusted_p_values(p_values: ArrayLike, method: Method = "holm", *, tests: int | None = None) -> FloatArray:
    """Return p-values, shape (k,), that pay for having been tested together; each at least what it was, at most 1.

    Parameters
    ----------
    p_values
        Between 0 and 1.
    method
        "bonferroni": k·p. "sidak": 1 − (1 − p)^k. "holm": step-down, no worse than Bonferroni's. All three bound the
        chance of a single wrong discovery ("sidak" for independent tests). "bhy": Benjamini, Hochberg and Yekutieli,
        bounds the share of wrong discoveries under any dependence.
    tests
        How many were made in all, where more than the ones given: those that are not here count as p = 1.

    Examples
    --------
    >>> adjusted_p_values([0.005, 0.009, 0.0128, 0.0135, 0.045, 0.06], "holm").round(4)
    array([0.03  , 0.045 , 0.0512, 0.0512, 0.09  , 0.09  ])
    """
    if method not in METHODS:
        raise OptionError(f"There is no method {method!r}. {did_you_mean(str(method), METHODS)}")
    values = np.asarray(p_values, dtype=np.float64)
    if values.ndim != 1 or not ((values >= 0.0) & (values <= 1.0)).all():
        raise DataError("p-values are numbers between 0 and 1, shape (k,).")
    made = len(values) if tests is None else tests
    if made < len(values):
        raise OptionError(f"tests is at least the number of p-values, {len(values):,}; given was {made:,}.")
    if method == "bonferroni":
        return np.asarray(np.minimum(values * made, 1.0), dtype=np.float64)
    if method == "sidak":
        with np.errstate(divide="ignore"):
            return np.asarray(-np.expm1(made * np.log1p(-values)), dtype=np.float64)
    order = np.argsort(values, kind="stable")
    rank = np.arange(1, len(values) + 1)
    stepped = np.empty(len(values))
    if method == "holm":
        stepped[order] = np.maximum.accumulate(values[order] * (made + 1 - rank))
    else:
        penalty = made * float(np.sum(1.0 / np.arange(1, made + 1)))
        stepped[order] = np.minimum.accumulate((values[order] * penalty / rank)[::-1])[::-1]
    return np.asarray(np.minimum(stepped, 1.0), dtype=np.float64)


def haircuts(sharpes: ArrayLike, n: int, *, chosen: int | None = None, tests: int | None = None) -> dict[str, Haircut]:
    """Return what is left of the chosen Sharpe ratio after each correction, by method; empty where it is undefined.

    Parameters
    ----------
    sharpes
        Sharpe ratios per period of all trials, shape (k,); NaN where undefined: those count as tests.
    n
        Returns behind each.
    chosen
        Position of the one that was chosen; the highest when not given.
    tests
        How many were tried in all, where more than k.

    Examples
    --------
    >>> left = haircuts([0.75 / 12**0.5], n=240, tests=200)["sidak"]
    >>> round(left.sharpe * 12**0.5, 2), round(left.haircut, 2)
    (0.31, 0.59)
    """
    from scipy.special import stdtrit

    values = np.asarray(sharpes, dtype=np.float64)
    there = np.flatnonzero(~np.isnan(values))
    if not len(there) or (chosen is not None and np.isnan(values[chosen])):
        return {}
    at = int(there[np.argmax(values[there])]) if chosen is None else chosen
    p_values = sharpe_p_values(values[there], n)
    place = int(np.searchsorted(there, at))
    made = max(len(values), tests or 0)
    found: dict[str, Haircut] = {}
    for method in METHODS:
        adjusted = float(adjusted_p_values(p_values, method, tests=made)[place])
        score = -float(stdtrit(n - 1, adjusted / 2.0)) if adjusted < 1.0 else 0.0
        left = math.copysign(min(abs(score) / math.sqrt(n), abs(values[at])), values[at])
        lost = finite(1.0 - left / float(values[at])) if values[at] > 0.0 else None
        found[method] = Haircut(method, made, float(p_values[place]), adjusted, left, lost)
    return found
