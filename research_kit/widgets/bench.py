"""What the controls need of a workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd

    from research_kit.runs.recording import Progress
    from research_kit.runs.run import Run
    from research_kit.runs.strategies import StrategyKey
    from research_kit.strategy.registry import Registry


class Bench(Protocol):
    """Something with datasets and strategies that can run one on the other; ``rk.open_workspace`` returns one."""

    registry: Registry

    def datasets(self) -> pd.DataFrame:
        """Return the datasets, newest first."""

    def run(
        self,
        strategy: StrategyKey,
        dataset: int | str,
        parameters: Mapping[str, Any] | None = None,
        *,
        progress: Progress | None = None,
        **changes: Any,
    ) -> Run:
        """Run a backtest with these engine options, record it, and return it."""
