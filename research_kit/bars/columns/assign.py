"""Which column is which: common header names, names given by the user, and files without a header."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.canonical import RESERVED
from research_kit.bars.columns.names import (
    ALIASES,
    CLOCKS,
    DATES,
    MOMENTS,
    SYMBOLS,
    candidates,
    first_of,
    is_common_name,
    name_key,
    part_of,
    plain_name,
)
from research_kit.bars.columns.numbers import above, to_floats
from research_kit.bars.frame import PRICE_COLUMNS
from research_kit.errors import DataError, MissingColumnError, did_you_mean, listed

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Assigned",
    "Given",
    "assign_columns",
    "check_assumed_order",
    "contradicted_share",
    "doubts_about_order",
    "is_common_name",
    "is_time_of_day",
    "plain_name",
]

_TIME_OF_DAY = re.compile(r"\d{1,2}(:\d{2}){1,2}(\.\d+)?( ?[AaPp][Mm])?|\d{1,6}")

_DATE = re.compile(r"\d{1,4}[-/. ]\w{1,9}[-/., ]+\d{1,4}|(19|20)\d{6}")
_MOST_NAMED = 20  # columns that a sentence writes out to be copied
_ROWS_LOOKED_AT = 50_000
_FEWEST_CONTRADICTIONS = 3
_VOLUMES_LOOKED_AT = 10_000

Given = Mapping[str, str] | Sequence[str] | None


@dataclass(frozen=True)
class Assigned:
    """Which column of a source is which.

    Parameters
    ----------
    time
        The one column of the times, or two: dates, and times of day.
    fields
        Names in the source by canonical name: ``close`` at least, prices first, extra columns last.
    symbol
        The column that names the instrument, ``""`` when there is none.
    assumed
        True when the order was assumed because there are no names: it must then be checked against the prices.
    doubts
        Where more than one column could be what was looked for, one sentence each.
    """

    time: tuple[str, ...]
    fields: Mapping[str, str]
    symbol: str = ""
    assumed: bool = False
    doubts: tuple[str, ...] = ()


def assign_columns(table: pa.Table, *, has_header: bool, given: Given = None, source: str = "The data") -> Assigned:
    """Return which column is which, by what the user said first, then by the names in the header.

    Parameters
    ----------
    given
        Either names in the source by what they are (``{"close": "Last"}``; the others are found as usual), or what each
        column is, in order (``["time", "open", "close", "high", "low", "volume"]``; ``""`` leaves one out).

    Raises
    ------
    MissingColumnError
        There is no close or no time, or a given name is not there.
    DataError
        The number of given names is not the number of columns, or a file without header has too few columns.
    """
    names: list[str] = table.column_names
    if given is not None and not isinstance(given, Mapping):
        return _by_position(names, list(given), source)
    chosen = _by_name(names, given or {}, source)
    if has_header or given:
        return _by_header(table, chosen, source)
    return _usual_order(table, source)


def _by_position(names: list[str], given: list[str], source: str) -> Assigned:
    if len(given) != len(names):
        raise DataError(
            f"columns= names {len(given)} columns, {source} has {len(names)} ({listed(names)}); "
            "name them all, with '' for one to leave out."
        )
    parts = [part_of(name) for name in given]
    for part in parts:
        if part and parts.count(part) > 1:
            raise DataError(f"columns= names {part!r} twice; a column can be named once.")
    places = dict(zip(parts, names, strict=True))
    places.pop("", None)
    time = tuple(places.pop(part) for part in ("date", "time") if part in places)
    symbol = next((places.pop(part) for part in SYMBOLS if part in places), "")
    return _checked(Assigned(time, _in_order(places), symbol), names, source)


def _by_name(names: list[str], given: Mapping[str, str], source: str) -> dict[str, str]:
    chosen = {}
    for part, name in given.items():
        if name not in names:
            raise MissingColumnError(f"{source} has no column {name!r} (columns=). {did_you_mean(name, names)}")
        chosen[part_of(part)] = name
    return chosen


def _by_header(table: pa.Table, chosen: dict[str, str], source: str) -> Assigned:
    names = [name for name in table.column_names if name not in chosen.values()]
    time = tuple(chosen.pop(part) for part in ("date", "time") if part in chosen) or _time_columns(table, names)
    symbol = first_of(SYMBOLS, names) or ""
    free = [name for name in names if name not in (*time, symbol)]
    fields, doubts = dict(chosen), []
    for part in ALIASES:
        found = [name for name in candidates(part, free) if name not in fields.values()]
        if part not in fields and found:
            fields[part] = _filled(table, found) if part == "volume" else found[0]
            doubts += _choice_doubts(part, fields[part], found)
    if not set(PRICE_COLUMNS) & set(fields):
        fields |= _prefixed(free)
    if name_key(fields.get("close", "")).replace("_", "") in ("bidclose", "closebid"):
        doubts.append(f"The prices are bids ({fields['close']!r}), as there are no others.")
    for name in free:
        if name not in fields.values():
            fields[_free_name(plain_name(name) or "column", fields)] = name
    return _checked(Assigned(time, _in_order(fields), symbol, doubts=tuple(doubts)), table.column_names, source)


def _filled(table: pa.Table, found: list[str]) -> str:
    """Return the first column that is not zero or empty throughout, such as ticks where there is no real volume."""
    for name in found:
        floats, _ = to_floats(table[name].slice(0, _VOLUMES_LOOKED_AT), whole=True)
        if (np.nan_to_num(floats) != 0).any():
            return name
    return found[0]


def _choice_doubts(part: str, taken: str, found: list[str]) -> list[str]:
    others = [name for name in found if name != taken]
    if not others or part == "adj_close":
        return []
    shown = ", ".join(map(repr, others[:4])) + (", ..." if len(others) > 4 else "")
    return [
        f"{taken!r} was taken as the {part}; {shown} could be it as well: say columns={{{part!r}: ...}} for another."
    ]


def _prefixed(names: list[str]) -> dict[str, str]:
    """Return columns that share a prefix and end as prices are called, such as SPY.Open, SPY.High, SPY.Close."""
    found: dict[str, dict[str, str]] = {}
    for name in names:
        prefix, _, last = name.rpartition("." if "." in name else "_")
        if prefix and part_of(last) in ALIASES:
            found.setdefault(prefix, {}).setdefault(part_of(last), name)
    sets = [parts for parts in found.values() if set(PRICE_COLUMNS) <= set(parts)]
    return sets[0] if len(sets) == 1 else {}


def _time_columns(table: pa.Table, names: list[str]) -> tuple[str, ...]:
    moment, date, clock = (first_of(words, names) for words in (MOMENTS, DATES, CLOCKS))
    if moment is not None:
        beside = clock is not None and _are_dates(table[moment]) and is_time_of_day(table[clock])
        return (moment, clock) if beside and clock else (moment,)
    if date is not None and clock is not None:
        return (date, clock) if is_time_of_day(table[clock]) else (clock,)
    if date is None and clock is None and names and plain_name(names[0]) in ("", "unnamed_0", "index"):
        return (names[0],)
    return tuple(name for name in (date, clock) if name is not None)


def is_time_of_day(column: Any) -> bool:
    """Return whether a column holds times of day without dates, by its type or its first values."""
    import pyarrow as pa

    if pa.types.is_time(column.type):
        return True
    cells = [str(cell).strip() for cell in column.slice(0, 50).to_pylist() if cell is not None]
    return bool(cells) and all(_TIME_OF_DAY.fullmatch(cell) for cell in cells)


def _are_dates(column: Any) -> bool:
    cells = [str(cell).strip() for cell in column.slice(0, 50).to_pylist() if cell is not None]
    return bool(cells) and all(_DATE.fullmatch(cell) for cell in cells)


def _usual_order(table: pa.Table, source: str) -> Assigned:
    """Return the columns in the usual order: date[, time], open, high, low, close[, volume[, others]]."""
    names = table.column_names
    times = 2 if len(names) > 5 and is_time_of_day(table[names[1]]) and not _is_count(table[names[1]]) else 1
    if len(names) < times + len(PRICE_COLUMNS):
        raise DataError(
            f"{source} has no header and {len(names)} columns; without a header at least time, open, high, low and "
            'close are expected. Say what each column is: columns=["time", "close", ...].'
        )
    parts = (*PRICE_COLUMNS, "volume")
    rest = names[times:]
    fields = dict(zip(parts, rest, strict=False)) | {name: name for name in rest[len(parts) :]}
    return Assigned(tuple(names[:times]), fields, assumed=True)


def _is_count(column: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(column.type) or pa.types.is_floating(column.type))


def _in_order(fields: Mapping[str, str]) -> dict[str, str]:
    first = [*PRICE_COLUMNS, "volume"]
    return {part: fields[part] for part in sorted(fields, key=lambda part: first.index(part) if part in first else 9)}


def _free_name(name: str, taken: Mapping[str, str]) -> str:
    free, count = name, 1
    while free in taken or free in RESERVED:
        count += 1
        free = f"{name}_{count}"
    return free


def _checked(assigned: Assigned, names: list[str], source: str) -> Assigned:
    shown = listed(names)
    if not assigned.time:
        raise MissingColumnError(
            f"{source} has no column of times among {shown}; say which one it is: columns={{'time': ...}}."
        )
    if "close" not in assigned.fields:
        raise MissingColumnError(
            f"{source} has no 'close' among {shown}; say which one it is: columns={{'close': ...}}."
        )
    return assigned


def check_assumed_order(prices: Mapping[str, NDArray[np.float64]], assigned: Assigned, source: str) -> None:
    """Refuse a file without header whose prices contradict the order that was assumed.

    Of all orders of the four prices the likely one is named: the one with no (or fewest) rows where a high or low is on
    the wrong side of the open or close, and, of the two that differ by open and close only, the one whose opens lie
    nearer to the closes before them. It is never taken by itself.

    Raises
    ------
    DataError
        In more than one row of a hundred the high or the low is on the wrong side of the close.
    """
    columns = [prices[name] for name in PRICE_COLUMNS]
    if _wrong_share(*columns) <= 0.01:
        return
    order = _likely_order(columns)
    best = [columns[at] for at in order]
    wrong = 100 * _wrong_share(*columns)
    message = (
        f"{source} has no header, and read in the usual order (open, high, low, close) {wrong:.0f} % of its rows have "
        "a high or low on the wrong side of the close"
    )
    if _wrong_share(*best) > 0.01:
        raise DataError(f'{message}; say what each column is: columns=["time", "open", ...].')
    place = {at: PRICE_COLUMNS[role] for role, at in enumerate(order)}
    likely = ["date", "time"] if len(assigned.time) == 2 else ["time"]
    likely += [place[at] for at in range(4)] + [name for name in assigned.fields if name not in PRICE_COLUMNS]
    said = f"say columns={_quoted(likely)}" if len(likely) <= _MOST_NAMED else "name each column with columns=[...]"
    raise DataError(f"{message}. The likely order is {', '.join(likely[:6])}; if so, {said}.")


def doubts_about_order(prices: Mapping[str, NDArray[np.float64]], assigned: Assigned) -> list[str]:
    """Return why the names of a header look swapped, one sentence each: none where the prices bear them out.

    They look swapped where more than one close of a hundred is outside of its bar's range, or highs and lows are the
    other way round, and all prices fit another assignment of the same names. Prices must be in the order of time.
    """
    if any(name not in prices for name in PRICE_COLUMNS):
        return _swapped_range(prices, assigned)
    columns = [prices[name] for name in PRICE_COLUMNS]
    share = contradicted_share(prices)
    if share <= 0.01 or share * len(columns[0]) < _FEWEST_CONTRADICTIONS:
        return []
    order = _likely_order(columns)
    if _misfit(*(columns[at] for at in order))[0] > 0.001:
        return []
    swapped = {PRICE_COLUMNS[role]: assigned.fields[PRICE_COLUMNS[at]] for role, at in enumerate(order) if role != at}
    return [
        f"The columns look swapped: in {100 * share:.0f} % of the rows the close is outside of the range from low to "
        f"high, and in none if {_listed(swapped)}; if so, say columns={swapped}."
    ]


def contradicted_share(prices: Mapping[str, NDArray[np.float64]]) -> float:
    """Return the share of rows, 0 to 1, whose close is outside of the range from low to high."""
    return _wrong_share(*(prices[name] for name in PRICE_COLUMNS)) if set(PRICE_COLUMNS) <= set(prices) else 0.0


def _swapped_range(prices: Mapping[str, NDArray[np.float64]], assigned: Assigned) -> list[str]:
    """Return the doubt about files that lack one of the four prices but have a high and a low."""
    if "high" not in prices or "low" not in prices:
        return []
    known = ~np.isnan(prices["high"]) & ~np.isnan(prices["low"])
    share = float((prices["high"] < prices["low"])[known].mean()) if known.any() else 0.0
    if share <= 0.5:
        return []
    swapped = {"high": assigned.fields["low"], "low": assigned.fields["high"]}
    return [f"High and low look swapped in {100 * share:.0f} % of the rows; if so, say columns={swapped}."]


def _likely_order(columns: Sequence[NDArray[np.float64]]) -> tuple[int, ...]:
    """Return the order in which the fewest rows contradict, and opens lie nearest to the closes before them."""
    rows = np.flatnonzero(np.isfinite(np.vstack([column[:_ROWS_LOOKED_AT] for column in columns])).all(axis=0))
    looked_at = [column[rows] for column in columns]
    return min(permutations(range(4)), key=lambda order: _misfit(*(looked_at[at] for at in order)))


def _listed(parts: Mapping[str, str]) -> str:
    words = [f"{name!r} is the {part}" for part, name in parts.items()]
    return ", ".join(words[:-1]) + " and " + words[-1]


def _quoted(names: list[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def _wrong_share(
    opens: NDArray[np.float64], high: NDArray[np.float64], low: NDArray[np.float64], close: NDArray[np.float64]
) -> float:
    """Return the share of rows whose close is outside [low, high]; an open outside is normal on some venues."""
    return float(np.mean(above(close, high) | above(low, close))) if len(close) else 0.0


def _misfit(
    opens: NDArray[np.float64], high: NDArray[np.float64], low: NDArray[np.float64], close: NDArray[np.float64]
) -> tuple[float, float]:
    if not len(close):
        return 0.0, 0.0
    outside = above(close, high) | above(low, close) | above(opens, high) | above(low, opens)
    with np.errstate(over="ignore"):  # prices of 1e308 are reported, not averaged
        jump = float(np.median(np.abs(opens[1:] - close[:-1]))) if len(close) > 1 else 0.0
    return round(float(np.mean(outside)), 3), jump
