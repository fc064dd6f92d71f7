"""W5, imports: a CSV with known defects read, checked and stored by this project and by data libraries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from environments import DUCKDB, PANDAS, POLARS, PYARROW, Competitor, available
from numpy.typing import NDArray
from page import Run, figures
from processes import run_module
from results import Results
from sheet import OURS, Measure, Sheet, table_of_measures
from turns import Options, note_where, take_turns
from whereabouts import in_words

from imports.equality import check_counts, check_stored, read_stored
from imports.measuring import STORES
from imports.work import FEWEST_ROWS, csv_file, expected

WORKLOADS = ("W5",)
STORED_AS = {"parquet": "Parquet, zstd", "arrow": "Arrow, not compressed"}
OUR_TITLE = f"{OURS}, {STORED_AS['arrow']}"
OUR_IMPORT = Competitor(OUR_TITLE, "imports.ours", engine="arrow")
PEERS = tuple(
    Competitor(f"{environment.name}, {STORED_AS[store]}", f"imports.peer_{environment.name}", environment, store)
    for environment in (DUCKDB, POLARS, PANDAS, PYARROW)
    for store in STORES
)
MEASURES = [
    Measure("wall, s", "wall_s"),
    Measure("processor, s", "cpu_s"),
    Measure("peak memory over libraries, MB", "peak_mb"),
    Measure("cold process, s", "cold_s"),
    Measure("cold process, s of processor", "cold_cpu_s"),
    Measure("file, MB", "stored_mb"),
]
TIMES = {"wall time": "wall_s", "processor time": "cpu_s"}
INTRODUCTION = """
## W5: a CSV of {rows:,} one-minute rows ({csv_mb:.0f} MB) read, checked and stored

All cores for each tool. A process imports a small file of the same layout first: what libraries load when first used is
in the cold time only. Asserted before any time was taken: every tool stored the same numbers (to 1e-14), and found
{counts}.

Peers do what these counts need and no more. Ours also learns the session, looks for spikes, splits, stale runs, bars
that a vendor filled in and the rest of its quality report, hashes the CSV and the bars with sha256, waits until the
disk has the file, and adds a row to its database. It stores uncompressed Arrow, which opens mapped; peers are shown
with the same and with Parquet.
"""


def compare(options: Options, results: Results) -> None:
    csv, rows = csv_file(options.rows), options.rows
    sheet = results.start("W5")
    sheet.facts = {"rows": rows, "csv_mb": csv.stat().st_size / 1e6, "counts": expected(rows)}
    engines = [OUR_IMPORT, *available(options.chosen(PEERS), sheet)]
    stored: list[NDArray] = []

    def run(tool: Competitor, turn: int) -> Run:
        with _imported(tool, rows) as record:
            path = Path(record.pop("path"))
            if not turn:
                stored.append(read_stored(path))
        return record

    def check(tool: Competitor, record: Run) -> None:
        check_stored(tool.name, stored[-1], stored[0])

    take_turns(sheet, f"{rows:,} rows", engines, run, check, repeats=options.repeats)
    with TemporaryDirectory() as folder:
        note_where(sheet, f"{rows:,} rows", OUR_IMPORT, csv, csv_file(FEWEST_ROWS), OUR_IMPORT.engine, folder)
    results.write()
    print(f"W5 against the fastest peer, by what peers store:\n{summary(sheet)}", flush=True)


@contextmanager
def _imported(tool: Competitor, rows: int) -> Iterator[Run]:
    """Run the tool in a fresh process and yield its record, its counts being right, while its file is there."""
    with TemporaryDirectory() as folder:
        record = run_module(tool, csv_file(rows), csv_file(FEWEST_ROWS), tool.engine, folder)
        check_counts(tool.name, record["counts"], expected(rows))
        yield record


def section(workload: str, sheet: Sheet, results: Results) -> str:
    """Return the workload's part of the page."""
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in sheet.facts["counts"].items())
    text = INTRODUCTION.format(rows=sheet.facts["rows"], csv_mb=sheet.facts["csv_mb"], counts=counts) + sheet.missing()
    text += "".join("\n" + table_of_measures(sheet, case, MEASURES, OUR_TITLE) for case in sheet.cases)
    text += f"\nAgainst the fastest peer, by what peers store:\n{summary(sheet)}\n"
    for case, found in sheet.facts.get("where", {}).items():
        text += f"\nWhere our time goes in the thread that was asked, {case}: {in_words(found)}.\n"
    ours = sheet.value(OUR_TITLE, sheet.cases[0], "wall_s") if sheet.cases else None
    if ours and results.bandwidth:
        floor = sheet.facts["csv_mb"] / 1e3 / results.bandwidth["read_gb_s"]
        text += f"\nReading the bytes of the CSV once from memory takes {figures(1e3 * floor)} ms: "
        text += f"{OURS} × {figures(ours / floor)}.\n"
    return text


def summary(sheet: Sheet) -> str:
    """Return how ours compares with the fastest peer that stores each kind of file, a line for each."""
    lines = []
    for stored in STORED_AS.values():
        peers = [engine for engine in sheet.engines() if engine != OUR_TITLE and engine.endswith(stored)]
        if peers:
            told = "; ".join(_against_fastest(sheet, peers, words, name) for words, name in TIMES.items())
            lines.append(f"{stored}: {told}")
    return "\n".join(f"- {line}" for line in lines or ["there is none"])


def _against_fastest(sheet: Sheet, peers: list[str], words: str, name: str) -> str:
    case = sheet.cases[0]
    seconds = {engine: sheet.value(engine, case, name) or 0.0 for engine in peers}
    own = sheet.value(OUR_TITLE, case, name) or 0.0
    fastest = min(seconds, key=lambda engine: seconds[engine])
    return (
        f"{words} {figures(own)} s is {figures(own / seconds[fastest])} times that of {fastest.partition(',')[0]} "
        f"({figures(seconds[fastest])} s)"
    )
