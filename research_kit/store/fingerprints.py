"""The sha256 of tables, such as trades and orders: the same for the same numbers, times and words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

TRADES_FORMAT = "research_kit trades 1"
TRADE_COLUMNS = (
    *("entry_time", "exit_time", "entry_price", "exit_price", "quantity", "side", "pnl", "pnl_percent"),
    *("holding_time_minutes", "entry_signal", "exit_signal", "max_profit", "max_loss"),
    *("commission", "slippage", "borrow"),
)
"""What is hashed of trades: fixed, so that a column that is added later leaves the hashes of stored runs alone."""


def trades_sha256(trades: Mapping[str, NDArray[Any]]) -> str:
    """Return the sha256 of trades by column; one that is missing counts as all undefined, times to the microsecond."""
    rows = len(trades["side"]) if trades else 0
    nothing = np.full(rows, np.nan)
    return table_sha256(TRADES_FORMAT, {name: trades.get(name, nothing) for name in TRADE_COLUMNS})


def table_sha256(title: str, columns: Mapping[str, NDArray[Any]]) -> str:
    """Return the sha256 of named columns, in their order, as 64 hexadecimal digits.

    Times count as int64 microseconds, other numbers as float64 (every NaN as the same one, -0.0 as 0.0), texts as
    UTF-8; None and NaN among texts are no text.

    Examples
    --------
    >>> table_sha256("words", {"a": np.array(["x", None], dtype=object)})[:8]
    '2fb2f441'
    """
    digest = hashlib.sha256()
    digest.update(json.dumps({"format": title, "columns": [[name, len(columns[name])] for name in columns]}).encode())
    for values in columns.values():
        digest.update(_bytes(np.asarray(values)))
    return digest.hexdigest()


def _bytes(values: NDArray[Any]) -> bytes:
    if values.dtype.kind == "M":
        return values.astype("datetime64[us]").astype("<i8").tobytes()
    if values.dtype.kind in "biuf":
        numbers = values.astype("<f8") + 0.0  # -0.0 + 0.0 is 0.0
        numbers[np.isnan(numbers)] = np.nan
        return numbers.tobytes()
    words = [word if isinstance(word, str) else None for word in values.tolist()]
    marks = bytes(word is not None for word in words)
    return marks + "\0".join(word or "" for word in words).encode("utf-8", "surrogatepass")
