"""The holdout of a dataset: a period that is locked, and how many runs have seen it. It counts, it does not forbid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from research_kit.bars.derive.join import Moment, read_moment
from research_kit.bars.findings import shown_time
from research_kit.bars.timeframe import DAY
from research_kit.errors import OptionError
from research_kit.store.holdouts import count_seen, lock_name, locked_name
from research_kit.store.reach import day_start, moment_of, nanoseconds

if TYPE_CHECKING:
    from research_kit.runs.home import Home
    from research_kit.store.tables import Dataset


@dataclass(frozen=True)
class Holdout:
    """A locked period and who has seen it.

    Parameters
    ----------
    dataset
        The name that was locked: that of the dataset that was asked about, or of one with the same data.
    start
        The locked data begins here (aware UTC).
    touched
        How many trials (runs, members of sweeps, fits, of every state, deleted ones too) ran on data that goes beyond
        the start: on any version of the dataset, on what it was made from, or on anything made from these. Those before
        the lock count as well: the data was seen.
    first_start, locked_at
        The first start that was locked, and when that was.
    session
        The session whose days the start is told in.
    """

    dataset: str
    start: datetime
    touched: int
    first_start: datetime
    locked_at: datetime
    session: str = "24/7"

    @property
    def sentence(self) -> str:
        """What reports say.

        >>> from datetime import UTC
        >>> new_year = datetime(2020, 1, 1, tzinfo=UTC)
        >>> Holdout("SPY", new_year, 3, new_year, new_year).sentence
        'holdout from 2020-01-01: 3 runs have seen it'
        """
        seen = {0: "no run has seen it", 1: "1 run has seen it"}.get(
            self.touched, f"{self.touched:,} runs have seen it"
        )
        moved = f" (at first from {_shown(self.first_start, self.session)})" if self.start > self.first_start else ""
        return f"holdout from {_shown(self.start, self.session)}{moved}: {seen}"

    def __str__(self) -> str:
        return self.sentence


def lock_holdout(home: Home, dataset: Dataset, start: Moment, *, force: bool = False) -> Holdout:
    """Lock the data of a dataset's name from a start on and return its holdout.

    Raises
    ------
    OptionError
        The start cannot be read, lies outside of the data, or later than what is locked already.
    """
    moment = _moment(start, dataset.session or "24/7")
    first, until = dataset.start_date, dataset.data_until or dataset.end_date
    if (first and moment <= first) or (until and moment >= until):
        raise OptionError(
            f"The holdout of {dataset.name!r} cannot begin at {start}: its data reaches from {first:%Y-%m-%d %H:%M} to "
            f"{until:%Y-%m-%d %H:%M} UTC; give a start between these."
        )
    lock_name(home.database, dataset.name, moment, force=force)
    found = find_holdout(home, dataset)
    assert found is not None
    return found


def find_holdout(home: Home, dataset: Dataset) -> Holdout | None:
    """Return the holdout that holds for a dataset: the earliest of all with the same data; None without any."""
    held = locked_name(home.database, dataset.name)
    if held is None:
        return None
    first = held.locks[0]
    touched = count_seen(home.database, held.name, held.start)
    return Holdout(held.name, held.start, touched, first.start, first.created_at, dataset.session or "24/7")


def _moment(start: Moment, session: str) -> datetime:
    """Return a date as the beginning of the session's day, a time as it is (UTC where it has no zone)."""
    read = read_moment(start, "start")
    if read.dtype == np.dtype("datetime64[D]"):
        return day_start(int(read.astype(np.int64)), session)
    return moment_of(int(read.astype(np.int64)))


def _shown(moment: datetime, session: str) -> str:
    """Return a time as text; the beginning of a session's day as its date."""
    day = nanoseconds(moment) // DAY
    for near in (day, day + 1):
        if day_start(near, session) == moment:
            return str(np.datetime64(near, "D"))
    return shown_time(nanoseconds(moment))
