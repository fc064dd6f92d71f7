"""Orders as the slow engine keeps them, and what a strategy's ``on_bar`` sees and may ask for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple, Protocol

import numpy as np
from slow_account import Account, Fill

from research_kit.bars.frame import Bars
from research_kit.strategy.signals import EVENTS

WAITING, FILLED, CANCELLED, EXPIRED, REJECTED = "waiting", "filled", "cancelled", "expired", "rejected"
KEEP = object()  # a level that ``protect`` leaves as it is


class OrderRecord(NamedTuple):
    """What became of an order, under the field names of the compiled engine's ``orders``; the state is text."""

    made: int
    state: str
    filled_bar: int
    filled_price: float
    filled_units: float


@dataclass(eq=False)
class SlowOrder:
    """What a strategy asked for, and what became of it; ``first`` is bar f, the first that it lives on."""

    number: int
    kind: str  # buy, sell, close, target, protect
    bar: int
    first: int
    size: float = 1.0  # of a target: the exposure
    units: float | None = None
    part: float = 1.0
    limit: float | None = None
    stop: float | None = None
    stop_loss: Any = None
    take_profit: Any = None
    good_for: int | None = None
    good_till: int | None = None
    label: str | None = None
    group: list[SlowOrder] = field(default_factory=list)
    state: str = WAITING
    is_triggered: bool = False  # a stop-limit order whose stop was reached
    filled_bar: int = -1
    filled_price: float = math.nan
    filled_units: float = 0.0
    story: str = ""  # what ended it, for the count of what random cases reach

    @property
    def is_market(self) -> bool:
        return self.limit is None and self.stop is None

    @property
    def acts_as_stop(self) -> bool:
        return self.stop is not None and not self.is_triggered

    @property
    def is_plain(self) -> bool:
        return self.stop_loss is None and self.take_profit is None and self.label is None

    @property
    def level(self) -> float:
        level = self.stop if self.acts_as_stop else self.limit
        assert level is not None
        return level

    def meet(self, bar: int, moment: str, raw: float, *, by_stop: bool = False) -> Fill:
        """Return the fill of this order at a raw price."""
        return Fill(
            bar,
            moment,
            raw,
            self.bar,
            stop_loss=self.stop_loss,
            take_profit=self.take_profit,
            labels={} if self.label is None else dict.fromkeys(EVENTS, self.label),
            is_limit=self.limit is not None,
            by_stop=by_stop,
        )

    def fill(self, bar: int) -> None:
        """Note that the order filled; the others of its group are not wanted any more."""
        self.filled_bar = bar
        self.end(FILLED)
        for other in self.group:
            other.cancel("another of its group filled")

    def cancel(self, why: str = "asked for") -> None:
        if self.state == WAITING:
            self.end(CANCELLED, why)

    def end(self, state: str, story: str = "") -> None:
        self.state = state
        self.story = story or self.story

    @property
    def form(self) -> str:
        if self.is_market:
            return "market"
        return "limit" if self.stop is None else "stop" if self.limit is None else "stop-limit"

    def record(self) -> OrderRecord:
        return OrderRecord(self.bar, self.state, self.filled_bar, self.filled_price, self.filled_units)

    def join(self, other: SlowOrder) -> None:
        """Make one group of both orders' groups."""
        members = [*(other.group or [other]), self]
        for order in members:
            order.group = members


class Book:
    """All orders that were made, in the order of their making."""

    def __init__(self) -> None:
        self.orders: list[SlowOrder] = []

    def waiting(self, *kinds: str, bar: int | None = None) -> Iterator[SlowOrder]:
        """Give, oldest first, the orders that wait when their turn comes, living on this bar where one is named."""
        for order in list(self.orders):
            if order.state == WAITING and order.kind in kinds and (bar is None or order.first <= bar):
                yield order

    def trades(self) -> tuple[SlowOrder, ...]:
        """Return the orders that have not ended yet, targets and levels apart."""
        return tuple(self.waiting("buy", "sell", "close"))

    def end(self) -> None:
        """The run is over: whatever has not ended never will."""
        for order in self.orders:
            order.cancel("the run ended")

    def last_target(self) -> SlowOrder | None:
        return next((order for order in reversed(self.orders) if order.kind == "target"), None)

    def cancel_closing(self) -> None:
        """The position has become flat: nothing is left that closing orders could wait for."""
        for order in self.waiting("close"):
            if not order.is_market:
                order.cancel("flat")

    def expire_before(self, time: int, bar: int) -> None:
        for order in self.orders:
            if order.state == WAITING and order.good_till is not None and order.bar < bar and time >= order.good_till:
                order.end(EXPIRED, "good_till")

    def expire_after(self, bar: int) -> None:
        for order in self.orders:
            if order.state == WAITING and order.good_for is not None and bar >= order.first + order.good_for - 1:
                order.end(EXPIRED, "good_for")


class Asked(Protocol):
    """What a context needs of the run that it shows."""

    account: Account
    book: Book
    bars: Bars
    delay: int
    state: SimpleNamespace


@dataclass(frozen=True)
class Position:
    """The position at a close."""

    units: float
    side: int
    entry_price: float | None
    entry_bar: int | None
    pnl: float

    def __bool__(self) -> bool:
        return self.side != 0


class SlowContext:
    """What ``on_bar`` is given: the close of bar ``i``, the account as it is then, and the verbs."""

    def __init__(self, run: Asked, bar: int) -> None:
        self._run = run
        self.i = bar
        self.state = run.state

    @property
    def time(self) -> np.datetime64:
        return self._run.bars.time[self.i]

    def __getitem__(self, name: str) -> float:
        return float(self._run.bars[name][self.i])

    @property
    def cash(self) -> float:
        return self._run.account.cash

    @property
    def equity(self) -> float:
        return self._run.account.equity(self["close"])

    @property
    def position(self) -> Position:
        lots, held = self._run.account.lots, abs(self._run.account.held())
        return Position(
            units=self._run.account.held(),
            side=self._run.account.side(),
            entry_price=sum(lot.units * lot.price for lot in lots) / held if lots else None,
            entry_bar=lots[0].entry_bar if lots else None,
            pnl=sum(lot.side * lot.units * (self["close"] - lot.price) for lot in lots),
        )

    @property
    def orders(self) -> tuple[SlowOrder, ...]:
        return self._run.book.trades()

    # verbs

    def buy(self, size: float = 1.0, **details: Any) -> SlowOrder:
        return self._make("buy", size=size, **details)

    def sell(self, size: float = 1.0, **details: Any) -> SlowOrder:
        return self._make("sell", size=size, **details)

    def close(self, part: float = 1.0, **details: Any) -> SlowOrder:
        return self._make("close", part=part, **details)

    def target(self, exposure: float, **details: Any) -> SlowOrder:
        last, is_plain = self._run.book.last_target(), all(value is None for value in details.values())
        if last is not None and last.size == exposure and last.is_plain and is_plain:
            return last
        return self._make("target", size=exposure, **details)

    def protect(self, *, stop_loss: Any = KEEP, take_profit: Any = KEEP) -> SlowOrder:
        return self._make("protect", stop_loss=stop_loss, take_profit=take_profit)

    def cancel(self, order: SlowOrder | None = None) -> None:
        for each in self.orders if order is None else (order,):
            each.cancel()

    def _make(
        self, kind: str, *, oco: SlowOrder | None = None, good_till: np.datetime64 | None = None, **details: Any
    ) -> SlowOrder:
        book = self._run.book
        order = SlowOrder(len(book.orders), kind, self.i, self.i + 1 + self._run.delay, **details)
        if good_till is not None:
            order.good_till = int(good_till.astype("datetime64[ns]").astype(np.int64))
        if oco is not None:
            order.join(oco)
        book.orders.append(order)
        return order
