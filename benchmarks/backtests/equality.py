"""Whether two engines made the same trades."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from equality import UnequalWorkError
from numpy.typing import NDArray

PRICE_TOLERANCE = 1e-9
LEAST_SHARE = 0.85  # of trades in common, where an engine's rules for stops differ


@dataclass(frozen=True)
class Work:
    """What an engine did: closed trades as rows (entry bar, exit bar, entry price, exit price), and final equity."""

    engine: str
    trades: NDArray[np.float64]
    final_equity: float


def common_share(ours: Work, theirs: Work, *, equity_tolerance: float, same_stops: bool) -> float:
    """Return the share of trades in common: 1, or less where the engine's rules for stops differ.

    Raises
    ------
    UnequalWorkError
        A bar, price or the final equity differs; or less than ``LEAST_SHARE`` of the trades are common.
    """
    share = _share(ours.trades, theirs.trades)
    least = 1.0 if same_stops else LEAST_SHARE
    if share < least:
        raise UnequalWorkError(
            f"{theirs.engine} made {len(theirs.trades):,} trades, {ours.engine} {len(ours.trades):,}; "
            f"{share:.2%} are common. {_first_difference(ours.trades, theirs.trades)}"
        )
    off = abs(theirs.final_equity / ours.final_equity - 1.0)
    if same_stops and off > equity_tolerance:
        raise UnequalWorkError(
            f"{theirs.engine} ends with {theirs.final_equity!r}, {ours.engine} {ours.final_equity!r}: {off:.1e} off."
        )
    return share


def _share(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    """Return how many trades have equal bars and prices, over the number of the longer list."""
    longer = max(len(ours), len(theirs))
    _, at_ours, at_theirs = np.intersect1d(_spans(ours), _spans(theirs), return_indices=True)
    prices, others = ours[at_ours, 2:], theirs[at_theirs, 2:]
    equal = np.all(np.abs(others / prices - 1.0) <= PRICE_TOLERANCE, axis=1)
    return float(equal.sum() / longer) if longer else 1.0


def _spans(trades: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return entry and exit bar of each trade as one number."""
    return trades[:, 0] * 2**26 + trades[:, 1]


def _first_difference(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> str:
    n = min(len(ours), len(theirs))
    differs = ~np.isclose(ours[:n], theirs[:n], rtol=PRICE_TOLERANCE, atol=0.0).all(axis=1)
    at = int(np.argmax(differs)) if differs.any() else n
    rows = (rows[at].tolist() if at < len(rows) else "nothing" for rows in (ours, theirs))
    return "Trade {}: {} against {}.".format(at, *rows)
