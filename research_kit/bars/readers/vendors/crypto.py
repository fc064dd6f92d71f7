"""Exchanges of crypto-currencies and collectors of their bars; all of them write UTC."""

from __future__ import annotations

from dataclasses import replace

from research_kit.bars.readers.base import Source
from research_kit.bars.readers.sniff import TextLayout
from research_kit.bars.readers.text import rows_above
from research_kit.bars.readers.vendors.layout import (
    EPOCH_MS,
    EPOCH_MS_OR_US,
    EPOCH_S,
    NUMBER,
    Layout,
    VendorText,
    lower,
    one_of,
)
from research_kit.bars.readers.vendors.order import is_certain_order

_OHLC = ("open", "high", "low", "close")

BINANCE = Layout(
    "Binance klines",
    "no header, so the twelve columns are named as Binance documents them; the unused last one is left out",
    cells=(EPOCH_MS_OR_US, *(NUMBER,) * 5, EPOCH_MS_OR_US, NUMBER, r"\d+", NUMBER, NUMBER, NUMBER),
    names=(
        *("time", *_OHLC, "volume", "close_time", "quote_volume", "trades"),
        *("taker_buy_volume", "taker_buy_quote_volume", "ignore"),
    ),
    roles={"volume": "volume"},
    leave_out=("ignore",),
    timezone="UTC",
)
BINANCE_HEADER = Layout(
    "Binance klines",
    "columns are named; the unused last one is left out",
    needs=("open_time|open time|opentime", *_OHLC, "volume", "close_time|close time|closetime"),
    roles={"time": "open_time|open time|opentime", "volume": "volume"},
    leave_out=("ignore",),
)
KRAKEN = Layout(
    "Kraken OHLCVT",
    "no header; columns are time, open, high, low, close, volume, trades; minutes without a trade have no row",
    cells=(EPOCH_S, *(NUMBER,) * 5, r"\d+"),
    names=("time", *_OHLC, "volume", "trades"),
    delimiter=",",
    timezone="UTC",
)
COINBASE = Layout(
    "Coinbase",
    "columns are in the order of its API: time, low, high, open, close, volume",
    needs=("time|timestamp|date|unix", "low", "high", "open", "close", "volume"),
    alone=True,
)
COINBASE_BARE = Layout(
    "Coinbase",
    "no header; the prices show the order of its API: time, low, high, open, close, volume",
    cells=(EPOCH_S, *(NUMBER,) * 5),
    names=("time", "low", "high", "open", "close", "volume"),
    timezone="UTC",
    doubts=("There is no header: the order time, low, high, open, close, volume was worked out from the prices.",),
)
BITFINEX = Layout(
    "Bitfinex",
    "no header; the prices show the order of its API: time, open, close, high, low, volume",
    cells=(EPOCH_MS, *(NUMBER,) * 5),
    names=("time", "open", "close", "high", "low", "volume"),
    timezone="UTC",
    doubts=("There is no header: the order time, open, close, high, low, volume was worked out from the prices.",),
)
BITMEX = Layout(
    "BitMEX",
    "trades, average price and turnover are kept beside the prices",
    needs=("timestamp", "symbol", *_OHLC, "trades", "volume", "vwap|lastsize|turnover|homenotional"),
    roles={"volume": "volume"},
    timezone="UTC",
    doubts=(
        "BitMEX stamps a bar with the time at which it ends; times are kept as they stand, so that its bars come one "
        "timeframe later than those of other venues.",
    ),
)
CRYPTODATADOWNLOAD = Layout(
    "CryptoDataDownload",
    "",
    needs=("date|unix|unix timestamp", *_OHLC),
    timezone="UTC",
)
CRYPTODATADOWNLOAD_BARE = Layout(
    "CryptoDataDownload without its banner",
    "VolumeFrom is the volume, VolumeTo is kept as quote_amount",
    needs=("date", "symbol", *_OHLC, "volumefrom|volume from", "volumeto|volume to"),
    alone=True,
    roles={"volume": "volumefrom|volume from", "quote_amount": "volumeto|volume to"},
    zone_question="CryptoDataDownload writes UTC, but the line that would say that the file is theirs is missing",
)

_BANNER = "cryptodatadownload"
_NOT_SAID = "CryptoDataDownload writes UTC, as its site says; this file itself does not say it."


class UnusualOrder(VendorText):
    """A layout without header whose prices stand in an unusual order: taken only where they leave no other."""

    def layout_for(self, source: Source, text: TextLayout) -> Layout | None:
        layout = super().layout_for(source, text)
        return layout if layout is not None and is_certain_order(text, layout.names) else None


class Coinbase(VendorText):
    """Coinbase's columns have common names; their order alone tells that they are Coinbase's."""

    def layout_for(self, source: Source, text: TextLayout) -> Layout | None:
        in_order = lower(text.header or ())[1:] == list(self.layout.needs[1:])
        return super().layout_for(source, text) if in_order else None


class CryptoDataDownload(VendorText):
    """CryptoDataDownload's files begin with a line that names the site; some write an epoch, some the date alone."""

    def layout_for(self, source: Source, text: TextLayout) -> Layout | None:
        banner = [" ".join(row).lower() for row in rows_above(source, text)[: text.banner]]
        if not any(_BANNER in line for line in banner):
            return None
        layout = super().layout_for(source, text)
        if layout is None:
            return None
        header = lower(text.header or ())
        volumes = [name for name in header if name.startswith("volume")]  # the coin's own comes first
        roles = dict(zip(("volume", "quote_amount"), volumes, strict=False))
        says = f"{roles['volume']!r} is the volume" if "volume" in roles else "there is no volume"
        said = any("utc" in line for line in banner) or one_of("unix|unix timestamp", header)
        return replace(layout, says=f"{says}, times are UTC", roles=roles, doubts=() if said else (_NOT_SAID,))


CRYPTO = (
    CryptoDataDownload(CRYPTODATADOWNLOAD),
    VendorText(CRYPTODATADOWNLOAD_BARE),
    VendorText(BINANCE),
    VendorText(BINANCE_HEADER),
    VendorText(KRAKEN),
    VendorText(BITMEX),
    Coinbase(COINBASE),
    UnusualOrder(COINBASE_BARE),
    UnusualOrder(BITFINEX),
)
