"""For how long a sign of life has been the last one, by this process's own clock, which nobody sets."""

from __future__ import annotations

from collections.abc import Hashable
from time import monotonic
from typing import Any


class Silences:
    """Last signs of life, and since when this process knows them.

    The time of a sign is the database's. When that clock is set forward, every sign looks old at once, also that of a
    worker who lives and will give the next one within seconds: who is known to live is given up only where the same
    sign was the last one for as long by a clock that only goes on.

    >>> silences = Silences()
    >>> silences.lasted(7, "10:00:00"), silences.lasted(7, "10:00:05")
    (0.0, 0.0)
    """

    def __init__(self) -> None:
        self._heard: dict[Hashable, tuple[Any, float]] = {}

    def lasted(self, who: Hashable, sign: Any) -> float:
        """Return for how many seconds this has been the last sign of ``who``, as far as this process has looked."""
        known = self._heard.get(who)
        if known is None or known[0] != sign:
            known = self._heard[who] = (sign, monotonic())
            return 0.0
        return monotonic() - known[1]
