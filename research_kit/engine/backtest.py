"""One backtest, pure: bars, a strategy and options in; trades, equity and metrics out. Nothing is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from research_kit.bars.frame import Bars, FloatArray
from research_kit.bars.sessions import day_ends, told_clock
from research_kit.engine.options import EngineOptions
from research_kit.engine.records import REASONS
from research_kit.engine.simulation import Simulation, simulate
from research_kit.engine.trade_table import trade_columns
from research_kit.errors import SignalError, StrategyError
from research_kit.metrics.drawdown import drawdown_series
from research_kit.strategy.base import Strategy
from research_kit.strategy.order import order_columns
from research_kit.strategy.signals import Signals

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from research_kit.charts.series import BacktestSeries
    from research_kit.charts.template import Theme
    from research_kit.metrics.result import Metrics

SIGNALLING, FILLING = "making signals", "filling orders"


@dataclass(frozen=True, eq=False, repr=False)
class BacktestResult:
    """What a backtest gave.

    ``equity`` and ``drawdown`` are Series over the bars' times (money; fractions <= 0), ``trades``, ``orders`` and
    ``rejections`` DataFrames, ``metrics`` a mapping from name to number (None where a metric is undefined, with the
    reason). Each is made when it is first read.
    """

    bars: Bars
    strategy: Strategy
    options: EngineOptions
    simulation: Simulation

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in self.strategy.parameters().items())
        closed, final = self.simulation.closed, float(self.simulation.equity[-1])
        return f"BacktestResult({self.strategy.name}({values}), {closed:,} closed trades, final equity {final:,.2f})"

    @cached_property
    def equity(self) -> pd.Series[float]:
        """Equity at each bar's close, money."""
        return self._series(self.simulation.equity, "equity")

    @cached_property
    def drawdown(self) -> pd.Series[float]:
        """Equity over its highest value so far (initial cash included) minus 1: a fraction <= 0."""
        return self._series(drawdown_series(self.simulation.equity, self.options.initial_cash), "drawdown")

    @cached_property
    def trade_columns(self) -> dict[str, NDArray[Any]]:
        """The trades as arrays by column name."""
        return trade_columns(self.bars, self.simulation)

    @cached_property
    def trades(self) -> pd.DataFrame:
        """One row for each trade, oldest exit first; open trades last, without an exit."""
        import pandas as pd

        frame = pd.DataFrame(self.trade_columns)
        for name in ("entry_time", "exit_time"):
            frame[name] = frame[name].dt.tz_localize("UTC")
        return frame

    @cached_property
    def orders(self) -> pd.DataFrame:
        """The orders of an event strategy, one row each, in the order in which they were made; empty for signals.

        ``made`` and ``filled_bar`` are numbers of bars (-1: never filled), ``filled_units`` are positive where it
        bought.
        """
        import pandas as pd

        return pd.DataFrame(order_columns(self.simulation.orders, self.simulation.label_of))

    @cached_property
    def rejections(self) -> pd.DataFrame:
        """Orders, of signals too, that the account could not take: the bar, its time, and the reason."""
        import pandas as pd

        records = self.simulation.rejections
        reasons = [REASONS[code] for code in records["reason"].tolist()]
        times = pd.DatetimeIndex(self.bars.time[records["bar"]]).tz_localize("UTC")
        return pd.DataFrame({"bar": records["bar"], "time": times, "reason": reasons})

    @cached_property
    def chart_series(self) -> BacktestSeries:
        """What the charts are drawn from; the benchmark is the market, bought and held."""
        from research_kit.charts.series import BacktestSeries
        from research_kit.engine.measure import daily_periods_per_year

        return BacktestSeries.of_bars(
            self.bars.time,
            self.bars.columns,
            self.simulation.equity,
            self.options.initial_cash,
            trades=self.trade_columns,
            orders=order_columns(self.simulation.orders, self.simulation.label_of),
            day_ends=day_ends(self.bars),
            periods_per_year=daily_periods_per_year(self.bars),
            risk_free_rate=self.options.risk_free_rate,
            clock=told_clock(self.bars.session),
            title=repr(self.strategy),
        )

    def plot(self, kind: str = "backtest", *, theme: Theme = "notebook", **options: Any) -> go.Figure:
        """Return one of its charts; without a name equity, drawdown, and the trades on the price.

        The names and their options are those of `Run.plot`: "equity", "underwater", "candles" (with the orders that
        waited for a price), "rolling", "costs" and more; a wrong one is answered with the nearest.
        """
        from research_kit.charts.backtests.gallery import draw

        return draw(self.chart_series, kind, theme=theme, **options)

    @cached_property
    def metrics(self) -> Metrics:
        """Every metric of the registry."""
        from research_kit.engine.measure import measure

        return measure(self.bars, self.options, self.simulation)

    def _series(self, values: FloatArray, name: str) -> pd.Series[float]:
        import pandas as pd

        index = pd.DatetimeIndex(self.bars.time, name="time").tz_localize("UTC")
        return pd.Series(values, index=index, name=name)


def run_backtest(
    bars: Bars, strategy: Strategy | type[Strategy], options: EngineOptions | None = None, **changes: Any
) -> BacktestResult:
    """Return what a strategy would have done on these bars.

    Signals are made at each bar's close and filled at the next bar's open, with costs, unless the options say
    otherwise (docs/semantics.md has every rule).

    Parameters
    ----------
    bars
        The price data.
    strategy
        A strategy, or its class for the default parameters.
    options
        Engine options; any of them may be given by keyword too, such as ``commission=0.002``.

    Raises
    ------
    SignalError
        The strategy returned something that cannot be traded.
    OptionError
        An option is unknown or out of range.

    Examples
    --------
    >>> import research_kit as rk
    >>> bars = rk.Bars(range(0, 5 * 86_400_000_000_000, 86_400_000_000_000),
    ...                {name: [10.0, 11.0, 12.0, 13.0, 14.0] for name in ("open", "high", "low", "close")})
    >>> result = run_backtest(bars, rk.strategies.BuyAndHold(), commission=0)
    >>> round(float(result.equity.iloc[-1]), 2)  # 10,000 / 11 units, worth 14 each
    12727.27
    """
    options = options or EngineOptions()
    if changes:
        options = EngineOptions(**options.model_dump() | changes)
    if isinstance(strategy, type):
        strategy = strategy()
    return BacktestResult(bars, strategy, options, simulation_of(strategy, bars, options))


def simulation_of(
    strategy: Strategy, bars: Bars, options: EngineOptions, on_step: Callable[[str], None] | None = None
) -> Simulation:
    """Return what the engine makes of a strategy, written either way; ``on_step`` is told what begins.

    Raises
    ------
    StrategyError
        It is no strategy, or defines neither ``signals`` nor ``on_bar``.
    """
    if not isinstance(strategy, Strategy):
        raise StrategyError(f"A strategy is an rk.Strategy; this is {type(strategy).__name__}.")
    tell = on_step or _say_nothing
    if strategy.style() == "on_bar":
        from research_kit.engine.desk.run import simulate_orders

        tell(SIGNALLING)
        try:
            return simulate_orders(bars, strategy, options)
        finally:
            tell(FILLING)
    tell(SIGNALLING)
    try:
        signals = signals_of(strategy, bars)
    finally:
        tell(FILLING)  # the strategy's own code is over, however it ended
    return simulate(bars, signals, options)


def _say_nothing(step: str) -> None:
    """Do nothing with a step."""


def signals_of(strategy: Strategy, bars: Bars) -> Signals:
    """Return the strategy's signals on these bars, checked for their kind and length."""
    signals = strategy.signals(bars)
    if not isinstance(signals, Signals):
        raise SignalError(
            f"{strategy.name}.signals() must return rk.Signals; it returned {type(signals).__name__}. "
            "Write: return rk.Signals.target(fast > slow)"
        )
    return signals
