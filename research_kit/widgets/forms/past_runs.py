"""The newest runs of one strategy, to fill a form from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from research_kit.metrics.registry import format_value
from research_kit.widgets.parts.part import Part

if TYPE_CHECKING:
    from research_kit.runs.run import Run
    from research_kit.widgets.parts.bench import Bench

MOST = 25
NONE = "choose a past run"


class PastRuns(Part):
    """A list of past runs of a strategy; choosing one calls ``use`` with it."""

    def __init__(self, ws: Bench, use: Callable[[Run], None], strategy: str | None = None) -> None:
        super().__init__()
        self.bench, self._use = ws, use
        self.strategy = strategy
        self.list = w.Dropdown(
            description="Fill from",
            tooltip="Fill the forms from a past run of this strategy",
            style={"description_width": "var(--rkw-label)"},
            layout={"width": "auto"},
        )
        self.body = w.VBox([self.list, self.note]).add_class("rkw-field")
        self._on_value(self.list, self._choose)
        self.refresh()

    def __repr__(self) -> str:
        return f"PastRuns({self.strategy}, {len(self.list.options) - 1} runs)"

    def choose(self, strategy: str | None) -> None:
        """Offer the runs of another strategy."""
        self.strategy = strategy
        self.refresh()

    def refresh(self) -> None:
        """Read the newest runs again."""
        rows: Sequence[Mapping[Any, Any]] = []
        if self.strategy is not None:
            rows = self.bench.backtests(limit=MOST, strategy=self.strategy).to_dict("records")
        with self._unheard():
            self.list.options = [(NONE, 0), *((_label(row), int(row["id"])) for row in rows)]
            self.list.value = 0
        self.body.layout.display = None if rows else "none"

    def _choose(self) -> None:
        if self.list.value:
            self._use(self.bench.load_run(self.list.value))


def _label(row: Mapping[Any, Any]) -> str:
    parameters = ", ".join(f"{name} {value}" for name, value in (row["strategy_params"] or {}).items())
    sharpe = format_value("sharpe_ratio", row["sharpe_ratio"])
    return f"Run {row['id']}: {parameters or 'no parameters'} · Sharpe {sharpe} · {row['dataset']}"
