"""One look for every chart: colours, templates for notebook, light and dark pages, and the buttons of a chart."""

from __future__ import annotations

from typing import Any, Literal

import plotly.graph_objects as go

from research_kit.errors import OptionError, did_you_mean

Theme = Literal["notebook", "light", "dark"]

# After Okabe and Ito (2008), told apart by colour-blind eyes; some are shifted so that each has a contrast of 3 : 1 or
# more on white and on #111 alike (WCAG 2.2, 1.4.11), since a notebook cannot know its page's colour.
BLUE, VERMILLION, GREEN, PURPLE, OCHRE, GREY = "#2b8ccb", "#d55e00", "#009e73", "#c46f9f", "#a87b00", "#7f8796"
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, OCHRE, GREY)
GAIN, LOSS = GREEN, VERMILLION

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"

# sendChartToCloud would upload private research to a public service.
CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "modeBarButtonsToRemove": ["sendChartToCloud", "select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
}

_CLEAR = "rgba(0,0,0,0)"
_INKS = {  # text, faint text, grid, page behind hover labels, middle of a scale from loss to gain
    "notebook": (GREY, GREY, "rgba(127,135,150,.22)", None, "#e9edf2"),
    "light": ("#1f2733", "#5b6472", "#e4e8ee", "#ffffff", "#f2f4f7"),
    "dark": ("#e3e7ee", "#9aa4b3", "#2d3540", "#1b2129", "#232a33"),
}


def chart_template(theme: Theme = "notebook") -> go.layout.Template:
    """Return the Plotly template of a theme; every figure of this package is drawn with one of them.

    "notebook" has no background and mid-grey text, legible on light and dark pages; "light" and "dark" are for
    pages whose colour is known. `layout.meta` names the theme, so that a report can put its own in its place.

    >>> chart_template("light").layout.meta
    {'research_kit': 'light'}
    """
    if theme not in _INKS:
        raise OptionError(f"There is no theme {theme!r}. {did_you_mean(str(theme), _INKS)}")
    ink, faint, grid, page, middle = _INKS[theme]
    axis = {
        "gridcolor": grid,
        "linecolor": grid,
        "zerolinecolor": grid,
        "tickfont": {"color": faint, "size": 12},
        "title": {"font": {"color": faint, "size": 12}, "standoff": 8},
        "automargin": True,
    }
    return go.layout.Template(
        layout={
            "meta": {"research_kit": theme},
            "font": {"family": FONT, "size": 13, "color": ink},
            "colorway": list(PALETTE),
            "paper_bgcolor": _CLEAR,
            "plot_bgcolor": _CLEAR,
            "hoverlabel": {"font": {"family": FONT, "size": 12}} | ({"bgcolor": page} if page else {}),
            "xaxis": axis | {"showspikes": True, "spikecolor": faint, "spikethickness": 1, "spikedash": "dot"},
            "yaxis": axis | {"zeroline": False},
            "title": _title(faint),
            # At the bottom it may wrap on a narrow page without meeting the title.
            "legend": {"orientation": "h", "x": 0, "xanchor": "left", "yref": "container", "y": 0, "yanchor": "bottom"},
            "colorscale": {"diverging": [[0, LOSS], [0.5, middle], [1, BLUE]]},
            "modebar": {"bgcolor": _CLEAR, "color": faint, "activecolor": BLUE},
            "margin": {"l": 64, "r": 20, "t": 56, "b": 64},
            "bargap": 0.08,
        },
        data={"candlestick": [_candle()]},
    )


def money_axis(low: float, *, log: bool = True) -> dict[str, Any]:
    """Return the scale of an axis of money: logarithmic where wanted and nothing lies at zero or below.

    >>> money_axis(10.0), money_axis(-1.0)
    ({'type': 'log', 'nticks': 7}, {'type': 'linear'})
    """
    return {"type": "log", "nticks": 7} if log and low > 0.0 else {"type": "linear"}


def _title(faint: str) -> dict[str, Any]:
    return {
        "x": 0,
        "xref": "paper",
        "xanchor": "left",
        "yref": "container",
        "font": {"size": 16},
        "subtitle": {"font": {"size": 12, "color": faint}},
    }


def _candle() -> dict[str, Any]:
    """Rising candles are hollow, falling ones filled: told apart without colour."""
    return {
        "increasing": {"line": {"color": BLUE, "width": 1}, "fillcolor": _CLEAR},
        "decreasing": {"line": {"color": GREY, "width": 1}, "fillcolor": GREY},
    }
