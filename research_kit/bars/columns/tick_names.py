"""Which tables hold ticks: trades and quotes are told by the names of their columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from research_kit.bars.columns.names import part_of, plain_name

TickKind = Literal["trades", "quotes", ""]

_OHLC = {"open", "high", "low", "o", "h", "l", "open_price", "high_price", "low_price", "opening_price", "close"}
_WORDS = {
    "price": ("price", "trade_price", "tradeprice", "last_price", "last", "px", "p", "rate"),
    "volume": (
        *("amount", "size", "volume", "qty", "quantity", "trade_size", "last_size", "last_qty", "vol", "base_qty", "q"),
        *("units", "v"),
    ),
    "bid": ("bid", "bid_price", "bidprice", "best_bid", "best_bid_price", "bid_px_00", "bp"),
    "ask": (
        *("ask", "ask_price", "askprice", "best_ask", "best_ask_price", "ask_px_00", "ap", "offer", "offer_price"),
        "ofr",
    ),
    "bid_size": (
        *("bid_size", "bidsize", "bid_volume", "bidvolume", "bid_qty", "best_bid_qty", "vol_bid", "bid_sz_00", "bs"),
        *("bidvol",),
    ),
    "ask_size": (
        *("ask_size", "asksize", "ask_volume", "askvolume", "ask_qty", "best_ask_qty", "vol_offer", "vol_ask"),
        *("ask_sz_00", "as", "offer_size", "askvol"),
    ),
    "time": ("transact_time", "transacttime", "trade_time", "transaction_time", "ts_event", "event_time", "mts"),
}


def recognise_ticks(names: Iterable[str]) -> TickKind:
    """Return whether columns of these names are trades, quotes, or neither.

    >>> recognise_ticks(["timestamp", "id", "side", "price", "amount"]), recognise_ticks(["Gmt time", "Ask", "Bid"])
    ('trades', 'quotes')
    >>> recognise_ticks(["Date", "Price", "Open", "High", "Low", "Vol."])
    ''
    """
    names = list(names)
    if any(plain_name(name) in _OHLC for name in names):
        return ""
    roles = _found(names)
    if {"price", "volume"} <= set(roles) and plain_name(roles["price"]) != "last":
        return "trades"
    if {"bid", "ask"} <= set(roles):
        return "quotes"
    return "trades" if {"price", "volume"} <= set(roles) else ""


def tick_roles(names: Iterable[str]) -> dict[str, str]:
    """Return which column is which, by the names that bars have: a trade's price and a quote's bid is the close.

    There is ``volume`` for trades; ``ask``, ``bid_size`` and ``ask_size`` for quotes; ``time`` only where a vendor's
    name for it is not one of the usual. Nothing where the columns are no ticks.

    >>> tick_roles(["timestamp", "id", "side", "price", "amount"])
    {'close': 'price', 'volume': 'amount'}
    >>> tick_roles(["TimeStamp", "bid", " offer", "vol bid"])
    {'close': 'bid', 'ask': ' offer', 'bid_size': 'vol bid'}
    """
    names = list(names)
    parts = {
        "trades": {"price": "close", "volume": "volume", "time": "time"},
        "quotes": {"bid": "close", "ask": "ask", "bid_size": "bid_size", "ask_size": "ask_size", "time": "time"},
        "": {},
    }[recognise_ticks(names)]
    found = _found(names)
    if any(map(is_time_name, names)):
        found.pop("time", None)
    return {part: found[word] for word, part in parts.items() if word in found}


def named_as_bars(given: Sequence[str]) -> tuple[str, ...]:
    """Return names that a user gave for the columns of ticks, in order, as bars have them.

    >>> named_as_bars(["date", "time", "", "bid", "offer"])
    ('date', 'time', '', 'close', 'ask')
    """
    parts = {name: part for part, name in tick_roles(given).items()}
    return tuple(parts.get(name, name) for name in given)


def is_time_name(name: str) -> bool:
    """Return whether a column's name is one of the usual for times.

    >>> is_time_name("Gmt time"), is_time_name("Datum"), is_time_name("Price")
    (True, True, False)
    """
    return part_of(name) in ("time", "date") or plain_name(name) in ("index", "unnamed_0")


def _found(names: Sequence[str]) -> dict[str, str]:
    plain: dict[str, str] = {}
    for name in names:
        plain.setdefault(plain_name(name), name)
    found = {part: next((plain[word] for word in words if word in plain), None) for part, words in _WORDS.items()}
    return {part: name for part, name in found.items() if name is not None}
