"""Stops and targets of the slow engine: the levels of a lot, and where they close it on a bar."""

from __future__ import annotations

from slow_account import AT_OPEN, INSIDE, LONG, Account, Exit, Fill, Lot, moved

from research_kit.engine.options import EngineOptions
from research_kit.engine.records import LABELS


class Levels:
    """The levels that lots get, and where a bar's prices reach them."""

    def __init__(self, account: Account, options: EngineOptions) -> None:
        self.market = account.market
        self.options = options

    # what a lot that opens gets

    def fixed_stop(self, fill: Fill, side: int, price: float) -> float | None:
        return _level(fill.stop_loss, price, self.options.stop_loss, -side)

    def target(self, fill: Fill, side: int, price: float) -> float | None:
        return _level(fill.take_profit, price, self.options.take_profit, side)

    def first_stop(self, fill: Fill, side: int, price: float) -> float | None:
        """Return the stop that a lot opened now would have at once."""
        trailing = self.options.trailing_stop
        return nearest_stop(
            side, self.fixed_stop(fill, side, price), None if trailing is None else moved(price, -side * trailing)
        )

    # the stop of the moment

    def acting_stop(self, lot: Lot, bar: int) -> tuple[float | None, str]:
        trailing = self.trailing_level(lot, bar)
        trails = trailing is not None and (lot.stop is None or lot.side * trailing > lot.side * lot.stop)
        return nearest_stop(lot.side, lot.stop, trailing), "trailing_stop" if trails else "stop_loss"

    def trailing_level(self, lot: Lot, bar: int) -> float | None:
        fraction = self.options.trailing_stop
        if fraction is None:
            return None
        first = lot.entry_bar if lot.moment == AT_OPEN else lot.entry_bar + 1
        seen = [lot.price] + [self.market.best(lot.side, at) for at in range(first, bar)]
        return moved(max(seen) if lot.side == LONG else min(seen), -lot.side * fraction)

    # where a lot closes

    def exit(self, lot: Lot, bar: int) -> tuple[Exit | None, bool]:
        """Return the exit of a lot that no gap closed, and whether the bar is ambiguous.

        One that the margin held back at the open is asked at the open again.
        """
        gap, _ = self.gap(lot, bar)
        if gap:
            return gap, False
        by_stop, by_target = self.touched(lot, bar)
        if by_stop and by_target:
            opened = self.market.usable_open(bar)
            return by_target if self.target_is_first(opened, by_stop.raw, by_target.raw) else by_stop, True
        return by_stop or by_target, False

    def gap(self, lot: Lot, bar: int) -> tuple[Exit | None, bool]:
        """Return the exit of a level that the open has reached; there is nothing ambiguous about it."""
        if lot.target is None and self.acting_stop(lot, bar)[0] is None:
            return None, False
        return self.beyond(lot, bar, self.market.usable_open(bar)), False

    def inside_exit(self, lot: Lot, bar: int) -> tuple[Exit | None, bool]:
        """Return the same for a lot that opened inside this bar, where part of the bar lies before it."""
        beyond = self.beyond(lot, bar, lot.raw)
        if beyond:
            return beyond, False
        by_stop, by_target = self.touched(lot, bar)
        ambiguous = (by_stop if lot.by_stop else by_target) is not None  # the one that the price may have met before
        if self.options.intrabar == "target_first":
            return by_target or by_stop, ambiguous
        return by_stop or (by_target if lot.by_stop else None), ambiguous

    def beyond(self, lot: Lot, bar: int, price: float) -> Exit | None:
        """Return the exit at a price that lies on or beyond one of the levels."""
        side, (stop, stop_label) = lot.side, self.acting_stop(lot, bar)
        if stop is not None and side * price <= side * stop:
            return named(bar, INSIDE, price, stop_label)
        if lot.target is not None and side * price >= side * lot.target:
            return Exit(bar, INSIDE, price, "take_profit", is_limit=True)
        return None

    def touched(self, lot: Lot, bar: int) -> tuple[Exit | None, Exit | None]:
        """Return the exits at the stop and at the target, where a bar's range reaches them."""
        side, target, (stop, stop_label) = lot.side, lot.target, self.acting_stop(lot, bar)
        by_stop = by_target = None
        if stop is not None and side * self.market.worst(side, bar) <= side * stop:
            by_stop = named(bar, INSIDE, stop, stop_label)
        if target is not None and side * self.market.best(side, bar) >= side * target:
            by_target = Exit(bar, INSIDE, target, "take_profit", is_limit=True)
        return by_stop, by_target

    def target_is_first(self, opened: float, stop: float, target: float) -> bool:
        rule = self.options.intrabar
        return rule == "target_first" or (rule == "nearest_open" and abs(target - opened) < abs(opened - stop))


def _level(given: float | None, price: float, fraction: float | None, direction: int) -> float | None:
    """Return the level that was given, else the one that an option's fraction makes of the entry price."""
    if given is not None:
        return given
    return None if fraction is None else moved(price, direction * fraction)


def nearest_stop(side: int, *stops: float | None) -> float | None:
    """Return the stop that is reached first: the higher one of a long lot."""
    there = [stop for stop in stops if stop is not None]
    if not there:
        return None
    return max(there) if side == LONG else min(there)


def named(bar: int, moment: str, raw: float, label: str) -> Exit:
    """Return an exit that no signal asked for, under one of the engine's own names."""
    assert label in LABELS
    return Exit(bar, moment, raw, label)
