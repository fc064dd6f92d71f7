"""What ``on_bar`` holds: the market and the account up to this bar's close, and the verbs that make orders."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.derive.join import position_of
from research_kit.bars.frame import Bars
from research_kit.errors import MissingColumnError, SignalError, did_you_mean
from research_kit.strategy.order import (
    CLOSE_PART,
    CLOSE_UNITS,
    KEEP,
    PROTECT,
    SIZE,
    TARGET,
    UNITS,
    Order,
    Ticket,
    level,
)
from research_kit.strategy.signals import MAX_LABEL

STAYS: Any = object()
"""A level that ``protect`` leaves as it is."""


class Desk(Protocol):
    """Where orders go, and what came of them: the engine's side of a context."""

    units: float
    cash: float

    @property
    def records(self) -> NDArray[Any]:
        """The orders as records, in the order in which they were made."""

    def place(self, ticket: Ticket) -> Order:
        """Write an order down and return its handle."""

    def cancel(self, number: int | None) -> None:
        """Cancel an order, or all that wait."""

    def waiting(self) -> tuple[Order, ...]:
        """Return the buys, sells and closes that have not ended, oldest first."""

    def lots(self) -> NDArray[Any]:
        """Return the open lots as records, oldest first."""

    def trades(self) -> NDArray[Any]:
        """Return the closed trades as records, oldest exit first."""

    def check_target(self, exposure: float) -> None:
        """Refuse a target beyond the leverage."""

    def check_price_orders(self) -> None:
        """Refuse orders with a price where the bars lack the columns for them."""


class SoFar:
    """Named arrays up to and including the bar that ``on_bar`` is at: ``ctx.bars.close[-1]`` is this bar's close."""

    __slots__ = ("_arrays", "_context", "_what")

    def __init__(self, context: Context, arrays: Mapping[str, NDArray[Any]], what: str) -> None:
        self._context = context
        self._arrays = dict(arrays)
        self._what = what

    def __len__(self) -> int:
        return self._context.i + 1

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def __dir__(self) -> list[str]:
        return sorted(self._arrays)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._named(name)[: self._context.i + 1]

    def __getattr__(self, name: str) -> NDArray[Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def _named(self, name: str) -> NDArray[Any]:
        if name not in self._arrays:
            raise MissingColumnError(f"There is no {self._what} {name!r}. {did_you_mean(name, self._arrays)}")
        return self._arrays[name]


class Position:
    """What is held at this bar's close; false while it is flat."""

    __slots__ = ("_context", "_desk")

    def __init__(self, context: Context, desk: Desk) -> None:
        self._context = context
        self._desk = desk

    def __bool__(self) -> bool:
        return self._desk.units != 0.0

    def __repr__(self) -> str:
        return f"Position({self.units:g} units)"

    @property
    def units(self) -> float:
        """Units held: negative for a short position, 0 while flat."""
        return self._desk.units

    @property
    def side(self) -> int:
        """1 long, -1 short, 0 flat."""
        units = self._desk.units
        return (units > 0.0) - (units < 0.0)

    @property
    def entry_price(self) -> float | None:
        """Average fill price of the open lots, None while flat."""
        lots = self._desk.lots()
        return float(np.average(lots["price"], weights=lots["units"])) if len(lots) else None

    @property
    def entry_bar(self) -> int | None:
        """The bar on which the oldest open lot was opened, None while flat."""
        lots = self._desk.lots()
        return int(lots["entry_bar"][0]) if len(lots) else None

    @property
    def lots(self) -> NDArray[Any]:
        """The open lots, oldest first: records with entry_bar, side, units, price, stop, target (NaN: none)."""
        return self._desk.lots()[["entry_bar", "side", "units", "price", "stop", "target"]]

    @property
    def pnl(self) -> float:
        """Unrealised money at this bar's close, costs apart."""
        lots, close = self._desk.lots(), self._context["close"]
        return float(np.sum(lots["side"] * lots["units"] * (close - lots["price"])))


class Context:
    """The market and the account as they are at a bar's close, and the verbs that make orders.

    Nothing here shows what comes after the bar. What is ordered acts on the next bar, as docs/semantics.md says.

    Attributes
    ----------
    i
        The number of the bar, 0 for the first.
    bars, indicators
        Arrays up to and including this bar: ``ctx.bars.close[-1]``, ``ctx.indicators.fast[-2]``. A number of this bar
        alone is had faster by ``ctx["close"]``, ``ctx["fast"]``.
    position
        What is held: ``.units`` (negative: short), ``.side``, ``.entry_price``, ``.entry_bar``, ``.pnl``; false while
        flat.
    state
        A place for what the strategy wants to remember; empty at the beginning of each run.
    """

    __slots__ = (
        *("_asked", "_asked_for", "_columns", "_desk", "_market"),
        *("bars", "i", "indicators", "position", "state"),
    )

    def __init__(self, bars: Bars, indicators: Mapping[str, NDArray[Any]], desk: Desk) -> None:
        self.i = 0
        self._desk = desk
        self._market = bars
        self._asked: Any = None  # the last target
        self._asked_for = np.nan  # its exposure, NaN where it had levels or a label
        self.look_at(bars, indicators)
        self.position = Position(self, desk)
        self.state = SimpleNamespace()

    def look_at(self, bars: Bars, indicators: Mapping[str, NDArray[Any]]) -> None:
        """Show these bars and indicators from now on: for checks, which show a strategy the past alone."""
        arrays: dict[str, Any] = {**bars.columns, **indicators}
        self._columns = {name: memoryview(array) for name, array in arrays.items()}
        self.bars = SoFar(self, {"time": bars.time, **bars.columns}, "column")
        self.indicators = SoFar(self, indicators, "indicator")

    def __getitem__(self, name: str) -> float:
        """Return the value of a column or an indicator at this bar."""
        try:
            return self._columns[name][self.i]
        except KeyError:
            near = did_you_mean(name, self._columns)
            raise MissingColumnError(f"There is no column or indicator {name!r}. {near}") from None

    @property
    def time(self) -> np.datetime64:
        """The opening time of the bar, UTC."""
        time: np.datetime64 = self._market.time[self.i]
        return time

    @property
    def cash(self) -> float:
        """Money that is not in the position; below 0 where it is borrowed."""
        return self._desk.cash

    @property
    def equity(self) -> float:
        """Cash and the position at this bar's close, money."""
        return self._desk.cash + self._desk.units * self._columns["close"][self.i]

    @property
    def orders(self) -> tuple[Order, ...]:
        """The buys, sells and closes that have not ended, oldest first."""
        return self._desk.waiting()

    @property
    def trades(self) -> NDArray[Any]:
        """The trades that were closed so far, oldest exit first: records such as ``ctx.trades["pnl"][-1]``."""
        return self._desk.trades()

    def buy(
        self,
        size: float | None = None,
        *,
        units: float | None = None,
        limit: float | None = None,
        stop: float | None = None,
        stop_loss: float | None = None,
        take_profit: float | None = None,
        **life: Any,
    ) -> Order:
        """Order a purchase: at the next open, or where the market reaches ``limit`` or ``stop`` (both: a stop-limit).

        Parameters
        ----------
        size
            Exposure as in a target signal: a multiple of the option ``size``, 1 when nothing is given. A short position
            closes first, in whole; a long one grows.
        units
            Instead of a size: so many units. Those of a short position close first.
        limit, stop
            Prices. A limit order fills at the limit or better, a stop order at the stop or worse.
        stop_loss, take_profit
            Levels (prices) of the lot that opens; those of the options where none is given.
        good_for, good_till
            How many bars the order lives, or the time at and after which no bar fills it; for orders that wait.
        oco
            Another order: where one of the two fills, the other is cancelled.
        label
            What trades are called that it opens or closes.

        Returns
        -------
        The order, which can be looked at and cancelled later.

        Raises
        ------
        SignalError
            Something is not a number, or two things contradict each other.
        MissingColumnError
            An order with a price needs bars with open, high and low.
        """
        return self._trade(1, size, units, prices=(limit, stop), levels=(stop_loss, take_profit), life=life)

    def sell(
        self,
        size: float | None = None,
        *,
        units: float | None = None,
        limit: float | None = None,
        stop: float | None = None,
        stop_loss: float | None = None,
        take_profit: float | None = None,
        **life: Any,
    ) -> Order:
        """Order a sale, the mirror image of ``buy``: a long position closes first, the rest is sold short."""
        return self._trade(-1, size, units, prices=(limit, stop), levels=(stop_loss, take_profit), life=life)

    def close(
        self,
        part: float | None = None,
        *,
        units: float | None = None,
        limit: float | None = None,
        stop: float | None = None,
        **life: Any,
    ) -> Order:
        """Order to take from the position what is there then: all of it, a part (0.5 is half), or units.

        It never opens anything. With ``limit`` or ``stop`` it waits, and is cancelled when the position becomes flat.
        ``good_for``, ``good_till``, ``oco`` and ``label`` are those of ``buy``.
        """
        kind, amount = (CLOSE_PART, part) if units is None else (CLOSE_UNITS, units)
        if units is not None and part is not None:
            raise self._refused("close takes a part or units, not both")
        amount = self._amount("part" if units is None else "units", 1.0 if amount is None else amount)
        if kind == CLOSE_PART and amount > 1.0:
            raise self._refused(f"close takes a part of at most 1 (all of it); given was {amount:g}")
        return self._place(kind, amount, (limit, stop), life)

    def target(
        self,
        exposure: float,
        *,
        stop_loss: float | None = None,
        take_profit: float | None = None,
        label: str | None = None,
    ) -> Order:
        """Ask for an exposure, as a target signal does: 1 long, 0 flat, -1 short, fractions between.

        An order is made when it changes; asking again for what was asked for last returns the earlier order.
        """
        plain = stop_loss is None and take_profit is None and label is None
        if plain and exposure == self._asked_for:
            return self._asked  # type: ignore[no-any-return]
        wanted = float(exposure)
        if not np.isfinite(wanted):
            raise self._refused(f"A target must be a finite number; given was {exposure!r}. Ask for nothing to keep it")
        self._desk.check_target(wanted)
        stop, take = level("stop_loss", stop_loss), level("take_profit", take_profit)
        order = self._desk.place(Ticket(TARGET, wanted, stop_loss=stop, take_profit=take, label=self._label(label)))
        self._asked, self._asked_for = order, wanted if plain else np.nan
        return order

    def protect(self, *, stop_loss: float | None = STAYS, take_profit: float | None = STAYS) -> Order:
        """Give every open lot new levels from the next bar on; None or NaN takes one away; the others stay."""
        self._desk.check_price_orders()
        stop, take = _new_level("stop_loss", stop_loss), _new_level("take_profit", take_profit)
        return self._desk.place(Ticket(PROTECT, 0.0, stop_loss=stop, take_profit=take))

    def cancel(self, order: Order | None = None) -> None:
        """Cancel an order, or all buys, sells and closes that have not ended, at once."""
        self._desk.cancel(None if order is None else order.number)

    def _trade(
        self,
        side: int,
        size: float | None,
        units: float | None,
        *,
        prices: tuple[float | None, float | None],
        levels: tuple[float | None, float | None],
        life: dict[str, Any],
    ) -> Order:
        if size is not None and units is not None:
            raise self._refused("An order takes a size or units, not both")
        kind, name, amount = (SIZE, "size", size) if units is None else (UNITS, "units", units)
        amount = self._amount(name, 1.0 if amount is None else amount)
        stop_loss, take_profit = level("stop_loss", levels[0]), level("take_profit", levels[1])
        if levels != (None, None):
            self._desk.check_price_orders()
        return self._place(kind, amount, prices, life, side=side, stop_loss=stop_loss, take_profit=take_profit)

    def _place(
        self,
        kind: int,
        amount: float,
        prices: tuple[float | None, float | None],
        life: dict[str, Any],
        **fields: Any,
    ) -> Order:
        limit, stop = level("limit", prices[0]), level("stop", prices[1])
        waits = prices[0] is not None or prices[1] is not None
        if waits:
            self._desk.check_price_orders()
        if life:
            fields |= self._life(life, waits)
        return self._desk.place(Ticket(kind, amount, limit=limit, stop=stop, **fields))

    def _life(self, life: dict[str, Any], waits: bool) -> dict[str, Any]:
        """Return how long an order lives, what it cancels and what it is called."""
        known = ("good_for", "good_till", "oco", "label")
        for name in life:
            if name not in known:
                raise self._refused(f"An order has no {name!r}; {did_you_mean(name, known)}")
        given = {name: value for name, value in life.items() if value is not None}
        for name in ("good_for", "good_till"):
            if name in given and not waits:
                raise self._refused(f"{name} is for orders with a limit or a stop; this one fills at once")
        fields: dict[str, Any] = {}
        if "good_for" in given:
            fields["good_for"] = self._whole(given["good_for"])
        if "good_till" in given:
            fields["dead"] = max(position_of(self._market, given["good_till"], "good_till"), self.i + 1)
        if "oco" in given:
            if not isinstance(given["oco"], Order):
                raise self._refused(f"oco takes another order, as buy, sell and close return it; not {given['oco']!r}")
            fields["oco"] = given["oco"].number
        if "label" in given:
            fields["label"] = self._label(given["label"])
        return fields

    def _whole(self, bars: Any) -> int:
        if isinstance(bars, bool) or not isinstance(bars, int | np.integer) or bars < 1:
            raise self._refused(f"good_for is a whole number of bars, at least 1; given was {bars!r}")
        return int(bars)

    def _amount(self, name: str, value: Any) -> float:
        try:
            amount = float(value)
        except (TypeError, ValueError):
            raise self._refused(f"{name} must be a number above 0; given was {value!r}") from None
        if not (np.isfinite(amount) and amount > 0.0):
            raise self._refused(f"{name} must be a number above 0; given was {value!r}")
        return amount

    def _label(self, label: str | None) -> str | None:
        if label is not None and (not isinstance(label, str) or len(label) > MAX_LABEL):
            raise self._refused(f"A label is a text of at most {MAX_LABEL} characters; given was {label!r:.120}")
        return label

    def _refused(self, sentence: str) -> SignalError:
        return SignalError(f"{sentence}.")


def _new_level(name: str, value: Any) -> float:
    if value is STAYS:
        return KEEP
    taken_away = isinstance(value, float | np.floating) and np.isnan(value)
    return np.nan if taken_away else level(name, value)
