"""Notebook controls: pick a dataset and a strategy, fill in its parameters, run, look at the result.

Each control is a plain object: show it by naming it in a cell (or its ``.view``), read and set it from code. Names are
resolved when they are first used, so that ipywidgets is loaded only where controls are wanted.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from research_kit.widgets.dashboard import Dashboard as Dashboard
    from research_kit.widgets.data_tab import DataTab as DataTab
    from research_kit.widgets.data_tab import ImportPanel as ImportPanel
    from research_kit.widgets.explore import Explore as Explore
    from research_kit.widgets.forms.dataset_picker import DatasetPicker as DatasetPicker
    from research_kit.widgets.forms.engine_form import EngineForm as EngineForm
    from research_kit.widgets.forms.form import ModelForm as ModelForm
    from research_kit.widgets.forms.form import ParameterForm as ParameterForm
    from research_kit.widgets.forms.grid_form import GridForm as GridForm
    from research_kit.widgets.forms.pickers import StrategyPicker as StrategyPicker
    from research_kit.widgets.history.compare import CompareView as CompareView
    from research_kit.widgets.history.history import History as History
    from research_kit.widgets.history.run_list import BacktestPicker as BacktestPicker
    from research_kit.widgets.results.metrics_table import MetricsTable as MetricsTable
    from research_kit.widgets.results.report_button import ReportButton as ReportButton
    from research_kit.widgets.results.run_view import RunView as RunView
    from research_kit.widgets.results.trades import TradesTable as TradesTable
    from research_kit.widgets.results.trust import TrustPanel as TrustPanel
    from research_kit.widgets.work.run_panel import RunPanel as RunPanel
    from research_kit.widgets.work.sweep_panel import SweepPanel as SweepPanel

_HOMES = {
    "BacktestPicker": "research_kit.widgets.history.run_list",
    "CompareView": "research_kit.widgets.history.compare",
    "Dashboard": "research_kit.widgets.dashboard",
    "DataTab": "research_kit.widgets.data_tab",
    "DatasetPicker": "research_kit.widgets.forms.dataset_picker",
    "EngineForm": "research_kit.widgets.forms.engine_form",
    "Explore": "research_kit.widgets.explore",
    "GridForm": "research_kit.widgets.forms.grid_form",
    "History": "research_kit.widgets.history.history",
    "ImportPanel": "research_kit.widgets.data_tab",
    "MetricsTable": "research_kit.widgets.results.metrics_table",
    "ModelForm": "research_kit.widgets.forms.form",
    "ParameterForm": "research_kit.widgets.forms.form",
    "ReportButton": "research_kit.widgets.results.report_button",
    "RunPanel": "research_kit.widgets.work.run_panel",
    "RunView": "research_kit.widgets.results.run_view",
    "StrategyPicker": "research_kit.widgets.forms.pickers",
    "SweepPanel": "research_kit.widgets.work.sweep_panel",
    "TradesTable": "research_kit.widgets.results.trades",
    "TrustPanel": "research_kit.widgets.results.trust",
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
