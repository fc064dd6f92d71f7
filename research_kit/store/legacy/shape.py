"""The tables of the backend service that was there before: how they are recognised, and where their odd values stay."""
# ruff: noqa: SIM905 - a hundred names read better as words

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable

from research_kit.store.columns import columns_of

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "datasets": tuple(
        "id name filename file_path file_size rows_count columns timeframe start_date end_date missing_data_pct "
        "data_quality_score has_gaps timezone symbol exchange data_source quality_checks backtest_count last_used "
        "created_at last_accessed".split()
    ),
    "strategies": tuple(
        "id name module_path class_name description parameters_schema default_parameters total_backtests "
        "avg_performance last_used created_at is_active".split()
    ),
    "backtest_jobs": tuple(
        "id status strategy strategy_params engine_options dataset_path progress current_step total_steps created_at "
        "started_at completed_at result_data error_message estimated_duration actual_duration".split()
    ),
    "backtest_metrics": tuple(
        "id backtest_job_id total_return total_return_percent sharpe_ratio sortino_ratio max_drawdown "
        "max_drawdown_percent total_trades winning_trades losing_trades win_rate profit_factor largest_win "
        "largest_loss average_win average_loss average_holding_time max_consecutive_wins max_consecutive_losses "
        "volatility var_95 cvar_95 total_trading_days profitable_days daily_target_hit_rate created_at".split()
    ),
    "backtests": tuple(
        "id strategy_name strategy_params dataset_id status results created_at completed_at".split(),
    ),
    "trades": tuple(
        "id backtest_job_id entry_time exit_time entry_price exit_price quantity side pnl pnl_percent "
        "holding_time_minutes entry_signal exit_signal max_profit max_loss created_at".split()
    ),
}  # parents before children
PARENTS = {  # what names a row of which table, without a foreign key
    "backtest_metrics": ("backtest_job_id", "backtest_jobs"),
    "backtests": ("dataset_id", "datasets"),
    "trades": ("backtest_job_id", "backtest_jobs"),
}
INDEXES = {"backtest_metrics": ("backtest_job_id", True), "backtests": ("dataset_id", False)} | {
    "trades": ("backtest_job_id", False)
}

KEPT = sa.Table(
    "legacy_values",  # there only in a database that was adopted
    sa.MetaData(),
    sa.Column("table_name", sa.String(63), primary_key=True),
    sa.Column("row_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("column_name", sa.String(200), primary_key=True),
    sa.Column("original", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)
MADE = (0, "")  # the row and column under which the statements stand that made a table


def missing_columns(connection: sa.Connection) -> dict[str, list[str]]:
    """Return, for each of the six tables, which of its columns a database lacks; empty when it is the backend's."""
    inspector = sa.inspect(connection)
    tables = set(inspector.get_table_names())
    there = {name: {column["name"] for column in inspector.get_columns(name)} for name in COLUMNS if name in tables}
    missing = {name: [c for c in columns if c not in there.get(name, ())] for name, columns in COLUMNS.items()}
    return {name: columns for name, columns in missing.items() if columns}


def is_adopted(connection: sa.Connection) -> bool:
    """Return whether the rows of a database came from the backend's tables."""
    return sa.inspect(connection).has_table(KEPT.name)


def backend_table(name: str) -> sa.Table:
    """Return one of the backend's tables as its page describes it: no foreign keys, no checks, naive times."""
    ours = columns_of(name).columns
    columns = [
        sa.Column(column, _plain_type(ours[column]), primary_key=column == "id", index=column == "id")
        for column in COLUMNS[name]
    ]
    table = sa.Table(name, sa.MetaData(naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s"}), *columns)
    if name in INDEXES:
        column, unique = INDEXES[name]
        sa.Index(None, table.c[column], unique=unique)
    return table


def making(connection: sa.Connection, table: sa.Table) -> list[str]:
    """Return the statements that make a table in the database of a connection: itself first, then its indexes."""
    indexes = sorted(table.indexes, key=lambda index: str(index.name))
    made: list[sa.ExecutableDDLElement] = [CreateTable(table), *map(CreateIndex, indexes)]
    return [str(statement.compile(connection)).strip() for statement in made]


def _plain_type(column: sa.Column[Any]) -> sa.types.TypeEngine[Any]:
    kind = column.type
    if isinstance(kind, sa.types.TypeDecorator):
        kind = kind.impl_instance
    if isinstance(kind, sa.DateTime):
        return sa.DateTime()
    if isinstance(kind, sa.String) and not isinstance(kind, sa.Text):
        return sa.String(kind.length)
    return kind
