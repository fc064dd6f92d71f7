"""A research environment for trading strategies: import data, run, record, believe.

Public names are resolved when they are first used, so that ``import research_kit`` stays light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from research_kit.version import __version__

if TYPE_CHECKING:
    from research_kit import errors as errors
    from research_kit import sources as sources
    from research_kit import widgets as widgets
    from research_kit.bars.frame import Bars as Bars
    from research_kit.checks.band import convention_band as convention_band
    from research_kit.checks.lookahead import check_lookahead as check_lookahead
    from research_kit.checks.verdict import LookaheadVerdict as LookaheadVerdict
    from research_kit.engine.backtest import BacktestResult as BacktestResult
    from research_kit.engine.backtest import run_backtest as run_backtest
    from research_kit.engine.options import EngineOptions as EngineOptions
    from research_kit.report.write import write_report as write_report
    from research_kit.runs.trust.comparing import compare as compare
    from research_kit.search.space import between as between
    from research_kit.search.sweep import run_sweep as run_sweep
    from research_kit.search.walk_forward import run_walk_forward as run_walk_forward
    from research_kit.strategy import indicators as indicators
    from research_kit.strategy import library as strategies  # noqa: F401
    from research_kit.strategy.base import Param as Param
    from research_kit.strategy.base import Strategy as Strategy
    from research_kit.strategy.context import Context as Context
    from research_kit.strategy.order import Order as Order
    from research_kit.strategy.signals import Signals as Signals
    from research_kit.workspace import Workspace as Workspace
    from research_kit.workspace import open_workspace as open_workspace

_HOMES = {
    "Bars": "research_kit.bars.frame:Bars",
    "BacktestResult": "research_kit.engine.backtest:BacktestResult",
    "Context": "research_kit.strategy.context:Context",
    "EngineOptions": "research_kit.engine.options:EngineOptions",
    "LookaheadVerdict": "research_kit.checks.verdict:LookaheadVerdict",
    "Order": "research_kit.strategy.order:Order",
    "Param": "research_kit.strategy.base:Param",
    "Signals": "research_kit.strategy.signals:Signals",
    "Strategy": "research_kit.strategy.base:Strategy",
    "Workspace": "research_kit.workspace:Workspace",
    "between": "research_kit.search.space:between",
    "check_lookahead": "research_kit.checks.lookahead:check_lookahead",
    "compare": "research_kit.runs.trust.comparing:compare",
    "convention_band": "research_kit.checks.band:convention_band",
    "errors": "research_kit.errors",
    "indicators": "research_kit.strategy.indicators",
    "open_workspace": "research_kit.workspace:open_workspace",
    "run_walk_forward": "research_kit.search.walk_forward:run_walk_forward",
    "run_sweep": "research_kit.search.sweep:run_sweep",
    "run_backtest": "research_kit.engine.backtest:run_backtest",
    "sources": "research_kit.sources",
    "strategies": "research_kit.strategy.library",
    "widgets": "research_kit.widgets",
    "write_report": "research_kit.report.write:write_report",
}

__all__ = ["__version__", *sorted(_HOMES)]  # noqa: PLE0604 - the homes are the one list of names


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'research_kit' has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    home = import_module(module)
    value = getattr(home, attribute) if attribute else home
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
