"""Sites and services of stock prices: Yahoo, yfinance, investing.com, nasdaq.com, Barchart, Quandl; Excel's dates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from research_kit.bars.readers.base import RawTable, Source
from research_kit.bars.readers.sniff import TextLayout
from research_kit.bars.readers.text import rows_above
from research_kit.bars.readers.vendors.layout import Layout, VendorText, lower, one_of
from research_kit.errors import DataError, did_you_mean

_OHLC = ("open", "high", "low", "close")
_MAYBE_ADJUSTED = (
    "yfinance adjusts its prices for splits and dividends unless auto_adjust=False was said; the file does not tell "
    "which it was.",
)

YAHOO = Layout(
    "Yahoo Finance",
    "prices are adjusted for splits; 'Adj Close', for dividends as well, is kept beside them as adj_close",
    needs=("date", *_OHLC, "adj close", "volume"),
    alone=True,
)
YFINANCE_RAW = Layout(
    "yfinance, history of one ticker",
    "prices are adjusted for splits; 'Adj Close', dividends and splits are kept beside them",
    needs=("date|datetime", *_OHLC, "adj close", "volume", "dividends", "stock splits"),
)
YFINANCE = replace(
    YFINANCE_RAW,
    says="dividends and splits are kept beside the prices",
    needs=("date|datetime", *_OHLC, "volume", "dividends", "stock splits"),
    lacks=("adj close",),
    doubts=_MAYBE_ADJUSTED,
)
INVESTING = Layout(
    "investing.com",
    "'Price' is the close; endings K, M and B of volumes are taken as thousands, millions and billions",
    needs=("date", "price", "open", "high", "low", "change %"),
    roles={"close": "price", "volume": "vol."},
)
NASDAQ = Layout(
    "nasdaq.com",
    "'Close/Last' is the close; dollar signs are taken off",
    needs=("date", "close/last", "open", "high", "low"),
    roles={"close": "close/last"},
)
BARCHART = Layout(
    "Barchart",
    "'Last' or 'Latest' is the close, a last line on the download is passed over",
    needs=("time|date|date time", "open", "high", "low", "last|latest", "change|%change|%chg"),
    roles={"close": "last|latest"},
    zone_question="Barchart writes the time of its site's settings, most often America/Chicago",
)
QUANDL = Layout(
    "Quandl WIKI",
    "prices as they were traded; those adjusted for splits and dividends are kept beside them (adj_open, adj_close)",
    needs=("date", *_OHLC, "volume", "ex-dividend|ex_dividend", "split ratio|split_ratio", "adj. close|adj_close"),
    roles={"volume": "volume"},
)
EXCEL = Layout(
    "dates as Excel counts them",
    "times are days since 30 December 1899",
    needs=("date|datetime|time|date time|datum|timestamp",),
    cells=(r"[2-7]\d{4}([.,]\d+)?",),
    doubts=(
        "Excel counts days from 1900, or from 1904 in workbooks of old Macs, which would be four years and a day "
        "later; 1900 is assumed.",
    ),
)

_FIELDS = {*_OHLC, "adj close", "volume", "dividends", "stock splits", "capital gains"}
_INDEX = ("date", "datetime", "price", "index")


class ExcelDates(VendorText):
    """Any table whose first column holds dates as the numbers that Excel keeps them in."""

    def layout_for(self, source: Source, text: TextLayout) -> Layout | None:
        leads = one_of(self.layout.needs[0], lower(text.header or ())[:1])
        return super().layout_for(source, text) if leads else None


@dataclass(frozen=True)
class _Levels:
    """What stands above each column of a table of yfinance, the column of times left out."""

    index: str
    fields: tuple[str, ...]
    tickers: tuple[str, ...]

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.tickers))


class YFinanceTable(VendorText):
    """The table of ``yfinance.download`` as ``to_csv`` writes it: lines of fields and of tickers above the dates."""

    def symbols(self, source: Source) -> tuple[str, ...]:
        """Return the instruments in the file, in order; none when the file is not laid out so."""
        levels = _levels(source, source.text) if source.text else None
        return levels.symbols if levels else ()

    def layout_for(self, source: Source, text: TextLayout) -> Layout | None:
        levels = _levels(source, text)
        if levels is None:
            return None
        several = len(levels.symbols) > 1
        if several:
            says = f"{len(levels.symbols)} instruments: {', '.join(levels.symbols[:5])}"
        else:
            says = f"prices of {levels.symbols[0]}, three lines above them"
        adjusted = "adj close" not in lower(levels.fields)
        return replace(self.layout, says=says, doubts=_MAYBE_ADJUSTED if adjusted else ())

    def read(self, source: Source) -> Iterator[RawTable]:
        levels = _levels(source, source.text) if source.text else None
        if levels is None or source.hints.names is not None:
            yield from super().read(source)
            return
        symbol = _chosen(levels, source)
        at = [0, *(place for place, ticker in enumerate(levels.tickers, start=1) if ticker == symbol)]
        names = [levels.index, *levels.fields]
        for raw in super().read(source):
            table = raw.table.select(at).rename_columns([names[place] for place in at])
            yield replace(raw, table=table, symbol=symbol)


def _chosen(levels: _Levels, source: Source) -> str:
    wanted, symbols = source.hints.symbol, levels.symbols
    if wanted in symbols:
        return wanted
    if len(symbols) == 1:
        return symbols[0]
    if wanted:
        raise DataError(f"{source.name} has no instrument {wanted!r}. {did_you_mean(wanted, symbols)}")
    shown = ", ".join(symbols[:5]) + (", ..." if len(symbols) > 5 else "")
    raise DataError(f"{source.name} holds {len(symbols)} instruments ({shown}); say symbol={symbols[0]!r} to take one.")


def _levels(source: Source, text: TextLayout) -> _Levels | None:
    """Return what the lines above the data say, None when they are not those of yfinance.

    The newer ones begin with Price, Ticker and Date; older ones leave the first two blank; ``group_by="ticker"`` puts
    the tickers first.
    """
    if text.banner != 2 or text.header is None or text.header[0].lower() not in _INDEX or any(text.header[1:]):
        return None
    above = rows_above(source, text)
    if [len(row) for row in above] != [text.width] * 3 or not all(cell for row in above[:2] for cell in row[1:]):
        return None
    first, second = (tuple(row[1:]) for row in above[:2])
    for fields, tickers in ((first, second), (second, first)):
        if set(lower(fields)) <= _FIELDS and "close" in lower(fields):
            return _Levels(text.header[0], fields, tickers)
    return None


STOCKS = (
    YFinanceTable(Layout("yfinance, table of downloaded prices", "")),
    VendorText(YFINANCE_RAW),
    VendorText(YFINANCE),
    VendorText(YAHOO),
    VendorText(QUANDL),
    VendorText(INVESTING),
    VendorText(NASDAQ),
    VendorText(BARCHART),
)
