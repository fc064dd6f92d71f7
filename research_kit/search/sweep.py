"""A search over parameter sets, pure: bars, a strategy and what to try in; every set's metrics out."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from time import monotonic
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.frame import Bars
from research_kit.engine.measure import daily_periods_per_year
from research_kit.engine.options import EngineOptions
from research_kit.errors import OptionError, ParameterError, did_you_mean
from research_kit.metrics.registry import METRICS
from research_kit.search.evaluate import Evaluator, Results, Task, remembered_arrays
from research_kit.search.objective import DEFAULT, Objective
from research_kit.search.pool import PATIENCE, BarsSource, Chunk, run_chunks, run_elsewhere
from research_kit.search.result import SweepResult
from research_kit.search.space import MOST_SETS, ParameterSets, Space
from research_kit.search.where import Where, chosen
from research_kit.strategy.base import Strategy

Method = Literal["grid", "random", "optuna"]
METHODS = ("grid", "random", "optuna")
HELPERS = ("seed", "workers", "executor", "patience", "progress", "source")  # who runs it, and who is told
DEFAULT_SETS = 1_000  # of a random search
SETS_AT_ONCE = 256  # of a chunk, and more where there are many: then threads wait for one another less often
MOST_AT_ONCE = 800
CELLS_AT_ONCE = 8 << 20  # signals of a chunk, one byte each


@dataclass(frozen=True)
class SweepProgress:
    """How far a sweep is: sets done and wanted, seconds left (None: not known yet), and the best score so far."""

    done: int
    total: int
    seconds_left: float | None
    best: float | None


OnProgress = Callable[[SweepProgress], None]


def run_sweep(
    bars: Bars,
    strategy: type[Strategy] | Strategy,
    grid: Mapping[str, Any],
    options: EngineOptions | None = None,
    *,
    where: Where | None = None,
    method: Method = "grid",
    **how: Any,
) -> SweepResult:
    """Return what every parameter set would have done on these bars; nothing is stored.

    Parameters
    ----------
    bars
        The price data.
    strategy
        A class; of an instance the parameters that are not searched are kept.
    grid
        For each parameter (or engine option) its values: a list, a range, ``rk.between(...)``, or one value.
    options
        Engine options; any of them may be given by keyword too.
    where
        Which sets are run: ``"fast < slow"``, or a function of a set.
    method
        ``"grid"`` runs every combination; ``"random"`` draws ``sets`` of them; ``"optuna"`` lets optuna choose.
    how
        ``objective="sharpe_ratio"`` (``"-volatility"`` for the lowest); ``sets=1000`` and ``seed=0`` of a search
        that is no grid; ``workers`` (threads; all cores when not given) or ``executor`` (whatever is a
        ``concurrent.futures.Executor``, given up after ``patience=3600`` seconds without a result); ``progress``
        (called with each ``SweepProgress``); and engine options.

    Raises
    ------
    ParameterError, OptionError
        Something is misspelt or out of range, or the strategy takes none of the sets.

    Examples
    --------
    >>> import research_kit as rk
    >>> closes = [10.0, 11.0, 12.0, 11.0, 10.0, 9.0, 10.0, 11.0]
    >>> bars = rk.Bars(np.arange(8) * 86_400_000_000_000, {name: closes for name in ("open", "high", "low", "close")})
    >>> sweep = run_sweep(bars, rk.strategies.Momentum, {"length": [1, 2, 3]}, commission=0, objective="total_return")
    >>> len(sweep), sweep.best.parameters
    (3, {'length': 2})
    """
    search = Search.of(bars, strategy, grid, options, where=where, method=method, **how)
    return search.result([part.numbers() for part in search.results()])


@dataclass(frozen=True, eq=False, kw_only=True)
class Search:
    """A sweep that was asked for and checked: its sets, and how they are run."""

    bars: Bars
    task: Task
    space: Space
    sets: ParameterSets  # none yet where the method finds them
    method: str
    objective: Objective
    total: int
    seed: int = 0
    workers: int | None = None
    executor: Executor | None = None
    patience: float = PATIENCE
    progress: OnProgress | None = None
    source: BarsSource | None = None  # where another process finds the bars
    suggested: list[dict[str, Any]] = field(default_factory=list)  # sets that the method found so far

    @classmethod
    def of(
        cls,
        bars: Bars,
        strategy: type[Strategy] | Strategy,
        grid: Mapping[str, Any],
        options: EngineOptions | None = None,
        *,
        where: Where | None = None,
        method: str = "grid",
        **how: Any,
    ) -> Search:
        """Return what was asked for, checked; the arguments are those of ``run_sweep``."""
        if method not in METHODS:
            raise OptionError(f"There is no method {method!r} to search by. {did_you_mean(str(method), METHODS)}")
        own = {name: how.pop(name) for name in HELPERS if name in how}
        objective = Objective.of(how.pop("objective", DEFAULT))
        wanted = how.pop("sets", None)
        kind = strategy if isinstance(strategy, type) else type(strategy)
        space = Space(kind, grid)
        _check_helpers(**own)
        chosen_options = EngineOptions(**(options.model_dump() if options else {}) | how)
        fixed = {} if isinstance(strategy, type) else strategy.model_dump()
        if method == "grid" and wanted is not None:
            raise OptionError("A grid runs every set; sets= is for method='random' and 'optuna'.")
        if method == "optuna" and where is not None:
            raise OptionError("optuna chooses its own sets; where= is for method='grid' and 'random'.")
        sets = _sets(space, method, DEFAULT_SETS if wanted is None else wanted, own.get("seed", 0), where)
        return cls(
            bars=bars,
            task=Task(kind, chosen_options, fixed),
            space=space,
            sets=sets,
            method=method,
            objective=objective,
            total=len(sets) or wanted or DEFAULT_SETS,
            **own,
        )

    def results(self, skip: NDArray[np.bool_] | None = None) -> Iterator[Results]:
        """Yield the results of the sets as they are finished; those that ``skip`` marks are left out."""
        if self.method == "optuna":
            from research_kit.search.optuna_search import suggested

            yield from self._told(suggested(self))
            return
        positions = np.arange(len(self.sets)) if skip is None else np.flatnonzero(~skip)
        yield from self._told(self.run(self.chunks(positions), len(positions)))

    def run(self, chunks: Iterable[Chunk], count: int) -> Generator[Results]:
        """Yield the results of chunks, ``count`` sets in all, from threads or from the executor."""
        if self.executor is None:
            yield from run_chunks(self.evaluator, chunks, count, self.workers)
        else:
            bars = self.source or self.bars
            yield from run_elsewhere(self.executor, bars, self.task, chunks, self.workers, patience=self.patience)

    @cached_property
    def evaluator(self) -> Evaluator:
        """What runs the sets in this process."""
        return Evaluator(self.bars, self.task)

    def chunks(self, positions: NDArray[np.int64]) -> Iterator[Chunk]:
        """Yield the sets at these positions in chunks, sets that share indicators near one another."""
        many = min(MOST_AT_ONCE, max(SETS_AT_ONCE, len(positions) // 8))
        size = max(1, min(many, CELLS_AT_ONCE // max(len(self.bars), 1)))
        if self.task.strategy.style() == "on_bar":
            size = max(1, size // 64)
        order = positions[visiting_order(self.sets.codes[:, positions], remembered_arrays(self.bars))]
        for first in range(0, len(order), size):
            part = order[first : first + size]
            yield part.tolist(), self.sets.rows(part)

    def result(self, parts: Sequence[Results]) -> SweepResult:
        """Return the results of all sets as one, in the order of the sets.

        Raises
        ------
        ParameterError
            The strategy takes none of the sets.
        """
        return joined(self, parts, ParameterSets.of_rows(self.suggested) if self.suggested else self.sets)

    def _told(self, parts: Generator[Results]) -> Iterator[Results]:
        """Pass results on, and say how far the search is."""
        start, done, best = monotonic(), 0, float("nan")
        with closing(parts):  # whatever ends this, ends the threads
            for part in parts:
                yield part
                done += len(part)
                best = np.fmax(best, np.fmax.reduce(self.objective.scores(part.metrics), initial=np.nan))
                if self.progress is not None:
                    left = (monotonic() - start) / done * (self.total - done)
                    self.progress(SweepProgress(done, self.total, left, None if np.isnan(best) else float(best)))


def joined(search: Search, parts: Sequence[Results], sets: ParameterSets) -> SweepResult:
    """Return results in the order of their sets; sets that the strategy refused are told apart."""
    order = np.concatenate([part.positions for part in parts] or [np.empty(0, dtype=np.int64)])
    once = np.intersect1d(order, sets.first_of_each())  # optuna may suggest a set again
    refused = _why(once, [(part.positions, part.refused) for part in parts])
    failed = _why(once, [(part.positions, part.failed) for part in parts])
    ran = np.setdiff1d(once, list(refused))
    if not len(ran) and refused:
        raise ParameterError(
            f"{search.task.strategy.name} takes none of {len(refused):,} sets: {refused[min(refused)]}"
        )
    row_of = np.full(len(sets), -1)
    row_of[order] = np.arange(len(order))
    rows, place = row_of[ran], {int(position): at for at, position in enumerate(ran)}
    metrics = {name: np.concatenate([part.metrics[name] for part in parts])[rows] for name in METRICS} if parts else {}
    return SweepResult(
        strategy_name=search.task.strategy.name,
        sets=sets.take(ran),
        metrics=metrics,
        objective=search.objective,
        errors={place[position]: why for position, why in failed.items()},
        kept_returns=np.concatenate([part.daily_returns for part in parts])[rows] if parts else None,
        refused=[(sets[position], why) for position, why in refused.items()],
        is_grid=search.method == "grid",
        periods_per_year=daily_periods_per_year(search.bars),
        risk_free_rate=search.task.options.risk_free_rate,
    )


def _why(once: NDArray[np.int64], told: list[tuple[NDArray[np.int64], Mapping[int, str]]]) -> dict[int, str]:
    """Return the reasons by the position of their set, ascending, each set once."""
    reasons = {int(positions[at]): why for positions, reason in told for at, why in reason.items()}
    return {position: reasons[position] for position in np.intersect1d(once, list(reasons)).tolist()}


def visiting_order(codes: NDArray[np.int32], capacity: int) -> NDArray[np.int64]:
    """Return the order in which sets are run: as they are where all indicators fit into memory, else in tiles."""
    count = codes.shape[1]
    distinct = sum(len(np.unique(code)) for code in codes)
    if not len(codes) or distinct <= capacity:
        return np.arange(count)
    side = max(1, capacity // (2 * len(codes)))
    return np.lexsort([*codes[::-1], *(codes[::-1] // side)])


def _check_helpers(
    seed: Any = 0, executor: Any = None, progress: Any = None, patience: Any = PATIENCE, **_: Any
) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise OptionError(f"seed is a whole number, at least 0; given was {seed!r}.")
    if executor is not None and not isinstance(executor, Executor):
        raise OptionError(f"executor is a concurrent.futures.Executor; given was {executor!r}.")
    if isinstance(patience, bool) or not isinstance(patience, int | float) or not patience > 0:
        raise OptionError(f"patience is a number of seconds above 0; given was {patience!r}.")
    if progress is not None and not callable(progress):
        raise OptionError(f"progress is a function of a SweepProgress; given was {progress!r}.")


def _sets(space: Space, method: str, wanted: int, seed: int, where: Where | None) -> ParameterSets:
    if method == "grid":
        return chosen(space.grid(), where)
    if isinstance(wanted, bool) or not isinstance(wanted, int) or not 1 <= wanted <= MOST_SETS:
        raise OptionError(f"sets is a whole number from 1 to {MOST_SETS:,}; given was {wanted!r}.")
    if method == "optuna":
        return ParameterSets({}, np.zeros((0, 0), np.int32))
    return chosen(space.draw(np.random.default_rng(seed), wanted), where)
