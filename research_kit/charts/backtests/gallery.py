"""Every chart of one backtest by its name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import plotly.graph_objects as go

from research_kit.charts.backtests.backtest import backtest_figure, equity_figure, price_figure
from research_kit.charts.backtests.candles import candle_figure
from research_kit.charts.backtests.costs import cost_figure, cost_steps
from research_kit.charts.backtests.days import days_of
from research_kit.charts.backtests.equity_band import CONFIDENCE, equity_band
from research_kit.charts.backtests.excursions import excursion_figure, excursions
from research_kit.charts.backtests.exposure import exposure_figure
from research_kit.charts.backtests.monte_carlo import fan_data, fan_figure
from research_kit.charts.backtests.returns import (
    monthly_returns,
    monthly_returns_figure,
    returns_histogram_figure,
    trade_pnl_figure,
)
from research_kit.charts.backtests.rolling import rolling, rolling_figure
from research_kit.charts.backtests.trade_spread import holding_figure, holding_times, trade_returns_figure
from research_kit.charts.backtests.trade_times import trade_times, trade_times_figure
from research_kit.charts.backtests.underwater import underwater_figure
from research_kit.charts.backtests.yearly import yearly, yearly_figure
from research_kit.charts.captions import heading
from research_kit.charts.series import BacktestSeries
from research_kit.charts.template import Theme, chart_template
from research_kit.errors import OptionError, did_you_mean
from research_kit.metrics.inference.monte_carlo import monte_carlo


def draw(series: BacktestSeries, kind: str = "backtest", *, theme: Theme = "notebook", **options: Any) -> go.Figure:
    """Return one chart of a backtest by its name; `CHARTS` has them all.

    Raises
    ------
    OptionError
        There is no such chart, or it has no such option.
    """
    make = CHARTS.get(_OTHER_WORDS.get(kind, kind) if isinstance(kind, str) else "")
    if make is None:
        raise OptionError(_no_chart(str(kind)))
    known = set(inspect.signature(make).parameters) - {"series"}
    for name in options:
        if name not in known:
            raise OptionError(f"The chart {kind!r} has no option {name!r}. {did_you_mean(name, known)}")
    return make(series, theme=theme, **options)


def _no_chart(kind: str) -> str:
    if kind in ("notebook", "light", "dark"):
        return f"There is no chart {kind!r}; to choose a look, write theme={kind!r}."
    near = did_you_mean(kind, [*CHARTS, *_OTHER_WORDS])
    return f"There is no chart {kind!r}. {near if near.startswith('Did') else did_you_mean(kind, CHARTS)}"


def _equity(
    series: BacktestSeries,
    *,
    theme: Theme = "notebook",
    band: bool | float = False,
    log: bool = False,
) -> go.Figure:
    share = CONFIDENCE if band is True else band
    return equity_figure(series, theme=theme, log=log, band=equity_band(series, share) if share else None)


def _months(series: BacktestSeries, *, theme: Theme = "notebook") -> go.Figure:
    data = monthly_returns(series.time, series.equity, series.initial_cash)
    return monthly_returns_figure(data, theme=theme, title="Months")


def _years(series: BacktestSeries, *, theme: Theme = "notebook") -> go.Figure:
    return yearly_figure(yearly(series), theme=theme)


def _rolling(series: BacktestSeries, *, theme: Theme = "notebook", window: int | None = None) -> go.Figure:
    return rolling_figure(rolling(series, window), series, theme=theme)


def _returns(series: BacktestSeries, *, theme: Theme = "notebook") -> go.Figure:
    title = "Daily returns" if series.period == "day" else f"Returns of {series.period}s"
    return returns_histogram_figure(days_of(series).returns, theme=theme, title=title, period=series.period)


def _excursions(series: BacktestSeries, *, theme: Theme = "notebook") -> go.Figure:
    return excursion_figure(excursions(series), theme=theme)


def _holding(series: BacktestSeries, *, theme: Theme = "notebook") -> go.Figure:
    return holding_figure(holding_times(series), theme=theme)


def _trade_times(series: BacktestSeries, *, theme: Theme = "notebook") -> go.Figure:
    return trade_times_figure(trade_times(series), theme=theme, currency=series.currency)


def _costs(series: BacktestSeries, *, theme: Theme = "notebook") -> go.Figure:
    return cost_figure(cost_steps(series), theme=theme, currency=series.currency)


def _fan(series: BacktestSeries, *, theme: Theme = "notebook", periods: int | None = None) -> go.Figure:
    fan = monte_carlo(days_of(series).returns, periods=periods)
    if fan is None:
        bare = go.Figure(layout={"template": chart_template(theme)})
        short = f"fewer than 10 {series.period}s: too short to draw from"
        return bare.update_layout(heading("Monte Carlo", [short], plot=60))
    data = fan_data(fan, series.initial_cash)
    return fan_figure(data, theme=theme, period=series.period, currency=series.currency)


CHARTS: Mapping[str, Callable[..., go.Figure]] = MappingProxyType(
    {
        "backtest": backtest_figure,
        "equity": _equity,
        "underwater": underwater_figure,
        "price": price_figure,
        "candles": candle_figure,
        "months": _months,
        "years": _years,
        "rolling": _rolling,
        "returns": _returns,
        "exposure": exposure_figure,
        "trades": trade_pnl_figure,
        "trade_returns": trade_returns_figure,
        "trade_times": _trade_times,
        "holding_times": _holding,
        "excursions": _excursions,
        "costs": _costs,
        "fan": _fan,
    }
)
_OTHER_WORDS = {  # what other tools call them
    "drawdown": "underwater",
    "drawdowns": "underwater",
    "monthly": "months",
    "heatmap": "months",
    "yearly": "years",
    "annual": "years",
    "mae_mfe": "excursions",
    "mae": "excursions",
    "mfe": "excursions",
    "pnl": "trades",
    "monte_carlo": "fan",
    "distribution": "returns",
    "histogram": "returns",
}
