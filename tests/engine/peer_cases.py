"""Random order scripts that mean the same to this engine and to backtesting.py; see the test for where they differ.

Prices are quarters, so that levels are met exactly. ``netting`` scripts buy and sell units without levels: lots close
first in, first out, and positions turn round. ``bracket`` scripts stay on one side; their lots have their own levels.
"""

from __future__ import annotations

from random import Random
from typing import Any

from cases import Row
from order_cases import OrderCase
from order_hands import buy, cancel, close, protect, sell
from order_scripts import Wish

BARS = 60
CASH = 100_000.0  # no order lacks it: the engines count the margin of open positions differently
KINDS = ("netting", "bracket")


def peer_case(kind: str, seed: int) -> OrderCase:
    """Return the case of this kind and number, always the same."""
    random = Random(f"{kind} {seed}")
    gaps, at_close = random.random() < 0.5, random.random() < 0.3
    rows = _rows(random, gaps)
    options = {"initial_cash": CASH, "whole_units": True, "close_at_end": False}
    options["commission"] = 0.0 if at_close else random.choice((0.0, 0.001, 0.002))
    options |= {"fill": "same_close"} if at_close else {}
    maker = {"netting": _Netting, "bracket": _Brackets}[kind](random, rows, gaps, stops=not (gaps and at_close))
    often = random.choice((0.3, 0.5, 0.8))
    script = [maker.wishes(bar) if bar and random.random() < often else [] for bar in range(BARS)]
    return OrderCase(rows=rows, options=options, script=script, seed=seed)


def _rows(random: Random, gaps: bool) -> list[Row]:
    """Return bars that open at the last close, or with gaps now and then."""
    rows, last = [], 400
    for _ in range(BARS):
        first = last + (random.randint(-8, 8) if gaps and random.random() < 0.5 else 0)
        last = first + random.randint(-8, 8)
        high, low = max(first, last) + random.randint(0, 4), min(first, last) - random.randint(0, 4)
        rows.append((first / 4, high / 4, low / 4, last / 4))
    return rows


class _Maker:
    def __init__(self, random: Random, rows: list[Row], gaps: bool, *, stops: bool) -> None:
        self.random = random
        self.rows = rows
        self.gaps = gaps
        self.stops = stops
        self.range = max(high - low for _, high, low, _ in rows)

    def steps(self, least: int = 1, most: int = 12) -> float:
        """Return a distance in prices."""
        return self.random.randint(least, most) / 4


class _Netting(_Maker):
    """One set of orders at a time: market orders first, then waiting ones on one side of the price, nearest first."""

    def wishes(self, bar: int) -> list[Wish]:
        random = self.random
        wishes = [cancel()]
        if random.random() < 0.2:
            wishes.append(random.choice((close(), close(units=random.randint(1, 40)))))
        wishes += [self.order() for _ in range(random.choice((0, 0, 1, 1, 2)))]
        price = self.rows[bar][3]
        if not self.gaps and random.random() < 0.3:
            return [*wishes, self.stop_limit(price)]
        return wishes + self.ladder(price, random.choice((0, 1, 1, 2, 3)))

    def order(self, way: int = 0, **how: float) -> Wish:
        verb = {1: buy, -1: sell}[way or self.random.choice((1, -1))]
        return verb(units=self.random.randint(1, 30), **how)

    def ladder(self, price: float, count: int) -> list[Wish]:
        side, wishes = self.random.choice((1, -1)), []
        for _ in range(count):
            price += side * self.steps()
            is_stop = self.stops and self.random.random() < 0.5
            wishes.append(self.order(side if is_stop else -side, **{"stop" if is_stop else "limit": price}))
        return wishes

    def stop_limit(self, price: float) -> Wish:
        way = self.random.choice((1, -1))
        stop = price + way * self.steps()
        return self.order(way, stop=stop, limit=stop + self.random.choice((1, -1)) * self.steps(1, 6))


class _Brackets(_Maker):
    """Lots of one side, each with its own levels; an order for another one only where none waits."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.way = self.random.choice((1, -1))

    def wishes(self, bar: int) -> list[Wish]:
        price = self.rows[bar][3]
        verbs = [self.market, self.market, self.limit, self.leave, self.protect, self.cancel]
        return self.random.choice(verbs + [self.stop] * self.stops)(price)

    def market(self, price: float) -> list[Wish]:
        return self.entry(self.levels(price))

    def limit(self, price: float) -> list[Wish]:
        limit = price - self.way * self.steps()
        return self.entry({} if self.gaps else self.far_levels(limit), limit=limit)

    def stop(self, price: float) -> list[Wish]:
        stop = price + self.way * self.steps()
        return self.entry(self.far_levels(stop), stop=stop)

    def leave(self, price: float) -> list[Wish]:
        return [cancel(), self.random.choice((close(), close(units=self.random.randint(1, 25))))]

    def protect(self, price: float) -> list[Wish]:
        return [protect(**{"stop_loss": None, "take_profit": None} | self.levels(price))]

    def cancel(self, price: float) -> list[Wish]:
        return [cancel()]

    def entry(self, levels: dict[str, float], **how: float) -> list[Wish]:
        amount: dict[str, float] = {"units": self.random.randint(1, 30)}
        when = "nothing waits"
        if self.random.random() < 0.4:
            amount, when = {"size": self.random.choice((0.1, 0.25, 0.3))}, "idle"
        return [Wish("buy" if self.way > 0 else "sell", amount | how | levels, when)]

    def levels(self, price: float) -> dict[str, float]:
        """Return levels around a price; with gaps further apart than any bar is long."""
        below, above = self.steps(), self.steps()
        if self.gaps:
            above += self.range
        return self.some(price, below, above)

    def far_levels(self, price: float) -> dict[str, float]:
        """Return levels whose stop the bar that opens the lot cannot reach."""
        return self.some(price, self.range + self.steps(), self.steps())

    def some(self, price: float, below: float, above: float) -> dict[str, float]:
        both = {"stop_loss": price - self.way * below, "take_profit": price + self.way * above}
        kept = self.random.choice((("stop_loss",), ("take_profit",), tuple(both), tuple(both), ()))
        return {name: both[name] for name in kept}
