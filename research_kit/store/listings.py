"""What is in the database, as tables to look at: newest first, times aware UTC, large columns left out.

Long lists come a page at a time: ``limit`` rows (None is all), of ids below ``before``, so that the next page begins
where this one ends. Each is one statement that walks along the primary key, as quick on the last page as on the first.
"""
# ruff: noqa: SIM905 - forty names read better as words

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlmodel import SQLModel, UTCDateTime, select

from research_kit.errors import NotFoundError, OptionError
from research_kit.store.bulk import read_trades
from research_kit.store.database import Database
from research_kit.store.families import family_bars
from research_kit.store.holdouts import held_datasets
from research_kit.store.json_columns import read_numbers, read_objects
from research_kit.store.stored_trials import columns_of_rows
from research_kit.store.tables import METRIC_COLUMNS, Backtest, BacktestJob, BacktestMetrics, columns_of
from research_kit.store.trial_batch import MOMENTS
from research_kit.store.trials import narrowed
from research_kit.store.wanted import Wanted, tags_as_text

if TYPE_CHECKING:
    import pandas as pd

Row = TypeVar("Row", bound=SQLModel)

_DATASETS, _STRATEGIES = columns_of("datasets"), columns_of("strategies")
_JOBS, _BACKTESTS, _METRICS = columns_of("backtest_jobs"), columns_of("backtests"), columns_of("backtest_metrics")
_SWEEPS, _TRIALS, _NOTEBOOKS = columns_of("sweeps"), columns_of("trials"), columns_of("notebook_runs")
_VERDICTS = columns_of("verdicts")

EVERYTHING = Wanted()
NEWEST = 1_000  # rows of a list that grows without end, unless more are asked for
MOST_WALKED = 100  # bars of one family whose trials are each walked along the index; SQLite unites at most 500

_VERSION = sa.func.row_number().over(partition_by=_DATASETS.c.name, order_by=_DATASETS.c.id).label("version")

DATASET_COLUMNS = (
    "id name version symbol timeframe rows_count start_date end_date session timezone exchange data_quality_score "
    "missing_data_pct has_gaps holdout_start backtest_count last_used created_at sha256"
).split()
VERSION_COLUMNS = (
    "id version operation arguments parents rows_count timeframe start_date end_date data_quality_score "
    "backtest_count created_at sha256"
).split()
STRATEGY_COLUMNS = (
    "id name description origin is_active default_parameters total_backtests avg_performance last_used created_at "
    "source_sha256"
).split()
JOB_COLUMNS = (
    "status strategy strategy_params progress current_step created_at started_at completed_at actual_duration "
    "attempt cancel_requested worker_id error_message spec_hash"
).split()
SWEEP_COLUMNS = (
    "strategy_name kind method objective status total_sets completed_sets failed_sets actual_duration best_spec_hash "
    "error created_at started_at completed_at"
).split()
TRIAL_COLUMNS = (
    "id spec_hash kind state strategy_name dataset parameters n_returns mean std skew kurtosis metrics error created_at"
).split()
VERDICT_COLUMNS = (
    "id kind backtest_id strategy_name parameters outcome summary engine_version created_at spec_hash"
).split()
HEADLINE_METRICS = (
    "total_return_percent sharpe_ratio max_drawdown_percent total_trades win_rate profit_factor volatility"
).split()


class JobMetrics(NamedTuple):
    """The metrics of a job by name, and why those that are None are."""

    values: dict[str, float | int | None]
    reasons: dict[str, str]


def datasets_table(database: Database, limit: int | None = None, *, before: int | None = None) -> pd.DataFrame:
    """Return the datasets, every version of each, newest first.

    The versions of a name are counted from 1; ``holdout_start`` is that of the dataset or of one with the same data.
    """
    columns = [_VERSION if name == "version" else _DATASETS.c[name] for name in DATASET_COLUMNS]
    frame = _frame(database, _page(sa.select(*columns), _DATASETS, limit, before))
    starts = frame["id"].map(held_datasets(database))
    return frame.assign(holdout_start=starts.astype(frame["holdout_start"].dtype))


def versions_table(database: Database, name: str) -> pd.DataFrame:
    """Return the versions of a dataset's name, newest first: how each was made, with what, from which rows (ids)."""
    import pandas as pd

    plain = [name for name in VERSION_COLUMNS if name not in ("version", "operation", "arguments", "parents")]
    columns = [_VERSION, *(_DATASETS.c[name] for name in (*plain, "lineage", "parent_id"))]
    query = sa.select(*columns).where(_DATASETS.c.name == name).order_by(_DATASETS.c.id.desc())
    with database.read() as session:
        rows = [dict(row) for row in session.execute(query).mappings()]
    records = [row | _made(row["lineage"], row["parent_id"]) for row in rows]
    return _timed(pd.DataFrame.from_records(records, columns=VERSION_COLUMNS), query)


def strategies_table(
    database: Database, limit: int | None = None, *, before: int | None = None, all_versions: bool = False
) -> pd.DataFrame:
    """Return the current version of each stored strategy, or all versions, newest first."""
    query = sa.select(*(_STRATEGIES.c[name] for name in STRATEGY_COLUMNS))
    query = query if all_versions else query.where(_STRATEGIES.c.is_active)
    return _frame(database, _page(query, _STRATEGIES, limit, before))


def jobs_table(
    database: Database, limit: int | None = NEWEST, *, before: int | None = None, status: str | None = None
) -> pd.DataFrame:
    """Return the newest jobs, newest first, or those in one state."""
    columns = [_JOBS.c.id, _DATASETS.c.name.label("dataset"), *(_JOBS.c[name] for name in JOB_COLUMNS)]
    query = sa.select(*columns).select_from(_JOBS.outerjoin(_DATASETS))
    query = query if status is None else query.where(_JOBS.c.status == status)
    return _frame(database, _page(query, _JOBS, limit, before))


def backtests_table(
    database: Database, limit: int | None = NEWEST, *, before: int | None = None, wanted: Wanted = EVERYTHING
) -> pd.DataFrame:
    """Return the newest finished backtests with dataset, headline metrics and marks, newest first: all, or some."""
    columns = [
        _BACKTESTS.c.id,
        _BACKTESTS.c.backtest_job_id.label("job_id"),
        _BACKTESTS.c.strategy_name,
        _BACKTESTS.c.strategy_params,
        _DATASETS.c.name.label("dataset"),
        *(_METRICS.c[name] for name in HEADLINE_METRICS),
        *(_BACKTESTS.c[name] for name in ("status", "created_at", "completed_at", "spec_hash", "pinned", "note")),
        tags_as_text().label("tags"),
    ]
    metrics_of = _METRICS.c.backtest_job_id == _BACKTESTS.c.backtest_job_id
    source = _BACKTESTS.outerjoin(_DATASETS).outerjoin(_METRICS, metrics_of)
    query = sa.select(*columns).select_from(source).where(*wanted.conditions())
    frame = _frame(database, _page(query, _BACKTESTS, limit, before))
    tags: list[Any] = [sorted(words.split(",")) if isinstance(words, str) else [] for words in frame["tags"]]
    return frame.assign(tags=tags)


def sweeps_table(database: Database, limit: int | None = NEWEST, *, before: int | None = None) -> pd.DataFrame:
    """Return the newest sweeps with their dataset's name, newest first."""
    columns = [_SWEEPS.c.id, _DATASETS.c.name.label("dataset"), *(_SWEEPS.c[name] for name in SWEEP_COLUMNS)]
    query = sa.select(*columns).select_from(_SWEEPS.outerjoin(_DATASETS))
    return _frame(database, _page(query, _SWEEPS, limit, before))


def trials_table(
    database: Database,
    dataset_sha256: str | None = None,
    strategy_name: str | None = None,
    sweep_id: int | None = None,
    *,
    limit: int | None = NEWEST,
    before: int | None = None,
) -> pd.DataFrame:
    """Return the newest of what was tried, newest first: on a dataset, with a strategy, in a sweep, or of everything.

    A number that is undefined is NaN, and so is ``n_returns`` where a trial has no daily returns.
    """
    import pandas as pd

    own = {name: sa.cast(_TRIALS.c[name], sa.Text).label(name) for name in ("parameters", "metrics")}
    own["dataset"] = _DATASETS.c.name.label("dataset")
    query = sa.select(*(own[name] if name in own else _TRIALS.c[name] for name in TRIAL_COLUMNS))
    query = _page(query.select_from(_TRIALS.outerjoin(_DATASETS)), _TRIALS, limit, before)
    with database.read() as session:
        bars = family_bars(session, dataset_sha256) if dataset_sha256 is not None else None
        if bars is None or not 1 < len(bars) <= MOST_WALKED:
            query = narrowed(query, bars, strategy_name, sweep_id)
        else:  # the newest of each, along its index, then the newest of these: a sort of all would read them whole
            each = [narrowed(sa.select(_TRIALS.c.id), [one], strategy_name, sweep_id) for one in bars]
            newest = [sa.select(_page(one, _TRIALS, limit, before).subquery()) for one in each]
            query = query.where(_TRIALS.c.id.in_(sa.union_all(*newest)))
        rows = session.execute(query).all()
    columns = columns_of_rows(rows, TRIAL_COLUMNS)
    columns["parameters"] = read_objects(columns["parameters"])
    metrics = read_numbers(columns.pop("metrics"), HEADLINE_METRICS)
    place = TRIAL_COLUMNS.index("metrics")
    order = [*TRIAL_COLUMNS[:place], *HEADLINE_METRICS, *TRIAL_COLUMNS[place + 1 :]]
    frame = pd.DataFrame(columns | metrics, columns=order)
    return _timed(frame.astype(dict.fromkeys(("n_returns", *MOMENTS), "float64")), query)


def notebook_runs_table(database: Database, limit: int | None = NEWEST, *, before: int | None = None) -> pd.DataFrame:
    """Return the newest runs of notebooks, newest first."""
    return _frame(database, _page(sa.select(*_NOTEBOOKS.columns), _NOTEBOOKS, limit, before))


def verdicts_table(
    database: Database, limit: int | None = NEWEST, *, before: int | None = None, kind: str | None = None
) -> pd.DataFrame:
    """Return the newest verdicts of checks, newest first: of one kind, or of all."""
    query = sa.select(*(_VERDICTS.c[name] for name in VERDICT_COLUMNS))
    query = query if kind is None else query.where(_VERDICTS.c.kind == kind)
    return _frame(database, _page(query, _VERDICTS, limit, before))


def job_trades(database: Database, job_id: int) -> pd.DataFrame:
    """Return the trades of a job in the order in which they were closed; none is an empty table."""
    with database.read() as session:
        return read_trades(session, job_id)


def job_metrics(database: Database, job_id: int) -> JobMetrics:
    """Return the metrics of a job.

    Raises
    ------
    NotFoundError
        The job has none: it is not there, or it did not complete.
    """
    with database.read() as session:
        row = session.exec(select(BacktestMetrics).where(BacktestMetrics.backtest_job_id == job_id)).first()
    if row is None:
        raise NotFoundError(f"Job {job_id} has no metrics: it does not exist or did not complete.")
    values = {name: getattr(row, name) for name in METRIC_COLUMNS}
    return JobMetrics(values | (row.extra or {}), row.reasons or {})


def get_job(database: Database, job_id: int) -> BacktestJob:
    """Return a job, or raise ``NotFoundError``."""
    return _get(database, BacktestJob, job_id, "job")


def get_backtest(database: Database, backtest_id: int) -> Backtest:
    """Return a finished backtest, or raise ``NotFoundError``."""
    return _get(database, Backtest, backtest_id, "backtest")


def _get(database: Database, kind: type[Row], row_id: int, word: str) -> Row:
    with database.read() as session:
        row = session.get(kind, row_id)
    if row is None:
        raise NotFoundError(f"There is no {word} {row_id}.")
    return row


def _made(lineage: dict[str, Any] | None, before: int | None) -> dict[str, Any]:
    """Return how a version was made: by a derivation, or by an import after the version before it."""
    if lineage is None:
        return {"operation": "import", "arguments": {}, "parents": [] if before is None else [before]}
    parents = [parent["id"] for parent in lineage["parents"]]
    return {"operation": lineage["operation"], "arguments": lineage["arguments"], "parents": parents}


def _page(query: sa.Select[Any], table: sa.Table, limit: int | None, before: int | None) -> sa.Select[Any]:
    """Return a query for one page of rows, newest first: at most ``limit``, of ids below ``before``."""
    for name, number in (("limit", limit), ("before", before)):
        if number is not None and number < 0:
            raise OptionError(f"{name}={number} is negative; give a number of rows, or the id to go on behind.")
    query = query if before is None else query.where(table.c.id < before)
    return query.order_by(table.c.id.desc()).limit(limit)


def _frame(database: Database, query: sa.Select[Any]) -> pd.DataFrame:
    import pandas as pd

    names = list(query.selected_columns.keys())
    with database.read() as session:
        rows = session.execute(query).all()
    return _timed(pd.DataFrame.from_records([tuple(row) for row in rows], columns=names), query)


def _timed(frame: pd.DataFrame, query: sa.Select[Any]) -> pd.DataFrame:
    """Return a table whose times are aware UTC, also where there is none."""
    times = [column.key for column in query.selected_columns if isinstance(column.type, UTCDateTime)]
    return frame.astype(dict.fromkeys(times, "datetime64[us, UTC]"))
