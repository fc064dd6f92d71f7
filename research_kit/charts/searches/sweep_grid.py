"""A heat map of a parameter search: two parameters, and the metric of the sets that have their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from research_kit.charts.captions import cut, heading, pairs
from research_kit.charts.searches.sweep_metric import MetricStyle, colouring, metric_style
from research_kit.charts.searches.sweep_ranks import Best, Reduce, best_place, grouped
from research_kit.charts.searches.sweep_table import (
    MOST_VALUES,
    Levels,
    SweepTable,
    in_bins,
    levels_of,
    metric_column,
    parameter_columns,
    pinned,
)
from research_kit.charts.template import GREY, Theme, chart_template
from research_kit.charts.text import escape_text
from research_kit.errors import OptionError

_MOST_CELLS = 30_000  # 240 kB in a figure
_MOST_TEXTS = 200  # cells that state their value
_FULL = 0.1  # a grid of which fewer cells are filled comes from a random search: it is gathered into bins
_FEW_CELLS = 1_000  # they are large enough to be seen, however few of them are filled
_MARKS = {"best": ("Best cell", "solid"), "plateau": ("Best plateau", "4px,3px")}


@dataclass(frozen=True, eq=False, kw_only=True)
class Heatmap:
    """A metric over two parameters.

    Attributes
    ----------
    x, y : Levels
        The values of the two parameters, in order; their middles where they were gathered into bins.
    z : array, shape (len(y.values), len(x.values))
        The metric of each cell; NaN where no set is, or none with a value.
    counts : array of int, shape as `z`
        How many sets with a value stand behind each cell.
    best, plateau : tuple of int, or None
        Row and column of the best cell, and of the cell with the best plateau.
    fixed : dict
        Parameters that were pinned, and their values as text.
    binned : tuple of str
        Parameters that were gathered into bins.
    sets, undefined : int
        How many sets there are, and how many of them have no value.
    """

    x: Levels
    y: Levels
    z: NDArray[np.float64]
    counts: NDArray[np.int64]
    metric: str
    reduce: Reduce
    direction: Best
    best: tuple[int, int] | None
    plateau: tuple[int, int] | None
    fixed: Mapping[str, str]
    binned: tuple[str, ...]
    sets: int
    undefined: int


def heatmap_data(
    table: SweepTable,
    x: str,
    y: str,
    metric: str,
    *,
    reduce: Reduce = "median",
    fixed: Mapping[str, Any] | None = None,
    plateau: str | None = None,
    best: Best = "highest",
) -> Heatmap:
    """Return the metric of each pair of values of two parameters.

    Where several sets have the same pair, because other parameters vary, the cell is their `reduce`; sets whose metric
    is undefined do not count. Numbers are gathered into bins where they are more than 400, or where hardly two sets
    meet, as in a random search.

    Parameters
    ----------
    table : mapping of arrays, or DataFrame
        One row for each parameter set.
    x, y : str
        Columns of two parameters: numbers, bools or text; None and NaN are shown last, as "none".
    metric : str
        Column of numbers; NaN is undefined.
    reduce : {"median", "max", "min", "mean"}
        How the sets of a cell become one value.
    fixed : mapping, optional
        Values of other parameters; only sets that have them are shown.
    plateau : str, optional
        Column that says how good a set's surroundings are, in the metric's direction; the best cell of it is marked.
    best : {"highest", "lowest"}
        Which end of the metric is the best.

    Raises
    ------
    NotFoundError
        A column is not there.
    OptionError
        `x` is `y` or is fixed, no set has a fixed value, a metric is text, or a text has more than 400 values.

    >>> table = {"fast": [5, 5, 10], "slow": [20, 20, 20], "sharpe_ratio": [1.0, 2.0, 0.5]}
    >>> data = heatmap_data(table, "fast", "slow", "sharpe_ratio")
    >>> data.z, data.counts, data.best
    (array([[1.5, 0.5]]), array([[2, 1]]), (0, 0))
    """
    fixed = dict(fixed or {})
    if x == y or {x, y} & set(fixed):
        raise OptionError(f"A heat map needs two parameters that vary; x is {x!r}, y is {y!r}, fixed: {list(fixed)}.")
    values = metric_column(table, metric)
    columns = parameter_columns(table, [x, y], len(values))
    chosen = pinned(table, fixed, len(values))
    values = values[chosen]
    every = [levels_of(name, columns[name][chosen]) for name in (x, y)]
    across, up = _fitting(every)
    size, shape = len(across.values) * len(up.values), (len(up.values), len(across.values))
    cells = up.codes * len(across.values) + across.codes
    z = grouped(cells, values, size, reduce)
    around = None if plateau is None else grouped(cells, metric_column(table, plateau)[chosen], size, reduce)
    return Heatmap(
        x=across,
        y=up,
        z=z.reshape(shape),
        counts=np.bincount(cells[~np.isnan(values)], minlength=size).reshape(shape),
        metric=metric,
        reduce=reduce,
        direction=best,
        best=_cell(best_place(z, best), shape),
        plateau=None if around is None else _cell(best_place(around, best), shape),
        fixed={name: str(value) for name, value in fixed.items()},
        binned=tuple(new.name for old, new in zip(every, (across, up), strict=True) if old is not new),
        sets=len(values),
        undefined=int(np.isnan(values).sum()),
    )


def _cell(place: int | None, shape: tuple[int, int]) -> tuple[int, int] | None:
    return None if place is None else (place // shape[1], place % shape[1])


def _fitting(axes: list[Levels]) -> list[Levels]:
    """Return the two axes, gathered into bins where a cell would be too small to see or mostly empty."""
    sets = len(axes[0].codes)
    bins = int(np.clip(np.sqrt(sets / 4), 8, 50))  # some four sets in each cell
    cells = len(axes[0].values) * len(axes[1].values)
    filled = len(np.unique(axes[1].codes * len(axes[0].values) + axes[0].codes))
    coarse = cells > _MOST_CELLS or (cells > _FEW_CELLS and filled < _FULL * cells)
    found = [_gathered(levels, bins, bins if coarse else MOST_VALUES) for levels in axes]
    if len(found[0].values) * len(found[1].values) > _MOST_CELLS:
        raise OptionError(
            f"{axes[0].name!r} has {len(axes[0].values):,} values and {axes[1].name!r} {len(axes[1].values):,}: more "
            f"than the {_MOST_CELLS:,} cells of a heat map. Choose another parameter."
        )
    return found


def _gathered(levels: Levels, bins: int, most: int) -> Levels:
    if levels.ordered:
        return in_bins(levels, bins) if len(levels.values) > most else levels
    if len(levels.values) > MOST_VALUES:
        raise OptionError(
            f"{levels.name!r} has {len(levels.values):,} values that are no numbers; a heat map shows {MOST_VALUES} "
            "at most. Choose another parameter."
        )
    return levels


def heatmap_figure(data: Heatmap, *, theme: Theme = "notebook", title: str = "") -> go.Figure:
    """Return the heat map: the best cell framed, the best plateau in a dashed frame, few cells with their values.

    Colours part at zero (profit factor: at 1) where the metric can lie on both sides, else they run from dark to
    bright, the bright end being the best. Hovering names both parameters, the value and the number of sets.
    """
    style = metric_style(data.metric, data.z)
    scale, ends, beyond = colouring(style, data.z, theme=theme, reverse=data.direction == "lowest")
    figure = go.Figure(layout={"template": chart_template(theme)})
    figure.add_trace(_heat(data, style).update(scale | {"zmin": ends[0], "zmax": ends[1]}))
    for kind, cell in (("best", data.best), ("plateau", data.plateau)):
        if cell is not None:
            _frame(figure, kind, cell, escape_text(f"{_MARKS[kind][0]}: {_described(data, style, cell)}", limit=200))
    notes = [*_notes(data, style), f"colours end at {style.text(ends[0])} and {style.text(ends[1])}" if beyond else ""]
    figure.update_layout(heading(title, notes, plot=int(np.clip(30 * len(data.y.values), 180, 480)), bottom=96))
    longest = max(map(len, data.x.labels), default=0)
    figure.update_xaxes(_axis(data.x, most=int(np.clip(100 // (longest + 2), 4, 20))))
    figure.update_yaxes(_axis(data.y, most=24))
    return figure.update_layout(hovermode="closest", margin_r=8, showlegend=True)


def _heat(data: Heatmap, style: MetricStyle) -> go.Heatmap:
    few = 0 < data.z.size <= _MOST_TEXTS and len(data.x.values) <= 14
    words = [["" if np.isnan(value) else style.text(value) for value in row] for row in data.z] if few else None
    across, up = (escape_text(levels.name, limit=40) for levels in (data.x, data.y))
    sets = "%{customdata:,} set" if data.counts.max(initial=0) == 1 else f"{data.reduce} of %{{customdata:,}}"
    return go.Heatmap(
        x=_names(data.x),
        y=_names(data.y),
        z=data.z.astype(np.float32),
        customdata=data.counts.astype(np.min_scalar_type(int(data.counts.max(initial=0)))),
        text=words,
        texttemplate="%{text}" if few else None,
        hovertemplate=f"{across} %{{x}}<br>{up} %{{y}}<br>{style.hover_line('z')}<br>{sets}<extra></extra>",
        hoverongaps=False,
        colorbar=style.colour_bar(),
        xgap=0 if len(data.x.values) > 80 else 1,
        ygap=0 if len(data.y.values) > 80 else 1,
    )


def _names(levels: Levels) -> list[str]:
    return [escape_text(label, limit=40) for label in levels.labels]


def _axis(levels: Levels, most: int) -> dict[str, Any]:
    """Return an axis of names in order; where they are more than `most`, every second, fifth or tenth has a tick."""
    names = _names(levels)
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500) if len(names) <= step * most)
    order = {"categoryorder": "array", "categoryarray": names, "tickvals": names[::step]}
    return order | {"type": "category", "title": {"text": escape_text(levels.name, limit=40)}, "showspikes": False}


def _frame(figure: go.Figure, kind: str, cell: tuple[int, int], name: str) -> None:
    """Frame a cell, dark upon bright, so that the frame is seen on cells of every colour."""
    (row, column), dash = cell, _MARKS[kind][1]
    box = {"type": "rect", "x0": column - 0.5, "x1": column + 0.5, "y0": row - 0.5, "y1": row + 0.5}
    figure.add_shape(**box, line={"color": "#ffffff", "width": 5})
    figure.add_shape(**box, line={"color": "#111111", "width": 2.5, "dash": dash})
    figure.add_scatter(x=[None], y=[None], mode="lines", name=name, line={"color": GREY, "width": 2.5, "dash": dash})


def _described(data: Heatmap, style: MetricStyle, cell: tuple[int, int]) -> str:
    where = {data.x.name: data.x.labels[cell[1]], data.y.name: data.y.labels[cell[0]]}
    return f"{pairs(where)}: {style.text(data.z[cell])}"


def _notes(data: Heatmap, style: MetricStyle) -> list[str]:
    counts = data.counts[data.counts > 0]
    notes = [style.of_sets(data.sets)]
    if len(counts) and counts.max() > 1:
        low, high = int(counts.min()), int(counts.max())
        many = f"{high:,}" if low == high else f"{low:,} to {high:,}"
        notes.append(
            f"each cell: {data.reduce} of {many} sets" + ("" if data.binned else ", which differ in other parameters")
        )
    if data.fixed:
        notes.append(f"only {pairs(data.fixed)}")
    if data.binned:
        notes.append(f"{' and '.join(map(cut, data.binned))} gathered into bins")
    if data.undefined:
        notes.append(f"{data.undefined:,} without a value")
    return notes
