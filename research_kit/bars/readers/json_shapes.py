"""What a JSON value holds: rows or columns of prices, wherever a vendor put them, or a message instead of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from research_kit.bars.columns.assign import is_common_name, plain_name
from research_kit.bars.columns.tick_names import is_time_name, recognise_ticks
from research_kit.bars.readers.lists import is_moment
from research_kit.bars.readers.records import Payload
from research_kit.errors import DataError

_DEEPEST = 6
_SYMBOL_KEYS = ("symbol", "ticker", "pair", "instrument", "instrument_id")
_ZONE_KEYS = ("time_zone", "timezone", "exchange_timezone", "exchangetimezonename", "tz")
_MESSAGE_KEYS = (
    *(
        "Error Message",
        "Message",
        "Note",
        "Information",
        "error",
        "errors",
        "message",
        "msg",
        "error_message",
        "errorMessage",
    ),
    *("retMsg", "ret_msg", "err_msg", "description", "detail", "fault", "faultstring", "status", "s", "code"),
)
_FINE = ("", "ok", "success", "delayed", "0", "200", "200000")
_BESIDE = ("splits", "dividends", "events", "meta", "Meta Data", "metadata", "schema", "pagination", "request")
_TICKER = re.compile(r"[A-Z0-9^][A-Z0-9.\-=^/_:]{0,24}")


def payload_of(value: Any, symbol: str = "", source: str = "The JSON") -> Payload | None:
    """Return the prices of a parsed JSON value, None when there are none.

    Parameters
    ----------
    symbol
        Which instrument is wanted, where there is more than one.

    Raises
    ------
    DataError
        There is more than one instrument, and ``symbol`` is none of them.

    Examples
    --------
    >>> payload_of({"results": [{"t": 1577977200000, "c": 74.06}], "ticker": "AAPL"}).symbol
    'AAPL'
    """
    chart = _yahoo_chart(value) if isinstance(value, Mapping) else None
    if chart is not None:
        return chart
    found = _found(value, symbol, source, 0)
    if found is None:
        return None
    found = replace(found, is_top=isinstance(value, list) and found.rows is value)
    return _dressed(value, found) if isinstance(value, Mapping) else found


def _dressed(value: Mapping[str, Any], found: Payload) -> Payload:
    """Return a payload with what stands beside it: the vendor, the symbol, the zone."""
    beside = [value, *(item for item in value.values() if isinstance(item, Mapping))]
    found = replace(
        found,
        words=_vendor(value) or found.words,
        symbol=found.symbol or _beside(beside, _SYMBOL_KEYS),
        timezone=found.timezone or (zone.key if (zone := _zone(_beside(beside, _ZONE_KEYS))) else ""),
    )
    return _polygon_days(found) if "results" in value else found


def _vendor(value: Mapping[str, Any]) -> str:
    if any(str(key).startswith("Time Series") for key in value) or "Meta Data" in value:
        return "JSON of Alpha Vantage"
    if "results" in value and {"ticker", "queryCount", "resultsCount", "adjusted"} & set(value):
        return "JSON aggregates of Polygon (Massive)"
    if isinstance(value.get("error"), list) and "result" in value:
        return "JSON of Kraken"
    return "JSON of Bybit" if "retCode" in value else ""


def _beside(places: list[Mapping[str, Any]], keys: tuple[str, ...]) -> str:
    """Return the first text under one of the keys."""
    for place in places:
        for key, text in place.items():
            if isinstance(text, str) and text and plain_name(str(key)) in keys and not text.isdigit():
                return text
    return ""


def _found(value: Any, symbol: str, source: str, depth: int) -> Payload | None:
    """Return the first rows or columns of prices in a value, looking inside of objects."""
    if isinstance(value, list):
        return _rows(value)
    if not isinstance(value, Mapping) or depth > _DEEPEST:
        return None
    here = _split(value) or _column_lists(value) or _column_dicts(value) or _row_dicts(value) or _series(value)
    if here is not None:
        return here
    inside = {}
    for key, item in value.items():
        found = _found(item, symbol, source, depth + 1) if key not in _BESIDE else None
        if found is not None:
            inside[str(key)] = found
    return _one_of(inside, symbol, source)


def _one_of(inside: dict[str, Payload], symbol: str, source: str) -> Payload | None:
    filled = {key: found for key, found in inside.items() if not found.is_empty} or inside
    if symbol in filled:
        return replace(filled[symbol], symbol=symbol)
    if len(filled) > 1 and all(_TICKER.fullmatch(key) for key in filled):
        shown = ", ".join(list(filled)[:5]) + (", ..." if len(filled) > 5 else "")
        raise DataError(
            f"{source} holds {len(filled):,} instruments ({shown}); say symbol={next(iter(filled))!r} to take one, or "
            "take all with ws.import_all(...)."
        )
    for key, found in filled.items():
        is_symbol = not found.symbol and _TICKER.fullmatch(key) and re.search("[A-Z]", key)
        return replace(found, symbol=key) if is_symbol else found
    return None


def _rows(value: list[Any]) -> Payload | None:
    if not value:
        return Payload("a JSON list", rows=value)
    first = value[0]
    if isinstance(first, Mapping):
        names = [str(name) for name in first]
        inner = [str(name) for cell in first.values() if isinstance(cell, Mapping) for name in cell]
        if _are_prices([*names, *inner]):
            words = "JSON rows of BitMEX" if {"homeNotional", "foreignNotional"} & set(names) else "JSON rows"
            return Payload(words, rows=value, doubts=_bitmex(names))
        wide = any(is_common_name(name) for name in names) and sum(map(_is_number, first.values())) > 1
        return Payload("JSON rows", rows=value) if wide else None
    if isinstance(first, list) and len(first) > 1 and any(is_moment(cell) for cell in first):
        return Payload(f"JSON lists of {len(first)} cells", rows=value)
    return None


def _bitmex(names: list[str]) -> tuple[str, ...]:
    if not {"homeNotional", "foreignNotional"} & set(names) or "open" not in names:
        return ()
    return ("BitMEX writes the time at which a bar ends, other vendors that at which it begins; it was left as it is.",)


def _split(value: Mapping[str, Any]) -> Payload | None:
    """Return the rows of a table whose column names stand beside: pandas' split and table, Quandl."""
    rows = value.get("data")
    names = value.get("columns", value.get("column_names"))
    if not isinstance(rows, list):
        return None
    if isinstance(names, list) and _are_prices([str(name) for name in names]):
        index = value.get("index")
        plain = [str(name) for name in names]
        if isinstance(index, list) and index and is_moment(index[0]) and all(isinstance(row, list) for row in rows):
            return Payload("JSON of pandas (split)", rows=[[at, *row] for at, row in zip(index, rows, strict=False)],
                           names=("time", *plain))  # fmt: skip
        return Payload("JSON rows with their names beside them", rows=rows, names=tuple(plain))
    return None


def _column_lists(value: Mapping[str, Any]) -> Payload | None:
    columns = {str(name): column for name, column in value.items() if isinstance(column, list)}
    scalar = all(not isinstance(cell, list | Mapping) for column in columns.values() for cell in column[:1])
    if columns and scalar and _are_prices(list(columns)):
        return Payload("JSON columns", columns=columns)
    return None


def _column_dicts(value: Mapping[str, Any]) -> Payload | None:
    """Return pandas' default layout: for each column an object of cells by the index."""
    columns = {str(name): cells for name, cells in value.items() if isinstance(cells, Mapping)}
    first = next(iter(columns.values()), {})
    if len(columns) < len(value) or not _are_prices(list(columns)) or any(map(_is_container, first.values())):
        return None
    index = list(first)
    table: dict[str, list[Any]] = {} if any(map(is_time_name, columns)) else {"time": index}
    return Payload(
        "JSON of pandas", columns=table | {name: [cells.get(at) for at in index] for name, cells in columns.items()}
    )


def _row_dicts(value: Mapping[str, Any]) -> Payload | None:
    """Return rows by their times: ``{"2020-01-02": {"open": ...}}``, as Alpha Vantage and pandas' index write them."""
    first = next(iter(value.values()), None)
    if not isinstance(first, Mapping) or not _are_prices([str(name) for name in first]):
        return None
    if any(map(_is_container, first.values())) or not all(isinstance(row, Mapping) for row in value.values()):
        return None
    timed = any(is_time_name(str(name)) for name in first)
    if not timed and not is_moment(next(iter(value))):
        return None
    rows = [dict(row) if timed else {"time": at, **row} for at, row in value.items()]
    return Payload("JSON objects by time", rows=rows)


def _series(value: Mapping[str, Any]) -> Payload | None:
    """Return series of times and values that share their times, as CoinGecko returns prices and volumes."""
    prices, volumes = _pairs(value.get("prices")), _pairs(value.get("total_volumes"))
    if not prices:
        return None
    columns = {"time": [row[0] for row in prices], "close": [row[1] for row in prices]}
    doubts: tuple[str, ...] = ()
    if [row[0] for row in volumes] == columns["time"]:
        columns["rolling_volume"] = [row[1] for row in volumes]
        doubts = ("Its total volumes are those of the 24 hours before each time, not of the bar.",)
    return Payload("JSON of CoinGecko", columns=columns, doubts=doubts)


def _pairs(value: Any) -> list[Any]:
    are_pairs = isinstance(value, list) and all(isinstance(row, list) and len(row) == 2 for row in value)
    return value if are_pairs else []


def _yahoo_chart(value: Mapping[str, Any]) -> Payload | None:
    """Return Yahoo's chart; the times of its bars of days and more are the session's opening and become dates."""
    result = _at(value, "chart", "result", 0)
    quote, times = _at(result, "indicators", "quote", 0), _at(result, "timestamp")
    if not isinstance(quote, Mapping) or not isinstance(times, list):
        return None
    doubts: tuple[str, ...] = ()
    zone = _zone(_at(result, "meta", "exchangeTimezoneName"))
    if zone is not None and re.search(r"(d|wk|mo)$", str(_at(result, "meta", "dataGranularity"))):
        times = [_date(at, zone) for at in times]
        doubts = (f"Its times, openings of sessions, were taken as the dates they are in {zone.key}.",)
    columns = {"time": times, **{str(name): cells for name, cells in quote.items() if isinstance(cells, list)}}
    adjusted = _at(result, "indicators", "adjclose", 0, "adjclose")
    if isinstance(adjusted, list):
        columns["adjclose"] = adjusted
    return Payload(
        "JSON of Yahoo's chart", columns=columns, symbol=str(_at(result, "meta", "symbol") or ""), doubts=doubts
    )


def _at(value: Any, *path: str | int) -> Any:
    """Return what stands at a path of keys and places inside of a value, None where there is none."""
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, Mapping) else None
        else:
            value = value[step] if isinstance(value, list) and len(value) > step else None
    return value


def _polygon_days(found: Payload) -> Payload:
    """Return rows whose times are all midnight in New York as dates, which is how Polygon writes days of shares."""
    rows = found.rows or ()
    times = [row["t"] for row in rows if isinstance(row, Mapping) and _is_epoch_ms(row.get("t"))]
    if len(times) < 2 or len(times) < len(rows):
        return found
    zone = ZoneInfo("America/New_York")
    if any(at % 3_600_000 for at in times) or any(datetime.fromtimestamp(at / 1000, zone).hour for at in times):
        return found
    doubts = ("Its times are midnight in New York and were taken as dates.",)
    return replace(found, rows=[{**row, "t": _date(row["t"] / 1000, zone)} for row in rows], doubts=doubts)


def _is_epoch_ms(value: Any) -> bool:
    return isinstance(value, int) and 0 < value < 10**13


def _zone(name: Any) -> ZoneInfo | None:
    try:
        return ZoneInfo(str(name)) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _date(epoch: Any, zone: ZoneInfo) -> Any:
    try:
        return datetime.fromtimestamp(epoch, UTC).astimezone(zone).date().isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return epoch


def message_of(value: Any, depth: int = 0) -> str:
    """Return what a vendor says instead of data, ``""`` when it says nothing.

    >>> message_of({"code": -1121, "msg": "Invalid symbol."}), message_of(["error", 10020, "symbol: invalid"])
    ('Invalid symbol.', 'symbol: invalid')
    """
    if isinstance(value, str):
        return "" if value.strip().lower() in _FINE else value.strip()
    if isinstance(value, list):
        texts = [item for item in value if isinstance(item, str)]
        return message_of(texts[-1]) if texts and len(value) < 10 else ""
    if not isinstance(value, Mapping) or depth > _DEEPEST:
        return ""
    for key in _MESSAGE_KEYS:
        if key in value and (text := message_of(value[key], depth + 1)):
            return text
    nested = (message_of(item, depth + 1) for item in value.values() if isinstance(item, Mapping))
    return next(filter(None, nested), "")


def _are_prices(names: list[str]) -> bool:
    """Return whether names are those of a table of prices: a close, or the prices of ticks, beside others."""
    plain = {plain_name(name) for name in names}
    closes = {"close", "c", "price", "last", "adj_close", "adjclose", "close_price", "settle", "trade_price"}
    return bool(plain & closes) or recognise_ticks(names) != "" or {"open", "high", "low"} <= plain


def _is_container(value: Any) -> bool:
    return isinstance(value, list | Mapping)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
