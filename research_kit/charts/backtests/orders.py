"""Orders of an event strategy that wait for a price: where they were made, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research_kit.charts.series import BacktestSeries, epoch_ms, stamps
from research_kit.charts.text import escape_text

LIMIT = 200


@dataclass(frozen=True, eq=False)
class OrderMarks:
    """Orders with a price to wait for: x in milliseconds since 1970, that price, and escaped text for each.

    `ways` are x and y of the ways from the making to the fill of those that were filled, parted by NaN.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    text: list[str]
    ways: tuple[NDArray[np.float64], NDArray[np.float64]]
    total: int

    @property
    def notes(self) -> list[str]:
        """What to say under a title where not all of them are shown."""
        fewer = len(self.x) < self.total
        return [f"Waiting orders shown: the last {len(self.x):,} of {self.total:,}"] if fewer else []


def order_marks(series: BacktestSeries, part: slice | None = None, limit: int = LIMIT) -> OrderMarks:
    """Return the marks of the last `limit` orders that were made in a part of the bars with a limit or a stop."""
    none = np.empty(0)
    if not len(series.orders):
        return OrderMarks(none, none, [], (none, none), 0)
    made = np.asarray(series.orders["made"], dtype=np.int64)
    limits, stops = (np.asarray(series.orders[name], dtype=np.float64) for name in ("limit", "stop"))
    price = np.where(np.isfinite(limits), limits, stops)
    low, high, _ = (part or slice(None)).indices(len(series.time))
    rows = np.flatnonzero(np.isfinite(price) & (made >= low) & (made < high))
    kept = rows[-limit:]
    made, price = made[kept], price[kept]
    filled = np.asarray(series.orders["filled_bar"], dtype=np.int64)[kept]
    paid = np.asarray(series.orders["filled_price"], dtype=np.float64)[kept]
    x = epoch_ms(series.time[made])
    text = [_words(series, row, at) for row, at in zip(kept.tolist(), filled.tolist(), strict=True)]
    was = filled >= 0
    ends = epoch_ms(series.time[np.where(was, filled, 0)])
    gap = np.full(int(was.sum()), np.nan)
    ways = tuple(np.column_stack([one[was], other[was], gap]).ravel() for one, other in ((x, ends), (price, paid)))
    return OrderMarks(x, price, text, (ways[0], ways[1]), len(rows))


def _words(series: BacktestSeries, row: int, filled: int) -> str:
    order = {name: series.orders[name][row] for name in ("kind", "state", "limit", "stop", "label", "filled_price")}
    levels = [f"{name} {order[name]:,.6g}" for name in ("limit", "stop") if np.isfinite(order[name])]
    fate = str(order["state"])
    if filled >= 0:
        fate = f"filled at {order['filled_price']:,.6g}, {stamps(series.time[[filled]])[0]}"
    label = f" · {escape_text(order['label'])}" if order["label"] else ""
    return f"{escape_text(order['kind'])}, {', '.join(levels)}: {escape_text(fate)}{label}"
