"""The tables of what was tried: trials, the sweeps that searched, and the sets of each sweep."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from research_kit.store.columns import (
    COUNT,
    IDS_FOR_EVER,
    JOB_STATES,
    JSON_VALUE,
    SWEEP_KINDS,
    TRIAL_KINDS,
    TRIAL_STATES,
    FiniteFloat,
    Table,
    at_least_zero,
    now,
    one_of,
)


class SweepRow(Table, table=True):
    """A search over parameter sets, or a walk-forward: what it is, how far it is, and the lease of who works on it.

    ``sets_hash`` is the same where the same is asked again, ``settings`` what else describes it (windows and the like),
    ``actual_duration`` the seconds for which it was worked on, over all attempts.
    """

    __tablename__ = "sweeps"
    __table_args__ = (
        one_of("status", JOB_STATES),
        one_of("kind", SWEEP_KINDS),
        *at_least_zero("total_sets", "completed_sets", "failed_sets"),
        IDS_FOR_EVER,
    )

    id: int = Field(default=None, primary_key=True)
    strategy_name: str = Field(max_length=200, index=True)
    strategy_sha256: str | None = Field(default=None, max_length=64)
    dataset_id: int | None = Field(default=None, foreign_key="datasets.id", index=True)
    method: str = Field(max_length=50)
    objective: str | None = Field(default=None, max_length=100)
    grid: dict[str, Any] | None = Field(default=None, sa_type=JSON_VALUE)
    options: dict[str, Any] | None = Field(default=None, sa_type=JSON_VALUE)
    status: str = Field(default="pending", max_length=50, index=True)
    total_sets: int = 0
    completed_sets: int = 0
    error: str | None = Field(default=None, sa_type=sa.Text)
    created_at: datetime = Field(default_factory=now)
    started_at: datetime | None = None
    completed_at: datetime | None = None
    kind: str = Field(default="sweep", max_length=20, sa_column_kwargs={"server_default": "sweep"})
    strategy_class: str | None = Field(default=None, max_length=500)
    dataset_sha256: str | None = Field(default=None, max_length=64)
    sets_hash: str | None = Field(default=None, max_length=64, index=True)
    seed: int | None = Field(default=None, sa_type=COUNT)
    settings: dict[str, Any] | None = Field(default=None, sa_type=JSON_VALUE)
    failed_sets: int = Field(default=0, sa_column_kwargs={"server_default": sa.text("0")})
    best_spec_hash: str | None = Field(default=None, max_length=64)
    actual_duration: float | None = Field(default=None, sa_type=FiniteFloat)
    worker_id: str | None = Field(default=None, max_length=100)
    lease_token: str | None = Field(default=None, max_length=32)
    heartbeat_at: datetime | None = None
    cancel_requested: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})


class SweepSet(Table, table=True):
    """One parameter set of a sweep, by its place in it; what came of it is the trial of the same ``spec_hash``.

    A trial is one row whatever number of sweeps contain it, and a set has none until it was run.
    """

    __tablename__ = "sweep_sets"
    __table_args__ = (*at_least_zero("position"), {"sqlite_with_rowid": False})

    sweep_id: int = Field(foreign_key="sweeps.id", ondelete="CASCADE", primary_key=True)
    position: int = Field(primary_key=True)
    spec_hash: str = Field(max_length=64, index=True)


class Trial(Table, table=True):
    """One thing that was tried on a dataset, counted for ever: the same spec is the same trial.

    ``daily_returns`` are packed as ``store.returns`` says; ``sweep_id`` is the newest sweep that ran it.
    """

    __tablename__ = "trials"
    __table_args__ = (
        one_of("kind", TRIAL_KINDS),
        one_of("state", TRIAL_STATES),
        *at_least_zero("n_returns", "std"),
        IDS_FOR_EVER,
    )

    id: int = Field(default=None, primary_key=True, sa_type=COUNT)
    spec_hash: str = Field(max_length=64, unique=True)
    kind: str = Field(max_length=20)
    state: str = Field(max_length=20)
    dataset_id: int | None = Field(default=None, foreign_key="datasets.id", ondelete="SET NULL", index=True)
    dataset_sha256: str | None = Field(default=None, max_length=64, index=True)
    strategy_name: str = Field(max_length=200, index=True)
    strategy_sha256: str | None = Field(default=None, max_length=64)
    parameters: dict[str, Any] | None = Field(default=None, sa_type=JSON_VALUE)
    options: dict[str, Any] | None = Field(default=None, sa_type=JSON_VALUE)
    backtest_job_id: int | None = Field(default=None, foreign_key="backtest_jobs.id", ondelete="SET NULL", index=True)
    sweep_id: int | None = Field(default=None, foreign_key="sweeps.id", ondelete="SET NULL", index=True)
    daily_returns: bytes | None = None
    first_day: date | None = None
    n_returns: int | None = None
    mean: float | None = Field(default=None, sa_type=FiniteFloat)
    std: float | None = Field(default=None, sa_type=FiniteFloat)
    skew: float | None = Field(default=None, sa_type=FiniteFloat)
    kurtosis: float | None = Field(default=None, sa_type=FiniteFloat)
    metrics: dict[str, Any] | None = Field(default=None, sa_type=JSON_VALUE)
    error: str | None = Field(default=None, sa_type=sa.Text)
    created_at: datetime = Field(default_factory=now)
    engine_version: str | None = Field(default=None, max_length=50)
