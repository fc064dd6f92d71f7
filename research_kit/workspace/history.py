"""The verbs of a workspace for its history: list what ran, mark it, delete it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from research_kit.runs.history import Which, wanted
from research_kit.runs.run import Run
from research_kit.store import listings, marks
from research_kit.workspace.base import OpenWorkspace

if TYPE_CHECKING:
    import pandas as pd


class HistoryVerbs(OpenWorkspace):
    """What can be done with runs that were recorded."""

    def backtests(
        self, limit: int | None = listings.NEWEST, before: int | None = None, **which: Unpack[Which]
    ) -> pd.DataFrame:
        """Return the newest recorded runs, newest first, with their headline metrics, tags, note and pin.

        ``ws.backtests(tag="trend", where="sharpe_ratio > 1 and max_drawdown_percent > -20")``

        Parameters
        ----------
        limit, before
            So many rows (None: all), of ids below: ``ws.backtests(before=last_id)`` is the next page.
        strategy
            Its name, exactly, or its class.
        dataset
            Its name, for every version of it, or an id or a row, for that one.
        text
            Any part of the names, the parameters, the note or a tag.
        tag
            One tag, or several, which a run must have all.
        pinned
            True: those that are pinned, False: the others, None: all.
        since, until
            A day such as ``"2024-01-31"`` or a time; the first is included, the second is not. UTC where no zone is
            given.
        where
            Metrics compared with numbers, joined by ``and``; in the units of the table.

        Raises
        ------
        OptionError, NotFoundError
            Something is misspelt: a filter, a metric, a day.
        """
        return listings.backtests_table(self.database, limit, before=before, wanted=wanted(**which))

    def tag(self, run: Run | int, *tags: str) -> list[str]:
        """Put tags on a run, to find it again, and return all that it has; they are kept in small letters."""
        return marks.tag_backtest(self.database, _id(run), tags)

    def untag(self, run: Run | int, *tags: str) -> list[str]:
        """Take tags off a run and return those that are left."""
        return marks.untag_backtest(self.database, _id(run), tags)

    def tags(self) -> dict[str, int]:
        """Return every tag that is in use, with the number of its runs."""
        return marks.count_tags(self.database)

    def note(self, run: Run | int, note: str) -> None:
        """Write a note on a run in the place of the one before; an empty one takes it away."""
        marks.set_note(self.database, _id(run), note)

    def pin(self, run: Run | int, pinned: bool = True) -> None:
        """Pin a run, so that ``ws.backtests(pinned=True)`` lists it, or take the pin off."""
        marks.set_pin(self.database, _id(run), pinned)

    def delete_backtest(self, run: Run | int) -> None:
        """Delete a run with its trades, metrics, tags and note; for ever.

        Its trial stays, as ``deleted``, and is counted with all others: what was tried was tried. Its file of equity
        stays in the folder, as another run may have the same.
        """
        marks.delete_backtest(self.database, _id(run))


def _id(run: Run | int) -> int:
    return run if isinstance(run, int) else run.id
