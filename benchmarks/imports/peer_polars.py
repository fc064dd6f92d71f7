"""W5 by polars, in all threads; it reads times as text first, in a third of the time of ``pl.Datetime`` as schema."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import polars as pl

from imports.measuring import COLUMNS, MINUTE_S, PRICES, Imported, Importer, main

SCHEMA = {"timestamp": pl.String, **dict.fromkeys(COLUMNS, pl.Float64)}
TIMES = pl.col("timestamp").str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="ms", cache=False)


def prepare(store: str, folder: Path) -> Importer:
    return partial(import_csv, store, folder)


def import_csv(store: str, folder: Path, csv: Path) -> Imported:
    path = folder / f"{csv.stem}.{store}"
    rows = pl.scan_csv(csv, schema=SCHEMA).with_columns(TIMES).collect()
    counts, kept = check(rows)
    if store == "parquet":
        kept.write_parquet(path, compression="zstd")
    else:
        kept.write_ipc(path, compression="uncompressed")
    return Imported(counts, path)


def check(rows: pl.DataFrame) -> tuple[dict[str, int], pl.DataFrame]:
    """Return the counts, and the rows that are kept."""
    priced = rows.drop_nulls(PRICES)
    step = pl.col("timestamp").diff().dt.total_seconds()
    steps = priced.select(
        duplicates=(step == 0).sum(),
        unsorted=(step < 0).sum(),
        gaps=(step > MINUTE_S).sum(),
        missing_bars=(step.filter(step > MINUTE_S) // MINUTE_S - 1).sum(),
    )
    kept = priced.filter((step != 0).fill_null(True))
    outside = (pl.col("high") < pl.max_horizontal("open", "close")) | (
        pl.col("low") > pl.min_horizontal("open", "close")
    )
    others = {
        "bars": kept.height,
        "missing_prices": sum(rows[name].null_count() for name in PRICES),
        "inconsistent": kept.select((outside | (pl.col("low") <= 0) | (pl.col("volume") < 0)).sum()).item(),
    }
    return steps.row(0, named=True) | others, kept


if __name__ == "__main__":
    main(prepare, "polars")
