"""The commission of an order: by the rates of the options, or by the user's own function."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from numba import cfunc, float64, types
from numba.extending import overload

from research_kit.compiled import inlined
from research_kit.engine.layout import Book


@inlined
def order_commission(book: Book, units: float, price: float) -> float:
    """Return the commission of one order in money."""
    settings = book.settings
    charged = (
        settings.commission_per_order + settings.commission_per_unit * units + settings.commission * units * abs(price)
    )
    return _own_function_or(book.commission_function, max(settings.minimum_commission, charged), price, units)


@lru_cache(maxsize=32)
def compiled_commission(function: Callable[[float, float], float]) -> Any:
    """Return a user's commission function of price and units, compiled so that the kernel can call it."""
    return cfunc(float64(float64, float64))(function)


def _own_function_or(function: Any, charged: float, price: float, units: float) -> float:
    return charged if function is None else float(function(price, units))


def _chosen(function: Any, charged: Any, price: Any, units: Any) -> Callable[..., float]:
    """Choose while compiling: None is a type of its own, so that the usual run carries no call."""
    if isinstance(function, types.NoneType):
        return lambda function, charged, price, units: charged
    return lambda function, charged, price, units: function(price, units)


overload(_own_function_or, strict=False)(_chosen)  # strict would compare annotations
