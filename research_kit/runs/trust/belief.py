"""Can a run be believed? One verdict, the evidence for and against it, and what would change it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Literal

from research_kit.metrics.inference.headline import CONVINCING, Headline, chance
from research_kit.metrics.registry import UNDEFINED, format_value

if TYPE_CHECKING:
    import pandas as pd

Weight = Literal["for", "doubt", "against", "unknown"]

MARKS = {"for": "✔", "doubt": "▲", "against": "✖", "unknown": "?"}  # told apart without colour
BELIEVABLE = (
    "Believable: nothing that was looked at speaks against it. Whether the future is like this past, nobody knows."
)
COIN = 0.5  # a chance below which luck is the better explanation
FEW_TRADES = 30


@dataclass(frozen=True)
class Evidence:
    """One thing that speaks for a result or against it: what was found, what that means, and what would help."""

    name: str
    title: str
    weight: Weight
    shown: str
    meaning: str
    remedy: str = ""

    @property
    def sentence(self) -> str:
        """The meaning, as it stands by itself."""
        return self.meaning[:1].upper() + self.meaning[1:]


@dataclass(frozen=True, repr=False)
class Belief:
    """Whether a run can be believed.

    Parameters
    ----------
    headline
        Its Sharpe ratio, the range of that, the trials it took, and what is left of it.
    evidence
        What speaks for it (``for``), makes it doubtful (``doubt``), refutes it (``against``) or is not known
        (``unknown``).
    """

    title: str
    headline: Headline
    evidence: tuple[Evidence, ...] = field(default=())

    @property
    def verdict(self) -> str:
        """``not believable``, ``doubtful``, ``open`` (something was not looked at) or ``believable``."""
        weights = {one.weight for one in self.evidence}
        for weight, word in (("against", "not believable"), ("doubt", "doubtful"), ("unknown", "open")):
            if weight in weights:
                return word
        return "believable"

    @property
    def sentence(self) -> str:
        """The verdict, and what decides it."""
        weight = {"not believable": "against", "doubtful": "doubt", "open": "unknown"}.get(self.verdict)
        if weight is None:
            return BELIEVABLE
        words = {
            "against": "Not believable",
            "doubt": "Doubtful",
            "unknown": "Nothing speaks against it, but not everything was looked at",
        }
        reasons = [one.meaning.rstrip(".") for one in self.evidence if one.weight == weight]
        more = f"; and {len(reasons) - 2} more" if len(reasons) > 2 else ""
        return f"{words[weight]}: {'; '.join(reasons[:2])}{more}."

    @property
    def changes(self) -> tuple[str, ...]:
        """What would change the verdict, the gravest first."""
        order: list[Weight] = ["against", "doubt", "unknown"]
        return tuple(one.remedy for weight in order for one in self.evidence if one.weight == weight and one.remedy)

    def __getitem__(self, name: str) -> Evidence:
        return next(one for one in self.evidence if one.name == name)

    @property
    def table(self) -> pd.DataFrame:
        """The evidence as a DataFrame: title, weight, shown, meaning, remedy."""
        import pandas as pd

        rows = {one.name: [one.title, one.weight, one.shown, one.meaning, one.remedy] for one in self.evidence}
        return pd.DataFrame.from_dict(rows, orient="index", columns=["title", "weight", "shown", "meaning", "remedy"])

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict, its sentence, the headline, the evidence and what would change it as JSON values."""
        evidence = [
            {"name": one.name, "weight": one.weight, "shown": one.shown, "meaning": one.meaning, "remedy": one.remedy}
            for one in self.evidence
        ]
        return {
            "verdict": self.verdict,
            "sentence": self.sentence,
            "headline": str(self.headline),
            "evidence": evidence,
            "changes": list(self.changes),
        }

    def __repr__(self) -> str:
        lines = [self.title, str(self.headline), self.sentence]
        lines += [f"  {MARKS[one.weight]} {one.title:<24} {one.shown:<24} {one.sentence}" for one in self.evidence]
        return "\n".join(lines + [f"  → {change}" for change in self.changes])

    def _repr_html_(self) -> str:
        left = "text-align:left;vertical-align:top"
        rows = "".join(
            f'<tr><td style="{left}" title="{one.weight}">{MARKS[one.weight]}</td><td style="{left}">'
            f'{escape(one.title)}</td><td style="{left}">{escape(one.shown)}</td>'
            f'<td style="{left};white-space:normal;max-width:48em">{escape(one.sentence)}</td></tr>'
            for one in self.evidence
        )
        changes = "".join(f"<li>{escape(change)}</li>" for change in self.changes)
        would = f"<p>What would change this:</p><ul>{changes}</ul>" if changes else ""
        return (
            f"<p><b>{escape(str(self.headline))}</b><br>{escape(self.sentence)}</p>"
            f"<table><tbody>{rows}</tbody></table>{would}"
        )


def of_luck(found: Headline) -> Iterable[Evidence]:
    """Yield what the Sharpe ratio, its range and the number of trials say."""
    yield _deflated(found)
    yield _range(found)
    yield _length(found)


def _deflated(found: Headline) -> Evidence:
    title, shown = "Deflated Sharpe ratio", chance(found.deflated)
    if found.deflated is None:
        return Evidence("deflated", title, "doubt", shown, f"there is no Sharpe ratio: {found.reasons['deflated']}.")
    expected = format_value("sharpe_ratio", found.luck)
    luck = f"the best of {found.trials:,} trials without any skill is expected to show a Sharpe ratio of {expected}"
    remedy = f"More data, or fewer trials: {found.trials:,} were made {found.scope}."
    if found.trials == 1:
        luck, remedy = f"the chance that its true Sharpe ratio is above 0 is {shown}", "More data."
    if found.deflated >= CONVINCING:
        return Evidence("deflated", title, "for", shown, f"luck is an unlikely explanation: {luck}.")
    if found.deflated < COIN:
        return Evidence("deflated", title, "against", shown, f"luck explains it: {luck}.", remedy)
    return Evidence("deflated", title, "doubt", shown, f"luck cannot be ruled out: {luck}.", remedy)


def _range(found: Headline) -> Evidence:
    title, holds = "Range of the Sharpe ratio", "the range that holds the true ratio 19 times in 20"
    if found.low is None or found.high is None:
        unknown = f"the range of the Sharpe ratio is not known: {found.reasons['low']}."
        return Evidence("range", title, "doubt", UNDEFINED, unknown)
    shown = f"{found.low:.2f} to {found.high:.2f}"
    if found.low > 0.0:
        return Evidence("range", title, "for", shown, f"{holds} lies above 0.")
    if found.high <= 0.0:
        return Evidence("range", title, "against", shown, f"{holds} lies below 0.")
    return Evidence("range", title, "doubt", shown, f"{holds} includes 0.", "A longer history makes it narrower.")


def _length(found: Headline) -> Evidence:
    title, shown = "Length of the history", f"{found.years:,.1f} years"
    if found.track_record is None:
        return Evidence("length", title, "doubt", shown, "no length is enough where the Sharpe ratio is not above 0.")
    most = max(found.track_record, found.backtest_length or 0.0)
    why = f"{most:,.1f} years are needed, for a ratio like this to be told from 0 and for so many trials"
    if found.years >= most:
        return Evidence("length", title, "for", shown, f"{why}.")
    remedy = f"{most - found.years:,.1f} more years of data."
    return Evidence("length", title, "doubt", shown, f"the history is short: {why}.", remedy)
