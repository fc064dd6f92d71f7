"""What a report can be about: whatever came of runs, searches and comparisons, recorded or not."""

from __future__ import annotations

from research_kit.checks.compare import Comparison, Side
from research_kit.runs.run import Run
from research_kit.search.result import SweepResult
from research_kit.search.walk_forward import WalkForward

__all__ = ["Comparison", "Reported", "Run", "Side", "SweepResult", "WalkForward"]

Reported = Run | SweepResult | WalkForward | Comparison
