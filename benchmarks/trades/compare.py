"""W8, trades into and out of a database: this project's store against drivers, SQLAlchemy, pandas and SQLModel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from environments import ADBC, CONNECTORX, SQLMODEL, Competitor, available
from equality import check_values
from page import Run, figures
from processes import run_module
from results import Results
from sheet import OURS, Measure, Sheet, table_of_measures
from turns import Options, note_where, take_turns
from whereabouts import in_words

from trades.databases import Home, filled, postgres_home, sqlite_home
from trades.measuring import WARM_UP_ROWS
from trades.work import columns, values_of

WORKLOADS = ("W8",)
OUR_STORE = Competitor(OURS, "trades.ours", engine="bulk")
LIMIT = Competitor("limit", "trades.limit", engine="bytes")
BOTH = (Competitor("ADBC", "trades.peer_adbc", ADBC, "arrow"),)
WRITERS = (
    Competitor("sqlite3 executemany", "trades.peer_sqlalchemy", SQLMODEL, "executemany"),
    Competitor("psycopg COPY, row by row", "trades.peer_sqlalchemy", SQLMODEL, "copy rows"),
    Competitor("SQLAlchemy Core", "trades.peer_sqlalchemy", SQLMODEL, "core"),
    Competitor("pandas.to_sql", "trades.peer_sqlalchemy", SQLMODEL, "pandas"),
    Competitor("SQLModel bulk insert", "trades.peer_sqlalchemy", SQLMODEL, "SQLModel bulk", largest=200_000),
    Competitor("SQLModel add_all", "trades.peer_sqlalchemy", SQLMODEL, "SQLModel add_all", largest=100_000),
)
READERS = (
    Competitor("connectorx", "trades.peer_connectorx", CONNECTORX, "pandas"),
    Competitor("polars", "trades.peer_connectorx", CONNECTORX, "polars"),
    Competitor("sqlite3 rows to pandas", "trades.peer_sqlalchemy", SQLMODEL, "rows"),
    Competitor("pandas.read_sql", "trades.peer_sqlalchemy", SQLMODEL, "pandas"),
    Competitor("SQLModel rows", "trades.peer_sqlalchemy", SQLMODEL, "ORM", largest=200_000),
)
PEERS = (*BOTH, *WRITERS, *READERS)
ONLY = {"sqlite3 executemany": "SQLite", "psycopg COPY, row by row": "PostgreSQL", "sqlite3 rows to pandas": "SQLite"}
HOMES: dict[str, Callable[[], AbstractContextManager[Home]]] = {"SQLite": sqlite_home, "PostgreSQL": postgres_home}
TOLERANCE = 1e-9
MEASURES = [
    Measure("rows/s", "rows_per_s"),
    Measure("rows", "rows", is_compared=False),
    Measure("wall, s", "wall_s"),
    Measure("processor, s", "cpu_s"),
    Measure("peak memory over the trades, MB", "peak_mb"),
]
INTRODUCTION = """
## W8: {rows:,} trades into and out of a database

Sixteen columns, written to the tables of this project (index, checks and foreign key included) in one transaction, from
arrays by column: what a tool makes of them first counts. SQLite: WAL, synchronous NORMAL, foreign keys on. PostgreSQL:
a server on this machine as it comes; processor time is the client's. Reading ends in a frame with numbers and times as
such; ours reads three more columns. Asserted first: rows, sums of every number, times and words. Ways that need minutes
get fewer rows. The limit writes the columns as bytes to a file, waits for the disk, and
reads them back.
"""


def compare(options: Options, results: Results) -> None:
    sheet = results.start("W8")
    sheet.facts["rows"] = options.trades
    peers = available(options.chosen(PEERS), sheet)
    for name, make_home in HOMES.items():
        try:
            with make_home() as home:
                compare_database(sheet, name, home, peers, options)
        except FileNotFoundError as error:
            sheet.miss(name, str(error))
        results.write()


def compare_database(sheet: Sheet, name: str, home: Home, peers: Sequence[Competitor], options: Options) -> None:
    """Time writing and reading in one kind of database."""
    able = [peer for peer in peers if ONLY.get(peer.name, name) == name]
    limit = [LIMIT] if name == "SQLite" else []
    writers = [OUR_STORE, *limit, *(peer for peer in able if peer not in READERS)]
    readers = [OUR_STORE, *limit, *(peer for peer in able if peer not in WRITERS)]
    _compare_writing(sheet, f"{name}, writing", home, writers, options)
    _compare_reading(sheet, f"{name}, reading", home, readers, options)
    for case in (f"{name}, writing", f"{name}, reading"):
        rates = {engine: sheet.value(engine, case, "rows_per_s") for engine in sheet.engines(case)}
        shown = ", ".join(f"{engine} {figures(rate)}" for engine, rate in rates.items() if rate)
        print(f"W8 {case}, rows/s: {shown}", flush=True)


def _compare_writing(sheet: Sheet, case: str, home: Home, engines: list[Competitor], options: Options) -> None:
    expected: dict[int, dict[str, float]] = {}
    made: list[str] = []

    def run(engine: Competitor, turn: int) -> Run:
        while made:  # those of the run before, which were looked at
            home.drop(made.pop())
        made.extend((home.fresh(), home.fresh()))
        return run_module(engine, "write", *made, min(options.trades, engine.largest))

    def check(engine: Competitor, record: Run) -> None:
        rows = record["rows"]
        if engine is not LIMIT:
            wanted = expected.setdefault(rows, values_of(columns(rows)))
            check_values(engine.name, home.values(made[0]), wanted, TOLERANCE, "what was given")

    take_turns(sheet, case, engines, run, check, repeats=options.repeats, keep_first=True)
    note_where(sheet, case, OUR_STORE, "write", home.fresh(), home.fresh(), options.trades)


def _compare_reading(sheet: Sheet, case: str, home: Home, engines: list[Competitor], options: Options) -> None:
    sizes = sorted({WARM_UP_ROWS, *(min(options.trades, engine.largest) for engine in engines)})
    trades = {rows: columns(rows) for rows in sizes}
    urls = {rows: filled(home, trades[rows]) for rows in sizes}
    if LIMIT in engines:
        for rows in (WARM_UP_ROWS, options.trades):
            run_module(LIMIT, "write", urls[rows], urls[WARM_UP_ROWS], rows)

    def run(engine: Competitor, turn: int) -> Run:
        rows = min(options.trades, engine.largest)
        budget = ("--budget", options.budget)
        record = run_module(engine, "read", urls[rows], urls[WARM_UP_ROWS], rows, *budget)
        check_values(engine.name, record.pop("values"), values_of(trades[rows]), TOLERANCE, "what was written")
        return record

    take_turns(sheet, case, engines, run, lambda engine, record: None, repeats=options.repeats, keep_first=True)
    note_where(sheet, case, OUR_STORE, "read", urls[options.trades], urls[WARM_UP_ROWS], options.trades)


def section(workload: str, sheet: Sheet, results: Results) -> str:
    """Return the workload's part of the page."""
    text = INTRODUCTION.format(rows=sheet.facts["rows"]) + sheet.missing()
    for case in sheet.cases:
        text += f"\n**{case}**\n\n{table_of_measures(sheet, case, MEASURES)}"
        if case in sheet.facts.get("where", {}):
            text += f"\nWhere our time goes: {in_words(sheet.facts['where'][case])}.\n"
    return text
