"""Indicators that are remembered: within a sweep each is computed once for each argument, not once for each set."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from threading import Lock
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.frame import Bars

P = ParamSpec("P")
R = TypeVar("R")

_MEMORY: ContextVar[Memory | None] = ContextVar("indicator memory", default=None)


def remembered(function: Callable[P, R]) -> Callable[P, R]:
    """Return an indicator that a sweep computes once for each of its arguments.

    For functions of arrays of the bars, or of what other remembered functions return, and of plain numbers. Outside of
    a sweep nothing is remembered. What is remembered is read-only: copy it before you change it.

    Examples
    --------
    >>> @remembered
    ... def range_share(high, low, close):
    ...     return (high - low) / close
    >>> range_share(np.array([3.0]), np.array([1.0]), np.array([2.0])).tolist()
    [1.0]
    """

    @wraps(function)
    def recalled(*args: P.args, **kwargs: P.kwargs) -> R:
        memory = _MEMORY.get()
        return function(*args, **kwargs) if memory is None else memory.recall(function, args, kwargs)

    return recalled


@contextmanager
def remembering(memory: Memory | None) -> Iterator[None]:
    """Let the indicators of this thread be remembered in ``memory``; with None each is computed when it is asked."""
    token = _MEMORY.set(memory)
    try:
        yield
    finally:
        _MEMORY.reset(token)


class Memory:
    """Results of indicators by their arguments; those used last stay, as far as the bytes allow.

    An array is told from another by being the same object, so only arrays that stay alive count: those of the bars, and
    those that are remembered here. An array that is forgotten takes with it what was made from it. Threads may share a
    memory.
    """

    def __init__(self, bars: Bars, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.computed = 0
        self._bars = bars  # its arrays stay alive as long as this memory does
        self._of_bars = {id(array) for array in bars.columns.values()}
        self._results: OrderedDict[Any, Result] = OrderedDict()
        self._known: dict[int, Known] = {}
        self._bytes = 0
        self._lock = Lock()

    def recall(self, function: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
        """Return what the function makes of these arguments: what it made before, where that is known."""
        key = self._key(function, args, kwargs)
        if key is None:
            return function(*args, **kwargs)
        try:
            found: R = self._results[key].made
        except KeyError:
            made = function(*args, **kwargs)
            self._keep(key, made, args, kwargs)
            return made
        if self._bytes > self.most_bytes // 2:  # as long as there is room, nobody asks what was used last
            with self._lock:
                if key in self._results:
                    self._results.move_to_end(key)
        return found

    def _key(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the arguments in a form that can be looked up; None where one of them may change or vanish."""
        parts: list[Any] = [function, *kwargs]
        for value in (*args, *kwargs.values()) if kwargs else args:
            kind = value.__class__
            if kind is np.ndarray or isinstance(value, np.ndarray):
                at = id(value)
                if at not in self._of_bars and at not in self._known:
                    return None
                parts.append(at)
            else:
                parts += kind, value  # 1, 1.0 and True are one key, and not one argument
        key = tuple(parts)
        try:
            hash(key)
        except TypeError:  # a list
            return None
        return key

    def _keep(self, key: Any, made: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        arrays = _arrays(made)
        if arrays is None or sum(array.nbytes for array in arrays) > self.most_bytes:
            return
        for array in arrays:
            array.flags.writeable = False
        own = [array for array in arrays if id(array) not in self._of_bars]
        inputs = {id(value) for value in (*args, *kwargs.values()) if isinstance(value, np.ndarray)} - self._of_bars
        with self._lock:
            if key in self._results or not inputs <= self._known.keys():
                return  # another thread was faster, or made it forget an input, whose place another array may take
            self.computed += 1
            self._results[key] = Result(made, own, inputs)
            for array in own:
                self._hold(array)
            for at in inputs:
                self._known[at].led_to.add(key)
            while self._bytes > self.most_bytes:
                self._forget(next(iter(self._results)))

    def _hold(self, array: NDArray[Any]) -> None:
        known = self._known.get(id(array))
        if known is None:
            known = self._known[id(array)] = Known(array)
            self._bytes += array.nbytes
        known.holders += 1

    def _forget(self, key: Any) -> None:
        result = self._results.pop(key, None)
        if result is None:
            return
        for at in result.inputs & self._known.keys():
            self._known[at].led_to.discard(key)
        for array in result.arrays:
            known = self._known[id(array)]
            known.holders -= 1
            if known.holders == 0:
                del self._known[id(array)]
                self._bytes -= array.nbytes
                for other in known.led_to:
                    self._forget(other)


class Result(NamedTuple):
    """What an indicator made, its arrays that are not the bars', and the arrays (``id``) that it was made from."""

    made: Any
    arrays: list[NDArray[Any]]
    inputs: set[int]


@dataclass
class Known:
    """An array that is remembered, how many results hold it, and the results that were made from it."""

    array: NDArray[Any]
    holders: int = 0
    led_to: set[Any] = field(default_factory=set)


def _arrays(made: Any) -> list[NDArray[Any]] | None:
    """Return the arrays of a result: one, or a tuple of them; None for anything else, which is not remembered."""
    parts = list(made) if isinstance(made, tuple) else [made]
    return parts if parts and all(isinstance(part, np.ndarray) for part in parts) else None
