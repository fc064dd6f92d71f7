"""How functions are compiled: one decorator, the same settings everywhere.

Compiled functions are cached on disk, release the GIL so that threads scale, and follow NumPy's rules for
division by zero. They compile when they are first called, never at import.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Return ``function`` compiled by numba in nopython mode (cached, GIL-free, NumPy's error model)."""
    return cast(F, njit(cache=True, nogil=True, error_model="numpy")(function))
