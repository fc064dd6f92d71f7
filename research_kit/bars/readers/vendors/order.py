"""Whether the prices of a file's first rows bear out the order in which a vendor writes its columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.columns.numbers import above, parse_number
from research_kit.bars.frame import PRICE_COLUMNS
from research_kit.bars.readers.sniff import TextLayout

FloatArray = NDArray[np.float64]

_MOST_WRONG = 0.05
_FEWEST_ROWS = 50
_CONTRADICTED = 0.05
_CLEARLY_NEARER = 0.75


def fits_order(text: TextLayout, names: Sequence[str]) -> bool:
    """Return whether nearly all first rows have their high above and their low below the other prices."""
    return share_wrong(head_prices(text, names)) <= _MOST_WRONG


def is_certain_order(text: TextLayout, names: Sequence[str]) -> bool:
    """Return whether the prices leave no other order than this unusual one.

    Three things are asked of at least 50 rows: highs and lows are on their sides in this order; they are not in the
    usual one (open, high, low, close); and opens lie clearly nearer to the closes before them than closes to the opens
    before them, without which open and close might be the other way round.
    """
    if len(text.rows) < _FEWEST_ROWS:
        return False
    prices = head_prices(text, names)
    first = min(names.index(name) for name in PRICE_COLUMNS)
    usual = [*names[:first], *PRICE_COLUMNS, *names[first + 4 :]]
    if share_wrong(prices) > 0 or share_wrong(head_prices(text, usual)) < _CONTRADICTED:
        return False
    time = np.array([parse_number(row[names.index("time")]) for row in text.rows])
    opens, _, _, close = prices[np.argsort(time, kind="stable")].T
    forward = float(np.mean(np.abs(opens[1:] - close[:-1])))
    backward = float(np.mean(np.abs(close[1:] - opens[:-1])))
    return forward < _CLEARLY_NEARER * backward


def head_prices(text: TextLayout, names: Sequence[str]) -> FloatArray:
    """Return open, high, low and close of the first rows, shape (n, 4); NaN where there is no number."""
    at = [names.index(name) for name in PRICE_COLUMNS]
    cells = [[parse_number(row[place], text.decimal) for place in at] for row in text.rows]
    return np.array(cells, dtype=np.float64).reshape(len(cells), 4)


def share_wrong(prices: FloatArray) -> float:
    """Return the share of rows with a price above the high or below the low; missing prices are not wrong."""
    high, low = prices[:, 1], prices[:, 2]
    wrong = [above(price, high) | above(low, price) for price in prices.T]
    return float(np.mean(np.any(wrong, axis=0))) if len(prices) else 0.0
