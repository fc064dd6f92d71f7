"""Orders as strategies make them: one record each, and the handle that a strategy holds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from research_kit.errors import SignalError

if TYPE_CHECKING:
    from research_kit.strategy.context import Desk

ORDER = np.dtype(
    [
        ("made", np.int64),  # the bar at whose close it was made
        ("first", np.int64),  # the first bar that may fill it
        ("last", np.int64),  # the bar after whose inside it expires; the number of bars: never
        ("dead", np.int64),  # the bar at whose beginning it expires; the number of bars: never
        ("kind", np.int64),  # an index into KINDS
        ("side", np.int64),  # 1 buys, -1 sells, 0: as the position asks
        ("amount", np.float64),  # exposure, units or part, by kind
        ("limit", np.float64),  # NaN: none, and so for the next three
        ("stop", np.float64),
        ("stop_loss", np.float64),
        ("take_profit", np.float64),
        ("group", np.int64),  # orders of a group cancel one another; the number of one of them, or its own
        ("label", np.int64),  # an index into the run's labels, -1: none
        ("state", np.int64),  # an index into ORDER_STATES
        ("stop_reached", np.int64),  # of a stop-limit order: NOT_REACHED, REACHED, or JUST_REACHED inside this bar
        ("filled_bar", np.int64),  # -1: never
        ("filled_price", np.float64),  # NaN: never
        ("filled_units", np.float64),  # positive: bought
    ],
    align=True,
)

KINDS = ("size", "units", "close_part", "close_units", "target", "protect")
SIZE, UNITS, CLOSE_PART, CLOSE_UNITS, TARGET, PROTECT = range(len(KINDS))
ORDER_STATES = ("waiting", "filled", "cancelled", "expired", "rejected")
WAITING, FILLED, CANCELLED, EXPIRED, REJECTED = range(len(ORDER_STATES))
NOT_REACHED, REACHED, JUST_REACHED = range(3)
KEEP = np.inf  # a level that ``protect`` leaves as it is


class Ticket(NamedTuple):
    """What a strategy writes on an order; NaN is no price, ``good_for=0`` and ``dead=None`` no end of its life."""

    kind: int
    amount: float
    side: int = 0
    limit: float = math.nan
    stop: float = math.nan
    stop_loss: float = math.nan
    take_profit: float = math.nan
    good_for: int = 0
    dead: int | None = None
    oco: int | None = None
    label: str | None = None


class Order:
    """One order of a strategy, as it stands now.

    ``state`` is ``waiting``, ``filled``, ``cancelled``, ``expired`` or ``rejected``; only the first can change.
    """

    __slots__ = ("_desk", "number")

    def __init__(self, desk: Desk, number: int) -> None:
        self._desk = desk
        self.number = number

    def __repr__(self) -> str:
        return f"Order({self.number}, {self.kind}, {self.state})"

    @property
    def _record(self) -> Any:
        return self._desk.records[self.number]

    @property
    def kind(self) -> str:
        """What was asked for: ``buy``, ``sell``, ``close``, ``target`` or ``protect``."""
        return kind_of(self._record)

    @property
    def state(self) -> str:
        return ORDER_STATES[self._record["state"]]

    @property
    def waits(self) -> bool:
        """True as long as it may still be filled."""
        return bool(self._record["state"] == WAITING)

    @property
    def made(self) -> int:
        """The bar at whose close it was made."""
        return int(self._record["made"])

    @property
    def limit(self) -> float | None:
        return _number(self._record["limit"])

    @property
    def stop(self) -> float | None:
        return _number(self._record["stop"])

    @property
    def filled_bar(self) -> int | None:
        """The bar that filled it, None where none has."""
        bar = int(self._record["filled_bar"])
        return None if bar < 0 else bar

    @property
    def filled_price(self) -> float | None:
        """The fill price, slippage included, None where it has none."""
        return _number(self._record["filled_price"])

    @property
    def filled_units(self) -> float:
        """The units that it traded: positive where it bought, negative where it sold."""
        return float(self._record["filled_units"])

    def cancel(self) -> None:
        """Cancel the order at once; one that has ended stays as it is.

        Raises
        ------
        SignalError
            It is a target or new levels: those are replaced by another target, by other levels.
        """
        self._desk.cancel(self.number)


def kind_of(record: Any) -> str:
    """Return the verb that made an order."""
    kind = int(record["kind"])
    if kind in (SIZE, UNITS):
        return "buy" if record["side"] > 0 else "sell"
    return "close" if kind in (CLOSE_PART, CLOSE_UNITS) else KINDS[kind]


def can_be_cancelled(record: Any) -> bool:
    """Return whether an order is a buy, a sell or a close: only those wait for a price."""
    return int(record["kind"]) < TARGET


def level(name: str, value: Any) -> float:
    """Return a price level as a float, NaN for None.

    Raises
    ------
    SignalError
        It is not a finite number.
    """
    if value is None:
        return np.nan
    try:
        price = float(value)
    except (TypeError, ValueError):
        raise SignalError(f"{name} is a price; {value!r} is none.") from None
    if not np.isfinite(price):
        raise SignalError(f"{name} is a finite price, or None for none; it is {price}.")
    return price


def order_columns(orders: NDArray[Any], label_of: Callable[[int, int], str]) -> dict[str, NDArray[Any]]:
    """Return orders as users read them, one array for each column; bars are positions, NaN is none."""
    return {
        "kind": np.array([kind_of(order) for order in orders], dtype=object),
        "state": np.array(ORDER_STATES, dtype=object)[orders["state"]],
        "amount": orders["amount"],
        **{name: orders[name] for name in ("limit", "stop", "stop_loss", "take_profit")},
        "label": np.array([label_of(at, -1) if at >= 0 else "" for at in orders["label"].tolist()], dtype=object),
        **{name: orders[name] for name in ("made", "filled_bar", "filled_price", "filled_units")},
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
