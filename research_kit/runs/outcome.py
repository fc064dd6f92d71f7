"""What a finished backtest leaves in the store: trades, metrics, the equity curve, and its trial."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.sessions import day_ends
from research_kit.charts.reduce import reduce_points
from research_kit.engine.backtest import BacktestResult
from research_kit.metrics.moments import moments
from research_kit.metrics.returns import periodic_returns
from research_kit.runs.spec import RunSpec
from research_kit.store.fingerprints import table_sha256
from research_kit.store.files import FileStore
from research_kit.store.json_values import JsonDict, to_json
from research_kit.store.records import JobOutcome, TrialRecord
from research_kit.strategy.order import order_columns

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
    returns = daily_returns(result)
    shape = moments(returns)
    first = datetime.fromtimestamp(int(result.bars.time_ns[0]) / 1e9, tz=UTC).date()
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
        metrics=dict(result.metrics),
        engine_version=spec.engine_version,
    )


def daily_returns(result: BacktestResult) -> NDArray[np.float64]:
    """Return the returns from session day to session day, as fractions."""
    equity = result.simulation.equity[day_ends(result.bars)]
    return periodic_returns(equity, result.options.initial_cash)


def _summary(result: BacktestResult) -> dict[str, Any]:
    """Return equity, trades and metrics as the schema's JSON columns hold them."""
    simulation = result.simulation
    curve = reduce_points(result.bars.time, simulation.equity, CURVE_POINTS)
    trades = {name: to_json(values[:ROW_TRADES]) for name, values in result.trade_columns.items()}
    rows = zip(*trades.values(), strict=True)
    return {
        "equity_curve": {"time": curve.x.astype("datetime64[s]"), "equity": curve.y},
        "trades": [JsonDict(zip(trades, row, strict=True)) for row in rows],
        "trades_total": len(simulation.trades),
        "metrics": dict(result.metrics),
        "ambiguous_bars": simulation.ambiguous_bars,
        "rejected_orders": len(simulation.rejections),
        "liquidations": simulation.liquidations,
        "liquidated": simulation.liquidated,
    }
