"""Wide tables: a column, or a set of columns, for each of several symbols side by side; one symbol is picked.

``AAPL_Open, AAPL_Close, MSFT_Open ...`` in any order and with any sign between, two header lines as yfinance writes
them, or one column of closes for each symbol.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from research_kit.bars.columns.assign import is_common_name, plain_name
from research_kit.bars.columns.tick_names import is_time_name
from research_kit.bars.readers.base import RawTable, Source
from research_kit.bars.readers.sniff import BLANKS, is_number
from research_kit.bars.readers.text import DelimitedText, rows_above
from research_kit.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_FIELDS = (
    *("open", "high", "low", "close", "adj_close", "adjclose", "adjusted_close", "volume", "vol", "price", "last"),
    *("dividends", "stock_splits", "capital_gains"),
)
_CLOSES = frozenset({"close", "adj_close", "adjclose", "adjusted_close", "price", "last"})
_FIELD = (
    "adj[ ._-]?close|adjusted[ ._-]close|stock[ ._-]splits|capital[ ._-]gains|"
    "open|high|low|close|volume|vol|price|last|dividends"
)
_LAST = re.compile(rf"(?P<symbol>.+?)[ _.:|/-]+(?P<field>{_FIELD})", re.IGNORECASE)
_FIRST = re.compile(rf"(?P<field>{_FIELD})[ _.:|/-]+(?P<symbol>.+)", re.IGNORECASE)
_PAIR = re.compile(r"""\(\s*['"](.+?)['"]\s*,\s*['"](.+?)['"]\s*\)""")
_TICKER = re.compile(r"[A-Z0-9^][A-Z0-9.\-=^/_:]{0,19}")
_NO_SYMBOLS = frozenset(
    (
        *("bid", "ask", "mid", "offer", "trade", "trades", "quote", "base", "adj", "adjusted", "unadjusted", "prev"),
        *("previous", "prior", "day", "avg", "average", "total", "mark", "index", "interest", "time", "raw", "session"),
        *("settle", "pre", "post", "market", "taker", "maker", "buy", "sell", "tick", "real", "candlestick", "close"),
    )
)
_NO_TICKERS = frozenset(
    (
        *(
            "SMA",
            "EMA",
            "WMA",
            "RSI",
            "ATR",
            "MACD",
            "VWAP",
            "OBV",
            "ADX",
            "CCI",
            "ROC",
            "MFI",
            "BB",
            "MA",
            "OI",
            "NAV",
        ),
        *("OPENINT", "RETURN", "RETURNS", "SIGNAL", "VALUE", "COUNT", "TRADES", "SPREAD", "ID", "INDEX", "YEAR"),
        *("MONTH", "DAY", "HOUR", "OPEN", "HIGH", "CLOSE", "VOLUME", "PERIOD", "PERCENT", "CHANGE"),
    )
)


@dataclass(frozen=True)
class Wide:
    """How a wide table is laid out.

    Parameters
    ----------
    sets
        For each symbol the names of its columns by their names in an ordinary table.
    shared
        Columns of times, which belong to all symbols.
    """

    sets: Mapping[str, Mapping[str, str]]
    shared: tuple[str, ...]

    @property
    def symbols(self) -> list[str]:
        return list(self.sets)

    def sentence(self) -> str:
        """Return the layout in words.

        >>> wide_of(["Date", "AAPL_Close", "MSFT_Close"]).sentence()
        '2 symbols side by side (AAPL, MSFT)'
        """
        if len(self.sets) == 1:
            return f"the columns of {self.symbols[0]}"
        return f"{len(self.sets):,} symbols side by side ({_first_few(self.symbols)})"


def symbols(source: Source | pa.Table | pd.DataFrame) -> list[str]:
    """Return the symbols of a wide file, table or frame, in its order; an empty list where it is not wide.

    >>> import pyarrow as pa
    >>> symbols(pa.table({"Date": ["2020-01-02"], "Open.AAPL": [1.0], "Close.AAPL": [1.0], "Close.MSFT": [2.0]}))
    ['AAPL', 'MSFT']
    """
    if isinstance(source, Source):
        wide = wide_text(source) if source.text is not None else wide_of_table(_first_table(source))
    elif hasattr(source, "columns") and hasattr(source, "index"):
        from research_kit.bars.readers.memory import unpicked

        wide = wide_of_table(unpicked(source))
    else:
        wide = wide_of_table(source)
    return wide.symbols if wide else []


def narrowed(raw: RawTable, symbol: str, source: str, wide: Wide | None = None) -> RawTable:
    """Return the columns of one symbol of a wide table under their usual names; any other table as it is.

    Rows in which the symbol has no value at all, because only others traded then, are left out and this is said.

    Parameters
    ----------
    symbol
        Which one; ``""`` where there is only one.
    source
        What the table is called in messages.
    wide
        How it is laid out; seen from the names and values when not given.

    Raises
    ------
    DataError
        There are several symbols and ``symbol`` is none of them.
    """
    wide = wide or wide_of_table(raw.table)
    if wide is None:
        return raw
    import pyarrow as pa

    chosen = _chosen(wide, symbol, source)
    names = [*((name, name) for name in wide.shared), *wide.sets[chosen].items()]
    table = pa.table({name: raw.table[column] for name, column in names})
    table, doubts = _own_rows(table, list(wide.sets[chosen]), chosen)
    picked = f"It holds {wide.sentence()}; {chosen} was taken."
    doubts = (picked, *doubts) if len(wide.sets) > 1 else doubts
    return replace(raw, table=table, symbol=chosen, has_header=True, doubts=(*raw.doubts, *doubts))


def narrowed_blocks(blocks: Iterator[RawTable], symbol: str, source: str) -> Iterator[RawTable]:
    """Yield blocks as ``narrowed`` returns them; the first decides on how all are laid out."""
    wide: Wide | None = None
    for at, raw in enumerate(blocks):
        wide = wide_of_table(raw.table) if at == 0 else wide
        yield narrowed(raw, symbol, source, wide) if wide else raw


def _chosen(wide: Wide, symbol: str, source: str) -> str:
    names = wide.symbols
    if symbol in names or (len(names) == 1 and not symbol):
        return symbol or names[0]
    same = [name for name in names if name.upper() == symbol.upper()]
    if len(same) == 1:
        return same[0]
    if len(names) == 1:  # the user calls the only one otherwise
        return names[0]
    wanted = f"has no symbol {symbol!r} ({did_you_mean(symbol, names[:200])}); it " if symbol else ""
    raise DataError(
        f"{source} {wanted}holds {wide.sentence()}; say symbol={names[0]!r} to take one, or take all with "
        "ws.import_all(...)."
    )


def _own_rows(table: pa.Table, columns: Sequence[str], symbol: str) -> tuple[pa.Table, tuple[str, ...]]:
    """Return the rows in which at least one of the columns has a value."""
    import pyarrow.compute as pc

    filled = None
    for name in columns:
        here = pc.invert(pc.is_null(table[name], nan_is_null=True))
        filled = here if filled is None else pc.or_(filled, here)
    if filled is None or pc.all(filled).as_py() is not False:
        return table, ()
    return table.filter(filled), (
        f"Rows in which only other symbols have values were left out, as no rows of {symbol}.",
    )


def wide_of_table(table: pa.Table) -> Wide | None:
    """Return how a table is laid out if it is wide, None if not; its first rows tell which columns hold prices."""
    head = table.slice(0, 200)

    def is_price(name: str) -> bool | None:
        return _looks_like_prices(head[name].to_pylist())

    return wide_of(table.column_names, is_price)


def wide_of(names: Sequence[str], is_price: Any = None) -> Wide | None:
    """Return how columns are laid out if they are wide, None if they are those of an ordinary table.

    Parameters
    ----------
    names
        Of the columns.
    is_price
        A function of a name that says whether its column holds prices; only with it can one column of closes for each
        symbol be told from other tables.

    Examples
    --------
    >>> wide_of(["Date", "Open.AAPL", "Close.AAPL", "Close.MSFT"]).sets["AAPL"]
    {'Open': 'Open.AAPL', 'Close': 'Close.AAPL'}
    >>> wide_of(["Date", "Open", "High", "Low", "Close", "Mark_Close"]) is None
    True
    """
    shared = tuple(name for name in names if is_time_name(name))
    others = [name for name in names if name not in shared]
    if not any(plain_name(name) in _FIELDS for name in others):
        sets = _sets(others)
        if sets:
            return Wide(sets, shared)
    return _closes(names, is_price) if is_price is not None else None


def _sets(names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the columns of each symbol, in that order (symbol first, or field first) that explains more of them."""
    ways = [_split_names(names, pattern) for pattern in (_LAST, _FIRST)]
    best = max(ways, key=len)
    sets: dict[str, dict[str, str]] = {}
    for name, (symbol, part) in best.items():
        sets.setdefault(symbol, {})[part] = name
    sets = {symbol: parts for symbol, parts in sets.items() if {plain_name(part) for part in parts} & _CLOSES}
    if any(plain_name(symbol) in _NO_SYMBOLS for symbol in sets) or len(best) < 0.8 * len(names):
        return {}
    return sets


def _split_names(names: Sequence[str], pattern: re.Pattern[str]) -> dict[str, tuple[str, str]]:
    """Return the symbol and the field of each name that has both."""
    out = {}
    for name in names:
        pair = _PAIR.fullmatch(name.strip())
        if pair is not None:
            symbol, part = (pair[1], pair[2]) if pattern is _LAST else (pair[2], pair[1])
            if plain_name(part) in _FIELDS:
                out[name] = (symbol, part)
        elif (match := pattern.fullmatch(name.strip())) is not None:
            out[name] = (match["symbol"], match["field"])
    return out


def _closes(names: Sequence[str], is_price: Any) -> Wide | None:
    """Return one column of closes for each symbol: all but the times are named as symbols are, and hold prices."""
    if not names:
        return None
    time, others = names[0], names[1:]
    if not (is_time_name(time) or not time) or not _are_tickers(others):
        return None
    known = {name: is_price(name) for name in others}
    if sum(seen is True for seen in known.values()) < 2:
        return None
    return Wide({name: {"close": name} for name in others if known[name] is not False}, (time,))


def _are_tickers(names: Sequence[str]) -> bool:
    """Return whether all names are symbols; C, T, V and LOW, usual names of columns, are so only beside many others."""
    if len(names) < 2 or not all(_TICKER.fullmatch(name) and name not in _NO_TICKERS for name in names):
        return False
    usual = [name for name in names if is_common_name(name)]
    return all(len(name) <= 3 for name in usual) and 4 * len(usual) <= len(names)


class WideText(DelimitedText):
    """Text with several symbols side by side, by one header line or by two."""

    name = "wide text"

    def recognise(self, source: Source) -> str | None:
        wide = wide_text(source)
        if wide is None or source.text is None:
            return None
        return f"{source.text.sentence()}, {wide.sentence()}"

    def read(self, source: Source) -> Iterator[RawTable]:
        stacked, wide = _stacked(source), wide_text(source)
        for raw in super().read(source):
            if stacked and len(stacked) == raw.table.num_columns:
                raw = replace(raw, table=raw.table.rename_columns(_stacked_names(stacked)))  # noqa: PLW2901
            yield narrowed(raw, source.hints.symbol, source.name, wide)


def wide_text(source: Source) -> Wide | None:
    """Return how text is laid out if it is wide, None if not or if the user names its columns."""
    layout = source.text
    if layout is None or source.hints.names is not None:
        return None
    stacked = _stacked(source)
    if stacked:
        sets: dict[str, dict[str, str]] = {}
        names = _stacked_names(stacked)
        for name, (symbol, part) in zip(names[1:], stacked[1:], strict=True):
            sets.setdefault(symbol, {})[part] = name
        return Wide(sets, (names[0],))
    if layout.header is None or len(layout.header) != layout.width:
        return None
    header = list(layout.header)

    def is_price(name: str) -> bool | None:
        return _looks_like_prices([row[header.index(name)] for row in layout.rows], layout.decimal)

    return wide_of(header, is_price) if len(set(header)) == len(header) else None


def _stacked(source: Source) -> list[tuple[str, str]]:
    """Return the symbol and the field of each column of text with a header line for each, an empty list elsewhere."""
    layout = source.text
    if layout is None or not layout.rows:
        return []
    lines = [line for line in rows_above(source, layout)[-4:] if len(line) == layout.width]
    fields = next((line for line in lines if all(plain_name(cell) in _FIELDS for cell in line[1:])), None)
    if fields is None or not {plain_name(cell) for cell in fields[1:]} & _CLOSES:
        return []
    tickers = next((line for line in lines if line is not fields and all(line[1:])), None)
    if tickers is None:
        return []
    time = next((line[0] for line in lines if is_time_name(line[0])), "Date")
    return [("", time), *zip(tickers[1:], fields[1:], strict=True)]


def _stacked_names(stacked: Sequence[tuple[str, str]]) -> list[str]:
    return [stacked[0][1], *(f"{symbol}|{part}" for symbol, part in stacked[1:])]


def _looks_like_prices(cells: Sequence[Any], decimal: str = ".") -> bool | None:
    """Return whether cells are numbers above zero, None where all are empty."""
    filled = [
        text for cell in cells if (text := "" if cell is None else str(cell).strip()) and text.lower() not in BLANKS
    ]
    if not filled:
        return None
    if not all(is_number(text, decimal) for text in filled):
        return False
    return sum(text[:1] != "-" and any(sign in text for sign in "123456789") for text in filled) > 0.9 * len(filled)


def _first_few(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def _first_table(source: Source) -> Any:
    """Return the first block of a file that is no text: columnar, or JSON."""
    from research_kit.bars.readers.columnar import ArrowFile, Parquet
    from research_kit.bars.readers.json_text import Json

    for reader in (Parquet(), ArrowFile()):
        if reader.recognise(source):
            return next(reader.tables(source)).table
    return next(Json().tables(source)).table
