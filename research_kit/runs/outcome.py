"""What a finished backtest leaves in the store: trades, metrics, the equity curve, and its trial."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.sessions import day_ends
from research_kit.charts.reduce import reduce_points
from research_kit.engine.backtest import BacktestResult
from research_kit.metrics.moments import moments
from research_kit.metrics.returns import periodic_returns
from research_kit.runs.spec import RunSpec
from research_kit.store.files import FileStore
from research_kit.store.fingerprints import table_sha256
from research_kit.store.json_values import JsonDict, to_json
from research_kit.store.records import JobOutcome, TrialRecord
from research_kit.strategy.order import order_columns

if TYPE_CHECKING:
    from research_kit.bars.frame import Bars, FloatArray

CURVE_POINTS = 2_000  # of the equity that rows hold; the full curve is a file
ROW_TRADES = 2_000  # of the trades that rows hold as JSON; all of them are in the table


def outcome_of(result: BacktestResult, spec: RunSpec, files: FileStore, dataset_id: int) -> JobOutcome:
    """Return everything that one completed run writes, its equity curve written to its file already."""
    equity = files.save_series({"equity": result.simulation.equity})
    summary = _summary(result)
    return JobOutcome(
        trades=result.trade_columns,
        metrics=dict(result.metrics),
        reasons={**result.metrics.reasons, **result.metrics.flags},  # of None, and of values that are weak
        results=summary,
        result_data=summary,
        equity=equity,
        orders_sha256=orders_sha256(result),
        trial=completed_trial(result, spec, dataset_id),
    )


def orders_sha256(result: BacktestResult) -> str:
    """Return the sha256 of the orders that a strategy made, and of those (of signals too) that could not be taken."""
    simulation = result.simulation
    rejected = {name: simulation.rejections[name] for name in ("bar", "reason")}
    return table_sha256("research_kit orders 1", order_columns(simulation.orders, simulation.label_of) | rejected)


def completed_trial(result: BacktestResult, spec: RunSpec, dataset_id: int) -> TrialRecord:
    """Return the trial of a completed run: its metrics, and its daily returns with their moments."""
    cash, metrics = result.options.initial_cash, dict(result.metrics)
    return trial_of(result.bars, result.simulation.equity, cash, metrics, spec=spec, dataset_id=dataset_id)


def trial_of(
    bars: Bars,
    equity: FloatArray,
    initial_cash: float,
    metrics: Mapping[str, float | int | None],
    *,
    spec: RunSpec,
    dataset_id: int,
) -> TrialRecord:
    """Return the trial of a run with this equity."""
    returns = periodic_returns(equity[day_ends(bars)], initial_cash)
    shape = moments(returns)
    first = datetime.fromtimestamp(int(bars.time_ns[0]) / 1e9, tz=UTC).date()
    return TrialRecord(
        kind="run",
        spec_hash=spec.spec_hash,
        strategy_name=spec.strategy_name,
        strategy_sha256=spec.strategy_sha256,
        dataset_sha256=spec.dataset_sha256,
        dataset_id=dataset_id,
        parameters=spec.parameters,
        options=spec.options,
        daily_returns=returns,
        first_day=first,
        mean=shape.mean,
        std=shape.deviation,
        skew=shape.skew,
        kurtosis=shape.kurtosis,
        metrics=metrics,
        engine_version=spec.engine_version,
    )


def daily_returns(result: BacktestResult) -> NDArray[np.float64]:
    """Return the returns from session day to session day, as fractions."""
    equity = result.simulation.equity[day_ends(result.bars)]
    return periodic_returns(equity, result.options.initial_cash)


def _summary(result: BacktestResult) -> dict[str, Any]:
    simulation = result.simulation
    counts = {
        "trades_total": len(simulation.trades),
        "ambiguous_bars": simulation.ambiguous_bars,
        "rejected_orders": len(simulation.rejections),
        "liquidations": simulation.liquidations,
        "liquidated": simulation.liquidated,
    }
    return summary_of(result.bars, simulation.equity, result.trade_columns, result.metrics, counts)


def summary_of(
    bars: Bars,
    equity: FloatArray,
    trades: Mapping[str, NDArray[Any]],
    metrics: Mapping[str, float | int | None],
    counts: Mapping[str, Any],
) -> dict[str, Any]:
    """Return equity, trades and metrics as the schema's JSON columns hold them."""
    curve = reduce_points(bars.time, equity, CURVE_POINTS)
    columns = {name: to_json(values[:ROW_TRADES]) for name, values in trades.items()}
    rows = zip(*columns.values(), strict=True)
    return {
        "equity_curve": {"time": curve.x.astype("datetime64[s]"), "equity": curve.y},
        "trades": [JsonDict(zip(columns, row, strict=True)) for row in rows],
        "trades_total": counts.get("trades_total"),
        "metrics": dict(metrics),
        **{name: value for name, value in counts.items() if name != "trades_total"},
    }
