"""W5 by pyarrow, in all threads, with the checks in NumPy."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv as text
from pyarrow import feather, parquet

from imports.checks import check
from imports.measuring import COLUMNS, Imported, Importer, main

TYPES = {"timestamp": pa.timestamp("s"), **dict.fromkeys(COLUMNS, pa.float64())}


def prepare(store: str, folder: Path) -> Importer:
    return partial(import_csv, store, folder)


def import_csv(store: str, folder: Path, csv: Path) -> Imported:
    path = folder / f"{csv.stem}.{store}"
    rows = text.read_csv(csv, convert_options=text.ConvertOptions(column_types=TYPES))
    seconds = rows["timestamp"].to_numpy().astype(np.int64)
    counts, keep = check(seconds, {name: rows[name].to_numpy() for name in COLUMNS})
    kept = rows.filter(pa.array(keep))
    if store == "parquet":
        parquet.write_table(kept, path, compression="zstd")
    else:
        feather.write_feather(kept, str(path), compression="uncompressed")
    return Imported(counts, path)


if __name__ == "__main__":
    main(prepare, "pyarrow", "numpy")
