"""Rows on their way into bars: those that can be bars pass, the others are counted and refused or left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.findings import MOST_EXAMPLES, Finding, counted, shown_time
from research_kit.bars.frame import PRICE_COLUMNS, FloatArray, TimeArray
from research_kit.errors import DataError


@dataclass(frozen=True)
class Rows:
    """Rows of a source: ``time_ns`` and ``columns`` as in ``Bars``, not yet checked."""

    time_ns: TimeArray
    columns: Mapping[str, FloatArray]

    def __len__(self) -> int:
        return len(self.time_ns)

    def take(self, chosen: NDArray[np.int64]) -> Rows:
        """Return the chosen rows."""
        return Rows(self.time_ns[chosen], {name: column[chosen] for name, column in self.columns.items()})

    def without(self, where: NDArray[np.bool_]) -> Rows:
        """Return the rows that are not marked."""
        arrays = leave_out({"time_ns": self.time_ns, **self.columns}, where)
        return Rows(arrays.pop("time_ns"), arrays)


def leave_out(arrays: Mapping[str, NDArray[Any]], where: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    """Return arrays without the rows that are marked; where these are few, what lies between is copied at once.

    >>> leave_out({"x": np.arange(4)}, np.array([False, True, False, False]))
    {'x': array([0, 2, 3])}
    """
    at = np.flatnonzero(where)
    if len(at) > len(where) // 100:
        return {name: array[~where] for name, array in arrays.items()}
    between = [slice(start + 1, stop) for start, stop in pairwise([-1, *at.tolist(), len(where)])]
    return {name: np.concatenate([array[part] for part in between]) for name, array in arrays.items()}


@dataclass(frozen=True)
class Fault:
    """A reason why rows cannot be bars: its name and words, where, and what an example of it looked like."""

    name: str
    words: str
    where: NDArray[np.bool_]
    cell: str = ""


@dataclass
class _Kind:
    """What is known of one kind of fault: how many rows, and the first of them."""

    fault: Fault
    count: int = 0
    examples: list[str] = field(default_factory=list)
    first: str = ""

    def add(self, fault: Fault, time_ns: TimeArray, before: int) -> None:
        at = np.flatnonzero(fault.where)
        timeless = fault.name == "unreadable_time"
        names = [f"row {before + int(row) + 1:,}" for row in at[:MOST_EXAMPLES]]
        times = [] if timeless else [shown_time(int(time_ns[row])) for row in at[:MOST_EXAMPLES]]
        if not self.count:
            parts = [names[0] + (f" at {times[0]}" if times else ""), fault.cell]
            self.first = ", ".join(part for part in parts if part)
        self.count += len(at)
        self.examples += (names if timeless else times)[: MOST_EXAMPLES - len(self.examples)]


class Sieve:
    """Lets the rows through that can be bars, block by block, and keeps count of the others.

    A row can be a bar when its time can be read and its prices are finite, and positive unless ``allow_nonpositive``.
    """

    def __init__(self, *, allow_nonpositive: bool = False) -> None:
        self.allow_nonpositive = allow_nonpositive
        self.rows = 0
        self.passed = 0
        self._kinds: dict[tuple[str, str], _Kind] = {}

    def sift(self, rows: Rows, unreadable: NDArray[np.bool_], texts: Mapping[str, Fault]) -> Rows:
        """Return the rows of a block that can be bars.

        ``unreadable`` says where the time could not be read, ``texts`` by column where it holds text that is no number.
        """
        before, self.rows = self.rows, self.rows + len(rows)
        faults = self._faults(rows, unreadable, texts)
        for fault in faults:
            self._kinds.setdefault((fault.name, fault.words), _Kind(fault)).add(fault, rows.time_ns, before)
        good = rows.without(np.logical_or.reduce([fault.where for fault in faults])) if faults else rows
        self.passed += len(good)
        return good

    def settle(self, *, drop: bool, source: str) -> list[Finding]:
        """Return what was left out, once all blocks have passed.

        Raises
        ------
        DataError
            There are faulty rows and ``drop`` is False, or nothing but faulty rows.
        """
        kinds = list(self._kinds.values())
        if kinds and not drop:
            raise DataError(self._refusal(source))
        if kinds and not self.passed:
            raise DataError(f"No row of {source} can be a bar: {self._summed()}.")
        return [
            Finding(
                kind.fault.name,
                "error",
                kind.count,
                f"Rows {kind.fault.words} were left out, because drop_bad=True.",
                tuple(kind.examples),
            )
            for kind in kinds
        ]

    def _faults(self, rows: Rows, unreadable: NDArray[np.bool_], texts: Mapping[str, Fault]) -> list[Fault]:
        """Return the faults there are; a row counts once, under the first that applies."""
        faults = [Fault("unreadable_time", "without a time that can be read", unreadable)] if unreadable.any() else []
        for name in PRICE_COLUMNS:
            price = rows.columns.get(name)
            if price is None or (name not in texts and _is_sound(price, self.allow_nonpositive)):
                continue
            for kind in self._price_faults(name, price, texts.get(name)):
                fresh = kind.where & ~np.logical_or.reduce([np.zeros(len(rows), np.bool_), *(f.where for f in faults)])
                if fresh.any():
                    faults.append(Fault(kind.name, kind.words, fresh, kind.cell))
        return faults

    def _price_faults(self, name: str, price: FloatArray, text: Fault | None) -> list[Fault]:
        kinds = [text] if text is not None else []
        kinds.append(Fault("infinite_price", f"with an infinite {name!r}", np.isinf(price)))
        kinds.append(Fault("missing_price", f"without {name!r}", np.isnan(price)))
        if not self.allow_nonpositive:
            kinds.append(Fault("price_not_positive", f"with {name!r} at or below zero", price <= 0))
        return kinds

    def _refusal(self, source: str) -> str:
        remedy = "say drop_bad=True to leave them out (the quality report counts them)"
        if any(name == "price_not_positive" for name, _ in self._kinds):
            remedy += ", or allow_nonpositive=True if this instrument can trade at or below zero"
        bad = self.rows - self.passed
        return f"{source} has {counted(self.rows, 'row')}, of which {bad:,} cannot be bars: {self._summed()}; {remedy}."

    def _summed(self) -> str:
        kinds = list(self._kinds.values())
        parts = [f"{kind.count:,} {kind.fault.words} (first: {kind.first})" for kind in kinds[:5]]
        return "; ".join(parts) + ("; ..." if len(kinds) > 5 else "")


def _is_sound(price: FloatArray, allow_nonpositive: bool) -> bool:
    """Return whether every price is finite, and positive unless it need not be: nearly all blocks are."""
    if not len(price):
        return True
    lowest, highest = float(price.min()), float(price.max())  # NaN makes both NaN
    return bool(np.isfinite(lowest) and np.isfinite(highest) and (allow_nonpositive or lowest > 0.0))
