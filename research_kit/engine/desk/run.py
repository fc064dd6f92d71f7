"""Runs an event strategy: it is called at the close of bars, and its orders are filled between its calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.frame import Bars
from research_kit.engine.desk.blotter import Blotter
from research_kit.engine.options import EngineOptions
from research_kit.engine.simulation import Simulation
from research_kit.errors import SignalError
from research_kit.strategy.base import Strategy
from research_kit.strategy.context import Context


def simulate_orders(bars: Bars, strategy: Strategy, options: EngineOptions, *, first: int = 0) -> Simulation:
    """Return what the engine makes of a strategy's orders from bar ``first`` on; the bars before it are history.

    Raises
    ------
    SignalError
        An indicator does not have one number for each bar, or an order cannot be.
    Exception
        What the strategy raised, with a note that says at which bar.
    """
    indicators = declared_indicators(strategy, bars)
    awake = awake_bars(strategy, bars, indicators)
    blotter = Blotter(bars, options, first)
    context = Context(bars, indicators, blotter)
    try:
        if awake is None:
            _call_at_every_bar(strategy, context, blotter)
        else:
            _call_when_awake(strategy, context, blotter, awake)
    except Exception as error:
        if len(bars):
            error.add_note(f"{strategy.name}.on_bar was at bar {context.i}, {context.time}.")
        raise
    return blotter.finish()


def _call_at_every_bar(strategy: Strategy, context: Context, blotter: Blotter) -> None:
    on_bar = strategy.on_bar
    for i in range(blotter.first, len(blotter.bars)):
        if i >= blotter.due:
            blotter.advance(i + 1)
            if blotter.ended:
                return
        blotter.i = context.i = i
        on_bar(context)


def _call_when_awake(strategy: Strategy, context: Context, blotter: Blotter, awake: NDArray[np.int64]) -> None:
    on_bar, n = strategy.on_bar, len(blotter.bars)
    for at in [*awake[awake >= blotter.first].tolist(), n]:
        while blotter.done < min(at + 1, n):
            happened = blotter.advance(min(at + 1, n))
            if blotter.ended:
                return
            if happened or blotter.done > at:
                blotter.i = context.i = blotter.done - 1
                on_bar(context)


def declared_indicators(strategy: Strategy, bars: Bars) -> dict[str, NDArray[Any]]:
    """Return the declared indicators as read-only arrays with one number for each bar."""
    declared = strategy.indicators(bars)
    if not isinstance(declared, Mapping):
        raise SignalError(f"{strategy.name}.indicators() must return arrays by name; it returned {_kind(declared)}.")
    found = {}
    for name, values in declared.items():
        array = np.ascontiguousarray(values)
        if array.shape != (len(bars),) or array.dtype.kind not in "bif":
            raise SignalError(
                f"The indicator {name!r} needs one number for each of {len(bars)} bars; "
                f"it has the shape {array.shape} and holds {array.dtype}."
            )
        if name in bars:
            raise SignalError(f"The indicator {name!r} has the name of a column of the bars; call it something else.")
        found[str(name)] = array.view()
        found[str(name)].flags.writeable = False
    return found


def awake_bars(strategy: Strategy, bars: Bars, indicators: Mapping[str, NDArray[Any]]) -> NDArray[np.int64] | None:
    """Return the positions of the bars that a strategy wants to see, None for all of them."""
    wanted = strategy.wake(bars, indicators)
    if wanted is None:
        return None
    flags = np.asarray(wanted)
    if flags.shape != (len(bars),) or flags.dtype != np.bool_:
        raise SignalError(
            f"{strategy.name}.wake() must return True or False for each of {len(bars)} bars, or None for all; "
            f"it returned {_kind(wanted)} of shape {flags.shape} that holds {flags.dtype}."
        )
    return np.flatnonzero(flags)


def _kind(value: object) -> str:
    return type(value).__name__
