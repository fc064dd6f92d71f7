"""Does a strategy know what it cannot know? Asked at every bar, with the later bars left out, and with others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.frame import Bars
from research_kit.checks.decisions import Difference
from research_kit.checks.futures import Futures, longer
from research_kit.checks.probes import Failure, Probe, WrongLengthError, probe_of
from research_kit.checks.verdict import FoundBy, LookaheadVerdict
from research_kit.checks.warm import least_bars, warm_up_of
from research_kit.engine.options import EngineOptions
from research_kit.errors import OptionError, StrategyError, error_text
from research_kit.strategy.base import Strategy

TIME_LIMIT = 50.0  # seconds
FUTURES = 64  # other futures
SHORT = 2_000  # bars on which it is asked first, to see how long it takes
AT_ONCE = 0.04  # of the time that one answer may take; on all bars where it takes less
SHARE = 0.25  # of the time that goes into other futures, at most
EXHAUSTIVE = 0.5  # of the time that the comparison of whole prefixes may take; windows where it would take more
LEAST_BEFORE, UNKNOWN_BEFORE = 128, 2_000  # bars before a window's first, where the warm-up is short, or not known
BLOCK = 512  # bars of a window that are compared
LOUD = 0.02  # of the bars: those with the largest moves come first where time may be short
SAMPLES = 4  # of how long an answer takes: the quickest counts
TOO_LITTLE = 0.1  # of the bars: a verdict on fewer is none
QUICK, FEW = 0.5, 16  # seconds after which so many other futures are enough


@dataclass(frozen=True)
class Leak:
    """Where a decision depended on what came later."""

    difference: Difference
    known: int
    found_by: FoundBy


def check_lookahead(
    bars: Bars,
    strategy: Strategy | type[Strategy],
    options: EngineOptions | None = None,
    *,
    time_limit: float = TIME_LIMIT,
    seed: int = 0,
    **changes: Any,
) -> LookaheadVerdict:
    """Return whether a strategy decides anything with bars that it could not know.

    For every bar the strategy is asked again with the bars up to that one alone, and all that it decided up to there
    must stay the same: of ``signals`` the events, the exposure and the price levels, of ``on_bar`` the orders. Where
    whole prefixes would take too long it is asked in windows, each several times its warm-up long. Then everything
    after a bar is multiplied by random factors, in many places: nothing at or before the bar may change. A strategy
    that uses randomness must draw it from a seed.

    Parameters
    ----------
    bars
        The price data. What it does not lead to, such as a rare condition that never holds, cannot be found.
    strategy
        A strategy, or its class for the default parameters.
    options, changes
        Engine options, whole or by keyword: the orders of an event strategy depend on its account.
    time_limit
        Seconds, from its first answer on. When they are over, the verdict says how many bars were checked; where time
        is short the bars with the largest moves, and those on which something was decided, come first.
    seed
        Of the other futures.

    Raises
    ------
    Exception
        What the strategy raises on all the bars.

    Examples
    --------
    >>> import numpy as np, research_kit as rk
    >>> close = 100 + np.sin(np.arange(300) / 7)
    >>> bars = rk.Bars(np.arange(300) * 86_400_000_000_000, {"close": close})
    >>> check_lookahead(bars, rk.strategies.SmaCross(fast=5, slow=20))
    LookaheadVerdict(passed, checked 300 of 300 bars)
    """
    if not time_limit > 0:
        raise OptionError(f"time_limit must be a number of seconds above 0; given was {time_limit!r}.")
    options = EngineOptions(**(options or EngineOptions()).model_dump() | changes | {"close_at_end": False})
    if isinstance(strategy, type):
        strategy = strategy()
    if not isinstance(strategy, Strategy):
        raise StrategyError(f"A strategy is an rk.Strategy; this is {type(strategy).__name__}.")
    return _Check(bars, strategy, probe_of(strategy, options), time_limit, seed).verdict()


@dataclass(eq=False)
class _Check:
    """One check under way."""

    bars: Bars
    strategy: Strategy
    probe: Probe
    time_limit: float
    seed: int
    began: float = field(default_factory=perf_counter)
    began_asking: float = field(default_factory=perf_counter)
    first: Any = None  # what it decided on ``part``, the first of the bars or all
    leak: Leak | None = None
    window: int | None = None
    futures: int = 0
    notes: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    checked: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(1, np.bool_))

    def __post_init__(self) -> None:
        self.part = self.bars

    def verdict(self) -> LookaheadVerdict:
        n = len(self.bars)
        if n < 2:
            return self._verdict("inconclusive", "There are fewer than two bars.")
        self.checked = np.zeros(n + 1, np.bool_)  # by how many bars were known
        if not self._decide():
            return self._verdict("failed")
        difference = self._repeat()
        if difference is not None:
            words = "Two runs on the same bars decide differently"
            at = f" from bar {difference.bar:,} on ({difference.column})" if difference.bar >= 0 else ""
            self.leak = None
            remedy = "draw what is random from a seed: np.random.default_rng(self.seed)."
            return self._verdict("inconclusive", f"{words}{at}; {remedy}", deterministic=False)
        self.checked[n] = True  # nothing comes after the last bar
        warm_up = warm_up_of(self.probe, self.bars, self._is_over(SHARE))
        self._ask_futures()
        self._ask_prefixes(warm_up)
        if self.leak is not None:
            return self._verdict("failed", warm_up=warm_up)
        outcome = "passed" if self._is_enough() else "inconclusive"
        return self._verdict(outcome, warm_up=warm_up)

    # the steps

    def _decide(self) -> bool:
        """Ask on few bars, on all, and on more of them: what is remembered from another call fits one of these.

        Where all of them would take long, ``part`` is the first of them. Returns whether there was an answer for each
        bar.
        """
        n = len(self.bars)
        short = self.bars.window(0, max(1, min(n // 2, SHORT)))
        fits, size = True, n
        try:
            self.probe.decide(short)  # what is compiled is compiled now
            self.began_asking = perf_counter()
            self.probe.decide(short)
            seconds = max(1e-9, perf_counter() - self.began_asking)
            size = min(n, max(SHORT, int(len(short) * AT_ONCE * self.time_limit / seconds)))
        except WrongLengthError:
            fits = False
        except Exception:  # too few bars for it, perhaps
            self.began_asking = perf_counter()
        try:
            self.part = self.bars.window(0, size) if size < n else self.bars
            self.first = self.probe.decide(self.part)
            self._ask_longer()
        except WrongLengthError as error:
            if not fits:  # whatever the bars are: an error, and no memory
                raise
            self.leak = Leak(Difference(size - 1, "length", str(error), None), size, "length")
            return False
        if size < n:
            self.notes.append(f"It is slow: other futures began within the first {size:,} bars.")
        return True

    def _ask_longer(self) -> None:
        """Let more bars come: they must change nothing before them."""
        n = len(self.part)
        try:
            difference = self.probe.decide(longer(self.part, max(1, n // 10), self.seed)).difference(self.first, n)
        except WrongLengthError:
            raise
        except Exception:  # times or prices that it does not take
            return
        self.futures += 1
        if difference is not None:
            self._note_leak(Leak(difference, n, "longer"))

    def _repeat(self) -> Difference | None:
        again = self.probe.decide(self.part)
        if self.first.is_identical(again):
            return None
        return self.first.difference(again, len(self.part)) or Difference(-1, "bytes", None, None)

    def _ask_futures(self) -> None:
        """Replace everything after a bar, in many places."""
        other = Futures(self.part, self.seed)
        is_over, began = self._is_over(SHARE), perf_counter()
        for number, known in enumerate(self._places()):
            if is_over() or (number >= FEW and perf_counter() - began > QUICK):
                return
            try:
                difference = self.probe.decide(other.after(known)).difference(self.first, known)
            except Exception:  # a market that never was may be too much for it
                continue
            self.futures += 1
            if difference is not None:
                self._note_leak(Leak(difference, known, "future"))
                return

    def _places(self) -> list[int]:
        """Return where other futures begin: after bars on which something was decided, and anywhere."""
        n = len(self.part)
        rng = np.random.default_rng(self.seed)
        decided = np.array([bar + 1 for bar in self.first.changes if bar + 1 < n], np.int64)
        some = rng.choice(decided, min(len(decided), FUTURES // 2), replace=False)
        anywhere = rng.integers(1, n, FUTURES - len(some))
        return rng.permutation(np.unique(np.concatenate([some, anywhere]))).tolist()  # type: ignore[no-any-return]

    def _ask_prefixes(self, warm_up: int | None) -> None:
        n = len(self.bars)
        is_whole = len(self.part) == n
        if is_whole and self._seconds_of(self.bars.window(0, max(1, n // 2))) * n <= EXHAUSTIVE * self.time_limit:
            self._scan(0, n, np.arange(1, n), self.first)
            return
        before = UNKNOWN_BEFORE if warm_up is None else max(LEAST_BEFORE, 3 * warm_up)
        self.window = min(n, max(before, least_bars(self.probe, self.bars) + LEAST_BEFORE))
        blocks = [np.arange(start, min(n, start + BLOCK)) for start in range(1, n, BLOCK)]
        for cuts in self._in_order(blocks):
            if self._is_over()():
                break
            if self._scan_window(cuts):
                break
        if self.leak is not None:
            self._find_first(blocks)

    def _in_order(self, blocks: list[NDArray[np.int64]]) -> Iterator[NDArray[np.int64]]:
        """Yield the cuts of each block: the loud ones of all blocks, then all others; blocks from all over the data.

        A probe that runs over all bars of a window, however few are asked for, gets them all at once.
        """
        loud = self._loud() if self.probe.pays_by_cut else np.ones(len(self.bars) + 1, np.bool_)
        order = np.argsort((np.arange(len(blocks)) * 0.6180339887498949) % 1.0)  # any beginning of it is spread evenly
        for wanted in (loud, ~loud):
            for number in order.tolist():
                cuts = blocks[number][wanted[blocks[number]]]
                if len(cuts):
                    yield cuts

    def _loud(self) -> NDArray[np.bool_]:
        """Return by number of known bars: where the last known or the first unknown bar moved most, or was decided."""
        close = self.bars.close
        moves = np.abs(np.diff(close))
        if not self.bars.allow_nonpositive:
            moves = moves / close[:-1]
        bars = np.argsort(moves)[::-1][: max(1, int(LOUD * len(close)))] + 1  # a bar that moved is the first unknown,
        loud = np.zeros(len(close) + 2, np.bool_)
        loud[bars] = loud[bars + 1] = True  # or the last known one
        decided = self.first.changes
        loud[np.array(decided[:: 1 + len(decided) // len(bars)], np.int64) + 1] = True
        return loud[: len(close) + 1]

    def _find_first(self, blocks: list[NDArray[np.int64]]) -> None:
        """Look again from the first bar on for an earlier leak, as long as there is time."""
        for block in blocks:
            cuts = block[~self.checked[block]]
            if self.leak is None or self._is_over()() or (len(cuts) and cuts[0] > self.leak.difference.bar):
                return
            if len(cuts) and self._scan_window(cuts):
                return

    def _scan_window(self, cuts: NDArray[np.int64]) -> bool:
        """Ask at some bars with a window of those before them; return whether there was a difference."""
        n, before = len(self.bars), self.window or 0
        start, stop = max(0, int(cuts[0]) - before), min(n, int(cuts[-1]) + before)
        try:
            whole = self.probe.decide(self.bars.window(start, stop))
        except Exception as error:
            self.failures += [Failure(int(cut), error_text(error)) for cut in cuts]
            return False
        return self._scan(start, stop, cuts, whole)

    def _scan(self, start: int, stop: int, cuts: NDArray[np.int64], whole: Any) -> bool:
        found = self.probe.scan(self.bars.window(start, stop), (cuts - start).tolist(), whole, self._is_over())
        self.checked[cuts[: found.done]] = True
        for known, words in found.failures:
            self.checked[known + start] = False
            self.failures.append(Failure(known + start, words))
        if found.difference is None:
            return False
        known = found.known + start
        difference = found.difference._replace(bar=found.difference.bar + start)
        only_number = self.leak is None or self.leak.found_by == "longer"
        is_length = only_number and known < len(self.part) and self.futures > 0 and difference.column != "length"
        by: FoundBy = "length" if is_length and not self._depends_on_prices(known) else "prefix"
        self._note_leak(Leak(difference, known, by))
        return True

    def _depends_on_prices(self, known: int) -> bool:
        """Return whether other prices after a bar change what was decided before it, as fewer of them do.

        No other future has changed anything anywhere when this is asked.
        """
        for seed in range(8):
            try:
                other = self.probe.decide(Futures(self.part, seed).after(known))
            except Exception:
                return True
            if other.difference(self.first, known) is not None:
                return True
        return False

    # what they share

    def _note_leak(self, leak: Leak) -> None:
        """Keep the leak whose bar is the earliest; of two at one bar the one that was found by leaving bars out."""
        if self.leak is None or leak.difference.bar <= self.leak.difference.bar:
            self.leak = leak

    def _is_enough(self) -> bool:
        share = int(self.checked.sum()) / len(self.bars)
        if self._is_over()():
            self.notes.append(
                f"The time limit of {self.time_limit:g} seconds was over when {share:.0%} of the bars were checked; "
                "more time checks more: time_limit=600."
            )
        return self._explain_failures() and share >= TOO_LITTLE

    def _explain_failures(self) -> bool:
        """Note on which bars it raised; return whether these were only the first ones: too few bars for it."""
        if not self.failures:
            return True
        known = sorted({failure.known for failure in self.failures})
        first = next((at for at, size in enumerate(known, 1) if size != at), len(known) + 1) - 1
        words = self.failures[0].words
        if first:
            self.notes.append(f"On fewer than {first + 1:,} bars it raises {words}.")
        others = len(known) - first
        if others:
            self.notes.append(f"In {others:,} other places it raises {self.failures[-1].words}.")
        return not others

    def _seconds_of(self, bars: Bars) -> float:
        seconds = []
        with suppress(Exception):
            for _ in range(SAMPLES):
                began = perf_counter()
                self.probe.ask(bars)
                seconds.append(perf_counter() - began)
        return min(seconds, default=0.0)

    def _is_over(self, share: float = 1.0) -> Callable[[], bool]:
        until = min(self.began_asking + self.time_limit, perf_counter() + share * self.time_limit)
        return lambda: perf_counter() > until

    def _verdict(self, outcome: Any, note: str = "", **more: Any) -> LookaheadVerdict:
        leak = self.leak
        at: dict[str, Any] = {}
        if leak is not None:
            bar, column, one, other = leak.difference
            at = {"bar": bar, "time": self.bars.time[bar], "column": column, "value_known": one, "value_all": other}
            at |= {"known": leak.known, "found_by": leak.found_by}
        values = ", ".join(f"{name}={value}" for name, value in self.strategy.parameters().items())
        return LookaheadVerdict(
            outcome=outcome,
            strategy=f"{self.strategy.name}({values})",
            bars=len(self.bars),
            checked=int(self.checked.sum()),
            window=self.window,
            futures=self.futures,
            notes=(*self.notes, *([note] if note else [])),
            seconds=perf_counter() - self.began,
            **at,
            **more,
        )
