"""A research environment for trading strategies: import data, run, record, believe.

Public names are resolved when they are first used, so that ``import research_kit`` stays light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from research_kit.version import __version__

if TYPE_CHECKING:
    from research_kit.bars.frame import Bars as Bars
    from research_kit.engine.options import EngineOptions as EngineOptions
    from research_kit.strategy.base import Param as Param
    from research_kit.strategy.base import Strategy as Strategy
    from research_kit.strategy.signals import Signals as Signals

_HOMES = {
    "Bars": "research_kit.bars.frame",
    "EngineOptions": "research_kit.engine.options",
    "Param": "research_kit.strategy.base",
    "Signals": "research_kit.strategy.signals",
    "Strategy": "research_kit.strategy.base",
}
_ROOMS = ("errors",)

__all__ = ["__version__", *sorted(_HOMES), *_ROOMS]  # noqa: PLE0604 - the homes are the one list of names


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    elif name in _ROOMS:
        value = import_module(f"research_kit.{name}")
    else:
        raise AttributeError(f"module 'research_kit' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
