"""A database as the backend service made it: the tables of its page, and rows as odd as years of use make them."""

import json
from datetime import datetime

import sqlalchemy as sa

PAGE = """
backtest_jobs: id Integer, status String(50), strategy String(200), strategy_params JSON, engine_options JSON,
 dataset_path String(500), progress Float, current_step String(200), total_steps Integer, created_at DateTime,
 started_at DateTime, completed_at DateTime, result_data Text, error_message Text, estimated_duration Float,
 actual_duration Float
trades: id Integer, backtest_job_id Integer!, entry_time DateTime, exit_time DateTime, entry_price Float,
 exit_price Float, quantity Float, side String(10), pnl Float, pnl_percent Float, holding_time_minutes Float,
 entry_signal String(100), exit_signal String(100), max_profit Float, max_loss Float, created_at DateTime
backtest_metrics: id Integer, backtest_job_id Integer!, total_return Float, total_return_percent Float,
 sharpe_ratio Float, sortino_ratio Float, max_drawdown Float, max_drawdown_percent Float, total_trades Integer,
 winning_trades Integer, losing_trades Integer, win_rate Float, profit_factor Float, largest_win Float,
 largest_loss Float, average_win Float, average_loss Float, average_holding_time Float, max_consecutive_wins Integer,
 max_consecutive_losses Integer, volatility Float, var_95 Float, cvar_95 Float, total_trading_days Integer,
 profitable_days Integer, daily_target_hit_rate Float, created_at DateTime
datasets: id Integer, name String(200)!, filename String(200), file_path String(500), file_size Integer,
 rows_count Integer, columns JSON, timeframe String(20)!, start_date DateTime, end_date DateTime,
 missing_data_pct Float, data_quality_score Float, has_gaps Boolean, timezone String(50), symbol String(20)!,
 exchange String(50), data_source String(100), quality_checks JSON, backtest_count Integer, last_used DateTime,
 created_at DateTime, last_accessed DateTime
strategies: id Integer, name String(200), module_path String(500), class_name String(200), description Text,
 parameters_schema JSON, default_parameters JSON, total_backtests Integer, avg_performance Float, last_used DateTime,
 created_at DateTime, is_active Boolean
backtests: id Integer, strategy_name String(200), strategy_params JSON, dataset_id Integer!, status String(50),
 results JSON, created_at DateTime, completed_at DateTime
"""
DAY = "2024-03-01 10:00:00.000000"
NOON = "2024-03-01 12:00:00.000000"

GOOD = {
    "datasets": [
        {"id": 1, "name": "SPY", "file_path": "/data/SPY.csv", "columns": '["open", "close"]', "timeframe": "1min",
         "symbol": "SPY", "rows_count": 1000, "has_gaps": False, "backtest_count": 2, "created_at": DAY,
         "start_date": DAY, "end_date": NOON, "quality_checks": '{"score": 0.9}'},
        {"id": 2, "name": "SPY", "file_path": "/data/SPY-2.csv", "columns": "null", "backtest_count": 0,
         "created_at": DAY},
    ],
    "strategies": [
        {"id": 1, "name": "app.sma.Cross", "module_path": "app.sma", "class_name": "Cross", "description": "Zürich 💹",
         "default_parameters": '{"fast": 10}', "total_backtests": 2, "avg_performance": -1.5, "is_active": True,
         "created_at": DAY},
        {"id": 2, "name": "app.sma.Cross", "total_backtests": 0, "is_active": False, "created_at": DAY},
    ],
    "backtest_jobs": [
        {"id": 1, "status": "completed", "strategy": "app.sma.Cross", "strategy_params": '{"fast": 10}',
         "dataset_path": "/data/SPY.csv", "progress": 1.0, "created_at": DAY, "started_at": DAY, "completed_at": NOON,
         "result_data": '{"equity": [1.0, 2.0]}', "actual_duration": 7200.0, "total_steps": 5},
        {"id": 2, "status": "running", "strategy": "app.sma.Cross", "progress": 0.25, "created_at": DAY,
         "started_at": DAY},
        {"id": 3, "status": "pending", "strategy": "app.sma.Cross", "progress": 0.0, "created_at": DAY},
    ],
    "backtest_metrics": [
        {"id": 1, "backtest_job_id": 1, "total_return": 120.5, "sharpe_ratio": 1.25, "win_rate": 0.5,
         "total_trades": 2, "max_drawdown": -3.0, "created_at": NOON},
    ],
    "backtests": [
        {"id": 1, "strategy_name": "app.sma.Cross", "strategy_params": '{"fast": 10}', "dataset_id": 1,
         "status": "completed", "results": '{"metrics": {"sharpe_ratio": 1.25}}', "created_at": DAY,
         "completed_at": NOON},
    ],
    "trades": [
        {"id": 1, "backtest_job_id": 1, "entry_time": DAY, "exit_time": NOON, "entry_price": 100.0,
         "exit_price": 101.5, "quantity": 2.0, "side": "long", "pnl": 3.0, "holding_time_minutes": 120.0,
         "entry_signal": "cross", "created_at": NOON},
        {"id": 2, "backtest_job_id": 1, "entry_time": NOON, "entry_price": 101.0, "quantity": 1.0, "side": "short",
         "created_at": NOON},
    ],
}  # fmt: skip
ODD = {
    "datasets": [
        {"id": 5, "name": None, "file_path": None, "backtest_count": None, "created_at": None, "rows_count": -1},
    ],
    "strategies": [{"id": 7, "name": None, "total_backtests": -2, "is_active": None, "created_at": None}],
    "backtest_jobs": [
        {"id": 4, "status": "weird", "strategy": None, "progress": 1.7, "created_at": None, "started_at": DAY},
        {"id": 5, "status": None, "strategy": "x", "progress": None, "created_at": DAY, "total_steps": -3,
         "error_message": "kept"},
        {"id": 6, "status": "Completed", "strategy": "x", "progress": None, "created_at": DAY,
         "result_data": '{"sharpe": NaN, "best": Infinity}'},
        {"id": 7, "status": "canceled", "strategy": "x", "progress": -0.5, "created_at": DAY,
         "strategy_params": "[1, 2]", "engine_options": '"{\\"commission\\": 0.1}"', "result_data": "no JSON, NaN"},
        {"id": 8, "status": "failed", "strategy": "x", "progress": "NaN", "created_at": DAY,
         "actual_duration": "Infinity"},
    ],
    "backtest_metrics": [
        {"id": 2, "backtest_job_id": 77, "win_rate": 55.0, "volatility": -1.0, "profit_factor": "Infinity",
         "created_at": None},
        {"id": 3, "backtest_job_id": None, "total_trades": -1, "created_at": DAY},
        {"id": 4, "backtest_job_id": None, "total_trades": 1, "created_at": DAY},
    ],
    "backtests": [
        {"id": 2, "strategy_name": None, "dataset_id": 42, "status": None, "created_at": DAY},
        {"id": 3, "strategy_name": "y", "dataset_id": None, "status": "weird", "created_at": None,
         "completed_at": NOON},
    ],
    "trades": [
        {"id": 10, "backtest_job_id": 99, "entry_time": DAY, "entry_price": 1.0, "quantity": 1.0, "side": "buy",
         "created_at": DAY},
        {"id": 11, "backtest_job_id": 99, "entry_time": DAY, "entry_price": 1.0, "quantity": -4.0, "side": "SHORT",
         "created_at": None},
        {"id": 12, "backtest_job_id": None, "entry_time": DAY, "entry_price": "NaN", "quantity": 0.0, "side": None,
         "holding_time_minutes": -5.0, "created_at": DAY},
    ],
}  # fmt: skip
ONLY_SQLITE = {  # what PostgreSQL's types refuse
    "datasets": [
        {"id": 6, "name": "n" * 300, "file_path": "/x", "columns": '{"a": 1}', "quality_checks": '{"score": NaN}',
         "created_at": "2024-03-01T12:00:00+02:00", "start_date": "2024-03-01", "end_date": "2024-03-01 12:00:00",
         "last_used": 1709290800, "last_accessed": "yesterday", "backtest_count": "many", "has_gaps": 2},
    ],
    "strategies": [{"id": 8, "name": b"raw\xff", "total_backtests": 1, "is_active": "yes", "created_at": DAY}],
    "backtest_jobs": [
        {"id": 20, "status": "completed", "strategy": "a\x00b", "strategy_params": "not JSON",
         "engine_options": '{"stop": -Infinity}', "progress": "half", "created_at": "2024-03-01 10:00:00"},
    ],
    "backtest_metrics": [
        {"id": 20, "backtest_job_id": 20, "sharpe_ratio": "n/a", "total_trades": 2.5, "winning_trades": 2**40,
         "created_at": DAY},
    ],
    "backtests": [
        {"id": 20, "strategy_name": "z", "dataset_id": "SPY", "status": "completed", "results": '{"equity": [NaN]}',
         "created_at": DAY},
    ],
    "trades": [
        {"id": 20, "backtest_job_id": 20, "entry_time": "bad", "exit_time": "", "entry_price": "x", "quantity": 1.0,
         "side": "long", "created_at": DAY},
    ],
}  # fmt: skip


def backend_tables(unique_metrics=True):
    """Return the tables of the backend's page: no foreign key, an index where it says so."""
    tables = sa.MetaData()
    for lines in PAGE.strip().replace("\n ", " ").split("\n"):
        name, _, columns = lines.partition(": ")
        sa.Table(name, tables, *(_column(name, text, unique_metrics) for text in columns.split(", ")))
    return tables


def _column(table, text, unique_metrics):
    name, kind = text.split()
    word, _, length = kind.rstrip("!)").partition("(")
    type_ = getattr(sa, word)(int(length)) if length else getattr(sa, word)()
    required = table == "trades" and name in ("entry_time", "entry_price", "quantity")
    unique = table == "backtest_metrics" and name == "backtest_job_id" and unique_metrics
    indexed = name == "id" or kind.endswith("!")
    return sa.Column(name, type_, primary_key=name == "id", index=indexed, unique=unique, nullable=not required)


def make_backend(url, *rows, unique_metrics=True, further=()):
    """Make the backend's tables in an empty database, with rows; ``further`` are statements to run afterwards."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        backend_tables(unique_metrics).create_all(connection)
        for tables in rows:
            for table, lines in tables.items():
                for line in lines:
                    _insert(connection, table, line)
        for statement in further:
            connection.exec_driver_sql(statement)
        if engine.dialect.name == "postgresql":
            for table in backend_tables().tables:
                connection.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), greatest(max(id), 1)) FROM {table}"
                )
    engine.dispose()


def _insert(connection, table, line):
    """Insert a row as it is, past what SQLAlchemy would make of it."""
    sqlite = connection.dialect.name == "sqlite"
    names = ", ".join(f'"{name}"' for name in line)
    marks = ", ".join(["?" if sqlite else "%s"] * len(line))
    values = tuple(_number(name, value) if sqlite else value for name, value in line.items())
    connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)


def _number(name, value):
    """Return the numbers that PostgreSQL reads from text: SQLite stores infinity, and NaN as text at most."""
    return float("inf") if value == "Infinity" else value


def backend_rows(url):
    """Return all that is in the backend's tables, as the driver gives it: rows by table and id, JSON as text."""
    engine = sa.create_engine(url)
    found = {}
    with engine.connect() as connection:
        for table in backend_tables().tables:
            there = sa.inspect(connection).get_columns(table)
            cast = {c["name"] for c in there if isinstance(c["type"], sa.JSON) and engine.dialect.name == "postgresql"}
            columns = [
                f'CAST("{name}" AS TEXT)' if name in cast else f'"{name}"'
                for name in (column["name"] for column in there)
            ]
            names = [column["name"] for column in there]
            rows = connection.exec_driver_sql(f"SELECT {', '.join(columns)} FROM {table} ORDER BY id").all()
            found[table] = {row[0]: dict(zip(names, row, strict=True)) for row in rows}
    engine.dispose()
    return Rows(found)


class Rows(dict):
    """Rows that are equal where they look the same: NaN is NaN."""

    def __eq__(self, other):
        return repr(self) == repr(other)

    __hash__ = None


def same(before, after):
    """Return whether two values mean the same: times as moments, JSON as what it holds."""
    if before is None or after is None:
        return before is after
    if isinstance(before, datetime):
        return before == after.replace(tzinfo=before.tzinfo)
    if isinstance(before, str) and isinstance(after, str) and before != after:
        return _read(before) == _read(after) is not None
    return before == after or (before != before and after != after)  # noqa: PLR0124 - NaN


def assert_same_rows(before, after):
    """Fail unless two contents of the backend's tables have the same rows, which mean the same."""
    assert {table: list(rows) for table, rows in after.items()} == {table: list(rows) for table, rows in before.items()}
    for table, rows in before.items():
        for row_id, row in rows.items():
            for column, value in row.items():
                assert same(value, after[table][row_id][column]), (table, row_id, column)


def _read(text):
    for read in (datetime.fromisoformat, json.loads):
        try:
            return read(text)
        except ValueError:
            continue
    return None
