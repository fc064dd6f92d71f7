"""One thing that a quality report says: what, how bad, how often, where first, and what it means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from research_kit.bars.windows import Window

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
        What it means, and what to do about it, in plain words.
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


class Tally:
    """Counts the bars or rows of one finding, part by part, and keeps the first examples.

    Parameters
    ----------
    name, severity, meaning
        As in ``Finding``.
    shown
        Columns whose values the examples state.
    """

    def __init__(self, name: str, severity: Severity, meaning: str, shown: Sequence[str] = ()) -> None:
        self.name, self.severity, self.meaning, self._shown = name, severity, meaning, shown
        self.count = 0
        self.examples: list[str] = []

    def add(self, window: Window, where: NDArray[np.bool_]) -> None:
        """Count the bars of a window that are marked."""
        count = int(np.count_nonzero(where))
        if count and len(self.examples) < MOST_EXAMPLES:
            at = np.flatnonzero(where)[: MOST_EXAMPLES - len(self.examples)]
            cells = (", ".join(f"{name} {window[name][row]:.10g}" for name in self._shown) for row in at)
            self.examples += examples_at(window.time_ns, at, cells if self._shown else ())
        self.count += count

    def at(self, times: NDArray[np.int64]) -> None:
        """Count bars or rows at these times."""
        self.examples += [shown_time(int(time)) for time in times[: MOST_EXAMPLES - len(self.examples)]]
        self.count += len(times)

    def tell(self, time_ns: int, words: str, count: int = 1) -> None:
        """Count bars at a time, with an example in words of its own."""
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(f"{shown_time(time_ns)}: {words}")
        self.count += count

    def finding(self) -> Iterator[Finding]:
        """Yield the finding, if anything was counted."""
        if self.count:
            yield Finding(self.name, self.severity, self.count, self.meaning, tuple(self.examples))
