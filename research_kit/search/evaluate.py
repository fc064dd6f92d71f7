"""Parameter sets become results, many at a time: signals one by one, fills and metrics all together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.frame import Bars, FloatArray
from research_kit.engine.backtest import signals_of
from research_kit.engine.desk.run import simulate_orders
from research_kit.engine.many.measure import measure_many, measure_one
from research_kit.engine.many.runner import SetRunner
from research_kit.engine.options import EngineOptions
from research_kit.engine.simulation import check_columns, check_signals
from research_kit.errors import OptionError, error_text
from research_kit.metrics.many import ManyMoments
from research_kit.metrics.moments import moments
from research_kit.metrics.registry import METRICS
from research_kit.strategy.base import Strategy
from research_kit.strategy.indicators.memory import Memory, remembering
from research_kit.strategy.signals import Signals

if TYPE_CHECKING:
    from research_kit.metrics.result import Metrics

LEAST_MEMORY = 64 << 20  # bytes for remembered indicators, or so many arrays as long as the bars
ARRAYS_REMEMBERED = 24
LONGEST_ERROR = 2_000
SHORT = 50_000  # bars below which threads make signals in turns: NumPy's steps are too short to run side by side
MOMENTS = ("mean", "std", "skew", "kurtosis")

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Results:
    """What some sets came to: rows in the order of ``positions``, NaN where a set failed."""

    positions: NDArray[np.int64]
    sets: Sequence[Mapping[str, Any]]
    metrics: dict[str, FloatArray]
    daily_returns: NDArray[np.float32]
    strategies: list[Strategy | None]  # with the parameters of each set; None where it was refused
    moments: dict[str, FloatArray]  # of the daily returns: mean, std, skew, kurtosis
    refused: dict[int, str] = field(default_factory=dict)  # the strategy does not take these parameters
    failed: dict[int, str] = field(default_factory=dict)  # it raised, or its signals cannot be traded

    def __len__(self) -> int:
        return len(self.positions)

    def numbers(self) -> Results:
        """Return the same without sets and strategies: many small objects, which nobody needs who knows the grid."""
        return replace(self, sets=(), strategies=[])


@dataclass(frozen=True)
class Task:
    """What does not change from set to set."""

    strategy: type[Strategy]
    options: EngineOptions
    fixed: Mapping[str, Any] = field(default_factory=dict)  # parameters that are not searched


class Evaluator:
    """Runs sets of one task on the same bars. Threads may share one."""

    def __init__(self, bars: Bars, task: Task) -> None:
        self.bars = bars
        self.task = task
        runner = SetRunner(bars, task.options)
        self.days = len(runner.day_ends)
        self._idle = [runner]  # each is used by one thread at a time
        self._options = frozenset(EngineOptions.model_fields) - frozenset(task.strategy.model_fields)
        self._memory = Memory(bars, _memory_bytes(bars))
        self._turn: AbstractContextManager[Any] = Lock() if len(bars) < SHORT else nullcontext()

    def evaluate(self, positions: Sequence[int], sets: Sequence[Mapping[str, Any]]) -> Results:
        """Return what these sets came to, whatever they are: one that fails does not stop the others."""
        results = Results(
            np.asarray(positions, dtype=np.int64),
            sets,
            {name: np.full(len(sets), np.nan) for name in METRICS},
            np.full((len(sets), self.days), np.nan, dtype=np.float32),
            [None] * len(sets),
            {name: np.full(len(sets), np.nan) for name in MOMENTS},
        )
        with self._turn:
            made = [at for at, one in enumerate(sets) if self._was_made(at, one, results)]
        with remembering(self._memory):
            for options, members in self.by_options([sets[at] for at in made]).items():
                self._evaluate([made[at] for at in members], options, results)
        return results

    def settings(self, one: Mapping[str, Any]) -> tuple[Strategy, EngineOptions]:
        """Return the strategy and the options of a set.

        Raises
        ------
        ParameterError, OptionError
            They are not taken.
        """
        (options,) = self.by_options([one])
        return self.made(one), options

    def made(self, one: Mapping[str, Any]) -> Strategy:
        """Return the strategy of a set, or raise an OptionError where it, or an option of it, is not taken."""
        self._options_of(one)
        return self.task.strategy(**self._own(one))

    def _own(self, one: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of a set that are the strategy's."""
        given = {**self.task.fixed, **one}
        if self._options.isdisjoint(given):
            return given
        return {name: value for name, value in given.items() if name not in self._options}

    def by_options(self, sets: Sequence[Mapping[str, Any]]) -> dict[EngineOptions, list[int]]:
        """Return which sets run under which options: those that are searched differ."""
        if not sets or not any(name in self._options for name in sets[0]):
            return {self.task.options: list(range(len(sets)))}
        grouped: dict[EngineOptions, list[int]] = {}
        for at, one in enumerate(sets):
            grouped.setdefault(self._options_of(one), []).append(at)
        return grouped

    def _options_of(self, one: Mapping[str, Any]) -> EngineOptions:
        if self._options.isdisjoint(one):
            return self.task.options
        changes = {name: value for name, value in one.items() if name in self._options}
        return EngineOptions(**self.task.options.model_dump() | changes)

    def _evaluate(self, members: list[int], options: EngineOptions, results: Results) -> None:
        made = [(at, strategy) for at in members if (strategy := results.strategies[at]) is not None]
        if self.task.strategy.style() == "on_bar":
            for at, strategy in made:
                self._run_orders(at, strategy, options, results)
            return
        rows: list[int] = []

        def wanted() -> Iterator[Signals]:
            for at, strategy in made:
                signals = self._signals(at, strategy, options, results)
                if signals is not None:
                    rows.append(at)
                    yield signals

        runner = self._runner(options)
        with self._turn:  # the kernel runs beside it, in another thread
            blocks = runner.gather(wanted(), len(made))
        if not rows:
            self._idle.append(runner)
            return
        columns, returns = measure_many(runner, runner.run_blocks(blocks))
        self._idle.append(runner)
        shape = ManyMoments.of(returns)
        found = {"mean": shape.mean, "std": shape.deviation, "skew": shape.skew, "kurtosis": shape.kurtosis}
        for name, column in columns.items():
            results.metrics[name][rows] = column
        for name, column in found.items():
            results.moments[name][rows] = column
        results.daily_returns[rows] = returns

    def _runner(self, options: EngineOptions) -> SetRunner:
        """Return a runner for these options that no other thread uses."""
        while self._idle:
            try:
                runner = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if runner.options == options:
                return runner
        return SetRunner(self.bars, options)

    def _was_made(self, at: int, one: Mapping[str, Any], results: Results) -> bool:
        try:
            results.strategies[at] = self.made(one)
        except OptionError as error:
            results.refused[at] = str(error)[:LONGEST_ERROR]
        except Exception as error:  # a validator that raised: nothing was run, either
            results.refused[at] = error_text(error, LONGEST_ERROR)
        return at not in results.refused

    def _signals(self, at: int, strategy: Strategy, options: EngineOptions, results: Results) -> Signals | None:
        def wanted() -> Signals:
            signals = signals_of(strategy, self.bars)
            check_signals(self.bars, signals, options)
            check_columns(self.bars, options, has_prices=bool(signals.prices))
            return signals

        return _tried(wanted, at, results)

    def _run_orders(self, at: int, strategy: Strategy, options: EngineOptions, results: Results) -> None:
        def measured() -> tuple[Metrics, FloatArray]:
            return measure_one(self.bars, options, simulate_orders(self.bars, strategy, options))

        found = _tried(measured, at, results)
        if found is None:
            return
        values, returns = found
        for name, value in values.items():
            results.metrics[name][at] = np.nan if value is None else value
        shape = moments(returns)
        for name, value in (
            ("mean", shape.mean),
            ("std", shape.deviation),
            ("skew", shape.skew),
            ("kurtosis", shape.kurtosis),
        ):
            results.moments[name][at] = np.nan if value is None else value
        results.daily_returns[at] = returns


def _tried(work: Callable[[], T], at: int, results: Results) -> T | None:
    """Return what a strategy makes; where it raises, once more by itself, and None where it raises again.

    What is remembered is read-only. A strategy that writes into its indicators works on its own in a single backtest,
    and so it does here.
    """
    try:
        return work()
    except Exception:
        with remembering(None):
            try:
                return work()
            except Exception as error:
                results.failed[at] = error_text(error, LONGEST_ERROR)
                return None


def _memory_bytes(bars: Bars) -> int:
    return max(LEAST_MEMORY, ARRAYS_REMEMBERED * 8 * len(bars))


def remembered_arrays(bars: Bars) -> int:
    """Return how many indicators of these bars are remembered at once."""
    return _memory_bytes(bars) // (8 * max(len(bars), 1))
