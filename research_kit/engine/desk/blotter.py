"""The desk's books on the Python side: orders are written down here, and bars are run from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.engine.desk.kernel import finish_orders, run_orders
from research_kit.engine.desk.layout import PACE, Desk
from research_kit.engine.layout import Book
from research_kit.engine.records import LABELS
from research_kit.engine.simulation import (
    NO_FLOATS,
    Simulation,
    check_columns,
    check_target,
    empty_book,
    finished,
    market_of,
    volatility_of,
    with_more_room,
)
from research_kit.errors import SignalError
from research_kit.strategy.order import CANCELLED, NOT_REACHED, ORDER, WAITING, Order, Ticket, can_be_cancelled, kind_of

if TYPE_CHECKING:
    from research_kit.bars.frame import Bars
    from research_kit.engine.options import EngineOptions

FIRST_ORDERS = 256
NO_LABEL = -1
NOTHING_YET = (WAITING, NOT_REACHED, -1, np.nan, 0.0)  # the last fields of an ORDER
WORKING, NEXT_BAR, HAPPENED, ENDED, UNITS, CASH = range(6)  # the first fields of a PACE


class Blotter:
    """Every order of a run, the account, and how far the bars were run.

    ``due`` is the first bar that cannot be passed by without looking: an order acts on it, or the market may reach
    something.
    """

    def __init__(self, bars: Bars, options: EngineOptions, first: int = 0) -> None:
        check_columns(bars, options, has_prices=False)
        self.bars = bars
        self.options = options
        self.i = first
        self.first = first  # the bar that the run begins with; those before it are history
        self.done = first
        self.due = len(bars)
        self.units = 0.0
        self.cash = float(options.initial_cash)
        self._market = market_of(bars)
        self._volatility = volatility_of(bars, options) if options.sizing == "volatility" else NO_FLOATS
        self._equity = np.empty(len(bars))
        self._book: Book = empty_book(bars, options, is_target=True, has_prices=True)
        pace = np.zeros(1, PACE)
        pace["next_bar"], pace["target"], pace["target_label"] = len(bars), -1, NO_LABEL
        pace["target_stop"] = pace["target_take"] = np.nan
        self._counts, self._money = pace.view(np.int64).data, pace.view(np.float64).data
        self._desk = Desk(pace, np.zeros(FIRST_ORDERS, ORDER), np.zeros(FIRST_ORDERS, np.int64))
        self._texts = list(LABELS)
        self._codes = {text: code for code, text in enumerate(LABELS)}
        self._lag = 1 + options.delay
        self._made = 0

    # the engine's side

    def advance(self, stop: int) -> bool:
        """Run the bars up to ``stop``; return True where it ended with a bar on which something happened."""
        happened = False
        while self.done < stop and not happened:
            self.done = run_orders(
                self.done, stop, self._market, self._volatility, self._desk, self._book, self._equity
            )
            happened = self._counts[HAPPENED] == 1
            if self.done < stop and not happened:
                self._book = with_more_room(self._book, len(self._desk.working))
        self.units, self.cash, self.due = self._money[UNITS], self._money[CASH], self._counts[NEXT_BAR]
        return happened

    @property
    def ended(self) -> bool:
        """True when equity was gone: nothing is traded any more."""
        return self._counts[ENDED] == 1

    def finish(self) -> Simulation:
        """Run what is left, close what the options close, and return what the run did."""
        while self.done < len(self.bars):
            self.advance(len(self.bars))
        if self.options.close_at_end and self.units != 0.0:
            finish_orders(self._market, self._book, self._equity)
        orders = self.records.copy()
        orders.flags.writeable = False
        return finished(self._market, self._book, self.options, self._equity, self._label, orders)

    def _label(self, code: int, _: int) -> str:
        return self._texts[code]

    # the strategy's side

    @property
    def records(self) -> NDArray[Any]:
        """The orders as records, in the order in which they were made."""
        return self._desk.orders[: self._made]

    def place(self, ticket: Ticket) -> Order:
        """Write an order down: it acts from the next bar on, later with a delay."""
        number, n = self._made, len(self.bars)
        first = self.i + self._lag
        if number == len(self._desk.orders):
            self._grow_orders()
        last = first + ticket.good_for - 1 if ticket.good_for else n
        life = (self.i, first, last, n if ticket.dead is None else ticket.dead)
        group = number if ticket.oco is None else self._group_of(ticket.oco)
        code = NO_LABEL if ticket.label is None else self._code(ticket.label)
        wish = (ticket.kind, ticket.side, ticket.amount, *ticket[3:7], group, code)  # the four prices stand together
        self._desk.orders[number] = (*life, *wish, *NOTHING_YET)
        self._desk.working[self._counts[WORKING]] = number
        self._counts[WORKING] += 1
        self._made = number + 1
        self._counts[NEXT_BAR] = self.due = min(self.due, self.i + 1)
        return Order(self, number)

    def cancel(self, number: int | None) -> None:
        """Cancel an order, or every buy, sell and close that has not ended."""
        if number is None:
            for order in self.waiting():
                self.cancel(order.number)
            return
        record = self.records[number]
        if not can_be_cancelled(record):
            raise SignalError(f"A {kind_of(record)} is not cancelled; ask for another one, which replaces it.")
        if record["state"] == WAITING:
            record["state"] = CANCELLED

    def waiting(self) -> tuple[Order, ...]:
        """Return the buys, sells and closes that have not ended, oldest first."""
        numbers = self._desk.working[: self._counts[WORKING]].tolist()
        records = self._desk.orders
        return tuple(
            Order(self, number)
            for number in numbers
            if records[number]["state"] == WAITING and can_be_cancelled(records[number])
        )

    def lots(self) -> NDArray[Any]:
        """Return the open lots as records, oldest first."""
        state = self._book.state
        return _read_only(self._book.lots[state["first_lot"] : state["last_lot"]])

    def trades(self) -> NDArray[Any]:
        """Return the closed trades as records, oldest exit first."""
        return _read_only(self._book.trades[: self._book.state["trades"]])

    def check_target(self, exposure: float) -> None:
        """Refuse a target beyond the leverage."""
        check_target(exposure, self.i, self.options)

    def check_price_orders(self) -> None:
        """Refuse an order with a price where the bars lack the columns for it."""
        check_columns(self.bars, self.options, has_prices=True)

    def _code(self, label: str) -> int:
        if label not in self._codes:
            self._codes[label] = len(self._texts)
            self._texts.append(label)
        return self._codes[label]

    def _group_of(self, other: int) -> int:
        """Return the group of another order."""
        record = self.records[other]
        if not can_be_cancelled(record):
            raise SignalError(f"oco takes a buy, a sell or a close; order {other} is a {kind_of(record)}.")
        return int(record["group"])

    def _grow_orders(self) -> None:
        orders, working = self._desk.orders, self._desk.working
        more = np.zeros(len(orders), ORDER)
        self._desk = self._desk._replace(
            orders=np.concatenate([orders, more]), working=np.concatenate([working, np.zeros_like(working)])
        )


def _read_only(records: NDArray[Any]) -> NDArray[Any]:
    view = records.view()
    view.flags.writeable = False
    return view
