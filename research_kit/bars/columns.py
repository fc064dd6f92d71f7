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
from research_kit.bars.frame import PRICE_COLUMNS
from research_kit.bars.numbers import TOLERANCE
from research_kit.errors import DataError, MissingColumnError, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

_COMMON = {
    "open": ("open", "o", "open_price", "opening_price", "first", "eröffnung", "erster"),
    "high": ("high", "h", "high_price", "highest", "max", "hoch"),
    "low": ("low", "l", "low_price", "lowest", "min", "tief"),
    "close": (
        *("close", "c", "close_price", "closing_price", "close_last", "last", "last_price", "price", "px_last"),
        *("settle", "settlement", "schluss", "schlusskurs"),
    ),
    "adj_close": ("adj_close", "adjclose", "adjusted_close", "close_adj", "close_adjusted"),
    "volume": (
        *("volume", "vol", "v", "total_volume", "volumen", "base_volume", "volumefrom", "volume_from", "volume_btc"),
        *("tick_volume", "tickvolume", "tickvol"),
    ),
}
_MOMENTS = (
    *("datetime", "date_time", "timestamp", "time_stamp", "open_time", "opentime", "start_time", "bar_time"),
    *("gmt_time", "utc_time", "local_time", "unix", "unix_timestamp", "epoch", "ts", "t", "index_level_0"),
)
_DATES = ("date", "day", "trade_date", "trading_date", "datum")
_CLOCKS = ("time", "time_of_day", "hour", "zeit", "uhrzeit")
_SYMBOLS = ("symbol", "ticker", "instrument", "pair")
_KNOWN = {alias: name for name, aliases in _COMMON.items() for alias in aliases}
_PARTS = {
    **dict.fromkeys(_MOMENTS, "time"),
    **dict.fromkeys(_DATES, "date"),
    **dict.fromkeys(_CLOCKS, "time"),
    **_KNOWN,
}
_TIME_OF_DAY = re.compile(r"\d{1,2}(:\d{2}){1,2}(\.\d+)?( ?[AaPp][Mm])?|\d{1,6}")

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
    """

    time: tuple[str, ...]
    fields: Mapping[str, str]
    symbol: str = ""
    assumed: bool = False


def plain_name(name: str) -> str:
    """Return a header's name in lower case, words joined by underscores, without decoration.

    >>> plain_name("<CLOSE>"), plain_name("Close/Last"), plain_name("Adj. Close"), plain_name("1. open")
    ('close', 'close_last', 'adj_close', 'open')
    """
    plain = re.sub(r"\W+", "_", name.strip().lower()).strip("_")
    return re.sub(r"^(\d+|candlestick)_+(?=\D)", "", plain)


def is_common_name(name: str) -> bool:
    """Return whether a header's name is one of those that are known.

    >>> is_common_name("Adj Close"), is_common_name("hello")
    (True, False)
    """
    return plain_name(name) in _PARTS


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
            f"columns= names {len(given)} columns, {source} has {len(names)} ({', '.join(names)}); "
            "name them all, with '' for one to leave out."
        )
    parts = [_PARTS.get(plain_name(name), plain_name(name)) for name in given]
    for part in parts:
        if part and parts.count(part) > 1:
            raise DataError(f"columns= names {part!r} twice; a column can be named once.")
    places = dict(zip(parts, names, strict=True))
    places.pop("", None)
    time = tuple(places.pop(part) for part in ("date", "time") if part in places)
    symbol = next((places.pop(part) for part in _SYMBOLS if part in places), "")
    return _checked(Assigned(time, _in_order(places), symbol), names, source)


def _by_name(names: list[str], given: Mapping[str, str], source: str) -> dict[str, str]:
    chosen = {}
    for part, name in given.items():
        if name not in names:
            raise MissingColumnError(f"{source} has no column {name!r} (columns=). {did_you_mean(name, names)}")
        chosen[_PARTS.get(plain_name(part), plain_name(part))] = name
    return chosen


def _by_header(table: pa.Table, chosen: dict[str, str], source: str) -> Assigned:
    names = [name for name in table.column_names if name not in chosen.values()]
    plain: dict[str, str] = {}
    for name in names:
        plain.setdefault(plain_name(name), name)
    time = tuple(chosen.pop(part) for part in ("date", "time") if part in chosen) or _time_columns(table, plain, names)
    symbol = next((plain[word] for word in _SYMBOLS if word in plain), "")
    fields = dict(chosen)
    for part, aliases in _COMMON.items():
        found = next((plain[alias] for alias in aliases if alias in plain and plain[alias] not in time), None)
        if part not in fields and found is not None:
            fields[part] = found
    used = {*time, symbol, *fields.values()}
    for name in names:
        if name not in used:
            fields[_free_name(plain_name(name) or "column", fields)] = name
    return _checked(Assigned(time, _in_order(fields), symbol), table.column_names, source)


def _time_columns(table: pa.Table, plain: Mapping[str, str], names: list[str]) -> tuple[str, ...]:
    moment, date, clock = (
        next((plain[word] for word in words if word in plain), None) for words in (_MOMENTS, _DATES, _CLOCKS)
    )
    if moment is not None:
        return (moment,)
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
    cells = [str(cell) for cell in column.slice(0, 50).to_pylist() if cell is not None]
    return bool(cells) and all(_TIME_OF_DAY.fullmatch(cell) for cell in cells)


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
    shown = ", ".join(names)
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
    orders = sorted(permutations(range(4)), key=lambda order: _misfit(*(columns[at] for at in order)))
    best = [columns[at] for at in orders[0]]
    wrong = 100 * _wrong_share(*columns)
    message = (
        f"{source} has no header, and read in the usual order (open, high, low, close) {wrong:.0f} % of its rows have "
        "a high or low on the wrong side of the close"
    )
    if _wrong_share(*best) > 0.01:
        raise DataError(f'{message}; say what each column is: columns=["time", "open", ...].')
    place = {at: PRICE_COLUMNS[role] for role, at in enumerate(orders[0])}
    listed = ["date", "time"] if len(assigned.time) == 2 else ["time"]
    listed += [place[at] for at in range(4)] + [name for name in assigned.fields if name not in PRICE_COLUMNS]
    raise DataError(f"{message}. The likely order is {', '.join(listed)}; if so, say columns={_quoted(listed)}.")


def _quoted(names: list[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def _wrong_share(
    opens: NDArray[np.float64], high: NDArray[np.float64], low: NDArray[np.float64], close: NDArray[np.float64]
) -> float:
    """Return the share of rows whose close is outside [low, high]; an open outside is normal on some venues."""
    slack = TOLERANCE * np.abs(close)
    return float(np.mean((close > high + slack) | (close < low - slack))) if len(close) else 0.0


def _misfit(
    opens: NDArray[np.float64], high: NDArray[np.float64], low: NDArray[np.float64], close: NDArray[np.float64]
) -> tuple[float, float]:
    slack = TOLERANCE * np.abs(close)
    outside = (close > high + slack) | (close < low - slack) | (opens > high + slack) | (opens < low - slack)
    jump = float(np.median(np.abs(opens[1:] - close[:-1]))) if len(close) > 1 else 0.0
    return round(float(np.mean(outside)), 3), jump
