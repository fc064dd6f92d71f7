"""Bars straight from a vendor: Yahoo through the library yfinance, crypto exchanges through the library ccxt.

Both libraries are optional (``pip install 'research_kit[sources]'``) and are loaded only when something is fetched.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from research_kit.sources.exchange import ccxt as ccxt
    from research_kit.sources.fetching import Fetched as Fetched
    from research_kit.sources.fetching import FetchOptions as FetchOptions
    from research_kit.sources.fetching import FetchProgress as FetchProgress
    from research_kit.sources.updating import update as update
    from research_kit.sources.yahoo import yfinance as yfinance

_HOMES = {
    "FetchOptions": "research_kit.sources.fetching",
    "FetchProgress": "research_kit.sources.fetching",
    "Fetched": "research_kit.sources.fetching",
    "ccxt": "research_kit.sources.exchange",
    "update": "research_kit.sources.updating",
    "yfinance": "research_kit.sources.yahoo",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 - the homes are the one list of names


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'research_kit.sources' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
