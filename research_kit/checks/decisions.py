"""What a strategy decided, in a form in which two runs can be compared: bar by bar, up to a bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from research_kit.strategy.order import KEEP, kind_of
from research_kit.strategy.signals import EVENTS, LEVELS, Signals

TOLERANCE = 1e-9
"""Relative: the same numbers added up in another order differ by less, and no leak that trades does."""

ORDER_FIELDS = ("kind", "side", "amount", "limit", "stop", "stop_loss", "take_profit", "first", "last", "dead", "group")
_LIFE = ("last", "dead")


class Difference(NamedTuple):
    """The first bar on which two runs decided differently, what differs, and the values of the one and the other."""

    bar: int
    column: str
    one: Any
    other: Any


@dataclass(frozen=True, eq=False)
class SignalDecisions:
    """Signals as columns: the events, or a target's exposure, and the price levels; labels change no trade."""

    columns: dict[str, NDArray[Any]]
    size: int

    @classmethod
    def of(cls, signals: Signals) -> SignalDecisions:
        """Return the decisions of signals."""
        if signals.exposure is not None and not signals.prices:
            return cls({"exposure": signals.exposure}, len(signals.exposure))
        named = {name: getattr(signals, name) for name in (*EVENTS, "exposure")}
        columns = {name: array for name, array in named.items() if array is not None}
        return cls(columns | dict(signals.prices), len(signals))

    def difference(self, other: SignalDecisions, stop: int) -> Difference | None:
        """Return where these decisions first differ from others before bar ``stop``; None where they do not."""
        found: Difference | None = None
        for name in self._names(other):
            one, two = self._column(name)[:stop], other._column(name)[:stop]
            if one.dtype == two.dtype and bool((one == two).all()):
                continue
            unequal = _unequal(one, two)
            if unequal.any():
                at = int(unequal.argmax())
                if found is None or at < found.bar:
                    found = Difference(at, name, one[at].item(), two[at].item())
        return found

    def last_difference(self, other: SignalDecisions) -> int:
        """Return the last bar on which these decisions differ from others; -1 where they do not."""
        """Return the last bar on which these decisions differ from others; -1 where they do not."""
        """Return the last bar on which these decisions differ from others; -1 where they do not."""
        unequal = [_unequal(self._column(name), other._column(name)) for name in self._names(other)]
        return max((int(np.flatnonzero(where)[-1]) for where in unequal if where.any()), default=-1)

    def tail(self, size: int) -> SignalDecisions:
        """Return the decisions on the last bars."""
        return SignalDecisions({name: array[-size:] for name, array in self.columns.items()}, size)

    def is_identical(self, other: SignalDecisions) -> bool:
        """Return whether others are the same byte for byte."""
        if self.columns.keys() != other.columns.keys():
            return False
        pairs = [(array, other.columns[name]) for name, array in self.columns.items()]
        return all(one.dtype == two.dtype and one.tobytes() == two.tobytes() for one, two in pairs)

    @property
    def changes(self) -> list[int]:
        """The bars on which something else was decided than on the bar before."""
        where = np.zeros(max(0, self.size - 1), np.bool_)
        for array in self.columns.values():
            where |= _unequal(array[1:], array[:-1])
        return (np.flatnonzero(where) + 1).tolist()

    def _names(self, other: SignalDecisions) -> list[str]:
        if self.columns.keys() == other.columns.keys():
            return list(self.columns)
        return [name for name in (*EVENTS, "exposure", *LEVELS) if name in self.columns or name in other.columns]

    def _column(self, name: str) -> NDArray[Any]:
        """Return a column; an event that was not given happens on no bar, an exposure or a level is on none."""
        if name in self.columns:
            return self.columns[name]
        return np.zeros(self.size, np.bool_) if name in EVENTS else np.full(self.size, np.nan)


@dataclass(frozen=True, eq=False)
class OrderDecisions:
    """The orders of an event strategy, in the order in which they were made, as records of ``ORDER``."""

    orders: NDArray[Any]
    size: int

    def difference(self, other: OrderDecisions, stop: int) -> Difference | None:
        """Return where these orders first differ from others before bar ``stop``; None where they do not."""
        mine, others = self._until(stop), other._until(stop)
        shared = min(len(mine), len(others))
        unequal = np.zeros(shared, np.bool_)
        for name in ("made", *ORDER_FIELDS):
            unequal |= _unequal(_field(mine[:shared], name, stop), _field(others[:shared], name, stop))
        at = int(unequal.argmax()) if unequal.any() else shared
        if at == len(mine) == len(others):
            return None
        one, two = (orders[at] if at < len(orders) else None for orders in (mine, others))
        bar = min(int(order["made"]) for order in (one, two) if order is not None)
        here, there = (None if order is None or order["made"] != bar else order for order in (one, two))
        return Difference(bar, "orders", self._text(here), other._text(there))

    def is_identical(self, other: OrderDecisions) -> bool:
        """Return whether others are the same byte for byte."""
        return self.orders.dtype == other.orders.dtype and self.orders.tobytes() == other.orders.tobytes()

    @property
    def changes(self) -> list[int]:
        """The bars on which an order was made."""
        return sorted(set(self.orders["made"].tolist()))

    def _until(self, stop: int) -> NDArray[Any]:
        made = self.orders["made"]
        return self.orders[: int(np.searchsorted(made, stop))]

    def _text(self, order: Any) -> str:
        """Return an order as one reads it: its verb, how much, and at what prices."""
        if order is None:
            return "none"
        words = [kind_of(order), f"{float(order['amount']):.10g}"]
        for name in ("limit", "stop", "stop_loss", "take_profit"):
            price = float(order[name])
            if not np.isnan(price) and price != KEEP:
                words.append(f"{name} {price:.10g}")
        return " ".join(words)


def _field(orders: NDArray[Any], name: str, stop: int) -> NDArray[Any]:
    """Return a field of orders; how long one lives counts as far as the bars that both runs have."""
    values: NDArray[Any] = orders[name]
    return np.minimum(values, stop) if name in _LIFE else values


def _unequal(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where two columns differ: NaN equals NaN, and numbers may differ by rounding."""
    if one.dtype.kind == other.dtype.kind and one.dtype.kind in "biu":
        differs: NDArray[np.bool_] = one != other
        return differs
    a, b = one.astype(np.float64, copy=False), other.astype(np.float64, copy=False)
    with np.errstate(invalid="ignore"):
        near = np.abs(a - b) <= TOLERANCE * np.maximum(np.abs(a), np.abs(b))
    unequal: NDArray[np.bool_] = ~((a == b) | near | (np.isnan(a) & np.isnan(b)))
    return unequal
