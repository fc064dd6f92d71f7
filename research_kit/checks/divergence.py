"""Where two results part: the first fill that differs, and the first bar whose equity differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[Any]]

FILL_COLUMNS = ("time", "action", "units", "price", "label")
_TURN_EXIT, _TURN_ENTRY, _TURN_EXIT_AT_ONCE = range(3)  # what comes first within one bar


@dataclass(frozen=True)
class Fill:
    """One order as it was filled: when (the opening time of its bar, UTC), what, how much, at what price, and why."""

    time: np.datetime64
    action: str
    units: float
    price: float
    label: str

    def __str__(self) -> str:
        why = f" ({self.label})" if self.label else ""
        return f"{self.action} {self.units:.10g} at {self.price:.10g}{why}, {stamp(self.time)}"


@dataclass(frozen=True)
class Divergence:
    """The first order in which two results differ: its place (from 0), both fills, and what differs in them.

    A fill is None where that result has no more orders.
    """

    position: int
    first: Fill | None
    second: Fill | None
    differs: tuple[str, ...]

    @property
    def time(self) -> np.datetime64:
        """When the earlier of the two was filled."""
        return min(fill.time for fill in (self.first, self.second) if fill is not None)

    def __str__(self) -> str:
        both = " / ".join("nothing" if fill is None else str(fill) for fill in (self.first, self.second))
        return f"order {self.position + 1:,}: {both}"


def fills_of(trades: Columns) -> dict[str, NDArray[Any]]:
    """Return the fills behind trades, one array for each of ``FILL_COLUMNS``, in the order in which they were made.

    Each trade is an entry and, unless it is open, an exit. Within a bar exits of earlier trades come first.
    """
    if not trades or not len(trades["side"]):
        return {
            name: np.empty(0, kind) for name, kind in zip(FILL_COLUMNS, ("M8[us]", "O", "f8", "f8", "O"), strict=True)
        }
    enters, leaves = (np.asarray(trades[name]).astype("datetime64[us]") for name in ("entry_time", "exit_time"))
    is_long = np.asarray(trades["side"]).astype(str) == "long"
    closed = ~np.isnat(leaves)
    turn = np.where(leaves[closed] == enters[closed], _TURN_EXIT_AT_ONCE, _TURN_EXIT)
    columns = {
        "time": np.concatenate([enters, leaves[closed]]),
        "action": np.concatenate([np.where(is_long, "buy", "sell"), np.where(is_long[closed], "sell", "buy")]).astype(
            object
        ),
        "units": np.concatenate([trades["quantity"], trades["quantity"][closed]]).astype(np.float64),
        "price": np.concatenate([trades["entry_price"], trades["exit_price"][closed]]).astype(np.float64),
        "label": np.concatenate([_texts(trades["entry_signal"]), _texts(trades["exit_signal"])[closed]]),
    }
    turns = np.concatenate([np.full(len(enters), _TURN_ENTRY), turn])
    order = np.lexsort((np.arange(len(turns)), turns, columns["time"]))
    return {name: values[order] for name, values in columns.items()}


def first_divergence(first: Columns, second: Columns) -> Divergence | None:
    """Return the first order in which two tables of fills differ, None where they are the same."""
    length = min(len(first["time"]), len(second["time"]))
    differs = {name: ~same(first[name][:length], second[name][:length]) for name in FILL_COLUMNS}
    anywhere = np.logical_or.reduce(list(differs.values()))
    at = int(np.argmax(anywhere)) if anywhere.any() else length
    if at == length and len(first["time"]) == len(second["time"]):
        return None
    names = tuple(name for name in FILL_COLUMNS if at < length and differs[name][at])
    return Divergence(at, _fill(first, at), _fill(second, at), names)


def first_row(first: Columns, second: Columns) -> tuple[int, tuple[str, ...]] | None:
    """Return the first row in which two tables differ and the columns in which it does; None where they are the same.

    Columns that only one of them has count as different from the first row on, a missing row as different in all.
    """
    names = list(dict.fromkeys([*first, *second]))
    lengths = [len(next(iter(table.values()), ())) for table in (first, second)]
    length = min(lengths)
    differs = {
        name: ~same(first[name][:length], second[name][:length])
        if name in first and name in second
        else np.ones(length, dtype=np.bool_)
        for name in names
    }
    anywhere = np.logical_or.reduce(list(differs.values())) if names else np.zeros(0, dtype=np.bool_)
    if anywhere.any():
        at = int(np.argmax(anywhere))
        return at, tuple(name for name in names if differs[name][at])
    return None if lengths[0] == lengths[1] else (length, tuple(names))


def same(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.bool_]:
    """Return for each value whether it is the same, undefined (NaN, NaT, None) being the same as undefined."""
    if first.dtype.kind == "M" or second.dtype.kind == "M":
        a, b = (np.asarray(values).astype("datetime64[us]").view(np.int64) for values in (first, second))
        return np.asarray(a == b)
    if first.dtype.kind in "biuf" and second.dtype.kind in "biuf":
        return np.asarray((first == second) | (np.isnan(first) & np.isnan(second)))
    return np.asarray(_texts(first) == _texts(second))


def stamp(time: np.datetime64) -> str:
    """Return a time as people read it, to the minute (to the second where it has some), without a midnight.

    >>> stamp(np.datetime64("2024-01-02T00:00")), stamp(np.datetime64("2024-01-02T09:30"))
    ('2024-01-02', '2024-01-02 09:30')
    """
    return str(np.asarray(time, "datetime64[s]")).replace("T", " ").removesuffix(":00").removesuffix(" 00:00")


def _texts(values: NDArray[Any]) -> NDArray[Any]:
    return np.array([word if isinstance(word, str) else "" for word in np.asarray(values).tolist()], dtype=object)


def _fill(fills: Columns, at: int) -> Fill | None:
    if at >= len(fills["time"]):
        return None
    action, label = str(fills["action"][at]), str(fills["label"][at])
    return Fill(fills["time"][at], action, float(fills["units"][at]), float(fills["price"][at]), label)
