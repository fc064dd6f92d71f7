"""Two results as the sides of a comparison, whether they were recorded or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.canonical import bars_sha256
from research_kit.checks.compare import Comparison, Side
from research_kit.engine.backtest import BacktestResult, signals_of
from research_kit.errors import OptionError, ResearchKitError, StrategyError
from research_kit.runs.outcome import orders_sha256
from research_kit.runs.run import Run
from research_kit.runs.spec import current_versions
from research_kit.runs.trust.stored_source import known_class
from research_kit.strategy.order import order_columns
from research_kit.strategy.signals import EVENTS
from research_kit.strategy.source import strategy_source
from research_kit.version import ENGINE_VERSION

if TYPE_CHECKING:
    from research_kit.bars.frame import Bars
    from research_kit.runs.home import Home, Paper
    from research_kit.strategy.base import Strategy

Compared = Run | BacktestResult


@dataclass(frozen=True, eq=False, repr=False)
class RunComparison(Comparison):
    """A comparison that can write its report; ``home`` is the workspace of a recorded side, None where neither is."""

    home: Home | None = None

    def report(self, path: Path | str | None = None, *, paper: Paper = "A4") -> Path:
        """Write one offline file about this comparison and return its path: HTML, or a PDF where it ends in .pdf."""
        if self.home is None:
            raise OptionError(
                "Neither side was recorded, so this comparison has no workspace to write its report. "
                "Write it with rk.write_report(comparison, path)."
            )
        return self.home.report(self, path, paper=paper)


def compare(first: Compared, second: Compared) -> RunComparison:
    """Return what differs between two backtests: in what was run, in the first order that differs, in the metrics.

    Parameters
    ----------
    first, second
        A recorded run (``ws.run(...)``, ``ws.load_run(7)``) or the result of ``rk.run_backtest``.

    Examples
    --------
    >>> import research_kit as rk
    >>> days = np.arange(60) * 86_400_000_000_000
    >>> close = 100 + np.sin(np.arange(60.0) / 3)
    >>> bars = rk.Bars(days, dict.fromkeys(("open", "high", "low", "close"), close))
    >>> first, second = (rk.run_backtest(bars, rk.strategies.SmaCross(fast=2, slow=slow)) for slow in (5, 6))
    >>> found = compare(first, second)
    >>> found.spec_differences
    {'parameters.slow': (5, 6)}
    """
    one, other = (_side(one, name) for one, name in ((first, "first"), (second, "second")))
    home = next((side.home for side in (first, second) if isinstance(side, Run)), None)
    return RunComparison(one, other, home)


def _side(one: Compared, name: str) -> Side:
    if isinstance(one, Run):
        return _of_run(one)
    if isinstance(one, BacktestResult):
        return _of_result(one, name)
    raise OptionError(f"Two runs or results can be compared; {type(one).__name__} is neither: give ws.load_run(id).")


def _of_run(run: Run) -> Side:
    spec = run.spec
    return Side(
        name=f"run {run.id}",
        title=run.title,
        spec={
            "strategy": spec.get("strategy_name"),
            "source sha256": spec.get("strategy_sha256"),
            "dataset": spec.get("dataset_name"),
            "data sha256": spec.get("dataset_sha256"),
            "timeframe": spec.get("timeframe"),
            "session": spec.get("session"),
            "parameters": run.parameters,
            "options": run.options,
            "engine": spec.get("engine_version"),
            "versions": _packages(spec.get("versions") or {}),
        },
        bars=run.bars,
        equity=np.asarray(run.equity, dtype=np.float64),
        initial_cash=float(run.options["initial_cash"]),
        trades=run.trade_columns,
        metrics=run.summary,
        source=run.source or None,
        orders_sha256=run.backtest.orders_sha256,
        signals=partial(_signals_of_run, run),
    )


def _of_result(result: BacktestResult, name: str) -> Side:
    source = _source(result.strategy)
    simulation = result.simulation
    return Side(
        name=name,
        title=repr(result.strategy),
        spec={
            "strategy": result.strategy.name,
            "source sha256": None if source is None else sha256(source.encode()).hexdigest(),
            "data sha256": bars_sha256(result.bars),
            "timeframe": result.bars.timeframe,
            "session": result.bars.session,
            "parameters": result.strategy.parameters(),
            "options": result.options.model_dump(mode="json"),
            "engine": ENGINE_VERSION,
            "versions": _packages(current_versions()),
        },
        bars=result.bars,
        equity=simulation.equity,
        initial_cash=result.options.initial_cash,
        trades=result.trade_columns,
        metrics=result.metrics,
        source=source,
        orders=order_columns(simulation.orders, simulation.label_of),
        orders_sha256=orders_sha256(result),
        signals=partial(_signals, result.strategy, result.bars),
    )


def _packages(versions: Mapping[str, str]) -> dict[str, str]:
    return {name: version for name, version in versions.items() if name != "engine"}


def _source(strategy: Strategy) -> str | None:
    try:
        return strategy_source(type(strategy)).text
    except StrategyError:
        return None


def _signals_of_run(run: Run) -> dict[str, NDArray[Any]]:
    """Return the signals of a run where its strategy can be named today, with the source that it had then."""
    kind = known_class(run, run.job.strategy_sha256 or "")
    return {} if kind is None else _signals(kind.with_parameters(run.parameters), run.bars)


def _signals(strategy: Strategy, bars: Bars) -> dict[str, NDArray[Any]]:
    """Return what a strategy wants at each bar's close by name; of an event strategy, whose orders speak, nothing."""
    if strategy.style() != "signals":
        return {}
    try:
        signals = signals_of(strategy, bars)
    except ResearchKitError:
        return {}
    names = [*EVENTS, "exposure"]
    found = {name: getattr(signals, name) for name in names if getattr(signals, name) is not None}
    return {f"signal {name}": np.asarray(values) for name, values in found.items()}
