"""A sweep on its way in a thread of this kernel, whose compiled code leaves the notebook free."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from research_kit.errors import NotFoundError
from research_kit.runs.places import place_of
from research_kit.widgets.parts.words import told
from research_kit.widgets.work.errands import Wanted

if TYPE_CHECKING:
    from research_kit.runs.searches.asking import SweepProgress
    from research_kit.runs.searches.sweep import Sweep
    from research_kit.widgets.parts.bench import Bench


@dataclass(frozen=True)
class SweepRequest(Wanted):
    """A search; ``how`` is what ``ws.sweep`` takes besides."""

    grid: Mapping[str, Any]
    how: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SweepEnding:
    """How a sweep ended, with the sets that were run, also where it was cancelled."""

    state: Literal["completed", "failed", "cancelled"]
    sweep: Sweep | None = None
    words: str = ""
    place: str = ""


class SweepErrand:
    """One sweep: ``carry_out`` runs it, ``so_far`` is what is recorded of it meanwhile."""

    def __init__(self, bench: Bench, request: SweepRequest) -> None:
        self.bench, self.request = bench, request
        self._cancelled = threading.Event()
        self._before = _newest(bench)

    def carry_out(self, tell: Callable[[SweepProgress], None]) -> SweepEnding:
        """Run the sweep to its end and return how it ended; nothing is raised."""
        asked = self.request

        def progress(news: SweepProgress) -> None:
            if self._cancelled.is_set():
                raise KeyboardInterrupt("The sweep was cancelled.")
            tell(news)

        try:
            found = self.bench.sweep(asked.strategy, asked.dataset, asked.grid, progress=progress, **asked.how)
        except KeyboardInterrupt:
            return self._cancelled_with_what_is_done()
        except BaseException as error:  # a strategy may raise anything, SystemExit as well
            return _failed(error)
        return SweepEnding("completed", found)

    def _cancelled_with_what_is_done(self) -> SweepEnding:
        try:
            return SweepEnding("cancelled", self.so_far())
        except Exception as error:  # the sets are kept all the same
            return _failed(error)

    def cancel(self) -> None:
        """Ask for its end: after the sets that are being run now; what is done is kept."""
        self._cancelled.set()

    def so_far(self) -> Sweep | None:
        """Return the sets that are recorded by now; None before the first."""
        newest = _newest(self.bench)
        if newest is None or newest == self._before:
            return None
        try:
            found = self.bench.load_sweep(newest)
        except NotFoundError:
            return None
        return found if len(found) and found.strategy_name == self.request.strategy.name else None


def _failed(error: BaseException) -> SweepEnding:
    return SweepEnding("failed", None, told(error), place_of(error))


def _newest(bench: Bench) -> int | None:
    table = bench.sweeps(limit=1)
    return None if table.empty else int(table["id"].iloc[0])
