"""Random cases of orders for the two engines: the bars and options of cases.py, and a script for each bar.

A script is plain data (see order_scripts.py), with levels near the prices that come, so that they are met exactly,
passed by gaps, or missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from random import Random
from typing import Any

from cases import COLUMNS, Case, Row, make_case, pick_from
from hypothesis import strategies as st
from order_scripts import Player, Script, SleepingPlayer, Wish

LABELS = ("in", "out", "enter_long", "stop_loss")  # names of the engine's own are nothing special


@dataclass(frozen=True)
class OrderCase(Case):
    """Bars and options, and what ``on_bar`` asks for at each of them."""

    script: Script = ()
    awake: Sequence[bool] | None = None  # what ``wake`` says; None where the strategy has no such method

    def player(self) -> Player:
        if self.awake is None:
            return Player(self.script, self.step_ns)
        return SleepingPlayer(self.script, self.step_ns, self.awake)

    def cut(self, keep: Sequence[int]) -> OrderCase:
        return replace(super().cut(keep), script=pick_from(self.script, keep), awake=pick_from(self.awake, keep))

    def smaller(self) -> list[OrderCase]:
        attempts = super().smaller()
        attempts += [replace(self, awake=None)] if self.awake is not None else []
        for bar, wishes in enumerate(self.script):
            for at, wish in enumerate(wishes):
                for simpler in _simpler(Wish(*wish)):
                    changed = [*wishes[:at], *simpler, *wishes[at + 1 :]]
                    attempts.append(replace(self, script=[*self.script[:bar], changed, *self.script[bar + 1 :]]))
        return attempts

    def _wishes(self, at: int) -> str:
        words = ["asleep"] if self.awake is not None and not self.awake[at] else []
        words += [str(Wish(*wish)) for wish in self.script[at]]
        return super()._wishes(at) + ("  " + "; ".join(words) if words else "")


def _simpler(wish: Wish) -> list[list[Wish]]:
    """Return what may stand for a wish: nothing, the wish without its condition, or without one of its details."""
    spare = [name for name in wish.how if name not in ("exposure", "order")]
    if wish.verb == "protect" and len(spare) == 1:
        spare = []
    simpler = [wish._replace(how={n: v for n, v in wish.how.items() if n != name}) for name in spare]
    return [[], *([] if wish.when == "always" else [[wish._replace(when="always")]]), *([wish] for wish in simpler)]


def make_order_case(random: Random, seed: int | None = None) -> OrderCase:
    """Return a case made from this source of randomness."""
    case = make_case(random, seed)
    rows, can_wait = case.rows, len(case.columns) == len(COLUMNS)
    given = {field.name: getattr(case, field.name) for field in fields(Case)}
    given |= {"exposure": None, "events": {}, "prices": {}, "labels": {}}
    kind = random.random()
    if kind < 0.3:  # else margin calls and rejections end too many cases early
        given["options"] = case.options | {"sizing": "units", "size": random.choice((1.0, 5.0, 10.0))}
    elif kind < 0.5:
        given["options"] = case.options | _near_the_margin(random, can_wait)
    awake = [random.random() < 0.3 for _ in rows] if random.random() < 0.15 else None
    maker = _ScriptMaker(random, rows, given["options"], can_wait)
    return OrderCase(**given, script=maker.script(), awake=awake)


def _near_the_margin(random: Random, can_wait: bool) -> dict[str, Any]:
    """Return options under which orders and levels lie beyond margin calls that leave some money."""
    leverage = random.choice((2.0, 5.0, 10.0, 20.0))
    size = leverage * random.choice((0.95, 0.9, 0.45, 0.45, 0.3))
    margin = random.choice((0.7, 0.9)) / leverage  # of what is left over where all that is allowed is held
    options = {"sizing": "fraction", "size": size, "leverage": leverage, "maintenance_margin": margin}
    options["commission"] = random.choice((0.0, 0.0, 0.001))
    return options | ({"stop_loss": random.choice((0.01, 0.02, 0.05))} if can_wait and random.random() < 0.5 else {})


STYLES = (  # which verbs a script uses, and how often each
    {"buy": 4, "sell": 4, "close": 4, "target": 1, "protect": 1, "cancel": 1},
    {"buy": 4, "sell": 4, "close": 4, "target": 1, "protect": 1, "cancel": 1},
    {"buy": 5, "sell": 1, "close": 6, "protect": 1},
    {"buy": 1, "sell": 5, "close": 6, "cancel": 1},
    {"buy": 1, "sell": 1},
    {"target": 4, "close": 2, "buy": 1, "sell": 1, "protect": 1},
)


class _ScriptMaker:
    """Makes the script of one case."""

    def __init__(self, random: Random, rows: Sequence[Row], options: dict[str, Any], can_wait: bool) -> None:
        self.random = random
        self.rows = rows
        self.can_wait = can_wait
        self.style = random.choice(STYLES)
        self.patience = random.choice((0.3, 0.7, 0.9))  # how many of the orders wait
        self.bond = random.choice((0.0, 0.2, 0.5))  # how many of them are one-cancels-the-other
        self.is_bold = options.get("maintenance_margin", 0.0) > 0 and options["sizing"] == "fraction"
        leverage = options.get("leverage", 1.0)
        self.greatest = leverage / options["size"] if options["sizing"] == "fraction" else leverage
        self.made = 0

    def script(self) -> list[list[Wish]]:
        often = self.random.choice((0.3, 0.5, 0.9))
        return [self.wishes(bar) if self.random.random() < often else [] for bar in range(len(self.rows))]

    def wishes(self, bar: int) -> list[Wish]:
        verbs = [verb for verb in self.style if self.can_wait or verb != "protect"]
        weights = [self.style[verb] for verb in verbs]
        chosen = self.random.choices(verbs, weights, k=self.random.choice((1, 1, 2, 3)))
        return [Wish(verb, getattr(self, f"how_to_{verb}")(bar), self.condition(verb)) for verb in chosen]

    def condition(self, verb: str) -> str:
        self.made += verb != "cancel"
        if self.random.random() < 0.65:
            return "always"
        kinds = ("flat", "flat", "long", "short", "old", "winning", "losing", "nothing waits", "something waits")
        return self.random.choice(kinds)

    def how_to_buy(self, bar: int) -> dict[str, Any]:
        return self.entry(bar, 1)

    def how_to_sell(self, bar: int) -> dict[str, Any]:
        return self.entry(bar, -1)

    def entry(self, bar: int, way: int) -> dict[str, Any]:
        random, how = self.random, {}
        if self.is_bold:
            how["size"] = random.choice((0.5, 1.0, 1.0))
        elif random.random() < 0.5:
            how["units"] = random.choice((0.4, 1.0, 2.0, 3.0, 5.0, 10.0, 10.0, 25.0, 33.3, 1_000.0))
        elif random.random() < 0.6:
            how["size"] = random.choice((0.25, 0.5, 0.5, 1 / 3, 1.0, 2.0))
        return how | self.terms(bar) | self.levels(bar, way, 0.6 if self.is_bold else 0.3) | self.label()

    def how_to_close(self, bar: int) -> dict[str, Any]:
        random, how = self.random, {}
        if random.random() < 0.25:
            how["units"] = random.choice((0.4, 1.0, 3.0, 5.0, 50.0))
        elif random.random() < 0.4:
            how["part"] = random.choice((0.1, 0.5, 1 / 3, 0.9, 1.0))
        return how | self.terms(bar) | self.label()

    def how_to_target(self, bar: int) -> dict[str, Any]:
        exposure = self.random.choice((1.0, 1.0, -1.0, 0.0, 0.5, 0.25, -0.5, 1 / 3, 1.5, -2.0))
        way = 1 if exposure > 0 else -1
        exposure = max(-self.greatest, min(self.greatest, exposure))
        return {"exposure": exposure} | self.levels(bar, way, 0.15) | self.label()

    def how_to_protect(self, bar: int) -> dict[str, Any]:
        levels: dict[str, Any] = {}
        while not levels:
            levels = self.levels(bar, self.random.choice((-1, 1)), 0.6)
        return {name: None if self.random.random() < 0.2 else level for name, level in levels.items()}

    def how_to_cancel(self, bar: int) -> dict[str, Any]:
        return {} if self.random.random() < 0.3 else {"order": max(0, self.made - self.random.randint(1, 6))}

    def terms(self, bar: int) -> dict[str, Any]:
        """Return limit, stop and life of an order, and the one that it cancels."""
        random, terms = self.random, {}
        if self.can_wait and random.random() < self.patience:
            for name in random.choice((("limit",), ("limit",), ("stop",), ("stop",), ("stop", "limit"))):
                terms[name] = self.price(bar)
            if random.random() < 0.35:
                terms["good_for"] = random.choice((1, 1, 2, 3, 5))
            if random.random() < 0.2:
                terms["good_till"] = random.choice((0.5, 1, 1.5, 2, 3, 4.5))
        if random.random() < self.bond:
            terms["oco"] = max(0, self.made - random.choice((1, 1, 1, 2, 3)))
        return terms

    def levels(self, bar: int, way: int, often: float) -> dict[str, Any]:
        """Return stop and target of a position, mostly on their own side of the price."""
        random, levels = self.random, {}
        if self.can_wait and random.random() < often:
            levels["stop_loss"] = self.price(bar, -way if random.random() < 0.9 else way)
        if self.can_wait and random.random() < often:
            levels["take_profit"] = self.price(bar, way if random.random() < 0.9 else -way)
        return levels

    def label(self) -> dict[str, Any]:
        return {"label": self.random.choice(LABELS)} if self.random.random() < 0.2 else {}

    def price(self, bar: int, way: int = 0) -> float:
        """Return a price that one of the next bars has, or one near the close, above (1) or below (-1) it."""
        random, close = self.random, self.rows[bar][3]
        if way == 0 and random.random() < 0.4:
            ahead = self.rows[min(len(self.rows) - 1, bar + random.choice((1, 1, 2, 3)))]
            return ahead[random.randrange(4)]
        distance = random.choice((0.005, 0.01, 0.02, 0.02, 0.05, 0.1)) * max(abs(close), 1.0)
        grid = 1.0 if distance >= 1 else 0.5
        step = max(grid, round(distance / grid) * grid)
        price = close + (way or random.choice((-1, 1))) * step
        return price if price > 0 or min(map(min, self.rows)) <= 0 else close


def seeded_order_case(seed: int) -> OrderCase:
    """Return the case of this number, always the same."""
    return make_order_case(Random(seed), seed)


def any_order_case() -> st.SearchStrategy[OrderCase]:
    """Return the hypothesis strategy of cases."""
    return st.randoms(use_true_random=False).map(make_order_case)
