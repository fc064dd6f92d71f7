"""How a strategy is asked for its decisions: on all bars at once, or at each bar with what was known by then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.frame import Bars
from research_kit.checks.decisions import Difference, OrderDecisions, SignalDecisions
from research_kit.engine.backtest import signals_of
from research_kit.engine.desk.blotter import Blotter
from research_kit.engine.desk.run import awake_bars, declared_indicators, simulate_orders
from research_kit.engine.options import EngineOptions
from research_kit.errors import SignalError, error_text
from research_kit.strategy.base import Strategy
from research_kit.strategy.context import Context

LOOK_EVERY = 32  # cuts between two looks at the clock

IsOver = Callable[[], bool]


class Failure(NamedTuple):
    """A strategy could not decide: on how many bars, and what it raised."""

    known: int
    words: str


@dataclass
class Scan:
    """What asking at many bars gave: how many cuts were passed, the first difference, and where it raised."""

    done: int = 0
    difference: Difference | None = None
    known: int = 0  # how many bars were known when it differed
    failures: list[Failure] = field(default_factory=list)
    is_whole: bool = True  # False where the time was over


class Probe(Protocol):
    """A strategy that is asked what it decides; a scan ``pays_by_cut`` or takes as long for one cut as for all."""

    pays_by_cut: ClassVar[bool]

    def decide(self, bars: Bars) -> Any:
        """Return what it decides on these bars; what it raises goes on to the caller."""

    def scan(self, bars: Bars, cuts: Sequence[int], whole: Any, is_over: IsOver) -> Scan:
        """Ask it with the first ``k`` bars alone, for each ``k`` of ``cuts`` (rising), and compare with ``whole``.

        ``whole`` is what it decides on all of these bars. The scan ends at the first difference.
        """

    def footing(self, bars: Bars) -> SignalDecisions | None:
        """Return what must be the same wherever the bars begin, once it is warm; None where nothing must."""

    def ask(self, bars: Bars) -> None:
        """Ask for what a scan asks for at each bar, to see how long it takes and whether it can be answered."""


def probe_of(strategy: Strategy, options: EngineOptions) -> Probe:
    """Return what asks a strategy, written either way."""
    return OrderProbe(strategy, options) if strategy.style() == "on_bar" else SignalProbe(strategy)


@dataclass(frozen=True)
class SignalProbe:
    """Asks ``signals``: the first k bars alone must give what all bars give for them."""

    strategy: Strategy
    pays_by_cut: ClassVar[bool] = True

    def decide(self, bars: Bars) -> SignalDecisions:
        decisions = SignalDecisions.of(signals_of(self.strategy, bars))
        if decisions.size != len(bars):
            raise WrongLengthError(
                f"{self.strategy.name}.signals() returned {decisions.size:,} signals for {len(bars):,} bars"
            )
        return decisions

    def scan(self, bars: Bars, cuts: Sequence[int], whole: SignalDecisions, is_over: IsOver) -> Scan:
        found = Scan()
        for number, known in enumerate(cuts):
            if number % LOOK_EVERY == 0 and is_over():
                found.is_whole = False
                return found
            try:
                decisions = self.decide(bars.window(0, known))
            except WrongLengthError as error:
                found.difference = Difference(known - 1, "length", str(error), f"{known:,}")
            except Exception as error:
                found.failures.append(Failure(known, error_text(error)))
            else:
                found.difference = decisions.difference(whole, known)
            if found.difference is not None:
                found.known = known
                return found
            found.done += 1
        return found

    def footing(self, bars: Bars) -> SignalDecisions:
        return self.decide(bars)

    def ask(self, bars: Bars) -> None:
        self.decide(bars)


class WrongLengthError(SignalError):
    """There is not one signal for each bar: what was returned belongs to other bars."""


@dataclass(frozen=True)
class OrderProbe:
    """Asks ``on_bar``: the orders that it makes at a bar when it is shown nothing later must be those that it made.

    One run over the bars does it for all of them: the account goes on as it was, and before each bar indicators,
    ``wake`` and all that the context shows are made anew from the bars up to that one.
    """

    strategy: Strategy
    options: EngineOptions
    pays_by_cut: ClassVar[bool] = False

    def decide(self, bars: Bars) -> OrderDecisions:
        return OrderDecisions(simulate_orders(bars, self.strategy, self.options).orders, len(bars))

    def scan(self, bars: Bars, cuts: Sequence[int], whole: OrderDecisions, is_over: IsOver) -> Scan:
        found = Scan()
        wanted = set(cuts)
        blotter = Blotter(bars, self.options)
        everything = self._shown(bars)
        context = Context(bars, everything.indicators, blotter)
        for i in range(len(bars)):
            if i % LOOK_EVERY == 0 and (is_over() or _differs(blotter, whole, i)):
                found.is_whole = False
                break
            happened = i >= blotter.due and blotter.advance(i + 1)
            if blotter.ended:
                break
            shown = everything
            if i + 1 in wanted:
                try:
                    shown = self._shown(bars.window(0, i + 1))
                except Exception as error:
                    found.failures.append(Failure(i + 1, error_text(error)))
            if happened or shown.is_awake(i):
                context.look_at(shown.bars, shown.indicators)
                blotter.i = context.i = i
                try:
                    self.strategy.on_bar(context)
                except Exception as error:
                    found.failures.append(Failure(i + 1, error_text(error)))
            found.known = i + 1
        found.difference = _made(blotter).difference(whole, found.known)
        if found.difference is not None:
            found.known = found.difference.bar + 1
        found.done = int(np.searchsorted(cuts, found.known - (found.difference is not None), side="right"))
        return found

    def footing(self, bars: Bars) -> SignalDecisions | None:
        indicators = declared_indicators(self.strategy, bars)
        return SignalDecisions(dict(indicators), len(bars)) if indicators else None

    def ask(self, bars: Bars) -> None:
        self._shown(bars)

    def _shown(self, bars: Bars) -> Shown:
        indicators = declared_indicators(self.strategy, bars)
        return Shown(bars, indicators, awake_bars(self.strategy, bars, indicators))


@dataclass(frozen=True)
class Shown:
    """What a strategy is shown: bars, the indicators of these, and which closes it then wants to see (None: all)."""

    bars: Bars
    indicators: dict[str, Any]
    awake: NDArray[np.int64] | None

    def is_awake(self, i: int) -> bool:
        if self.awake is None:
            return True
        at = int(np.searchsorted(self.awake, i))
        return at < len(self.awake) and int(self.awake[at]) == i


def _made(blotter: Blotter) -> OrderDecisions:
    return OrderDecisions(blotter.records.copy(), len(blotter.bars))


def _differs(blotter: Blotter, whole: OrderDecisions, stop: int) -> bool:
    return _made(blotter).difference(whole, stop) is not None
