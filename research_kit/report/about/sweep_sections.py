"""The sections of a sweep's report, each made from its figures alone."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from research_kit.charts.searches.deflation import Deflation, deflation_figure
from research_kit.charts.searches.overfitting import DegradationPoints, Logits, degradation_figure, logits_figure
from research_kit.charts.searches.sweep_grid import heatmap_data, heatmap_figure
from research_kit.charts.searches.sweep_lines import parallel_data
from research_kit.charts.searches.sweep_lines_plain import MOST, plain_parallel_figure
from research_kit.charts.searches.sweep_slices import slice_data, slice_figure
from research_kit.charts.searches.sweep_spread import sweep_distribution_data, sweep_distribution_figure
from research_kit.metrics.inference.cscv import Degradation
from research_kit.metrics.inference.headline import chance
from research_kit.metrics.registry import METRICS, UNDEFINED, format_value
from research_kit.report.about.sweep import SweepStats
from research_kit.report.cards import Card, key_figures, lead, run_card, warning_box
from research_kit.report.facts import pairs_text, trials_text
from research_kit.report.tables import Cell, Head, data_table, metric_cell, metric_head, text_table, value_cell

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_MAPS = 3
PLATEAU = "Median of the objective over the set and its neighbours: a lonely peak has a low one."


def lead_of(stats: SweepStats) -> Card:
    """Return one line on how many sets were run, and what they were searched for."""
    counts = stats.counts
    metric = METRICS[stats.objective].title
    names = ", ".join(stats.parameters)
    trials = trials_text(counts["trials"])
    return lead(f"{counts['ran']:,} sets of {names} · the {stats.direction} {metric} is the best · {trials}")


def warnings_of(stats: SweepStats) -> list[Card]:
    """Return what a reader must know before believing the best set."""
    counts = stats.counts
    missing = counts["asked"] - counts["ran"]
    texts = [
        (stats.winner is None, f"No set has a {METRICS[stats.objective].title}: there is no best one."),
        (missing > 0, f"{missing:,} of {counts['asked']:,} sets were not run: the sweep did not come to its end."),
        (counts["failed"], f"{counts['failed']:,} sets failed; the reasons stand under “Every trial”."),
        (stats.luck is None and stats.winner is not None, f"How much of it is luck is not known. {stats.why}"),
    ]
    return [warning_box(text) for applies, text in texts if applies]


def key_figures_of(stats: SweepStats) -> Card:
    """Return the best set, its neighbourhood, and what is left of it, as tiles."""
    if stats.winner is None:
        return key_figures([("Sets", _number(stats, "ran"), ""), ("Trials on this data", _number(stats, "trials"), "")])
    name, title = stats.objective, METRICS[stats.objective].title
    tiles = [
        (f"Best {title}", format_value(name, stats.winner["value"]), pairs_text(stats.winner["parameters"])),
        ("Its plateau", format_value(name, stats.winner["plateau"]), "median of its neighbourhood"),
    ]
    if stats.broadest is not None:
        told = pairs_text(stats.broadest["parameters"])
        tiles.append(("Best plateau", format_value(name, stats.broadest["plateau"]), told))
    if stats.luck is not None:
        deflated, pbo = chance(stats.luck["deflated"]), chance(stats.luck["pbo"])
        tried = trials_text(stats.counts["trials"])
        tiles.append(("Deflated Sharpe ratio", deflated, f"chance of skill, after {tried}"))
        tiles.append(("Probability of overfitting", pbo, "the best of one half is poor in the other"))
    return key_figures(tiles)


def card_of(stats: SweepStats) -> Card:
    """Return what was searched, over which data, and how."""
    return run_card(stats.facts)


def best_of(stats: SweepStats) -> Card:
    """Return the best sets with their plateau scores, the best first."""
    metrics = [name for name in stats.best if name in METRICS and name not in stats.parameters]
    ordered = [stats.objective, "plateau", *(name for name in metrics if name != stats.objective)]
    heads = [Head("Rank"), *(Head(name) for name in stats.parameters)]
    heads += [Head("Plateau", PLATEAU) if name == "plateau" else metric_head(name) for name in ordered]
    rows = [
        [
            *(value_cell(rank + 1), *(value_cell(stats.best[name][rank]) for name in stats.parameters)),
            *(metric_cell(stats.objective if name == "plateau" else name, stats.best[name][rank]) for name in ordered),
        ]
        for rank in range(len(stats.best["plateau"]))
    ]
    some = f"The best {len(rows):,} of {stats.counts['with_value']:,} sets that have a value."
    return data_table(heads, rows, caption=some if rows else "No set has a value.")


def maps_of(stats: SweepStats) -> list[go.Figure]:
    """Return heat maps of the objective over pairs of parameters: of many, the pairs in which it varies most."""
    pairs = list(combinations(_moving(stats), 2))
    chosen = sorted(pairs, key=lambda pair: -sum(_spread(stats, name) for name in pair))[:MOST_MAPS]
    return [
        heatmap_figure(
            heatmap_data(stats.columns, x, y, stats.objective, plateau="plateau", best=_direction(stats)),
            title=f"{METRICS[stats.objective].title} over {x} and {y}",
        )
        for x, y in sorted(chosen, key=pairs.index)
    ]


def slices_of(stats: SweepStats) -> go.Figure:
    """Return the objective against each parameter: which of them matters, and where."""
    data = slice_data(stats.columns, stats.parameters, stats.objective, best=_direction(stats))
    return slice_figure(data, title="Each parameter by itself")


def parallel_of(stats: SweepStats) -> go.Figure:
    """Return the sets as lines through their parameters."""
    data = parallel_data(stats.columns, stats.parameters, stats.objective, most=MOST, best=_direction(stats))
    return plain_parallel_figure(data, title="Sets as lines through their parameters")


def distribution_of(stats: SweepStats) -> go.Figure:
    """Return how the objective spreads over all sets."""
    data = sweep_distribution_data(stats.columns, stats.objective, best=_direction(stats))
    return sweep_distribution_figure(data, title="How the sets spread")


def luck_of(stats: SweepStats) -> list[Any]:
    """Return how much of the best set is luck: the verdict, every statistic in plain words, and their charts."""
    if stats.luck is None:
        return [warning_box(stats.why, "info")]
    luck = stats.luck
    points = luck["degradation"]
    line = None if points["line"] is None else Degradation(**points["line"])
    rows = [[Cell(text) for text in row] for row in luck["statistics"]]
    heads = [Head(title) for title in ("Statistic", "Value", "What that means")]
    return [
        warning_box(f"{luck['headline']}\n{luck['verdict']}", "info"),
        data_table(heads, rows),
        logits_figure(Logits(**luck["logits"])),
        degradation_figure(DegradationPoints(**{**points, "line": line})),
        deflation_figure(Deflation(**luck["deflation"])),
    ]


def trials_of(stats: SweepStats) -> list[Card]:
    """Return every count of trials, and why sets failed or were refused."""
    counts = stats.counts
    effective = None if stats.luck is None else stats.luck["effective"]
    rows = {
        "Asked for": (f"{counts['asked']:,}", "sets of this sweep"),
        "Run": (f"{counts['ran']:,}", "each is a trial, whether it succeeded or not"),
        "With a value": (f"{counts['with_value']:,}", "sets that have a value of the objective"),
        "Failed": (f"{counts['failed']:,}", "a try that failed was still a try"),
        "Refused": (f"{counts['refused']:,}", "not taken by the strategy; never run, no trials"),
        "Effective": (UNDEFINED if effective is None else f"{effective:,}", "really different ones, by their returns"),
        "Trials on this data": (_number(stats, "trials"), "everything that was ever tried on it, with any strategy"),
    }
    cards = [text_table(rows, ("Count", "Sets", "What that is"))]
    for reasons, title in ((stats.failures, "Why sets failed"), (stats.refusals, "Why sets were refused")):
        if reasons:
            told = {reason: (f"{count:,}",) for reason, count in reasons}
            cards.append(text_table(told, (title, "Sets")))
    return cards


def _direction(stats: SweepStats) -> Any:
    return stats.direction


def _moving(stats: SweepStats) -> list[str]:
    return [name for name in stats.parameters if len({repr(value) for value in list(stats.columns[name])}) > 1]


def _spread(stats: SweepStats, name: str) -> float:
    """Return how far the medians of a parameter's values lie apart: what it changes by itself."""
    texts = np.array([repr(value) for value in list(stats.columns[name])])
    values = np.asarray(stats.columns[stats.objective], dtype=np.float64)
    medians = [np.median(part) for word in np.unique(texts) if len(part := values[(texts == word) & ~np.isnan(values)])]
    return float(np.ptp(medians)) if medians else 0.0


def _number(stats: SweepStats, name: str) -> str:
    return f"{stats.counts[name]:,}"
