"""How functions are compiled: one decorator, the same settings everywhere.

Compiled functions are cached on disk, release the GIL so that threads scale, and follow NumPy's rules for
division by zero. They compile when they are first called, never at import.
"""

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit
from numba.core import caching

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Return ``function`` compiled by numba in nopython mode (cached, GIL-free, NumPy's error model)."""
    dispatcher = njit(cache=True, nogil=True, error_model="numpy")(function)
    _let_every_change_recompile(dispatcher)
    return cast(F, dispatcher)


def inlined(function: F) -> F:
    """Return ``function`` compiled as a part of what calls it: passing arrays on costs more than most parts do."""
    return cast(F, njit(nogil=True, error_model="numpy", forceinline=True)(function))


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
