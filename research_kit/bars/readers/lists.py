"""Rows without names, as exchanges return them: which cell is which is told by the kinds and values of the cells."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.columns.numbers import above
from research_kit.bars.readers.sniff import is_number, is_time
from research_kit.errors import DataError

SAMPLE_ROWS = 2000
_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class ListLayout:
    """What the cells of a row are.

    Parameters
    ----------
    words
        Whose rows these are.
    names
        One for each cell.
    kinds
        A letter for each cell: ``t`` epoch or date, ``n`` number, ``i`` whole number, ``s`` side of a trade,
        ``b`` true or false, ``*`` anything.
    ticks
        As in ``RawTable``.
    """

    words: str
    names: tuple[str, ...]
    kinds: str
    ticks: str = ""

    @property
    def is_one_of_several(self) -> bool:
        """Whether only the values of the prices tell it from another layout."""
        return not self.ticks and sum(self.kinds == other.kinds for other in LAYOUTS) != 1

    def shown(self) -> str:
        """Return the layout in words.

        >>> LAYOUTS[3].shown()
        'Bitfinex candles (time, open, close, high, low, volume)'
        """
        return f"{self.words} ({', '.join(self.names)})"


def _bars(words: str, kinds: str, names: str) -> ListLayout:
    return ListLayout(words, tuple(names.split()), kinds)


def _trades(words: str, kinds: str, names: str) -> ListLayout:
    return ListLayout(words, tuple(names.split()), kinds, "trades")


LAYOUTS: tuple[ListLayout, ...] = (
    _bars(
        *("Binance klines", "tnnnnntnnnn*"),
        "time open high low close volume close_time quote_volume trades taker_buy_volume taker_buy_quote_volume ignore",
    ),
    _bars("Kraken OHLC rows", "tnnnnnnn", "time open high low close vwap volume trades"),
    _bars("OHLCV lists (ccxt)", "tnnnnn", "time open high low close volume"),
    _bars("Bitfinex candles", "tnnnnn", "time open close high low volume"),
    _bars("Coinbase candles", "tnnnnn", "time low high open close volume"),
    _bars("OHLC lists", "tnnnn", "time open high low close"),
    _bars("O-C-H-L lists", "tnnnn", "time open close high low"),
    _bars("KuCoin candles", "tnnnnnn", "time open close high low volume turnover"),
    _bars("Bybit candles", "tnnnnnn", "time open high low close volume turnover"),
    _bars("OKX candles", "tnnnnnnnn", "time open high low close volume volume_currency volume_quote confirm"),
    _bars("Gate.io candles", "tnnnnnnb", "time quote_volume close high low open volume closed"),
    _trades("trades as freqtrade stores them", "t**snnn", "timestamp id type side price amount cost"),
    _trades("Kraken trades", "nntss*i", "price volume time side order_type misc id"),
    _trades("Kraken trades", "nntss*", "price volume time side order_type misc"),
    _trades("Bitfinex trades", "itnn", "id timestamp amount price"),
    _trades("rows of time, price and volume", "tnn", "time price volume"),
    _bars("rows of time and price", "tn", "time close"),
)
"""Layouts of lists; of those that fit by kinds the prices decide."""


def choose_layout(rows: Sequence[Sequence[Any]], source: str) -> ListLayout:
    """Return what the cells of rows are.

    Of layouts whose cells are of the same kinds, the one is taken in whose order no high is below the open or close and
    no low above it.

    Raises
    ------
    DataError
        The cells are no times and prices, no order or more than one order of the prices fits.

    Examples
    --------
    >>> choose_layout([[1516060800000, 13602, 13577, 13617, 13570, 31.5]], "x.json").words
    'Bitfinex candles'
    """
    sample = [row for row in rows[:SAMPLE_ROWS] if len(row) == len(rows[0])]
    possible = [layout for layout in LAYOUTS if _is_of_kinds(sample, layout.kinds)]
    ticks = [layout for layout in possible if layout.ticks]
    if ticks:
        return ticks[0]
    possible = possible or _unknown_width(sample)
    if len(possible) == 1 and not {"open", "high"} & set(possible[0].names):
        return possible[0]
    if not possible:
        raise DataError(
            f"{source} has rows of {len(rows[0])} cells ({_shown_row(rows[0])}) that are not a time with prices; say "
            'what each cell is: columns=["time", "open", ...], with "" for one to leave out.'
        )
    return _by_prices(sample, possible, source)


def _unknown_width(sample: Sequence[Sequence[Any]]) -> list[ListLayout]:
    """Return the layouts that begin as the usual ones do, for rows with more cells than any that is known."""
    width = len(sample[0])
    extra = [f"column_{at}" for at in range(7, width + 1)]
    usual = [layout for layout in LAYOUTS if layout.kinds == "tnnnnn"] if width > len("tnnnnn") else []
    longer = [ListLayout(f"rows like {one.words}", (*one.names, *extra), one.kinds + "*" * len(extra)) for one in usual]
    return [layout for layout in longer if _is_of_kinds(sample, layout.kinds)]


def _by_prices(sample: Sequence[Sequence[Any]], possible: Sequence[ListLayout], source: str) -> ListLayout:
    wrong = {layout: _contradictions(sample, layout) for layout in possible}
    least = min(wrong.values())
    fitting = [layout for layout in possible if wrong[layout] == least]
    ways = " or ".join(f"columns={_quoted(layout.names)} ({layout.words})" for layout in possible)
    if least > 0.01 * len(sample):
        raise DataError(
            f"{source} has rows of {len(sample[0])} numbers, and in every known order of them highs lie below or lows "
            f"above the other prices ({_shown_row(sample[0])}); say what each is, such as {ways}."
        )
    if len(fitting) > 1:
        both = " and ".join(layout.shown() for layout in fitting)
        raise DataError(
            f"{source} has rows of {len(sample[0])} numbers that fit {both} equally, because no row tells them apart "
            f"({_shown_row(sample[0])}); say which it is: {ways}."
        )
    return fitting[0]


def _contradictions(sample: Sequence[Sequence[Any]], layout: ListLayout) -> int:
    """Return how many rows have, read in this layout, a high below or a low above the open or close."""
    opens, high, low, close = (_floats(sample, layout.names.index(name)) for name in _PRICES)
    return int((above(np.fmax(opens, close), high) | above(low, np.fmin(opens, close))).sum())


def _floats(sample: Sequence[Sequence[Any]], at: int) -> NDArray[np.float64]:
    return np.array([_float(row[at]) for row in sample])


def _float(cell: Any) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _is_of_kinds(sample: Sequence[Sequence[Any]], kinds: str) -> bool:
    """Return whether the cells are of these kinds, but for single rows that are faulty."""
    if not sample or len(sample[0]) != len(kinds):
        return False
    checks = [(at, _KINDS[kind]) for at, kind in enumerate(kinds) if kind != "*"]
    return sum(all(check(row[at]) for at, check in checks) for row in sample) >= 0.99 * len(sample)


def is_moment(cell: Any) -> bool:
    """Return whether a value reads as an epoch after 1973 or as a date with its year.

    >>> is_moment(1516060800000), is_moment("1516060800.123"), is_moment("2018-01-16T00:00:00Z"), is_moment(13602)
    (True, True, True, False)
    """
    if isinstance(cell, str) and not re.fullmatch(r"-?\d{9,}(\.\d*)?", cell):
        return is_time(cell) and len(cell) >= 8
    return not isinstance(cell, bool) and 1e8 <= abs(_float(cell)) < 1e20


def _is_count(cell: Any) -> bool:
    return isinstance(cell, int) and not isinstance(cell, bool) and cell >= 0


def _is_number(cell: Any) -> bool:
    if isinstance(cell, str):
        return is_number(cell)
    return cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool))


def _is_side(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and cell.lower() in ("buy", "sell", "b", "s", "m", "l", ""))


def _is_bool(cell: Any) -> bool:
    return isinstance(cell, bool) or (isinstance(cell, str) and cell.lower() in ("true", "false"))


_KINDS = {"t": is_moment, "n": _is_number, "i": _is_count, "s": _is_side, "b": _is_bool}


def _quoted(names: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def _shown_row(row: Sequence[Any]) -> str:
    return f"the first: {str(list(row))[:80]}"
