"""What a column of bars holds, by its name: what becomes of it when bars are put together, filled in or adjusted."""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal["open", "high", "low", "close", "sum", "mean", "last"]

_PRICE = re.compile(r"(.*_|bid|ask|mid|)(open|high|low|close)")
_MEAN = re.compile(r"(.*_|)(vwap|vw|wap)|.*weighted_average.*")
_SUM = re.compile(
    r"(.*_|tick|real|bid|ask|)(volume|vol|trades|ticks|count|turnover|amount|dividends?|stock_splits)"
    r"|volume_(?!s?ma|avg|average|osc).*|(trades|taker)_.*"
)
_NO_UNITS = re.compile(r"adj.*|.*(quote|usd|eur|gbp|turnover|amount|count|trades|tick).*")


def kind_of(name: str) -> Kind:
    """Return how the values of a column become one.

    Names that end like open, high, low and close (``ask_open``, ``bidhigh``, ``adj_close``) are prices of that kind;
    volumes and counts (``quote_volume``, ``trades``, ``trade_count``, ``turnover``) are summed; ``vwap`` is weighted by
    the volume; of anything else the last value counts.

    >>> kind_of("open"), kind_of("ask_high"), kind_of("number_of_trades"), kind_of("vwap"), kind_of("open_interest")
    ('open', 'high', 'sum', 'mean', 'last')
    """
    price = _PRICE.fullmatch(name)
    if price is not None:
        kind: Kind = price[2]  # type: ignore[assignment]  # one of the four
        return kind
    if _MEAN.fullmatch(name):
        return "mean"
    return "sum" if _SUM.fullmatch(name) else "last"


def close_beside(name: str) -> str:
    """Return the name of the close that belongs to a column.

    >>> close_beside("ask_open"), close_beside("high"), close_beside("vwap")
    ('ask_close', 'close', 'close')
    """
    price = _PRICE.fullmatch(name)
    return f"{price[1]}close" if price is not None else "close"


def is_price(name: str) -> bool:
    """Return whether splits and dividends change a column: prices, but for those that are adjusted already.

    >>> is_price("open"), is_price("ask_close"), is_price("vwap"), is_price("adj_close"), is_price("volume")
    (True, True, True, False, False)
    """
    return kind_of(name) not in ("sum", "last") and not name.startswith("adj")


def is_units(name: str) -> bool:
    """Return whether a column counts shares or contracts, which splits change: not money, not trades.

    >>> is_units("volume"), is_units("quote_volume"), is_units("trades"), is_units("adj_volume")
    (True, False, False, False)
    """
    return "vol" in name and kind_of(name) == "sum" and not _NO_UNITS.fullmatch(name)
