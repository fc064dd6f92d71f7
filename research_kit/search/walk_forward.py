"""Walk-forward: parameters are chosen in training and traded in the test that follows, window after window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from research_kit.bars.frame import Bars, FloatArray
from research_kit.bars.sessions import day_ends
from research_kit.charts.series import market_held
from research_kit.engine.backtest import BacktestResult
from research_kit.engine.measure import measure
from research_kit.engine.options import EngineOptions
from research_kit.engine.simulation import Simulation
from research_kit.engine.window import joined_simulation, simulate_window
from research_kit.errors import NotFoundError, OptionError, did_you_mean
from research_kit.metrics.registry import METRICS, format_value
from research_kit.metrics.returns import periodic_returns
from research_kit.search.evaluate import Results
from research_kit.search.result import SweepResult
from research_kit.search.space import ranks_of
from research_kit.search.sweep import Search
from research_kit.search.windows import Fold, Spans, folds
from research_kit.strategy.base import Strategy

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from research_kit.charts.template import Theme
    from research_kit.metrics.result import Metrics

Select = Literal["best", "plateau"]
SELECTIONS = ("best", "plateau")
TIMES = ("train_start", "train_end", "test_start", "test_end")
SPANS = ("train", "test", "step", "anchored", "purge", "embargo")


@dataclass(frozen=True, eq=False)
class Step:
    """One fold: what was chosen in training, and what it did in the test."""

    fold: Fold
    parameters: dict[str, Any]
    strategy: Strategy
    in_sample: float | None
    out_of_sample: float | None
    in_sample_returns: FloatArray = field(repr=False)  # daily, of the chosen set
    simulation: Simulation = field(repr=False)  # of the test; its bars are counted from the test's first
    sets: int = 0


OnTraining = Callable[[Fold, Search, list[Results]], None]


def run_walk_forward(
    bars: Bars,
    strategy: type[Strategy] | Strategy,
    grid: Mapping[str, Any],
    options: EngineOptions | None = None,
    *,
    select: Select = "best",
    **how: Any,
) -> WalkForward:
    """Return what would have come of choosing parameters again and again, each time from the past alone.

    In each window every set is run on the training; the best by the objective is traded in the test that follows, with
    indicators that are warm. The account goes on from test to test: a position is closed at the end of each test, with
    its costs, and the next test begins flat.

    Parameters
    ----------
    bars, strategy, grid, options
        As in ``run_sweep``, and so for ``where``, ``method``, ``objective``, ``workers`` and engine options.
    select
        ``"best"`` trades the best set; ``"plateau"`` the one whose neighbourhood has the best median.
    how
        ``train`` and ``test`` (numbers of bars, or times such as ``"730d"``), ``step`` (the length of a test),
        ``anchored=True`` (training always begins with the first bar), ``purge`` (taken from the end of training),
        ``embargo`` (taken from the beginning of the test), and what ``run_sweep`` takes.

    Raises
    ------
    DataError
        The bars are too few.
    OptionError, ParameterError
        Something is misspelt or out of range, or in a window no set has a value to be chosen by.
    """
    plan = Plan.of(bars, strategy, grid, options, select=select, **how)
    return plan.result(list(plan.steps()))


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """A walk-forward that was asked for and checked: one search, to be made on each training."""

    search: Search
    spans: Spans
    folds: list[Fold]
    select: str

    @classmethod
    def of(
        cls,
        bars: Bars,
        strategy: type[Strategy] | Strategy,
        grid: Mapping[str, Any],
        options: EngineOptions | None = None,
        *,
        select: str = "best",
        **how: Any,
    ) -> Plan:
        """Return what was asked for, checked; the arguments are those of ``run_walk_forward``."""
        if select not in SELECTIONS:
            raise OptionError(f"There is no select={select!r}. {did_you_mean(str(select), SELECTIONS)}")
        for name in ("train", "test"):
            if name not in how:
                raise OptionError(f"A walk-forward needs {name}=, a number of bars or a time such as '180d'.")
        spans = Spans(**{name: how.pop(name) for name in SPANS if name in how})
        search = Search.of(bars, strategy, grid, options, **how)
        return cls(search=search, spans=spans, folds=folds(bars, spans), select=select)

    def steps(self, on_training: OnTraining | None = None) -> Iterator[Step]:
        """Yield the folds as they are done; ``on_training`` is told what a training's sets came to."""
        cash: float | None = None
        for fold in self.folds:
            search = self.training_of(fold)
            parts = list(search.results())
            if on_training is not None:
                on_training(fold, search, parts)
            step = self.traded(fold, search, search.result(parts), cash)
            yield step
            cash = float(step.simulation.equity[-1])
            if cash <= 0.0:
                return  # nothing is left to trade with

    def training_of(self, fold: Fold) -> Search:
        """Return the search of one training."""
        part = (fold.train_start, fold.train_end)
        source = None if self.search.source is None else self.search.source.window(*part)
        return replace(self.search, bars=self.search.bars.window(*part), source=source, suggested=[])

    def traded(self, fold: Fold, search: Search, training: SweepResult, cash: float | None) -> Step:
        """Return the test of a fold, begun with ``cash`` (None: what the options say)."""
        at = self._chosen(fold, training)
        made, options = search.evaluator.settings(training.sets[at])
        begin = {"close_at_end": True, "initial_cash": options.initial_cash if cash is None else cash}
        account = options.model_copy(update=begin)
        bars, metric = self.search.bars, self.search.objective.metric
        simulation = simulate_window(bars, made, account, fold.test_start, fold.test_end)
        seen = measure(bars.window(fold.test_start, fold.test_end), account, simulation)
        return Step(
            fold=fold,
            parameters=training.sets[at],
            strategy=made,
            in_sample=training.value(metric, at),
            out_of_sample=seen[metric],
            in_sample_returns=training.returns[at].astype(np.float64),
            simulation=simulation,
            sets=len(training),
        )

    def _chosen(self, fold: Fold, training: SweepResult) -> int:
        try:
            return training.best.position if self.select == "best" else training.broadest.position
        except NotFoundError as error:
            first = self.search.bars.time[fold.train_start].astype("datetime64[m]")
            raise OptionError(f"In the training from {first} no set can be chosen. {error}") from None

    def result(self, steps: Sequence[Step]) -> WalkForward:
        """Return the folds joined."""
        return WalkForward(self.search, self.spans, list(steps))


@dataclass(frozen=True, eq=False)
class WalkForward:
    """What was chosen in each training, and the account that traded it in the tests, joined.

    ``table`` has a row for each fold, ``equity`` and ``drawdown`` are Series over the bars of the tests, ``trades`` a
    DataFrame, ``metrics`` those of the joined account.
    """

    search: Search = field(repr=False)
    spans: Spans
    steps: list[Step]

    @cached_property
    def bars(self) -> Bars:
        """The bars of all tests."""
        whole, picked = self.search.bars, np.concatenate([np.arange(*self._test(step)) for step in self.steps])
        columns = {name: column[picked] for name, column in whole.columns.items()}
        return Bars(
            whole.time_ns[picked],
            columns,
            symbol=whole.symbol,
            timeframe=whole.timeframe,
            session=whole.session,
            allow_nonpositive=whole.allow_nonpositive,
            synthetic=None if whole.synthetic is None else whole.synthetic[picked],
            check=False,
        )

    @cached_property
    def simulation(self) -> Simulation:
        """The tests as one simulation over ``bars``."""
        starts = np.cumsum([0, *(len(step.simulation.equity) for step in self.steps)])
        return joined_simulation([step.simulation for step in self.steps], starts[:-1].tolist())

    @property
    def initial_cash(self) -> float:
        """Money that the first test began with."""
        return self.steps[0].simulation.options.initial_cash

    @cached_property
    def _whole(self) -> BacktestResult:
        return BacktestResult(self.bars, self.steps[0].strategy, self.steps[0].simulation.options, self.simulation)

    @property
    def equity(self) -> pd.Series[float]:
        """Equity at the close of each bar of the tests, money."""
        return self._whole.equity

    @property
    def drawdown(self) -> pd.Series[float]:
        """Equity over its highest value so far minus 1: a fraction <= 0."""
        return self._whole.drawdown

    @cached_property
    def trades(self) -> pd.DataFrame:
        """The trades of all tests, oldest exit first."""
        import pandas as pd

        frames = [
            BacktestResult(
                self.search.bars.window(*self._test(step)), step.strategy, step.simulation.options, step.simulation
            ).trades
            for step in self.steps
        ]
        return pd.concat(frames, ignore_index=True)

    @property
    def metrics(self) -> Metrics:
        """Every metric of the joined account."""
        return self._whole.metrics

    @cached_property
    def daily_returns(self) -> FloatArray:
        """What the joined account earned on each day, fractions."""
        return periodic_returns(self.simulation.equity[day_ends(self.bars)], self.initial_cash)

    @cached_property
    def efficiency(self) -> float | None:
        """Mean daily return out of sample over that in sample of the sets that were chosen (Pardo, 1992).

        1 is as good as in training, 0 nothing, below 0 a loss. None where the training earned nothing.
        """
        trained = np.concatenate([step.in_sample_returns for step in self.steps])
        if not len(trained) or not np.mean(trained) > 0.0:
            return None
        return float(np.mean(self.daily_returns) / np.mean(trained))

    @cached_property
    def stability(self) -> float | None:
        """Share of folds that chose, for each parameter, the value of the fold before or one next to it in the grid.

        None for fewer than two folds, or where no parameter has two values.
        """
        ranks = [self._ranks(step) for step in self.steps]
        if len(ranks) < 2 or not ranks[0]:
            return None
        near = [max(abs(a - b) for a, b in zip(one, two, strict=True)) <= 1 for one, two in pairwise(ranks)]
        return sum(near) / len(near)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row for each fold: its spans (UTC; an end is the last bar), what was chosen, in and out of sample."""
        import pandas as pd

        frame = pd.DataFrame([self._row(step) for step in self.steps])
        return frame.assign(**{name: frame[name].dt.tz_localize("UTC") for name in TIMES})

    def windows(self) -> list[dict[str, Any]]:
        """Return the folds as their chart takes them: spans (an end is the first moment after), choice, both values."""
        return [
            {
                **dict(zip(TIMES, self._times(step, exclusive=True), strict=True)),
                "parameters": step.parameters,
                "in_sample": step.in_sample,
                "out_of_sample": step.out_of_sample,
            }
            for step in self.steps
        ]

    @property
    def benchmark(self) -> FloatArray | None:
        """The market over the tests, bought and held, money, shape (bars,); None where a close is not above zero."""
        return market_held(self.bars.close, self.initial_cash)

    def plot(self, theme: Theme = "notebook") -> go.Figure:
        """Return the joined equity with the market, its drawdown, the parameters over time, in and out of sample."""
        from research_kit.charts.searches.walk_forward import walk_forward_data
        from research_kit.charts.searches.walk_forward_figure import walk_forward_figure

        data = walk_forward_data(
            *(self.bars.time, self.simulation.equity, self.initial_cash, self.windows()),
            metric=self.search.objective.metric,
            benchmark=self.benchmark,
        )
        return walk_forward_figure(data, theme=theme, title=f"{self.search.task.strategy.name}, walked forward")

    def __repr__(self) -> str:
        metric = self.search.objective.metric
        efficiency = "undefined" if self.efficiency is None else f"{self.efficiency:.2f}"
        value = format_value(metric, self.metrics[metric])
        return (
            f"WalkForward({self.search.task.strategy.name}, {len(self.steps)} folds, out of sample "
            f"{METRICS[metric].title} {value}, efficiency {efficiency})"
        )

    def _row(self, step: Step) -> dict[str, Any]:
        metric, trades = self.search.objective.metric, step.simulation.bare_trades[: step.simulation.closed]
        longest = int(np.max(trades["exit_bar"] - trades["entry_bar"], initial=0))
        return {
            **dict(zip(TIMES, self._times(step, exclusive=False), strict=True)),
            **step.parameters,
            f"{metric}_in_sample": step.in_sample,
            f"{metric}_out_of_sample": step.out_of_sample,
            "sets": step.sets,
            "trades": len(trades),
            "longest_holding": longest,
            "final_equity": float(step.simulation.equity[-1]),
        }

    def _times(self, step: Step, *, exclusive: bool) -> list[Any]:
        time, fold, back = self.search.bars.time, step.fold, 0 if exclusive else 1
        ends = [fold.train_end, fold.test_end]
        first = [time[fold.train_start], time[fold.test_start]]
        last = [time[end - back] if end - back < len(time) else time[-1] + self._bar for end in ends]
        return [first[0], last[0], first[1], last[1]]

    @property
    def _bar(self) -> np.timedelta64:
        return np.timedelta64(self.search.bars.timeframe_ns, "ns")

    def _ranks(self, step: Step) -> list[int]:
        """Return the place of each chosen value among those searched; parameters with one value are left out."""
        searched = self.search.sets.values
        return [
            int(ranks_of(searched[name])[searched[name].index(value)])
            for name, value in step.parameters.items()
            if len(searched.get(name, ())) > 1
        ]

    @staticmethod
    def _test(step: Step) -> tuple[int, int]:
        return step.fold.test_start, step.fold.test_end
