"""Hand-worked cases of orders: bars, what is asked for at which bar, and the trades and states that must come of it.

Unless a hand says otherwise: every bar is (100, 101, 99, 100), a size of 1 is 10 units, nothing costs anything, fills
are at the next open, and what is open at the end of the six bars closes at the last close.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import pytest
from cases import NAN
from order_cases import OrderCase
from order_scripts import Player, Wish
from slow_orders import SlowOrderResult

FLAT = (100.0, 101.0, 99.0, 100.0)
SAME = {"fill": "same_close"}
MIRRORED_VERBS = {"buy": "sell", "sell": "buy"}
PRICES = ("limit", "stop", "stop_loss", "take_profit")

Row = tuple[float, float, float, float]
Trade = tuple[int, float, int, float, str]  # entry bar and price, exit bar and price, exit label


class Filled(NamedTuple):
    """An order that filled: at which bar and price; NaN where the record has no price (targets, levels)."""

    bar: int
    price: float = NAN


def swapped(text: str) -> str:
    """Return a label of the other side."""
    return text.replace("long", "\0").replace("short", "long").replace("\0", "short")


@dataclass(frozen=True)
class Hand:
    """One hand-worked case."""

    name: str
    script: Mapping[int, list[Wish]]
    trades: list[Trade]
    orders: list[Filled | str]
    bars: dict[int, Row] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    synthetic: tuple[int, ...] = ()
    count: int = 6
    sides: list[int] | None = None  # of the trades; None: all are long
    quantities: list[float] | None = None
    units: list[float] | None = None  # that the orders traded
    also: dict[str, Any] = field(default_factory=dict)  # fields of the result
    trade: dict[str, Any] = field(default_factory=dict)  # fields of the first trade

    def case(self) -> OrderCase:
        return OrderCase(
            rows=[self.bars.get(bar, FLAT) for bar in range(self.count)],
            options={"commission": 0.0, "sizing": "units", "size": 10.0} | self.options,
            synthetic=[bar in self.synthetic for bar in range(self.count)] if self.synthetic else None,
            allow_nonpositive=any(min(row) <= 0 for row in self.bars.values()),
            script=[list(self.script.get(bar, [])) for bar in range(self.count)],
        )

    def mirrored(self) -> Hand:
        """Return the case of the other side, whose prices lie as far on the other side of 100."""
        sides = self.sides or [1] * len(self.trades)
        return replace(
            self,
            name=f"short: {self.name}",
            script={bar: [_mirrored_wish(wish) for wish in wishes] for bar, wishes in self.script.items()},
            trades=[(e, 200 - p, x, 200 - q, swapped(label)) for e, p, x, q, label in self.trades],
            orders=[order if isinstance(order, str) else Filled(order.bar, 200 - order.price) for order in self.orders],
            bars={bar: (200 - o, 200 - low, 200 - high, 200 - c) for bar, (o, high, low, c) in self.bars.items()},
            sides=[-side for side in sides],
            units=None if self.units is None else [-units for units in self.units],
            trade={n: swapped(value) if isinstance(value, str) else value for n, value in self.trade.items()},
        )

    def check(self, engine: Callable[..., SlowOrderResult]) -> Player:
        """Ask an engine, and compare; returns the player, for what ``on_bar`` saw."""
        case, player = self.case(), self.case().player()
        result = engine(case.bars(), player, case.engine_options())
        self._check_trades(result)
        self._check_orders(result)
        for name, value in self.also.items():
            got = getattr(result, name)
            assert got == (value if name == "rejections" else pytest.approx(value)), name
        return player

    def _check_trades(self, result: SlowOrderResult) -> None:
        found = [(t.entry_bar, t.entry_price, t.exit_bar, t.exit_price, t.exit_label) for t in result.trades]
        assert [row[-1] for row in found] == [row[-1] for row in self.trades], found
        for got, expected in zip(found, self.trades, strict=True):
            assert got[:-1] == pytest.approx(expected[:-1], rel=1e-12, nan_ok=True), found
        assert [trade.side for trade in result.trades] == (self.sides or [1] * len(self.trades))
        if self.quantities is not None:
            assert [trade.quantity for trade in result.trades] == pytest.approx(self.quantities)
        for name, value in self.trade.items():
            got = getattr(result.trades[0], name)
            assert got == (value if isinstance(value, str) else pytest.approx(value, abs=1e-9)), name

    def _check_orders(self, result: SlowOrderResult) -> None:
        states = ["filled" if isinstance(order, Filled) else order for order in self.orders]
        assert [order.state for order in result.orders] == states, result.orders
        for got, expected in zip(result.orders, self.orders, strict=True):
            bar, price = expected if isinstance(expected, Filled) else (-1, NAN)
            assert (got.filled_bar, got.filled_price) == pytest.approx((bar, price), rel=1e-12, nan_ok=True)
        if self.units is not None:
            assert [order.filled_units for order in result.orders] == pytest.approx(self.units)


def _mirrored_wish(wish: Wish) -> Wish:
    how = {name: 200 - value if name in PRICES and value is not None else value for name, value in wish.how.items()}
    if "exposure" in how:
        how["exposure"] = -how["exposure"]
    if "label" in how:
        how["label"] = swapped(how["label"])
    return Wish(MIRRORED_VERBS.get(wish.verb, wish.verb), how, swapped(wish.when))


def buy(size: float = 1.0, **how: Any) -> Wish:
    return Wish("buy", how if "units" in how else {"size": size} | how)


def sell(size: float = 1.0, **how: Any) -> Wish:
    return Wish("sell", how if "units" in how else {"size": size} | how)


def close(part: float = 1.0, **how: Any) -> Wish:
    return Wish("close", how if "units" in how else {"part": part} | how)


def target(exposure: float, **how: Any) -> Wish:
    return Wish("target", {"exposure": exposure} | how)


def protect(**levels: float | None) -> Wish:
    return Wish("protect", levels)


def cancel(order: int | None = None) -> Wish:
    return Wish("cancel", {} if order is None else {"order": order})


def last(bar: int, price: float = 100.0, at: int = 5) -> Trade:
    """Return a trade from that bar's price to the last close."""
    return (bar, price, at, 100.0, "end_of_data")
