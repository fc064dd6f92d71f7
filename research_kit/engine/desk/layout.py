"""How the compiled desk lays out what it works on: the orders, which of them wait, and how far it is."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

PACE = np.dtype(  # fields of eight bytes each: Python reads them as numbers of one array
    [
        ("working", np.int64),  # how many orders have not ended
        ("next_bar", np.int64),  # nothing can happen on the bars before this one
        ("happened", np.int64),  # 1: since the run began that is under way; what a sleeping strategy is woken for
        ("ended", np.int64),  # 1: equity was gone
        ("units", np.float64),  # of the position, and the cash, where the run stopped
        ("cash", np.float64),
        ("target", np.int64),  # the order whose target was read and not acted on yet; -1: none
        ("target_stop", np.float64),  # levels and label of the target that was read last
        ("target_take", np.float64),
        ("target_label", np.int64),
    ],
    align=True,
)


class Desk(NamedTuple):
    """What the desk reads and writes beside the book."""

    pace: NDArray[Any]  # one record
    orders: NDArray[Any]  # every order that was made, strategy.order.ORDER
    working: NDArray[np.int64]  # the numbers of those that have not ended, oldest first


class Place(NamedTuple):
    """Where and when in a bar an order may fill; ``volatility`` is what is known there, NaN for nothing."""

    bar: int
    moment: int
    volatility: float
