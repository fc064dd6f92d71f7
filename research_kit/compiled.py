"""How functions are compiled: one decorator, the same settings everywhere.

Compiled functions are cached on disk, release the GIL so that threads scale, and follow NumPy's rules for
division by zero. They compile when they are first called, never at import.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit
from numba.core import caching

F = TypeVar("F", bound=Callable[..., Any])
_njit: Any = partial(njit, nogil=True, error_model="numpy")
_part: Any = partial(_njit, forceinline=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def compiled(function: F) -> F:
    """Return ``function`` compiled by numba in nopython mode (cached, GIL-free, NumPy's error model)."""
    dispatcher = _njit(cache=True)(function)
    _let_every_change_recompile(dispatcher)
    return cast(F, dispatcher)


def compiled_kernel(function: F) -> F:
    """Return ``function`` compiled to work on the arrays that it is given: it may allocate none.

    Without allocation there is nothing to count references for, and counting is what costs most in a loop whose
    parts pass arrays on (measured: half of the time of a backtest).
    """
    dispatcher = _njit(cache=True, _nrt=False)(function)
    _let_every_change_recompile(dispatcher)
    return cast(F, dispatcher)


def inlined(function: F) -> F:
    """Return ``function`` compiled as a part of the kernel that calls it; it may allocate no array either.

    Compiled code alone can call it: without a way in from Python it compiles in half of the time.
    """
    return cast(F, _part(function))


def inlined_extremes(function: F) -> F:
    """Return ``function`` compiled as ``inlined`` does, for minima and maxima of numbers that are never NaN.

    Where NaN may be left out of account they are found in vectors; sums keep their order, so that results stay the
    same on every machine.
    """
    return cast(F, _part(fastmath={"nnan", "nsz"})(function))


def _let_every_change_recompile(dispatcher: Any) -> None:
    """Stamp the disk cache with all compiled sources: numba looks at the function's own file only."""
    cache = dispatcher._cache
    make: Any = caching.IndexDataCacheFile
    cache._cache_file = make(cache._cache_path, cache._impl.filename_base, _sources_stamp())


@lru_cache(maxsize=1)
def _sources_stamp() -> str:
    """Return a hash of every module of this package that compiles functions."""
    digest = sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        source = path.read_bytes()
        if b"research_kit.compiled" in source:
            digest.update(source)
    return digest.hexdigest()
