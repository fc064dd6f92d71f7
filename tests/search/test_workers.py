"""Who runs the sets makes no difference: threads, processes, any executor, in any order. Who stops it is heard."""

import multiprocessing
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest
from searched import Trend, TrendOnBar, Troubled

import research_kit as rk
from research_kit.errors import JobError, OptionError
from research_kit.metrics.registry import METRICS
from research_kit.search.sweep import Search

GRID = {"length": range(2, 152), "share": [0.5, 1.0], "stop_loss": [None, 0.02]}  # 600 sets: several chunks


def sweep_of(bars, strategy=Trend, grid=GRID, **how):
    return rk.run_sweep(bars, strategy, grid, **how)


def assert_same(one, other):
    assert list(one.sets) == list(other.sets)
    assert one.errors == other.errors
    assert one.refused == other.refused
    assert one.ranking.tolist() == other.ranking.tolist()
    assert one.returns.tobytes() == other.returns.tobytes()
    for name in METRICS:
        assert one.metrics[name].tobytes() == other.metrics[name].tobytes(), name


@pytest.fixture(scope="module")
def alone(bars):
    """Return the sweep as one thread runs it."""
    return sweep_of(bars, workers=1)


class Backwards(Executor):
    """Runs what it is given when all of it is there, the newest first."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.given = []

    def submit(self, work, /, *args, **kwargs):
        future: Future = Future()
        self.given.append((future, work, args, kwargs))
        if len(self.given) == self.count:
            for waiting, do, values, named in reversed(self.given):
                waiting.set_result(do(*values, **named))
        return future


@pytest.mark.parametrize("workers", [2, 5, None])
def test_any_number_of_threads(workers, bars, alone):
    assert_same(sweep_of(bars, workers=workers), alone)


def test_threads_that_are_given(bars, alone):
    with ThreadPoolExecutor(3) as pool:
        assert_same(sweep_of(bars, executor=pool), alone)


def test_any_order_of_completion(bars, alone):
    chunks = list(Search.of(bars, Trend, GRID).chunks(np.arange(600)))
    assert len(chunks) > 2
    assert_same(sweep_of(bars, executor=Backwards(len(chunks)), workers=100), alone)


def test_event_strategies_in_threads(bars):
    grid = {"length": range(5, 45, 5), "share": [0.5, 1.0]}
    alone = sweep_of(bars, TrendOnBar, grid, workers=1)
    assert_same(sweep_of(bars, TrendOnBar, grid, workers=4), alone)
    chunks = list(Search.of(bars, TrendOnBar, grid).chunks(np.arange(16)))
    assert_same(sweep_of(bars, TrendOnBar, grid, executor=Backwards(len(chunks)), workers=100), alone)


def test_failures_and_refusals_in_threads(bars):
    grid = {"how": ["well", "raises", "has NaN"], "length": [1, *range(5, 200)]}
    assert_same(sweep_of(bars, Troubled, grid, workers=4), sweep_of(bars, Troubled, grid, workers=1))


@pytest.mark.slow
def test_processes(bars, alone):
    """Fresh ones, that import everything anew; they are sent the bars, and keep what they made of them."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert_same(sweep_of(bars, executor=pool), alone)
        few = {"how": ["well", "raises"], "length": [5, 6]}
        assert_same(sweep_of(bars, Troubled, few, executor=pool), sweep_of(bars, Troubled, few))


def test_a_strategy_of_a_notebook_is_not_sent_to_processes(bars, monkeypatch):
    class InANotebook(Trend):
        """Defined where no other process finds it."""

    monkeypatch.setattr(InANotebook, "__module__", "__main__")
    pool = ProcessPoolExecutor(1)
    with pytest.raises(OptionError, match="InANotebook is defined in this notebook or script, where other processes"):
        sweep_of(bars, InANotebook, {"length": [5]}, executor=pool)
    pool.shutdown()
    assert len(sweep_of(bars, InANotebook, {"length": [5]}, workers=2)) == 1


# progress


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("strategy", [Trend, TrendOnBar])
def test_progress_rises_and_ends_with_the_total(strategy, workers, bars):
    told = []
    grid = GRID if strategy is Trend else {"length": range(2, 42)}
    sweep = sweep_of(bars, strategy, grid, workers=workers, progress=told.append)
    done = [step.done for step in told]
    assert len(done) > 2
    assert done == sorted(set(done))
    assert (done[-1], {step.total for step in told}) == (len(sweep), {len(sweep)})
    assert told[-1].seconds_left == 0.0
    assert all(step.seconds_left >= 0.0 for step in told)
    bests = [step.best for step in told]
    assert bests == sorted(bests)
    assert bests[-1] == sweep.best.value


def test_progress_counts_refused_and_failed_sets(bars):
    told = []
    sweep_of(bars, Troubled, {"how": ["raises"], "length": [5, "long"]}, progress=told.append)
    assert (told[-1].done, told[-1].total, told[-1].best) == (2, 2, None)


def test_progress_of_the_lowest(bars):
    told = []
    sweep = sweep_of(bars, objective="-volatility", progress=told.append)
    assert told[-1].best == -sweep.best.value  # more is better


# stopping


def running_sweeps() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("sweep")]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_who_stops_a_sweep_leaves_no_thread_behind(error, workers, bars):
    """Also while the error is still held, as a notebook holds the last one."""
    told = []

    def stop(step):
        told.append(step.done)
        raise error

    with pytest.raises(error) as caught:
        sweep_of(bars, workers=workers, progress=stop)
    assert caught.tb is not None
    assert len(told) == 1
    assert told[0] < 600
    assert running_sweeps() == []


def test_results_that_nobody_wants_any_more_are_not_computed(bars):
    results = Search.of(bars, Trend, GRID, workers=2).results()
    next(results)
    assert running_sweeps()
    results.close()
    assert running_sweeps() == []


def test_an_executor_that_is_given_is_left_running(bars):
    def stop(step):
        raise KeyboardInterrupt

    with ThreadPoolExecutor(2) as pool:
        with pytest.raises(KeyboardInterrupt):
            sweep_of(bars, executor=pool, progress=stop)
        assert pool.submit(int, "7").result() == 7


def test_what_has_not_begun_is_cancelled(bars):
    class OnlyTheFirst(Executor):
        """Runs the first of what it is given, and lets the others wait for ever."""

        def __init__(self) -> None:
            self.given = []

        def submit(self, work, /, *args, **kwargs):
            self.given.append(Future())
            if len(self.given) == 1:
                self.given[0].set_result(work(*args, **kwargs))
            return self.given[-1]

    def stop(step):
        raise KeyboardInterrupt

    executor = OnlyTheFirst()
    with pytest.raises(KeyboardInterrupt):
        sweep_of(bars, executor=executor, workers=4, progress=stop)
    assert len(executor.given) == 3
    assert [future.cancelled() for future in executor.given] == [False, True, True]


class Forgetful(Executor):
    """Runs what it is given first, and then cancels the rest, breaks, or says nothing more."""

    def __init__(self, after) -> None:
        self.after = after
        self.given = 0

    def submit(self, work, /, *args, **kwargs):
        future: Future = Future()
        self.given += 1
        if self.given == 1:
            future.set_result(work(*args, **kwargs))
        elif self.after == "cancels":
            future.cancel()
        elif self.after == "breaks":
            future.set_exception(BrokenProcessPool("a child died"))
        return future


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        ("cancels", "lost its processes or its scheduler (CancelledError)."),
        ("breaks", "lost its processes or its scheduler (BrokenProcessPool: a child died)."),
        ("says nothing", "The executor returned nothing for 0.2 seconds (patience=); it may have been lost."),
    ],
)
def test_an_executor_that_is_lost_is_one_error_and_what_was_done_is_there(after, sentence, bars):
    told = []
    with pytest.raises(JobError) as caught:
        sweep_of(bars, executor=Forgetful(after), workers=1, patience=0.2, progress=told.append)
    assert str(caught.value).endswith(sentence)
    assert [step.done for step in told] == [256]


def test_nothing_runs_after_a_sweep(bars):
    sweep_of(bars, workers=3)
    assert running_sweeps() == []
