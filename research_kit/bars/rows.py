"""From raw rows to rows that bars can hold: faulty ones refused or left out, sorted, duplicates settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.findings import Finding, counted, examples_at, shown_time
from research_kit.bars.frame import PRICE_COLUMNS, FloatArray, TimeArray
from research_kit.errors import DataError

Duplicates = Literal["error", "exact", "first", "last"]


@dataclass(frozen=True)
class Rows:
    """Rows on their way into bars.

    Parameters
    ----------
    time_ns, columns
        As in ``Bars``, not yet checked.
    position
        Where each row stood in the source, counted from 0.
    findings
        What was seen and done so far.
    """

    time_ns: TimeArray
    columns: Mapping[str, FloatArray]
    position: NDArray[np.int64]
    findings: tuple[Finding, ...] = ()

    def take(self, chosen: NDArray[np.int64] | NDArray[np.bool_], *findings: Finding) -> Rows:
        """Return the chosen rows, with further findings."""
        return Rows(
            self.time_ns[chosen],
            {name: column[chosen] for name, column in self.columns.items()},
            self.position[chosen],
            (*self.findings, *findings),
        )


@dataclass(frozen=True)
class Fault:
    """A reason why rows cannot be bars: its name and words, where, and what an example of it looked like."""

    name: str
    words: str
    where: NDArray[np.bool_]
    cell: str = ""


def settle_faults(
    rows: Rows,
    unreadable: NDArray[np.bool_],
    texts: Mapping[str, Fault],
    *,
    allow_nonpositive: bool,
    drop: bool,
    source: str,
) -> Rows:
    """Return the rows that can be bars: those with a time and with prices that are finite and positive.

    Parameters
    ----------
    unreadable
        Where the time could not be read.
    texts
        By column: where it holds text that is no number.
    drop
        True leaves faulty rows out and counts them in the findings; else any such row is an error.

    Raises
    ------
    DataError
        There are faulty rows and ``drop`` is False, or nothing but faulty rows.
    """
    faults = _faults(rows, unreadable, texts, allow_nonpositive=allow_nonpositive)
    if not faults:
        return rows
    bad = np.logical_or.reduce([fault.where for fault in faults])
    if not drop:
        raise DataError(_refusal(rows, faults, int(bad.sum()), source))
    if bad.all():
        raise DataError(f"No row of {source} can be a bar: {_summed(rows, faults)}.")
    return rows.take(~bad, *(_finding(rows, fault) for fault in faults))


def _faults(
    rows: Rows, unreadable: NDArray[np.bool_], texts: Mapping[str, Fault], *, allow_nonpositive: bool
) -> list[Fault]:
    """Return the faults there are; a row counts once, under the first that applies."""
    seen = unreadable
    faults = [Fault("unreadable_time", "without a time that can be read", unreadable)]
    for name in PRICE_COLUMNS:
        price = rows.columns.get(name)
        if price is None:
            continue
        text = texts.get(name)
        kinds = [text] if text is not None else []
        kinds.append(Fault("infinite_price", f"with an infinite {name!r}", np.isinf(price)))
        kinds.append(Fault("missing_price", f"without {name!r}", np.isnan(price)))
        if not allow_nonpositive:
            kinds.append(Fault("price_not_positive", f"with {name!r} at or below zero", price <= 0))
        for kind in kinds:
            fresh = kind.where & ~seen
            if fresh.any():
                seen = seen | fresh
                faults.append(Fault(kind.name, kind.words, fresh, kind.cell))
    return [fault for fault in faults if fault.where.any()]


def _refusal(rows: Rows, faults: list[Fault], count: int, source: str) -> str:
    remedy = "say drop_bad=True to leave them out (the quality report counts them)"
    if any(fault.name == "price_not_positive" for fault in faults):
        remedy += ", or allow_nonpositive=True if this instrument can trade at or below zero"
    total = counted(len(rows.time_ns), "row")
    return f"{source} has {total}, of which {count:,} cannot be bars: {_summed(rows, faults)}; {remedy}."


def _summed(rows: Rows, faults: list[Fault]) -> str:
    parts = []
    for fault in faults[:5]:
        at = int(np.argmax(fault.where))
        cell = f", {fault.cell}" if fault.cell else ""
        when = "" if fault.name == "unreadable_time" else f" at {shown_time(int(rows.time_ns[at]))}"
        parts.append(
            f"{int(fault.where.sum()):,} {fault.words} (first: row {int(rows.position[at]) + 1:,}{when}{cell})"
        )
    return "; ".join(parts) + ("; ..." if len(faults) > 5 else "")


def _finding(rows: Rows, fault: Fault) -> Finding:
    where = np.flatnonzero(fault.where)
    if fault.name == "unreadable_time":
        examples = tuple(f"row {int(row) + 1:,}" for row in rows.position[where[:10]])
    else:
        examples = examples_at(rows.time_ns, where)
    words = f"Rows {fault.words} were left out, because drop_bad=True."
    return Finding(fault.name, "error", len(where), words, examples)


def settle_order(rows: Rows) -> Rows:
    """Return the rows in the order of time; rows of one time keep their order."""
    steps = np.diff(rows.time_ns)
    back = np.flatnonzero(steps < 0)
    if not len(back):
        return rows
    if (steps <= 0).all() and (steps < 0).any():
        note = Finding("newest_first", "note", len(rows.time_ns), "The rows came newest first and were turned round.")
        return rows.take(np.argsort(rows.time_ns, kind="stable"), note)
    examples = examples_at(rows.time_ns, back + 1)
    words = "Rows came after later ones; all were sorted by time."
    note = Finding("unsorted", "warning", len(back), words, examples)
    return rows.take(np.argsort(rows.time_ns, kind="stable"), note)


def settle_duplicates(rows: Rows, mode: Duplicates, source: str) -> Rows:
    """Return sorted rows with one row for each time.

    ``exact`` drops rows that repeat the one before in every column and refuses those that contradict it; ``first`` and
    ``last`` keep that row of the source for each time; ``error`` refuses both.

    Raises
    ------
    DataError
        There are duplicates that the mode refuses.
    """
    same = rows.time_ns[1:] == rows.time_ns[:-1]
    if not same.any():
        return rows
    later = np.flatnonzero(same) + 1
    equal = _equal_to_previous(rows, later)
    exact, conflicting = later[equal], later[~equal]
    if mode == "error" or (mode == "exact" and len(conflicting)):
        raise DataError(_duplicate_refusal(rows, exact, conflicting, mode, source))
    dropped = later - 1 if mode == "last" else later
    keep = np.ones(len(rows.time_ns), dtype=np.bool_)
    keep[dropped] = False
    kept = "last" if mode == "last" else "first"
    return rows.take(keep, *_duplicate_findings(rows, exact, conflicting, kept))


def _equal_to_previous(rows: Rows, later: NDArray[np.int64]) -> NDArray[np.bool_]:
    equal = np.ones(len(later), dtype=np.bool_)
    for column in rows.columns.values():
        here, before = column[later], column[later - 1]
        equal &= (here == before) | (np.isnan(here) & np.isnan(before))
    return equal


def _duplicate_refusal(
    rows: Rows, exact: NDArray[np.int64], conflicting: NDArray[np.int64], mode: Duplicates, source: str
) -> str:
    if mode == "error":
        count, first = len(exact) + len(conflicting), min((*exact[:1], *conflicting[:1]))
        when = shown_time(int(rows.time_ns[first]))
        return (
            f"{source} has {counted(count, 'row')} with the time of another (first: {when}); say "
            "drop_duplicates='exact', 'first' or 'last' to settle them."
        )
    when = shown_time(int(rows.time_ns[conflicting[0]]))
    return (
        f"{source} has {counted(len(conflicting), 'row')} contradicting another row of the same time (first: {when}); "
        "say drop_duplicates='first' or 'last' to keep one of them. If the times are local, clocks set back may be "
        "the cause."
    )


def _duplicate_findings(
    rows: Rows, exact: NDArray[np.int64], conflicting: NDArray[np.int64], kept: str
) -> list[Finding]:
    findings = []
    if len(exact):
        words = "Rows that repeat another row in full were dropped."
        findings.append(Finding("duplicate_exact", "warning", len(exact), words, examples_at(rows.time_ns, exact)))
    if len(conflicting):
        words = f"Rows contradict another row of the same time; the {kept} of them in the source was kept."
        findings.append(
            Finding("duplicate_conflicting", "error", len(conflicting), words, examples_at(rows.time_ns, conflicting))
        )
    return findings
