"""Lines that several results are drawn as, before they are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Curve:
    """The equity of one result: rising times (datetime64, UTC), money at each, and the money before the first."""

    name: str
    time: NDArray[np.datetime64]
    equity: NDArray[np.float64]
    initial_cash: float


@dataclass(frozen=True, eq=False)
class BandCurve:
    """The equity of one convention with few points; ``fill`` says when it fills: its colour and its dashes."""

    name: str
    fill: str
    time: NDArray[Any]
    equity: NDArray[np.float64]
