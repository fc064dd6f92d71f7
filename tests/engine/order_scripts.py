"""Scripts: what a strategy asks for at each bar as plain data, played to either engine's ``on_bar``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.frame import Bars

CANNOT_BE_CANCELLED = ("target", "protect")


class Wish(NamedTuple):
    """One action: a verb and its arguments, done where a condition holds of what ``on_bar`` sees.

    ``oco`` and ``order`` (of ``cancel``) name an order by the number in which it was made; ``good_till`` is given in
    time steps after the bar of the action.
    """

    verb: str
    how: Mapping[str, Any] = {}
    when: str = "always"

    def __str__(self) -> str:
        details = ", ".join(f"{name}={value!r}" for name, value in self.how.items())
        return f"{self.verb}({details})" + ("" if self.when == "always" else f" if {self.when}")


Script = Sequence[Sequence[Wish | tuple[Any, ...]]]

CONDITIONS = {
    "always": lambda ctx: True,
    "flat": lambda ctx: not ctx.position,
    "long": lambda ctx: ctx.position.side == 1,
    "short": lambda ctx: ctx.position.side == -1,
    "old": lambda ctx: bool(ctx.position) and ctx.i - ctx.position.entry_bar >= 2,
    "winning": lambda ctx: ctx.position.pnl > 0.1234567,
    "losing": lambda ctx: ctx.position.pnl < -0.1234567,
    "nothing waits": lambda ctx: not ctx.orders,
    "something waits": lambda ctx: bool(ctx.orders),
    "idle": lambda ctx: not ctx.position and not ctx.orders,
}


class Seen(NamedTuple):
    """What ``on_bar`` saw when it was called."""

    bar: int
    close: float
    units: float
    side: int
    entry_price: float | None
    entry_bar: int | None
    pnl: float
    equity: float
    cash: float
    waiting: tuple[int, ...]  # numbers of the orders in ``ctx.orders``
    states: tuple[str, ...]  # of all that were made


class Player:
    """Plays a script: the strategy of both engines."""

    def __init__(self, script: Script, step_ns: int) -> None:
        self.script = [[Wish(*wish) for wish in wishes] for wishes in script]
        self.step_ns = step_ns
        self.made: list[Any] = []
        self.verbs: list[str] = []
        self.seen: list[Seen] = []

    def on_bar(self, ctx: Any) -> None:
        self.look(ctx)
        for wish in self.script[ctx.i]:
            if CONDITIONS[wish.when](ctx):
                self.ask(ctx, wish)

    def look(self, ctx: Any) -> None:
        position = ctx.position
        self.seen.append(
            Seen(
                ctx.i,
                ctx["close"],
                *(position.units, position.side, position.entry_price, position.entry_bar, position.pnl),
                *(ctx.equity, ctx.cash),
                tuple(order.number for order in ctx.orders),
                tuple(order.state for order in self.made),
            )
        )

    def ask(self, ctx: Any, wish: Wish) -> None:
        how = dict(wish.how)
        if wish.verb == "cancel":
            self.cancel(ctx, how.get("order"))
            return
        if "oco" in how and self.known(how["oco"]) is None:
            del how["oco"]
        if "oco" in how:
            how["oco"] = self.known(how["oco"])
        if "good_till" in how:
            how["good_till"] = ctx.time + np.timedelta64(round(how["good_till"] * self.step_ns), "ns")
        order = getattr(ctx, wish.verb)(**how)
        if order.number == len(self.made):  # a target that repeats the last one is no further order
            self.made.append(order)
            self.verbs.append(wish.verb)

    def known(self, number: int) -> Any:
        """Return the order of this number if it was made and is one that others can be bound to."""
        if number >= len(self.made) or self.verbs[number] in CANNOT_BE_CANCELLED:
            return None
        return self.made[number]

    def cancel(self, ctx: Any, number: int | None) -> None:
        if number is None:
            ctx.cancel()
        elif self.known(number) is not None:
            ctx.cancel(self.known(number))


class SleepingPlayer(Player):
    """A player that is called where it is told to wake up."""

    def __init__(self, script: Script, step_ns: int, awake: Sequence[bool]) -> None:
        super().__init__(script, step_ns)
        self.awake = np.array(awake, dtype=np.bool_)

    def wake(self, bars: Bars, indicators: Mapping[str, Any]) -> NDArray[np.bool_]:
        return self.awake
