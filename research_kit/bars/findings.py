"""One thing that a quality report says: what, how bad, how often, where first, and what it means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Severity = Literal["error", "warning", "note"]
MOST_EXAMPLES = 10


@dataclass(frozen=True)
class Finding:
    """One finding of a quality report.

    Parameters
    ----------
    name
        A short word such as ``"gaps"``, the same in every report.
    severity
        ``error``: bars are wrong or were left out; ``warning``: look at them; ``note``: good to know.
    count
        How many bars, rows or gaps (the meaning says which).
    meaning
        One plain sentence.
    examples
        The first ones, each beginning with its time.
    """

    name: str
    severity: Severity
    count: int
    meaning: str
    examples: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON values."""
        return {
            "name": self.name,
            "severity": self.severity,
            "count": self.count,
            "meaning": self.meaning,
            "examples": list(self.examples),
        }


def counted(count: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "row"), counted(2_519, "row")
    ('1 row', '2,519 rows')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def shown_time(time_ns: int) -> str:
    """Return a time as text, as short as it is exact.

    >>> shown_time(1_577_836_800_000_000_000), shown_time(1_577_836_860_000_000_000)
    ('2020-01-01', '2020-01-01 00:01')
    """
    text = str(np.datetime64(time_ns, "ns"))
    day, clock = text.split("T")
    clock = clock.rstrip("0").rstrip(".") if "." in clock and clock.split(".")[1].strip("0") else clock.split(".")[0]
    if clock == "00:00:00":
        return day
    return f"{day} {clock.removesuffix(':00')}"


def examples_at(
    time_ns: NDArray[np.int64], positions: NDArray[np.int64], values: Iterable[str] = ()
) -> tuple[str, ...]:
    """Return the times of the first few positions as text, each with its value where there is one."""
    times = [shown_time(int(at)) for at in time_ns[positions[:MOST_EXAMPLES]]]
    words = list(values)[: len(times)]
    return tuple(f"{time}: {word}" for time, word in zip(times, words, strict=True)) if words else tuple(times)
