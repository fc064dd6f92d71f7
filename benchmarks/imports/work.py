"""W5, the work that every tool is given: a CSV of one-minute bars with known defects, to be read, checked and stored.

Each tool reads ``timestamp,open,high,low,close,volume``; counts rows that repeat the one before, rows out of order,
missing prices and prices that contradict each other; leaves out repeated rows and rows without a price; counts gaps
and missing bars in what is left; and stores that.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import workloads
from numpy.typing import NDArray
from pyarrow import csv

COLUMNS = ("open", "high", "low", "close", "volume")
DECIMALS = 5
HIGHS_BELOW_LOWS, MISSING_CLOSES, HOLES, ROWS_OF_A_HOLE, DUPLICATES = 10, 20, 50, 5, 100
DEFECTS = HIGHS_BELOW_LOWS + MISSING_CLOSES + HOLES + DUPLICATES
SPACING = 20  # rows; each defect has so many to itself, so that none hides another
FEWEST_ROWS = DEFECTS * SPACING

Counts = dict[str, int]


def csv_file(rows: int) -> Path:
    """Return the CSV for so many minutes, kept in a file after the first time."""
    path = workloads.CACHE / f"bars-{rows}.csv"
    if not path.exists():
        workloads.CACHE.mkdir(exist_ok=True)
        temporary = path.with_suffix(".part")
        write_csv(temporary, rows)
        temporary.rename(path)
    return path


def write_csv(path: Path, rows: int) -> None:
    with path.open("wb") as file:
        file.write(f"timestamp,{','.join(COLUMNS)}\n".encode())
        csv.write_csv(make_table(rows), file, csv.WriteOptions(include_header=False))


def make_table(rows: int, *, seed: int = 1) -> pa.Table:
    """Return the rows of the CSV: the seeded bars of all workloads, five decimals, with the defects in them."""
    if rows < FEWEST_ROWS:
        raise ValueError(f"{rows} rows have no room for the defects; the fewest are {FEWEST_ROWS}.")
    prices = np.round(_prices(rows), DECIMALS)
    inverted, missing, holes, repeated = _places(rows, seed)
    prices[1, inverted] = np.round(prices[2, inverted] * 0.99, DECIMALS)
    prices[3, missing] = np.nan
    times_each = np.ones(rows, dtype=np.int64)
    times_each[(holes[:, np.newaxis] + np.arange(ROWS_OF_A_HOLE)).ravel()] = 0
    times_each[repeated] = 2
    order = np.repeat(np.arange(rows), times_each)
    seconds = (workloads.FIRST_NS + workloads.MINUTE_NS * order) // 10**9
    columns = {name: pa.array(prices[at, order], from_pandas=True) for at, name in enumerate(COLUMNS)}
    return pa.table({"timestamp": pa.array(seconds, pa.timestamp("s")), **columns})


def expected(rows: int) -> Counts:
    """Return what every tool must find in the CSV for so many minutes."""
    missing_bars = HOLES * ROWS_OF_A_HOLE + MISSING_CLOSES
    return {
        "bars": rows - missing_bars,
        "duplicates": DUPLICATES,
        "unsorted": 0,
        "missing_prices": MISSING_CLOSES,
        "inconsistent": HIGHS_BELOW_LOWS,
        "gaps": HOLES + MISSING_CLOSES,
        "missing_bars": missing_bars,
    }


def _prices(rows: int) -> NDArray[np.float64]:
    sizes = {count: size for size, count in workloads.SIZES.items()}
    return workloads.Case("W1", sizes[rows]).prices() if rows in sizes else workloads.generate(rows)


def _places(rows: int, seed: int) -> list[NDArray[np.int64]]:
    """Return the first rows of the defects of each kind, never the first or last row of all."""
    random = np.random.default_rng(seed)
    stretches = random.choice(rows // SPACING, DEFECTS, replace=False)
    places = stretches * SPACING + random.integers(ROWS_OF_A_HOLE, SPACING - ROWS_OF_A_HOLE - 1, DEFECTS)
    return np.split(places, np.cumsum([HIGHS_BELOW_LOWS, MISSING_CLOSES, HOLES]))
