"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATUS = "status IN ('pending', 'running', 'completed', 'failed', 'cancelled')"
COUNT = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "datasets",
        Column("id", sa.Integer(), nullable=False),
        Column("name", sa.String(200), nullable=False),
        Column("filename", sa.String(200), nullable=True),
        Column("file_path", sa.String(500), nullable=False),
        Column("file_size", COUNT, nullable=True),
        Column("rows_count", COUNT, nullable=True),
        Column("columns", sa.JSON(), nullable=True),
        Column("timeframe", sa.String(20), nullable=True),
        Column("start_date", sa.DateTime(timezone=True), nullable=True),
        Column("end_date", sa.DateTime(timezone=True), nullable=True),
        Column("missing_data_pct", sa.Float(), nullable=True),
        Column("data_quality_score", sa.Float(), nullable=True),
        Column("has_gaps", sa.Boolean(), nullable=True),
        Column("timezone", sa.String(50), nullable=True),
        Column("symbol", sa.String(20), nullable=True),
        Column("exchange", sa.String(50), nullable=True),
        Column("data_source", sa.String(100), nullable=True),
        Column("quality_checks", sa.JSON(), nullable=True),
        Column("backtest_count", sa.Integer(), nullable=False),
        Column("last_used", sa.DateTime(timezone=True), nullable=True),
        Column("created_at", sa.DateTime(timezone=True), nullable=False),
        Column("last_accessed", sa.DateTime(timezone=True), nullable=True),
        Column("sha256", sa.String(64), nullable=True),
        Column("session", sa.String(20), nullable=True),
        Column("source_sha256", sa.String(64), nullable=True),
        Column("import_options", sa.JSON(), nullable=True),
        Column("parent_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("backtest_count >= 0", name=op.f("ck_datasets_backtest_count")),
        sa.CheckConstraint("data_quality_score >= 0", name=op.f("ck_datasets_data_quality_score")),
        sa.CheckConstraint("file_size >= 0", name=op.f("ck_datasets_file_size")),
        sa.CheckConstraint("missing_data_pct >= 0", name=op.f("ck_datasets_missing_data_pct")),
        sa.CheckConstraint("rows_count >= 0", name=op.f("ck_datasets_rows_count")),
        sa.ForeignKeyConstraint(["parent_id"], ["datasets.id"], name="fk_datasets_parent_id"),
        sa.PrimaryKeyConstraint("id", name="pk_datasets"),
        sa.UniqueConstraint("name", "sha256", name="uq_datasets_name_sha256"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_datasets_created_at", "datasets", ["created_at"])
    op.create_index("ix_datasets_name", "datasets", ["name"])
    op.create_index("ix_datasets_parent_id", "datasets", ["parent_id"])
    op.create_index("ix_datasets_sha256", "datasets", ["sha256"])
    op.create_index("ix_datasets_symbol", "datasets", ["symbol"])
    op.create_index("ix_datasets_timeframe", "datasets", ["timeframe"])

    op.create_table(
        "strategies",
        Column("id", sa.Integer(), nullable=False),
        Column("name", sa.String(200), nullable=False),
        Column("module_path", sa.String(500), nullable=True),
        Column("class_name", sa.String(200), nullable=True),
        Column("description", sa.Text(), nullable=True),
        Column("parameters_schema", sa.JSON(), nullable=True),
        Column("default_parameters", sa.JSON(), nullable=True),
        Column("total_backtests", sa.Integer(), nullable=False),
        Column("avg_performance", sa.Float(), nullable=True),
        Column("last_used", sa.DateTime(timezone=True), nullable=True),
        Column("created_at", sa.DateTime(timezone=True), nullable=False),
        Column("is_active", sa.Boolean(), nullable=False),
        Column("origin", sa.String(20), nullable=True),
        Column("source", sa.Text(), nullable=True),
        Column("source_sha256", sa.String(64), nullable=True),
        sa.CheckConstraint(
            "origin IN ('builtin', 'workspace', 'module', 'notebook')", name=op.f("ck_strategies_origin")
        ),
        sa.CheckConstraint("total_backtests >= 0", name=op.f("ck_strategies_total_backtests")),
        sa.PrimaryKeyConstraint("id", name="pk_strategies"),
        sa.UniqueConstraint("name", "source_sha256", name="uq_strategies_name_source_sha256"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_strategies_is_active", "strategies", ["is_active"])
    op.create_index("ix_strategies_name", "strategies", ["name"])

    op.create_table(
        "backtest_jobs",
        Column("id", sa.Integer(), nullable=False),
        Column("status", sa.String(50), nullable=False),
        Column("strategy", sa.String(200), nullable=False),
        Column("strategy_params", sa.JSON(), nullable=True),
        Column("engine_options", sa.JSON(), nullable=True),
        Column("dataset_path", sa.String(500), nullable=True),
        Column("progress", sa.Float(), nullable=False),
        Column("current_step", sa.String(200), nullable=True),
        Column("total_steps", sa.Integer(), nullable=True),
        Column("created_at", sa.DateTime(timezone=True), nullable=False),
        Column("started_at", sa.DateTime(timezone=True), nullable=True),
        Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        Column("result_data", sa.Text(), nullable=True),
        Column("error_message", sa.Text(), nullable=True),
        Column("estimated_duration", sa.Float(), nullable=True),
        Column("actual_duration", sa.Float(), nullable=True),
        Column("dataset_id", sa.Integer(), nullable=True),
        Column("strategy_id", sa.Integer(), nullable=True),
        Column("spec", sa.JSON(), nullable=True),
        Column("spec_hash", sa.String(64), nullable=True),
        Column("engine_version", sa.String(50), nullable=True),
        Column("dataset_sha256", sa.String(64), nullable=True),
        Column("strategy_sha256", sa.String(64), nullable=True),
        Column("seed", COUNT, nullable=True),
        Column("worker_id", sa.String(100), nullable=True),
        Column("lease_token", sa.String(32), nullable=True),
        Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        Column("attempt", sa.Integer(), nullable=False),
        Column("max_attempts", sa.Integer(), nullable=False),
        Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.CheckConstraint(STATUS, name=op.f("ck_backtest_jobs_status")),
        sa.CheckConstraint("attempt >= 0", name=op.f("ck_backtest_jobs_attempt")),
        sa.CheckConstraint("estimated_duration >= 0", name=op.f("ck_backtest_jobs_estimated_duration")),
        sa.CheckConstraint("max_attempts >= 1", name=op.f("ck_backtest_jobs_max_attempts")),
        sa.CheckConstraint("progress BETWEEN 0 AND 1", name=op.f("ck_backtest_jobs_progress")),
        sa.CheckConstraint("total_steps >= 0", name=op.f("ck_backtest_jobs_total_steps")),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name="fk_backtest_jobs_dataset_id"),
        sa.ForeignKeyConstraint(["strategy_id"], ["strategies.id"], name="fk_backtest_jobs_strategy_id"),
        sa.PrimaryKeyConstraint("id", name="pk_backtest_jobs"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_backtest_jobs_created_at", "backtest_jobs", ["created_at"])
    op.create_index("ix_backtest_jobs_dataset_id", "backtest_jobs", ["dataset_id"])
    op.create_index("ix_backtest_jobs_spec_hash", "backtest_jobs", ["spec_hash"])
    op.create_index("ix_backtest_jobs_status", "backtest_jobs", ["status"])
    op.create_index("ix_backtest_jobs_status_heartbeat_at", "backtest_jobs", ["status", "heartbeat_at"])
    op.create_index("ix_backtest_jobs_strategy_id", "backtest_jobs", ["strategy_id"])

    op.create_table(
        "sweeps",
        Column("id", sa.Integer(), nullable=False),
        Column("strategy_name", sa.String(200), nullable=False),
        Column("strategy_sha256", sa.String(64), nullable=True),
        Column("dataset_id", sa.Integer(), nullable=True),
        Column("method", sa.String(50), nullable=False),
        Column("objective", sa.String(100), nullable=True),
        Column("grid", sa.JSON(), nullable=True),
        Column("options", sa.JSON(), nullable=True),
        Column("status", sa.String(50), nullable=False),
        Column("total_sets", sa.Integer(), nullable=False),
        Column("completed_sets", sa.Integer(), nullable=False),
        Column("error", sa.Text(), nullable=True),
        Column("created_at", sa.DateTime(timezone=True), nullable=False),
        Column("started_at", sa.DateTime(timezone=True), nullable=True),
        Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(STATUS, name=op.f("ck_sweeps_status")),
        sa.CheckConstraint("completed_sets >= 0", name=op.f("ck_sweeps_completed_sets")),
        sa.CheckConstraint("total_sets >= 0", name=op.f("ck_sweeps_total_sets")),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name="fk_sweeps_dataset_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sweeps"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sweeps_dataset_id", "sweeps", ["dataset_id"])
    op.create_index("ix_sweeps_status", "sweeps", ["status"])
    op.create_index("ix_sweeps_strategy_name", "sweeps", ["strategy_name"])

    op.create_table(
        "backtest_metrics",
        Column("id", sa.Integer(), nullable=False),
        Column("backtest_job_id", sa.Integer(), nullable=False),
        Column("total_return", sa.Float(), nullable=True),
        Column("total_return_percent", sa.Float(), nullable=True),
        Column("sharpe_ratio", sa.Float(), nullable=True),
        Column("sortino_ratio", sa.Float(), nullable=True),
        Column("max_drawdown", sa.Float(), nullable=True),
        Column("max_drawdown_percent", sa.Float(), nullable=True),
        Column("total_trades", sa.Integer(), nullable=True),
        Column("winning_trades", sa.Integer(), nullable=True),
        Column("losing_trades", sa.Integer(), nullable=True),
        Column("win_rate", sa.Float(), nullable=True),
        Column("profit_factor", sa.Float(), nullable=True),
        Column("largest_win", sa.Float(), nullable=True),
        Column("largest_loss", sa.Float(), nullable=True),
        Column("average_win", sa.Float(), nullable=True),
        Column("average_loss", sa.Float(), nullable=True),
        Column("average_holding_time", sa.Float(), nullable=True),
        Column("max_consecutive_wins", sa.Integer(), nullable=True),
        Column("max_consecutive_losses", sa.Integer(), nullable=True),
        Column("volatility", sa.Float(), nullable=True),
        Column("var_95", sa.Float(), nullable=True),
        Column("cvar_95", sa.Float(), nullable=True),
        Column("total_trading_days", sa.Integer(), nullable=True),
        Column("profitable_days", sa.Integer(), nullable=True),
        Column("daily_target_hit_rate", sa.Float(), nullable=True),
        Column("created_at", sa.DateTime(timezone=True), nullable=False),
        Column("extra", sa.JSON(), nullable=True),
        Column("reasons", sa.JSON(), nullable=True),
        sa.CheckConstraint("average_holding_time >= 0", name=op.f("ck_backtest_metrics_average_holding_time")),
        sa.CheckConstraint(
            "daily_target_hit_rate BETWEEN 0 AND 1", name=op.f("ck_backtest_metrics_daily_target_hit_rate")
        ),
        sa.CheckConstraint("losing_trades >= 0", name=op.f("ck_backtest_metrics_losing_trades")),
        sa.CheckConstraint("max_consecutive_losses >= 0", name=op.f("ck_backtest_metrics_max_consecutive_losses")),
        sa.CheckConstraint("max_consecutive_wins >= 0", name=op.f("ck_backtest_metrics_max_consecutive_wins")),
        sa.CheckConstraint("profit_factor >= 0", name=op.f("ck_backtest_metrics_profit_factor")),
        sa.CheckConstraint("profitable_days >= 0", name=op.f("ck_backtest_metrics_profitable_days")),
        sa.CheckConstraint("total_trades >= 0", name=op.f("ck_backtest_metrics_total_trades")),
        sa.CheckConstraint("total_trading_days >= 0", name=op.f("ck_backtest_metrics_total_trading_days")),
        sa.CheckConstraint("volatility >= 0", name=op.f("ck_backtest_metrics_volatility")),
        sa.CheckConstraint("win_rate BETWEEN 0 AND 1", name=op.f("ck_backtest_metrics_win_rate")),
        sa.CheckConstraint("winning_trades >= 0", name=op.f("ck_backtest_metrics_winning_trades")),
        sa.ForeignKeyConstraint(
            ["backtest_job_id"], ["backtest_jobs.id"], name="fk_backtest_metrics_backtest_job_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_backtest_metrics"),
    )
    op.create_index("ix_backtest_metrics_backtest_job_id", "backtest_metrics", ["backtest_job_id"], unique=True)

    op.create_table(
        "backtests",
        Column("id", sa.Integer(), nullable=False),
        Column("strategy_name", sa.String(200), nullable=False),
        Column("strategy_params", sa.JSON(), nullable=True),
        Column("dataset_id", sa.Integer(), nullable=True),
        Column("status", sa.String(50), nullable=False),
        Column("results", sa.JSON(), nullable=True),
        Column("created_at", sa.DateTime(timezone=True), nullable=False),
        Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        Column("backtest_job_id", sa.Integer(), nullable=True),
        Column("strategy_id", sa.Integer(), nullable=True),
        Column("spec_hash", sa.String(64), nullable=True),
        Column("equity_path", sa.String(500), nullable=True),
        Column("equity_sha256", sa.String(64), nullable=True),
        Column("equity_size", COUNT, nullable=True),
        sa.CheckConstraint(STATUS, name=op.f("ck_backtests_status")),
        sa.CheckConstraint("equity_size >= 0", name=op.f("ck_backtests_equity_size")),
        sa.ForeignKeyConstraint(
            ["backtest_job_id"], ["backtest_jobs.id"], name="fk_backtests_backtest_job_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name="fk_backtests_dataset_id"),
        sa.ForeignKeyConstraint(["strategy_id"], ["strategies.id"], name="fk_backtests_strategy_id"),
        sa.PrimaryKeyConstraint("id", name="pk_backtests"),
        sa.UniqueConstraint("backtest_job_id", name="uq_backtests_backtest_job_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_backtests_created_at", "backtests", ["created_at"])
    op.create_index("ix_backtests_dataset_id", "backtests", ["dataset_id"])
    op.create_index("ix_backtests_spec_hash", "backtests", ["spec_hash"])
    op.create_index("ix_backtests_strategy_id", "backtests", ["strategy_id"])
    op.create_index("ix_backtests_strategy_name", "backtests", ["strategy_name"])

    op.create_table(
        "notebook_runs",
        Column("id", sa.Integer(), nullable=False),
        Column("notebook", sa.String(500), nullable=False),
        Column("notebook_sha256", sa.String(64), nullable=True),
        Column("parameters", sa.JSON(), nullable=True),
        Column("status", sa.String(50), nullable=False),
        Column("output_path", sa.String(500), nullable=True),
        Column("html_path", sa.String(500), nullable=True),
        Column("error", sa.Text(), nullable=True),
        Column("backtest_job_id", sa.Integer(), nullable=True),
        Column("created_at", sa.DateTime(timezone=True), nullable=False),
        Column("started_at", sa.DateTime(timezone=True), nullable=True),
        Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(STATUS, name=op.f("ck_notebook_runs_status")),
        sa.ForeignKeyConstraint(
            ["backtest_job_id"], ["backtest_jobs.id"], name="fk_notebook_runs_backtest_job_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notebook_runs"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notebook_runs_backtest_job_id", "notebook_runs", ["backtest_job_id"])
    op.create_index("ix_notebook_runs_created_at", "notebook_runs", ["created_at"])
    op.create_index("ix_notebook_runs_notebook_sha256", "notebook_runs", ["notebook_sha256"])
    op.create_index("ix_notebook_runs_status", "notebook_runs", ["status"])

    op.create_table(
        "trades",
        Column("id", COUNT, nullable=False),
        Column("backtest_job_id", sa.Integer(), nullable=False),
        Column("entry_time", sa.DateTime(timezone=True), nullable=False),
        Column("exit_time", sa.DateTime(timezone=True), nullable=True),
        Column("entry_price", sa.Float(), nullable=False),
        Column("exit_price", sa.Float(), nullable=True),
        Column("quantity", sa.Float(), nullable=False),
        Column("side", sa.String(10), nullable=False),
        Column("pnl", sa.Float(), nullable=True),
        Column("pnl_percent", sa.Float(), nullable=True),
        Column("holding_time_minutes", sa.Float(), nullable=True),
        Column("entry_signal", sa.String(100), nullable=True),
        Column("exit_signal", sa.String(100), nullable=True),
        Column("max_profit", sa.Float(), nullable=True),
        Column("max_loss", sa.Float(), nullable=True),
        Column("created_at", sa.DateTime(timezone=True), nullable=False),
        Column("commission", sa.Float(), nullable=True),
        Column("slippage", sa.Float(), nullable=True),
        Column("borrow", sa.Float(), nullable=True),
        sa.CheckConstraint("side IN ('long', 'short')", name=op.f("ck_trades_side")),
        sa.CheckConstraint("holding_time_minutes >= 0", name=op.f("ck_trades_holding_time_minutes")),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_trades_quantity")),
        sa.ForeignKeyConstraint(
            ["backtest_job_id"], ["backtest_jobs.id"], name="fk_trades_backtest_job_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_trades"),
    )
    op.create_index("ix_trades_backtest_job_id", "trades", ["backtest_job_id"])

    op.create_table(
        "trials",
        Column("id", COUNT, nullable=False),
        Column("spec_hash", sa.String(64), nullable=False),
        Column("kind", sa.String(20), nullable=False),
        Column("state", sa.String(20), nullable=False),
        Column("dataset_id", sa.Integer(), nullable=True),
        Column("dataset_sha256", sa.String(64), nullable=True),
        Column("strategy_name", sa.String(200), nullable=False),
        Column("strategy_sha256", sa.String(64), nullable=True),
        Column("parameters", sa.JSON(), nullable=True),
        Column("options", sa.JSON(), nullable=True),
        Column("backtest_job_id", sa.Integer(), nullable=True),
        Column("sweep_id", sa.Integer(), nullable=True),
        Column("daily_returns", sa.LargeBinary(), nullable=True),
        Column("first_day", sa.Date(), nullable=True),
        Column("n_returns", sa.Integer(), nullable=True),
        Column("mean", sa.Float(), nullable=True),
        Column("std", sa.Float(), nullable=True),
        Column("skew", sa.Float(), nullable=True),
        Column("kurtosis", sa.Float(), nullable=True),
        Column("metrics", sa.JSON(), nullable=True),
        Column("error", sa.Text(), nullable=True),
        Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('run', 'sweep', 'walk_forward', 'notebook')", name=op.f("ck_trials_kind")),
        sa.CheckConstraint("state IN ('completed', 'failed', 'cancelled', 'deleted')", name=op.f("ck_trials_state")),
        sa.CheckConstraint("n_returns >= 0", name=op.f("ck_trials_n_returns")),
        sa.CheckConstraint("std >= 0", name=op.f("ck_trials_std")),
        sa.ForeignKeyConstraint(
            ["backtest_job_id"], ["backtest_jobs.id"], name="fk_trials_backtest_job_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name="fk_trials_dataset_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], name="fk_trials_sweep_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_trials"),
        sa.UniqueConstraint("spec_hash", name="uq_trials_spec_hash"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_trials_backtest_job_id", "trials", ["backtest_job_id"])
    op.create_index("ix_trials_dataset_id", "trials", ["dataset_id"])
    op.create_index("ix_trials_dataset_sha256", "trials", ["dataset_sha256"])
    op.create_index("ix_trials_strategy_name", "trials", ["strategy_name"])
    op.create_index("ix_trials_sweep_id", "trials", ["sweep_id"])


def downgrade() -> None:
    op.drop_table("trials")
    op.drop_table("trades")
    op.drop_table("notebook_runs")
    op.drop_table("backtests")
    op.drop_table("backtest_metrics")
    op.drop_table("sweeps")
    op.drop_table("backtest_jobs")
    op.drop_table("strategies")
    op.drop_table("datasets")
