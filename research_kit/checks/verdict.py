"""What a look-ahead check found: a frozen value that explains itself in a sentence, in HTML, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from html import escape
from typing import Any, Literal

import numpy as np

Outcome = Literal["passed", "failed", "inconclusive"]
FoundBy = Literal["prefix", "future", "longer", "length"]

_NAN = "NaN"
_COLOURS = {"passed": "#1a7f37", "failed": "#b42318", "inconclusive": "#8a6100"}
DAY = 86_400_000_000_000


@dataclass(frozen=True, kw_only=True)
class LookaheadVerdict:
    """Whether a strategy decides with bars that it could not know.

    Attributes
    ----------
    outcome
        ``passed``, ``failed``, or ``inconclusive`` where too little could be checked to say either.
    bars, checked
        How many bars there are, and for how many of them the decision was compared with the one that was made when
        nothing later was known.
    window
        How many bars a comparison began before the bar, at least; None where every comparison began at the first bar.
    futures
        In how many places everything after a bar was replaced by something else.
    bar, time, column
        Where it failed: the first bar (0 is the first of all) whose decision depends on later ones, its opening time
        (UTC), and what it decided there: ``enter_long``, ``exposure``, ``orders`` and so on.
    value_known, value_all
        What it decided there knowing the first ``known`` bars alone, and what with the later ones.
    found_by
        ``prefix``: later bars were left out; ``future``: they were replaced; ``longer``: more came; ``length``: only
        their number matters.
    warm_up
        How many bars it needs before it decides as it would with all the bars before; None where it never does, or
        where that cannot be told.
    deterministic
        Whether two runs on the same bars were the same byte for byte.
    notes
        Further sentences: what could not be checked, and why.
    seconds
        How long the check took.
    """

    outcome: Outcome
    strategy: str
    bars: int
    checked: int
    window: int | None = None
    futures: int = 0
    bar: int | None = None
    time: np.datetime64 | None = None
    column: str | None = None
    value_known: Any = None
    value_all: Any = None
    known: int | None = None
    found_by: FoundBy | None = None
    warm_up: int | None = None
    deterministic: bool = True
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def __repr__(self) -> str:
        where = f", {self.column} at bar {self.bar:,}" if self.bar is not None else ""
        return f"LookaheadVerdict({self.outcome}{where}, {self.coverage})"

    def __str__(self) -> str:
        return " ".join([self.sentence, *self.notes])

    @property
    def passed(self) -> bool:
        """Whether no look-ahead was found, in enough bars to say so."""
        return self.outcome == "passed"

    @property
    def coverage(self) -> str:
        """How much was checked: ``checked 2,088 of 2,088 bars``."""
        return f"checked {self.checked:,} of {self.bars:,} bars"

    @property
    def sentence(self) -> str:
        """The verdict in a sentence or two."""
        if self.outcome == "failed":
            return f"Look-ahead in {self.strategy}: {self._difference} ({self.coverage})."
        if self.outcome == "inconclusive":
            return f"Nothing can be said of {self.strategy}: {self.coverage}."
        how = "every one from the first bar on" if self.window is None else f"each from {self.window:,} bars before on"
        futures = f"; {self.futures:,} other futures changed nothing before them" if self.futures else ""
        return f"No look-ahead found in {self.strategy}: {self.coverage}, {how}{futures}.{self._warm_up}"

    @property
    def _difference(self) -> str:
        at = "" if self.time is None else f" ({_moment(self.time)})"
        what = f"{self.column} at bar {self.bar:,}{at}"
        if self.column == "length":
            return f"{self.value_known}, so what it returns belongs to other bars"
        if self.found_by == "future":
            return (
                f"{what} changes from {_text(self.value_all)} to {_text(self.value_known)} "
                f"when only the bars after the first {self.known:,} are replaced"
            )
        if self.found_by == "longer":
            return f"{what} changes from {_text(self.value_all)} to {_text(self.value_known)} when more bars come"
        known = "the first bar" if self.known == 1 else f"the first {self.known:,} bars"
        says = f"{what} is {_text(self.value_known)} with {known} alone, and "
        if self.found_by == "length":
            return f"{says}{_text(self.value_all)} with all {self.bars:,}: it depends on how many bars there are"
        return f"{says}{_text(self.value_all)} with the later ones"

    @property
    def _warm_up(self) -> str:
        return f" It is warm after {self.warm_up:,} bars." if self.warm_up else ""

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return (
            f'<div style="border-left:4px solid {_COLOURS[self.outcome]};padding:.4em .8em;margin:.4em 0">'
            f"<b>Look-ahead: {self.outcome}</b><br>{escape(self.sentence)}{f'<ul>{notes}</ul>' if notes else ''}</div>"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON values."""
        values = asdict(self) | {"notes": list(self.notes), "time": None if self.time is None else str(self.time)}
        return values | {name: _plain(values[name]) for name in ("value_known", "value_all")}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LookaheadVerdict:
        """Return the verdict that ``to_dict`` wrote; what another version added is left out."""
        known = {item.name: values[item.name] for item in fields(cls) if item.name in values}
        time = known.get("time")
        known |= {"notes": tuple(known.get("notes", ())), "time": None if time is None else np.datetime64(time, "ns")}
        return cls(**known | {name: _number(known.get(name)) for name in ("value_known", "value_all")})


def _moment(time: np.datetime64) -> str:
    whole_day = time.astype("datetime64[ns]").astype(np.int64) % DAY == 0
    return str(time.astype(f"datetime64[{'D' if whole_day else 's'}]")).replace("T", " ")


def _text(value: Any) -> str:
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else f"{value:.10g}"
    return str(value)


def _plain(value: Any) -> Any:
    return _NAN if isinstance(value, float) and math.isnan(value) else value


def _number(value: Any) -> Any:
    return math.nan if value == _NAN else value
