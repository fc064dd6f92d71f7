"""Every table: one class each, with the columns, keys, indexes and checks that the database enforces.

Those of trials and sweeps are in ``trial_tables``, what they are made of is in ``columns``.

Units: ``*_percent`` and ``pnl_percent`` are percents, ``total_return``, ``pnl``, ``max_drawdown``, ``max_profit`` and
``max_loss`` money, ``progress``, ``win_rate``, ``volatility``, ``var_95``, ``cvar_95`` and ``daily_target_hit_rate``
fractions; losses are negative; times are aware UTC; what is undefined is NULL.

A table class does not check its values when it is made (SQLModel leaves that to plain models): rows are made by the
verbs of this room, which do.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from research_kit.bars.quality.report import QualityReport
from research_kit.store.columns import (
    COUNT,
    FINAL_STATES,
    IDS_FOR_EVER,
    JOB_STATES,
    JSON_VALUE,
    SIDES,
    STRATEGY_ORIGINS,
    SWEEP_KINDS,
    TRIAL_KINDS,
    TRIAL_STATES,
    VERDICT_KINDS,
    FiniteFloat,
    Table,
    at_least_zero,
    columns_of,
    fraction,
    now,
    one_of,
)
from research_kit.store.trial_tables import SweepRow, SweepSet, Trial

__all__ = [
    "FINAL_STATES",
    "JOB_STATES",
    "METRIC_COLUMNS",
    "SIDES",
    "STRATEGY_ORIGINS",
    "SWEEP_KINDS",
    "TRIAL_KINDS",
    "TRIAL_STATES",
    "VERDICT_KINDS",
    "Backtest",
    "BacktestJob",
    "BacktestMetrics",
    "BacktestTag",
    "Dataset",
    "DatasetParent",
    "FiniteFloat",
    "HoldoutLock",
    "NotebookRun",
    "StrategyRow",
    "SweepRow",
    "SweepSet",
    "Table",
    "Trade",
    "Trial",
    "Verdict",
    "columns_of",
    "now",
]


class Dataset(Table, table=True):
    """One version of bars, imported or derived: where their file is, what they hold, how good they are.

    ``lineage`` says how a derived version was made, ``origin`` where a fetched one came from, ``data_until`` when its
    last bar ends (no later than the data that it was made from), ``holdout_start`` from when on this name is locked.
    """

    __tablename__ = "datasets"
    __table_args__ = (
        sa.UniqueConstraint("name", "sha256"),
        *at_least_zero("file_size", "rows_count", "missing_data_pct", "data_quality_score", "backtest_count"),
        IDS_FOR_EVER,
    )

    id: int = Field(default=None, primary_key=True)
    name: str = Field(max_length=200, index=True)
    filename: str | None = Field(default=None, max_length=200)
    file_path: str = Field(max_length=500)
    file_size: int | None = Field(default=None, sa_type=COUNT)
    rows_count: int | None = Field(default=None, sa_type=COUNT)
    columns: list[str] | None = Field(default=None, sa_type=JSON_VALUE)
    timeframe: str | None = Field(default=None, max_length=20, index=True)
    start_date: datetime | None = None
    end_date: datetime | None = None
    missing_data_pct: float | None = Field(default=None, sa_type=FiniteFloat)
    data_quality_score: float | None = Field(default=None, sa_type=FiniteFloat)
    has_gaps: bool | None = None
    timezone: str | None = Field(default=None, max_length=50)
    symbol: str | None = Field(default=None, max_length=20, index=True)
    exchange: str | None = Field(default=None, max_length=50)
    data_source: str | None = Field(default=None, max_length=100)
    quality_checks: dict[str, Any] | None = Field(default=None, sa_type=JSON_VALUE)
    backtest_count: int = 0
    last_used: datetime | None = None
    created_at: datetime = Field(default_factory=now, index=True)
    last_accessed: datetime | None = None
    sha256: str | None = Field(default=None, max_length=64, index=True)
    session: str | None = Field(default=None, max_length=20)
    source_sha256: str | None = Field(default=None, max_length=64)
    import_options: dict[str, Any] | None = Field(default=None, sa_type=JSON_VALUE)
    parent_id: int | None = Field(default=None, foreign_key="datasets.id", index=True)
    lineage: dict[str, Any] | None = Field(default=None, sa_type=JSON_VALUE)
    origin: dict[str, Any] | None = Field(default=None, sa_type=JSON_VALUE)
    data_until: datetime | None = None
    holdout_start: datetime | None = None

    @property
    def rows(self) -> int | None:
        """Number of bars."""
        return self.rows_count

    @property
    def quality(self) -> QualityReport | None:
        """The quality report of the import; None for a dataset that this package did not import."""
        checks = self.quality_checks
        return QualityReport.from_dict(checks) if checks and "findings" in checks else None


class DatasetParent(Table, table=True):
    """What a version of a dataset was made from, or came after: one row for each parent."""

    __tablename__ = "dataset_parents"

    dataset_id: int = Field(foreign_key="datasets.id", ondelete="CASCADE", primary_key=True)
    parent_id: int = Field(foreign_key="datasets.id", ondelete="CASCADE", primary_key=True, index=True)


class HoldoutLock(Table, table=True):
    """One locking of a holdout: kept for ever, of those of a name the newest holds."""

    __tablename__ = "holdout_locks"
    __table_args__ = (IDS_FOR_EVER,)

    id: int = Field(default=None, primary_key=True)
    dataset_name: str = Field(max_length=200, index=True)
    start: datetime
    forced: bool = False
    created_at: datetime = Field(default_factory=now)


class StrategyRow(Table, table=True):
    """One version of a strategy's source; of the versions of a name, ``is_active`` marks the current one."""

    __tablename__ = "strategies"
    __table_args__ = (
        sa.UniqueConstraint("name", "source_sha256"),
        one_of("origin", STRATEGY_ORIGINS),
        *at_least_zero("total_backtests"),
        IDS_FOR_EVER,
    )

    id: int = Field(default=None, primary_key=True)
    name: str = Field(max_length=200, index=True)
    module_path: str | None = Field(default=None, max_length=500)
    class_name: str | None = Field(default=None, max_length=200)
    description: str | None = Field(default=None, sa_type=sa.Text)
    parameters_schema: dict[str, Any] | None = Field(default=None, sa_type=JSON_VALUE)
    default_parameters: dict[str, Any] | None = Field(default=None, sa_type=JSON_VALUE)
    total_backtests: int = 0
    avg_performance: float | None = Field(default=None, sa_type=FiniteFloat)
    last_used: datetime | None = None
    created_at: datetime = Field(default_factory=now)
    is_active: bool = Field(default=True, index=True)
    origin: str | None = Field(default=None, max_length=20)
    source: str | None = Field(default=None, sa_type=sa.Text)
    source_sha256: str | None = Field(default=None, max_length=64)


class BacktestJob(Table, table=True):
    """A backtest that was asked for: what it is, how far it is, and the lease of the worker that runs it."""

    __tablename__ = "backtest_jobs"
    __table_args__ = (
        one_of("status", JOB_STATES),
        *fraction("progress"),
        *at_least_zero("total_steps", "estimated_duration", "attempt"),
        sa.CheckConstraint("max_attempts >= 1", name="max_attempts"),
        sa.Index(None, "status", "heartbeat_at"),
        IDS_FOR_EVER,
    )

    id: int = Field(default=None, primary_key=True)
    status: str = Field(default="pending", max_length=50, index=True)
    strategy: str = Field(max_length=200)
    strategy_params: dict[str, Any] | None = Field(default=None, sa_type=JSON_VALUE)
    engine_options: dict[str, Any] | None = Field(default=None, sa_type=JSON_VALUE)
    dataset_path: str | None = Field(default=None, max_length=500)
    progress: float = Field(default=0.0, sa_type=FiniteFloat)
    current_step: str | None = Field(default=None, max_length=200)
    total_steps: int | None = None
    created_at: datetime = Field(default_factory=now, index=True)
    started_at: datetime | None = None
    completed_at: datetime | None = None
    result_data: str | None = Field(default=None, sa_type=sa.Text)
    error_message: str | None = Field(default=None, sa_type=sa.Text)
    estimated_duration: float | None = Field(default=None, sa_type=FiniteFloat)
    actual_duration: float | None = Field(default=None, sa_type=FiniteFloat)
    dataset_id: int | None = Field(default=None, foreign_key="datasets.id", index=True)
    strategy_id: int | None = Field(default=None, foreign_key="strategies.id", index=True)
    spec: dict[str, Any] | None = Field(default=None, sa_type=JSON_VALUE)
    spec_hash: str | None = Field(default=None, max_length=64, index=True)
    engine_version: str | None = Field(default=None, max_length=50)
    dataset_sha256: str | None = Field(default=None, max_length=64)
    strategy_sha256: str | None = Field(default=None, max_length=64)
    seed: int | None = Field(default=None, sa_type=COUNT)
    worker_id: str | None = Field(default=None, max_length=100)
    lease_token: str | None = Field(default=None, max_length=32)
    heartbeat_at: datetime | None = None
    attempt: int = 0
    max_attempts: int = 1
    cancel_requested: bool = False


class Trade(Table, table=True):
    """One closed lot of a backtest, or a lot that was still open at the end (no exit)."""

    __tablename__ = "trades"
    __table_args__ = (one_of("side", SIDES), *at_least_zero("quantity", "holding_time_minutes"))

    id: int = Field(default=None, primary_key=True, sa_type=COUNT)
    backtest_job_id: int = Field(foreign_key="backtest_jobs.id", ondelete="CASCADE", index=True)
    entry_time: datetime
    exit_time: datetime | None = None
    entry_price: float = Field(sa_type=FiniteFloat)
    exit_price: float | None = Field(default=None, sa_type=FiniteFloat)
    quantity: float = Field(sa_type=FiniteFloat)
    side: str = Field(max_length=10)
    pnl: float | None = Field(default=None, sa_type=FiniteFloat)
    pnl_percent: float | None = Field(default=None, sa_type=FiniteFloat)
    holding_time_minutes: float | None = Field(default=None, sa_type=FiniteFloat)
    entry_signal: str | None = Field(default=None, max_length=100)
    exit_signal: str | None = Field(default=None, max_length=100)
    max_profit: float | None = Field(default=None, sa_type=FiniteFloat)
    max_loss: float | None = Field(default=None, sa_type=FiniteFloat)
    created_at: datetime = Field(default_factory=now)
    commission: float | None = Field(default=None, sa_type=FiniteFloat)
    slippage: float | None = Field(default=None, sa_type=FiniteFloat)
    borrow: float | None = Field(default=None, sa_type=FiniteFloat)


class BacktestMetrics(Table, table=True):
    """The metrics of one job: the common ones as columns, the others in ``extra``, why one is NULL in ``reasons``."""

    __tablename__ = "backtest_metrics"
    __table_args__ = (
        *at_least_zero("total_trades", "winning_trades", "losing_trades", "profit_factor", "average_holding_time"),
        *at_least_zero("max_consecutive_wins", "max_consecutive_losses", "volatility"),
        *at_least_zero("total_trading_days", "profitable_days"),
        *fraction("win_rate", "daily_target_hit_rate"),
    )

    id: int = Field(default=None, primary_key=True)
    backtest_job_id: int = Field(foreign_key="backtest_jobs.id", ondelete="CASCADE", index=True, unique=True)
    total_return: float | None = Field(default=None, sa_type=FiniteFloat)
    total_return_percent: float | None = Field(default=None, sa_type=FiniteFloat)
    sharpe_ratio: float | None = Field(default=None, sa_type=FiniteFloat)
    sortino_ratio: float | None = Field(default=None, sa_type=FiniteFloat)
    max_drawdown: float | None = Field(default=None, sa_type=FiniteFloat)
    max_drawdown_percent: float | None = Field(default=None, sa_type=FiniteFloat)
    total_trades: int | None = None
    winning_trades: int | None = None
    losing_trades: int | None = None
    win_rate: float | None = Field(default=None, sa_type=FiniteFloat)
    profit_factor: float | None = Field(default=None, sa_type=FiniteFloat)
    largest_win: float | None = Field(default=None, sa_type=FiniteFloat)
    largest_loss: float | None = Field(default=None, sa_type=FiniteFloat)
    average_win: float | None = Field(default=None, sa_type=FiniteFloat)
    average_loss: float | None = Field(default=None, sa_type=FiniteFloat)
    average_holding_time: float | None = Field(default=None, sa_type=FiniteFloat)
    max_consecutive_wins: int | None = None
    max_consecutive_losses: int | None = None
    volatility: float | None = Field(default=None, sa_type=FiniteFloat)
    var_95: float | None = Field(default=None, sa_type=FiniteFloat)
    cvar_95: float | None = Field(default=None, sa_type=FiniteFloat)
    total_trading_days: int | None = None
    profitable_days: int | None = None
    daily_target_hit_rate: float | None = Field(default=None, sa_type=FiniteFloat)
    created_at: datetime = Field(default_factory=now)
    extra: dict[str, Any] | None = Field(default=None, sa_type=JSON_VALUE)
    reasons: dict[str, str] | None = Field(default=None, sa_type=JSON_VALUE)


class Backtest(Table, table=True):
    """A finished backtest as the history shows it: what ran on what, and its results in compact form."""

    __tablename__ = "backtests"
    __table_args__ = (one_of("status", JOB_STATES), *at_least_zero("equity_size"), IDS_FOR_EVER)

    id: int = Field(default=None, primary_key=True)
    strategy_name: str = Field(max_length=200, index=True)
    strategy_params: dict[str, Any] | None = Field(default=None, sa_type=JSON_VALUE)
    dataset_id: int | None = Field(default=None, foreign_key="datasets.id", index=True)
    status: str = Field(default="completed", max_length=50)
    results: dict[str, Any] | None = Field(default=None, sa_type=JSON_VALUE)
    created_at: datetime = Field(default_factory=now, index=True)
    completed_at: datetime | None = None
    backtest_job_id: int | None = Field(default=None, foreign_key="backtest_jobs.id", ondelete="CASCADE", unique=True)
    strategy_id: int | None = Field(default=None, foreign_key="strategies.id", index=True)
    spec_hash: str | None = Field(default=None, max_length=64, index=True)
    equity_path: str | None = Field(default=None, max_length=500)
    equity_sha256: str | None = Field(default=None, max_length=64)
    equity_size: int | None = Field(default=None, sa_type=COUNT)
    trades_sha256: str | None = Field(default=None, max_length=64)
    orders_sha256: str | None = Field(default=None, max_length=64)
    note: str | None = Field(default=None, sa_type=sa.Text)
    pinned: bool = Field(default=False, index=True, sa_column_kwargs={"server_default": sa.false()})


class BacktestTag(Table, table=True):
    """One word that a user has put on a finished backtest, to find it again."""

    __tablename__ = "backtest_tags"

    backtest_id: int = Field(foreign_key="backtests.id", ondelete="CASCADE", primary_key=True)
    tag: str = Field(max_length=50, primary_key=True, index=True)


class NotebookRun(Table, table=True):
    """One execution of a notebook with its parameters, and the files that it left.

    ``position`` is its place in its ``batch``: of several rows with one place the newest counts. ``inputs_hash`` is a
    sha256 of all that it depends on, ``backtest_job_id`` the last backtest that was recorded in it.
    """

    __tablename__ = "notebook_runs"
    __table_args__ = (one_of("status", JOB_STATES), *at_least_zero("position", "attempt"), IDS_FOR_EVER)

    id: int = Field(default=None, primary_key=True)
    notebook: str = Field(max_length=500)
    notebook_sha256: str | None = Field(default=None, max_length=64, index=True)
    parameters: dict[str, Any] | None = Field(default=None, sa_type=JSON_VALUE)
    status: str = Field(default="pending", max_length=50, index=True)
    output_path: str | None = Field(default=None, max_length=500)
    html_path: str | None = Field(default=None, max_length=500)
    error: str | None = Field(default=None, sa_type=sa.Text)
    backtest_job_id: int | None = Field(default=None, foreign_key="backtest_jobs.id", ondelete="SET NULL", index=True)
    created_at: datetime = Field(default_factory=now, index=True)
    started_at: datetime | None = None
    completed_at: datetime | None = None
    batch: str | None = Field(default=None, max_length=200, index=True)
    position: int | None = None
    inputs_hash: str | None = Field(default=None, max_length=64, index=True)
    worker_id: str | None = Field(default=None, max_length=100)
    lease_token: str | None = Field(default=None, max_length=32)
    heartbeat_at: datetime | None = None
    attempt: int = Field(default=0, sa_column_kwargs={"server_default": sa.text("0")})
    actual_duration: float | None = Field(default=None, sa_type=FiniteFloat)
    cancel_requested: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})


class Verdict(Table, table=True):
    """What a check found: of a strategy's source on a dataset (look-ahead), or of a stored run (verify).

    ``outcome`` is one word of the check's own, ``summary`` the sentence that users read, ``details`` the rest. Verdicts
    are added and never changed; one of a run that was deleted stays, without it.
    """

    __tablename__ = "verdicts"
    __table_args__ = (
        one_of("kind", VERDICT_KINDS),
        sa.Index(None, "source_sha256", "dataset_sha256"),
        IDS_FOR_EVER,
    )

    id: int = Field(default=None, primary_key=True)
    kind: str = Field(max_length=20)
    backtest_id: int | None = Field(default=None, foreign_key="backtests.id", ondelete="SET NULL", index=True)
    source_sha256: str = Field(max_length=64)
    dataset_sha256: str = Field(max_length=64)
    spec_hash: str | None = Field(default=None, max_length=64, index=True)
    strategy_name: str | None = Field(default=None, max_length=200)
    parameters: dict[str, Any] | None = Field(default=None, sa_type=JSON_VALUE)
    outcome: str = Field(max_length=50)
    summary: str = Field(sa_type=sa.Text)
    details: dict[str, Any] | None = Field(default=None, sa_type=JSON_VALUE)
    engine_version: str | None = Field(default=None, max_length=50)
    created_at: datetime = Field(default_factory=now, index=True)


METRIC_COLUMNS = tuple(
    column.name
    for column in columns_of("backtest_metrics").columns
    if column.name not in ("id", "backtest_job_id", "created_at", "extra", "reasons")
)
