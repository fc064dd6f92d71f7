"""Whether two engines found the same for each set."""

from __future__ import annotations

import numpy as np
from equality import UnequalWorkError

from sweeps.work import COLUMNS, Table


def check_tables(engine: str, theirs: Table, reference: str, ours: Table, tolerance: float) -> None:
    """Raise UnequalWorkError unless every set of the smaller table is in the larger one with equal metrics.

    What one of the two does not tell (NaN in all rows) is not compared; total return both must tell.
    """
    theirs, ours = _sorted(theirs), _sorted(ours)
    if len(theirs) > len(ours):
        theirs, ours = ours, theirs
    at = np.searchsorted(_keys(ours), _keys(theirs))
    if len(np.unique(_keys(ours))) != len(ours) or (at >= len(ours)).any() or (_keys(ours)[at] != _keys(theirs)).any():
        raise UnequalWorkError(f"{engine} and {reference} did not try the same sets.")
    for column, name in enumerate(COLUMNS[2:], start=2):
        found, expected = theirs[:, column], ours[at, column]
        if name != "total_return" and (np.isnan(found).all() or np.isnan(expected).all()):
            continue
        differs = ~np.isclose(found, expected, rtol=tolerance, atol=tolerance, equal_nan=True)
        if differs.any() or np.isnan(found).all():
            row = int(np.argmax(differs))
            sets = "fast {:.0f}, slow {:.0f}".format(*theirs[row, :2])
            raise UnequalWorkError(
                f"{name} of {int(differs.sum()):,} of {len(theirs):,} sets differs between {engine} and {reference}; "
                f"at {sets}: {found[row]!r} against {expected[row]!r}."
            )


def _keys(rows: Table) -> Table:
    return rows[:, 0] * 2**20 + rows[:, 1]


def _sorted(rows: Table) -> Table:
    return rows[np.argsort(_keys(rows))]
