"""What the trades earned before costs, what each cost took, and what was left."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from research_kit.charts.captions import heading
from research_kit.charts.series import BacktestSeries
from research_kit.charts.template import BLUE, GREY, LOSS, Theme, chart_template
from research_kit.charts.text import escape_text
from research_kit.errors import OptionError

COSTS = {"commission": "Commission", "slippage": "Slippage and spread", "borrow": "Borrow"}


@dataclass(frozen=True, eq=False)
class CostSteps:
    """From gross to net, money: names and signed amounts that add up to `net`, the change of the account.

    The first is what the trades would have earned at the market's prices, then each cost (<= 0), and, where a position
    was open at the end, what it is worth beside the closed trades. `trades` counts the closed ones.
    """

    names: list[str]
    amounts: NDArray[np.float64]
    net: float
    trades: int

    @property
    def gross(self) -> float:
        """What the closed trades would have earned without costs."""
        return float(self.amounts[0])

    @property
    def costs(self) -> float:
        """What all costs took, <= 0."""
        return math.fsum(self.amounts[1 : 1 + len(COSTS)])


def cost_steps(series: BacktestSeries) -> CostSteps:
    """Return the way from the gross result of the closed trades to the change of the account, step by step.

    Costs are those of the trades: a trade's pnl is net of its commission and borrow, and its prices hold slippage and
    spread. The gross result is pnl plus costs; other prices alone are changed by that, not what would have been traded.

    Raises
    ------
    OptionError
        The trades have no column of a cost.
    """
    pnl = _sum(series, "pnl")
    taken = [_sum(series, name) for name in COSTS]
    change = float(series.equity[-1]) - series.initial_cash if len(series.equity) else 0.0
    names = ["Before costs", *COSTS.values()]
    amounts = [math.fsum([pnl, *taken]), *(0.0 - one for one in taken)]
    exits = np.asarray(series.trades["exit_time"], dtype="datetime64[ns]") if series.trades else np.empty(0, "M8[ns]")
    still = int(np.isnat(exits).sum())
    if still:
        names.append("Open at the end")
        amounts.append(change - pnl)
    return CostSteps(names, np.array(amounts), math.fsum(amounts), len(exits) - still)


def _sum(series: BacktestSeries, name: str) -> float:
    values = series.closed_numbers(name)
    if not np.isfinite(values).all():
        raise OptionError(f"The trades' {name} has values that are no numbers, so that costs cannot be added up.")
    return math.fsum(values)


def cost_figure(data: CostSteps, *, theme: Theme = "notebook", currency: str = "") -> go.Figure:
    """Return a waterfall from the gross result to the net one."""
    figure = go.Figure(layout={"template": chart_template(theme), "showlegend": False})
    figure.add_waterfall(
        x=[*data.names, "Net"],
        y=[*data.amounts, 0.0],
        measure=["absolute", *["relative"] * (len(data.names) - 1), "total"],
        text=[f"{amount:+,.2f}" if amount else "0.00" for amount in [*data.amounts.tolist(), data.net]],
        textposition="outside",
        cliponaxis=False,
        increasing={"marker": {"color": BLUE}},
        decreasing={"marker": {"color": LOSS}},
        totals={"marker": {"color": GREY}},
        connector={"line": {"color": GREY, "width": 1, "dash": "dot"}},
        hovertemplate="%{x}: %{text}<extra></extra>",
    )
    money = escape_text(currency, limit=12)
    figure.update_yaxes(title_text=f"Money ({money})" if money else "Money", tickformat="~s", range=_range(data))
    figure.update_xaxes(showspikes=False, showgrid=False)
    return figure.update_layout(heading("What costs took", _notes(data), plot=260, bottom=48))


def _notes(data: CostSteps) -> list[str]:
    notes = [f"{data.trades:,} closed trades"]
    if data.gross > 0.0 and data.trades:
        notes.append(f"costs took {-data.costs / data.gross:.1%} of what was earned before them")
    return notes


def _range(data: CostSteps) -> list[float]:
    """Leave room for the numbers outside of the bars, whatever their signs."""
    levels: Any = np.append(np.cumsum(data.amounts), 0.0)
    low, high = float(levels.min()), float(levels.max())
    room = 0.14 * (high - low) or 1.0
    return [low - room * (low < 0.0), high + room]
