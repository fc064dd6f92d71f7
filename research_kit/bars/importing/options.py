"""How a source of bars is to be read."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from research_kit.bars.importing.spool import Duplicates
from research_kit.bars.times.reader import Ambiguous, Nonexistent
from research_kit.validation import CheckedModel


class ImportOptions(CheckedModel):
    """How a source of bars is to be read: frozen, validated, JSON both ways. Most sources need at most a time zone.

    Examples
    --------
    >>> ImportOptions(timezone="UTC", columns={"close": "Last"}).columns
    {'close': 'Last'}
    >>> ImportOptions(timezon="UTC")
    Traceback (most recent call last):
    research_kit.errors.OptionError: An import has no option 'timezon'. Did you mean 'timezone'?
    """

    _subject: ClassVar[str] = "An import"

    timezone: str | None = Field(None, description="What times without a zone mean, such as America/New_York")
    columns: dict[str, str] | tuple[str, ...] | None = Field(
        None, description="Names in the source by what they are, or what each column is, in order"
    )
    symbol: str = Field(
        "", description="What was traded; the one to take, where the source holds several; learnt when it names one"
    )
    exchange: str = Field("", description="Where; one that has a calendar (NYSE) gives the session")
    session: str | None = Field(None, description="24/7, 24/5, weekdays or an exchange calendar; learnt when not given")
    timeframe: str | None = Field(
        None, description="Spacing of the bars such as 5min; the most common one when not given; ticks need it"
    )
    delimiter: str | None = Field(None, min_length=1, max_length=1, description="Of text; seen when not given")
    decimal: Literal[".", ","] | None = Field(None, description="Decimal sign of text; seen when not given")
    day_first: bool | None = Field(None, description="Whether 03/01 is 3 January, where the dates do not tell")
    ambiguous: Ambiguous = Field("error", description="Which is meant of local times that happened twice")
    nonexistent: Nonexistent = Field("error", description="What becomes of local times that never happened")
    allow_nonpositive: bool = Field(False, description="The instrument may trade at or below zero")
    drop_bad: bool = Field(False, description="Leave out rows that cannot be bars, and count them")
    drop_duplicates: Duplicates = Field("exact", description="Which rows of one time are settled: none, exact, all")
    sort: bool = Field(True, description="Sort rows that are out of order, and count them; False refuses them")
