"""Blocks of rows to one sequence of bars: in the order of time, one row for each time, however large the source is.

Small sources stay in memory. Large ones go to nameless files column by column and come back mapped; where blocks
overlap in time they are merged slice by slice, so that memory stays that of a few slices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.findings import Finding, Tally, counted
from research_kit.bars.frame import TimeArray
from research_kit.bars.importing.rows import Rows, leave_out
from research_kit.bars.mapped import ScratchArray
from research_kit.errors import DataError

Duplicates = Literal["error", "exact", "first", "last"]

MEMORY = 64 << 20
"""Bytes of rows that are kept in memory before they go to files: 1.4 M bars of five columns."""

SLICE = 1 << 20
"""Rows that are merged at a time."""

_TIME = "time_ns"


@dataclass(frozen=True)
class _Run:
    """Rows from ``start`` to ``stop`` in the order of time, and the first and last of their times."""

    start: int
    stop: int
    first: int
    last: int


class Spool:
    """Takes rows in blocks and gives them back sorted, with duplicates settled.

    Parameters
    ----------
    folder
        Where large sources keep their numbers meanwhile; the system's folder for temporary files when not given.
    duplicates
        ``exact`` drops rows that repeat another row of their time in every column and refuses those that contradict it;
        ``first`` and ``last`` keep that row of the source for each time; ``error`` refuses both.
    memory, slice_rows
        Bytes that are kept in memory before files are used, and rows that are merged at a time.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        duplicates: Duplicates = "exact",
        memory: int = MEMORY,
        slice_rows: int = SLICE,
    ) -> None:
        self.duplicates = duplicates
        self._folder, self._memory, self._slice = folder, memory, slice_rows
        self._blocks: list[dict[str, NDArray[Any]]] = []
        self._bytes = 0
        self._files: dict[str, ScratchArray] = {}
        self._runs: list[_Run] = []
        self._last: int | None = None
        kept = "last" if duplicates == "last" else "first"
        self._unsorted = Tally("unsorted", "warning", "Rows came after later ones; all were sorted by time.")
        self._exact = Tally("duplicate_exact", "warning", "Rows that repeat another row in full were dropped.")
        self._conflicting = Tally(
            "duplicate_conflicting",
            "error",
            f"Rows contradict another row of the same time; the {kept} of them in the source was kept.",
        )
        self._rises = False

    def __len__(self) -> int:
        return self._runs[-1].stop if self._runs else 0

    def add(self, rows: Rows) -> None:
        """Take the next rows of the source."""
        if not len(rows):
            return
        steps = np.diff(rows.time_ns, prepend=rows.time_ns[0] if self._last is None else self._last)
        self._unsorted.at(rows.time_ns[steps < 0])
        self._rises |= bool((steps > 0).any())
        self._last = int(rows.time_ns[-1])
        if (steps[1:] < 0).any():
            rows = rows.take(np.argsort(rows.time_ns, kind="stable"))
        arrays = self._one_each({_TIME: rows.time_ns, **rows.columns})
        time_ns = arrays[_TIME]
        self._runs.append(_Run(len(self), len(self) + len(time_ns), int(time_ns[0]), int(time_ns[-1])))
        self._keep(arrays)

    def settle(self, source: str, *, sort: bool = True) -> tuple[Rows, list[Finding]]:
        """Return all rows in the order of time, one for each time, and what was done for that.

        Raises
        ------
        DataError
            There are duplicates that are refused, or rows out of order where ``sort`` is False.
        """
        if self._unsorted.count and not sort:
            raise DataError(
                f"{source} has {counted(self._unsorted.count, 'row')} earlier than the row before (first: "
                f"{self._unsorted.examples[0]}); leave sort=True to sort them."
            )
        in_order = all(one.last < two.first for one, two in zip(self._runs, self._runs[1:], strict=False))
        arrays = self._whole() if in_order else self._merged()
        self.check(self.duplicates, source)
        time_ns = arrays.pop(_TIME)
        return Rows(time_ns, arrays), [*self._order_findings(), *self._exact.finding(), *self._conflicting.finding()]

    def check(self, mode: Duplicates, source: str) -> None:
        """Raise DataError where there are duplicates that the mode refuses, once rows are settled."""
        refuses_exact, refuses_others = mode == "error", mode in ("exact", "error")
        if (self._conflicting.count and refuses_others) or (self._exact.count and refuses_exact):
            raise DataError(self._refusal(mode, source))

    def _keep(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._blocks.append(arrays)
        self._bytes += sum(array.nbytes for array in arrays.values())
        if self._bytes > self._memory:
            self._files = self._files or self._new_files(arrays)
            for block in self._blocks:
                for name, file in self._files.items():
                    file.append(block[name])
            self._blocks = []

    def _new_files(self, like: dict[str, NDArray[Any]]) -> dict[str, ScratchArray]:
        return {name: ScratchArray(array.dtype, self._folder) for name, array in like.items()}

    def _whole(self) -> dict[str, NDArray[Any]]:
        """Return everything that was kept, column by column so that no more than one is there twice."""
        if self._files:
            return {name: file.mapped() for name, file in self._files.items()}
        blocks, self._blocks = self._blocks, []
        if len(blocks) == 1:
            return blocks[0]
        names = list(blocks[0]) if blocks else [_TIME]
        return {name: np.concatenate([block.pop(name) for block in blocks] or [np.empty(0)]) for name in names}

    def _merged(self) -> dict[str, NDArray[Any]]:
        """Return everything in the order of time, one row for each time."""
        if self._files:
            return self._merged_in_files()
        arrays = self._whole()
        kept = [
            self._one_each(_sorted({name: [array[one] for one in chosen] for name, array in arrays.items()}))
            for chosen in self._slices(arrays[_TIME].__getitem__)
        ]
        return (
            kept[0] if len(kept) == 1 else {name: np.concatenate([part.pop(name) for part in kept]) for name in arrays}
        )

    def _merged_in_files(self) -> dict[str, NDArray[Any]]:
        merged = {name: ScratchArray(file.dtype, self._folder) for name, file in self._files.items()}
        for chosen in self._slices(self._files[_TIME].part):
            parts = {name: [file.part(one) for one in chosen] for name, file in self._files.items()}
            part = self._one_each(_sorted(parts))
            for name, file in merged.items():
                file.append(part[name])
        return {name: file.mapped() for name, file in merged.items()}

    def _slices(self, times: Callable[[slice], TimeArray]) -> Iterator[list[slice]]:
        """Yield, span of time after span of time, where its rows stand in each run: about ``slice_rows`` together.

        ``times`` returns the times of some rows; no more than a run of them is asked for at once.
        """
        if not self._files and all(one.last <= two.first for one, two in zip(self._runs, self._runs[1:], strict=False)):
            yield [slice(0, len(self))]
            return
        step = max(1, self._slice // (2 * len(self._runs)))
        samples = [times(slice(run.start, run.stop))[::step].copy() for run in self._runs]
        every = max(1, self._slice // step)
        cuts = np.unique(np.sort(np.concatenate(samples))[every::every])
        at = [run.start for run in self._runs]
        for cut in [*cuts.tolist(), None]:
            ends = [
                run.stop if cut is None else _first_from(cut, run, sample, step, times)
                for run, sample in zip(self._runs, samples, strict=True)
            ]
            yield [slice(start, end) for start, end in zip(at, ends, strict=True) if end > start] or [slice(0, 0)]
            at = ends

    def _one_each(self, part: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return sorted rows with one for each time, and count the others."""
        repeats = np.concatenate([[False], part[_TIME][1:] == part[_TIME][:-1]])
        later = np.flatnonzero(repeats)
        if not len(later):
            return part
        starts = np.flatnonzero(~repeats)  # of the rows of each time
        firsts = starts[np.searchsorted(starts, later, side="right") - 1]
        equal = np.ones(len(later), dtype=np.bool_)
        for name, column in part.items():
            if name != _TIME:
                here, before = column[later], column[firsts]
                equal &= (here == before) | (np.isnan(here) & np.isnan(before))
        self._exact.at(part[_TIME][later[equal]])
        self._conflicting.at(part[_TIME][later[~equal]])
        dropped = np.zeros(len(part[_TIME]), dtype=np.bool_)
        dropped[later - 1 if self.duplicates == "last" else later] = True
        return leave_out(part, dropped)

    def _refusal(self, mode: Duplicates, source: str) -> str:
        if mode == "error":
            count = self._exact.count + self._conflicting.count
            first = min((*self._exact.examples[:1], *self._conflicting.examples[:1]))
            return (
                f"{source} has {counted(count, 'row')} with the time of another (first: {first}); say "
                "drop_duplicates='exact', 'first' or 'last' to settle them."
            )
        return (
            f"{source} has {counted(self._conflicting.count, 'row')} contradicting another row of the same time "
            f"(first: {self._conflicting.examples[0]}); say drop_duplicates='first' or 'last' to keep one of them. If "
            "the times are local, clocks set back may be the cause."
        )

    def _order_findings(self) -> list[Finding]:
        if self._unsorted.count and not self._rises:
            words = "The rows came newest first and were turned round."
            return [Finding("newest_first", "note", len(self), words)]
        return list(self._unsorted.finding())


def _first_from(cut: int, run: _Run, sample: TimeArray, step: int, times: Callable[[slice], TimeArray]) -> int:
    """Return where the first row of a run stands that is not before a time; ``sample`` has each ``step``-th of it."""
    block = int(np.searchsorted(sample, cut)) - 1
    if block < 0:
        return run.start
    start = run.start + block * step
    return start + int(np.searchsorted(times(slice(start, min(start + step, run.stop))), cut))


def _sorted(parts: dict[str, list[NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Return the parts of each array as one, in the order of time; rows of one time keep their order."""
    part = {name: pieces[0] if len(pieces) == 1 else np.concatenate(pieces) for name, pieces in parts.items()}
    if len(parts[_TIME]) == 1 or (part[_TIME][1:] >= part[_TIME][:-1]).all():  # a run is in order by itself
        return part
    order = np.argsort(part[_TIME], kind="stable")
    return {name: array[order] for name, array in part.items()}
