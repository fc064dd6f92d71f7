"""Trials as a database takes them: checked, JSON as text, returns packed; column by column, whatever they came as."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from research_kit.store.json_columns import Numbers, write_numbers, write_objects
from research_kit.store.json_values import dump_json
from research_kit.store.records import ERROR_LENGTH, TrialRecord, checked_hashes, checked_row, row_of, short_text
from research_kit.store.returns import pack_rows
from research_kit.store.tables import columns_of, now
from research_kit.store.trial_batch import MOMENTS, TrialBatch

TRIAL_COLUMNS = tuple(column.name for column in columns_of("trials").columns if column.name != "id")
JSON_COLUMNS = ("parameters", "options", "metrics")
_SHARED = (
    *("kind", "strategy_name", "strategy_sha256", "dataset_id", "dataset_sha256", "options", "sweep_id"),
    "engine_version",
)


@dataclass(frozen=True)
class TrialColumns:
    """Trials by the columns of their table: one value where all have the same, else a list; ordered by spec hash.

    The order is the one that keeps two writers from waiting for each other.
    """

    shared: Mapping[str, Any]
    own: Mapping[str, list[Any]]

    @property
    def hashes(self) -> list[str]:
        """What identifies each trial."""
        return self.own["spec_hash"]


def trial_columns(trials: TrialBatch | Sequence[TrialRecord]) -> TrialColumns:
    """Return trials as columns.

    Raises
    ------
    StoreError
        A value cannot be stored as it is.
    """
    own = _columns_of_batch(trials) if isinstance(trials, TrialBatch) else _columns_of_records(trials)
    hashes = own["spec_hash"]
    order = sorted(range(len(hashes)), key=hashes.__getitem__)
    shared = {name: values for name, values in own.items() if not isinstance(values, list)}
    lists = {name: [values[i] for i in order] for name, values in own.items() if isinstance(values, list)}
    return TrialColumns({"created_at": now(), **shared}, lists)


def _columns_of_records(trials: Sequence[TrialRecord]) -> dict[str, Any]:
    rows = [row_of("trials", trial) for trial in trials]
    names = [name for name in TRIAL_COLUMNS if name not in ("created_at", "daily_returns", "n_returns")]
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in names}
    columns["metrics"] = [metrics or None for metrics in columns["metrics"]]
    columns |= {name: _each(dump_json, columns[name]) for name in JSON_COLUMNS}
    columns["n_returns"] = [None if trial.daily_returns is None else len(trial.daily_returns) for trial in trials]
    columns["daily_returns"] = pack_rows([trial.daily_returns for trial in trials])
    return columns


def _columns_of_batch(batch: TrialBatch) -> dict[str, Any]:
    columns = checked_row("trials", {name: getattr(batch, name) for name in _SHARED})
    columns |= {name: _numbers(getattr(batch, name)) for name in MOMENTS}
    columns |= _returns(batch)
    return columns | {
        "spec_hash": checked_hashes(batch.spec_hash),
        "state": batch.state if isinstance(batch.state, str) else list(batch.state),
        "options": dump_json(columns["options"]),
        "parameters": write_objects(batch.parameters),
        "metrics": write_numbers(batch.metrics) if batch.metrics else None,
        "error": None if batch.error is None else _each(_short_error, batch.error),
        "backtest_job_id": None,
    }


def _each(change: Callable[[Any], Any], values: Iterable[Any]) -> list[Any]:
    return [None if value is None else change(value) for value in values]


def _short_error(error: object) -> str:
    return short_text(error, ERROR_LENGTH)


def _returns(batch: TrialBatch) -> dict[str, Any]:
    """Return the columns of the daily returns; a set without any has no first day either."""
    if batch.daily_returns is None:
        return {"daily_returns": None, "n_returns": None, "first_day": None}
    packed = pack_rows(batch.daily_returns)
    counts = [None if there is None else len(row) for there, row in zip(packed, batch.daily_returns, strict=True)]
    days = [None if there is None else batch.first_day for there in packed] if None in packed else batch.first_day
    return {"daily_returns": packed, "n_returns": counts, "first_day": days}


def _numbers(values: Numbers | None) -> list[float | None] | None:
    if values is None:
        return None
    floats = np.asarray(values, dtype=np.float64)
    return [value if there else None for value, there in zip(floats.tolist(), np.isfinite(floats), strict=True)]
