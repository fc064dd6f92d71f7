"""What each statistic of a search means, said so that it can be read without knowing its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from research_kit.metrics.inference.headline import chance
from research_kit.metrics.registry import UNDEFINED, format_value

if TYPE_CHECKING:
    from research_kit.metrics.inference.overfitting import Overfitting

WEAK = 0.05


@dataclass(frozen=True)
class Statistic:
    """A number of a search: its value (None where undefined), how it is written, and what it says here.

    Where it is undefined, ``meaning`` is the reason.
    """

    name: str
    title: str
    value: float | None
    shown: str
    meaning: str


def statistics_of(found: Overfitting) -> dict[str, Statistic]:
    """Return every number that is known of a search's winner, by name."""
    every = [*_of_winner(found), *_of_luck(found), *_of_halves(found), *_of_tests(found), *_of_haircuts(found)]
    return {one.name: _known(one, found.headline.reasons) for one in every}


def _of_winner(found: Overfitting) -> list[Statistic]:
    top = found.headline
    between = "" if top.low is None else f" [{top.low:.2f}, {top.high:.2f}]"
    shown = format_value("sharpe_ratio", top.sharpe_ratio) + between
    return [
        Statistic("sharpe_ratio", "Sharpe ratio", top.sharpe_ratio, shown,
                  "Per year, with the range that holds its true value 19 times in 20, if nothing else had been tried."),
        Statistic("probabilistic", "Probabilistic Sharpe ratio", top.probabilistic, chance(top.probabilistic),
                  "Chance that the true Sharpe ratio is above 0, if nothing else had been tried."),
        Statistic("track_record", "Minimum track record", top.track_record, _years(top.track_record),
                  f"So long a history shows that a ratio like this is above 0; this one is {_years(top.years)} long."),
    ]  # fmt: skip


def _of_luck(found: Overfitting) -> list[Statistic]:
    top, clusters = found.headline, found.clusters
    return [
        Statistic("trials", "Trials", top.trials, f"{top.trials:,}",
                  f"How many were tried {top.scope}."),
        Statistic("effective", "Effective trials", clusters.count, f"{clusters.count:,}",
                  f"The {found.sets:,} sets are variations of so many different ones (their daily returns correlate by "
                  f"{clusters.correlation:g} or more)."),
        Statistic("luck", "Sharpe ratio of luck", top.luck, format_value("sharpe_ratio", top.luck),
                  "What the best of so many trials is expected to show where none has any skill."),
        Statistic("deflated", "Deflated Sharpe ratio", top.deflated, chance(top.deflated),
                  "Chance that the true Sharpe ratio is above that of luck; 0.95 and more convinces."),
        Statistic("backtest_length", "Minimum backtest length", top.backtest_length, _years(top.backtest_length),
                  "With less data than this, luck alone is expected to show a Sharpe ratio of 1 or more "
                  "after so many independent trials."),
    ]  # fmt: skip


def _of_halves(found: Overfitting) -> list[Statistic]:
    halves = found.overfit
    titles = {
        "pbo": "Probability of overfitting",
        "degradation": "Performance degradation",
        "probability_of_loss": "Probability of loss",
        "dominance": "Stochastic dominance",
    }
    if halves is None:
        return [Statistic(name, title, None, UNDEFINED, found.reasons["overfit"]) for name, title in titles.items()]
    line = halves.degradation
    order = 1 if halves.first_order_dominance else 2 if halves.second_order_dominance else 0
    words = {
        1: "At every level the best set of one half did better in the other half than a set taken at random.",
        2: "One who shuns risk prefers the best set of one half to a set taken at random.",
        0: "Taking the best set of one half was not better in the other half than taking any at random.",
    }
    return [
        Statistic("pbo", titles["pbo"], halves.pbo, chance(halves.pbo),
                  f"So often the best set of one half of the days was among the worse half of sets in the other half "
                  f"({len(halves.logits):,} ways to halve). 0.5 is pure luck."),
        Statistic("degradation", titles["degradation"], None if line is None else line.slope,
                  UNDEFINED if line is None else f"{line.slope:+.2f}",
                  _of_slope(halves.constancy)),
        Statistic("probability_of_loss", titles["probability_of_loss"], halves.probability_of_loss,
                  chance(halves.probability_of_loss), "So often the best set of one half lost money in the other."),
        Statistic("dominance", titles["dominance"], order,
                  ("none", "first order", "second order")[order], words[order]),
    ]  # fmt: skip


def _of_slope(constancy: float) -> str:
    if constancy > 0.9:
        return "The same set was the best nearly always: of one set the halves add up, and the slope says nothing."
    return (
        "How much of 1 more Sharpe ratio in one half was there in the other. "
        "Below 0: the better it looked, the worse it did."
    )


def _of_tests(found: Overfitting) -> list[Statistic]:
    test = found.superior
    titles = {"spa": "SPA test", "reality_check": "Reality check", "superior": "Sets that are better"}
    if test is None:
        return [Statistic(name, title, None, UNDEFINED, found.reasons["superior"]) for name, title in titles.items()]
    known = "luck does that too often to be ruled out" if test.spa > WEAK else "luck rarely does that"
    return [
        Statistic("spa", titles["spa"], test.spa, f"p = {test.spa:.3f}",
                  f"Chance of a best set this far above the benchmark if none were better (Hansen): {known}."),
        Statistic("reality_check", titles["reality_check"], test.reality_check, f"p = {test.reality_check:.3f}",
                  "The same without regard to how much each set varies (White)."),
        Statistic("superior", titles["superior"], len(test.superior), f"{len(test.superior):,}",
                  f"So many sets beat the benchmark after all were tested; a wrong one is among them at most "
                  f"{test.size:.0%} of the time (StepM)."),
    ]  # fmt: skip


def _of_haircuts(found: Overfitting) -> list[Statistic]:
    titles = {"bonferroni": "Bonferroni", "sidak": "Šidák", "holm": "Holm", "bhy": "Benjamini, Hochberg, Yekutieli"}
    made = []
    for name, cut in found.haircuts.items():
        lost = "" if cut.haircut is None else f", {cut.haircut:.0%} less"
        meaning = f"What is left of the Sharpe ratio when its p-value pays for {cut.tests:,} tests: it becomes "
        shown = f"{format_value('sharpe_ratio', cut.sharpe)}{lost}"
        made.append(Statistic(f"haircut_{name}", f"Haircut, {titles[name]}", cut.sharpe, shown,
                              f"{meaning}{cut.adjusted_p_value:.3g}."))  # fmt: skip
    return made


def _known(one: Statistic, reasons: Mapping[str, str]) -> Statistic:
    """Return a statistic with its reason in place of its meaning, where it is undefined."""
    return replace(one, meaning=reasons[one.name]) if one.value is None and one.name in reasons else one


def _years(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:,.1f} years"
