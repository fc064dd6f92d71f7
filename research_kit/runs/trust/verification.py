"""What a verification found: an outcome, the causes of a difference, and what has changed since without making one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from html import escape
from typing import Any

from research_kit.runs.trust.proof import Finding

OUTCOMES = ("verified", "agrees", "differs", "failed", "untrusted")
_WORDS = {
    "verified": "verified: orders, trades and equity are the same, byte for byte",
    "agrees": "agrees: another engine made it; the trades are the same, prices and money within one part in a million",
    "differs": "differs",
    "failed": "could not be run again",
    "untrusted": "not run",
}


@dataclass(frozen=True, repr=False)
class Verification:
    """What running a stored run again gave.

    Parameters
    ----------
    outcome
        ``verified`` (the same, byte for byte), ``agrees`` (made by an older engine: the same trades, all numbers within
        1e-6), ``differs``, ``failed`` (it could not be run again) or ``untrusted`` (its source came from elsewhere and
        was not run).
    causes
        Why it differs or failed: ``data``, ``code``, ``parameters``, ``options``, ``seed``, ``versions``, ``engine``,
        ``record`` (the stored result itself was edited) or ``unknown``, each with a sentence.
    differences
        What is different in the result: the first order, trade and bar.
    notes
        What has changed since the run without changing its result.
    """

    run_id: int
    title: str
    outcome: str
    causes: tuple[Finding, ...] = ()
    differences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    compared: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_verified(self) -> bool:
        """Whether the run can be believed to be what it says: verified, or of an older engine and in agreement."""
        return self.outcome in ("verified", "agrees")

    @property
    def cause_names(self) -> list[str]:
        """The causes by name, each once."""
        return list(dict.fromkeys(finding.cause for finding in self.causes))

    @property
    def summary(self) -> str:
        """One sentence: the outcome, and why."""
        words = _WORDS[self.outcome]
        if self.causes:
            why = "; ".join(f"{found.cause}: {found.sentence.rstrip('.')}" for found in self.causes)
            return f"{words} ({why})."
        if self.notes:
            return f"{words} ({'; '.join(note.rstrip('.') for note in self.notes)})."
        return f"{words}."

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return asdict(self) | {"summary": self.summary, "causes": [asdict(found) for found in self.causes]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Verification:
        """Return the verification that ``to_dict`` wrote down."""
        known = {item.name: values[item.name] for item in fields(cls)}
        known["causes"] = tuple(Finding(**found) for found in known["causes"])
        return cls(**known | {name: tuple(known[name]) for name in ("differences", "notes")})

    def __repr__(self) -> str:
        return f"Run {self.run_id} ({self.title}) {self.summary}"

    def __str__(self) -> str:
        lines = [repr(self), *(f"  {line}" for line in self.differences)]
        return "\n".join(lines + ([f"  since then: {note}" for note in self.notes] if self.causes else []))

    def _repr_html_(self) -> str:
        parts = [("", self.differences), ("Changed since, without any effect", self.notes if self.causes else ())]
        lists = "".join(
            f"<p>{escape(title)}</p><ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"
            for title, items in parts
            if items
        )
        return f"<p><b>Run {self.run_id}</b> ({escape(self.title)}) {escape(self.summary)}</p>{lists}"
