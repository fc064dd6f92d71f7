"""Notebook controls: pick a dataset and a strategy, fill in its parameters, run, look at the result.

Each control is a plain object: show it by naming it in a cell (or its ``.view``), read and set it from code. Names are
resolved when they are first used, so that ipywidgets is loaded only where controls are wanted.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from research_kit.widgets.dashboard import Dashboard as Dashboard
    from research_kit.widgets.form import ParameterForm as ParameterForm
    from research_kit.widgets.pickers import DatasetPicker as DatasetPicker
    from research_kit.widgets.pickers import StrategyPicker as StrategyPicker

_HOMES = {
    "Dashboard": "research_kit.widgets.dashboard",
    "DatasetPicker": "research_kit.widgets.pickers",
    "ParameterForm": "research_kit.widgets.form",
    "StrategyPicker": "research_kit.widgets.pickers",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 - the homes are the one list of names


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'research_kit.widgets' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
