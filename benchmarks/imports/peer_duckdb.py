"""W5 by DuckDB, in all threads: one table, the checks as one query, the rows that are kept as a file."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa
from pyarrow import ipc

from imports.measuring import COLUMNS, MINUTE_S, PRICES, Imported, Importer, main

TYPES = ", ".join(["'timestamp': 'TIMESTAMP'", *(f"'{name}': 'DOUBLE'" for name in COLUMNS)])
READ = "create table bars as select * from read_csv('{csv}', header=true, columns={{" + TYPES + "}})"
STEPS = f"""
create temp view steps as
select *, (epoch_us(timestamp) - epoch_us(lag(timestamp) over ())) // 1000000 as step
from bars where {" and ".join(f"{name} is not null" for name in PRICES)}
"""
CHECK = f"""
select
    count(*) filter (step is null or step <> 0) as bars,
    count(*) filter (step = 0) as duplicates,
    count(*) filter (step < 0) as unsorted,
    (select {" + ".join(f"count(*) - count({name})" for name in PRICES)} from bars) as missing_prices,
    count(*) filter ((step is null or step <> 0) and (
        high < greatest(open, close) or low > least(open, close) or low <= 0 or volume < 0)) as inconsistent,
    count(*) filter (step > {MINUTE_S}) as gaps,
    coalesce(sum(step // {MINUTE_S} - 1) filter (step > {MINUTE_S}), 0) as missing_bars
from steps
"""
KEPT = f"select timestamp, {', '.join(COLUMNS)} from steps where step is null or step <> 0"


def prepare(store: str, folder: Path) -> Importer:
    return partial(import_csv, store, folder)


def import_csv(store: str, folder: Path, csv: Path) -> Imported:
    path = folder / f"{csv.stem}.{store}"
    with duckdb.connect() as database:
        database.execute(READ.format(csv=csv))
        database.execute(STEPS)
        checked = database.execute(CHECK)
        names = [column[0] for column in checked.description]
        counts = dict(zip(names, map(int, checked.fetchall()[0]), strict=True))
        if store == "parquet":
            database.execute(f"copy ({KEPT}) to '{path}' (format parquet, compression zstd)")
        else:
            _write_arrow(database.sql(KEPT).to_arrow_reader(1 << 20), path)
    return Imported(counts, path)


def _write_arrow(batches: pa.RecordBatchReader, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as file, ipc.new_file(file, batches.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


if __name__ == "__main__":
    main(prepare, "duckdb", "pyarrow")
