"""The quality report of bars: what was found, how bad it is, where first, and one score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from html import escape
from typing import Any

import numpy as np

from research_kit.bars.checks import CHECKS
from research_kit.bars.findings import MOST_EXAMPLES, Finding, counted, examples_at, shown_time
from research_kit.bars.frame import Bars
from research_kit.bars.sessions import MissingBars, missing_bars
from research_kit.errors import NotFoundError, did_you_mean

_RANK = {"error": 0, "warning": 1, "note": 2}
_WEIGHT = {"error": 1.0, "warning": 0.1, "note": 0.0}
_UNDONE = ("unsorted", "newest_first", "duplicate_exact")
"""Faults of the source that are fully undone in the bars, and so cost nothing in the score."""


@dataclass(frozen=True)
class QualityReport:
    """What is known about the quality of bars. Nothing was repaired but what a finding says.

    Parameters
    ----------
    bars
        How many there are.
    first, last
        Opening times of the first and last bar, as text in UTC.
    timeframe, session
        What gaps were judged by.
    expected_bars, missing_bars
        How many bars the session expects between the first and the last, and how many of them are absent.
    findings
        The worst first.
    """

    bars: int
    first: str
    last: str
    timeframe: str
    session: str
    expected_bars: int
    missing_bars: int
    findings: tuple[Finding, ...]

    @property
    def missing_data_pct(self) -> float:
        """Missing bars in percent of the expected ones: 12.5 is 12.5 %."""
        return 100.0 * self.missing_bars / self.expected_bars if self.expected_bars else 0.0

    @property
    def has_gaps(self) -> bool:
        """Whether bars are missing while the session was open."""
        return self.missing_bars > 0

    @property
    def data_quality_score(self) -> float:
        """From 0 to 100: 100 × (1 − share of missing bars) × (1 − share of faulty bars), to two decimals.

        A bar of an ``error`` counts as one faulty bar, of a ``warning`` (other than gaps) as a tenth, of a ``note`` as
        none. Rows that were left out count as bars. What importing fully undid (order, exact duplicates) costs nothing.
        """
        weighed = [found for found in self.findings if found.name not in ("gaps", *_UNDONE)]
        faulty = sum(_WEIGHT[found.severity] * found.count for found in weighed)
        share = min(1.0, faulty / max(1, self.bars))
        return round((100.0 - self.missing_data_pct) * (1.0 - share), 2)

    def __getitem__(self, name: str) -> Finding:
        for found in self.findings:
            if found.name == name:
                return found
        raise NotFoundError(
            f"Nothing was found under {name!r}. {did_you_mean(name, (found.name for found in self.findings))}"
        )

    def __contains__(self, name: str) -> bool:
        return any(found.name == name for found in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "bars": self.bars,
            "first": self.first,
            "last": self.last,
            "timeframe": self.timeframe,
            "session": self.session,
            "expected_bars": self.expected_bars,
            "missing_bars": self.missing_bars,
            "missing_data_pct": self.missing_data_pct,
            "has_gaps": self.has_gaps,
            "data_quality_score": self.data_quality_score,
            "findings": [found.to_dict() for found in self.findings],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> QualityReport:
        """Return the report that ``to_dict`` gave."""
        findings = tuple(Finding(**{**found, "examples": tuple(found["examples"])}) for found in values["findings"])
        return cls(
            **{item.name: values[item.name] for item in fields(cls) if item.name != "findings"}, findings=findings
        )

    def __repr__(self) -> str:
        lines = [self._headline()]
        for found in self.findings:
            lines.append(f"  {found.severity:<8}{found.name:<24}{found.count:>12,}  {found.meaning}")
            if found.examples:
                lines.append(f"{'':48}{_shown(found)}")
        return "\n".join(lines if self.findings else [*lines, "  Nothing was found."])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{found.severity}</td><td>{escape(found.name)}</td>"
            f"<td style='text-align:right'>{found.count:,}</td>"
            f"<td style='text-align:left'>{escape(found.meaning)}<br><small>{escape(_shown(found))}</small></td></tr>"
            for found in self.findings
        )
        names = ("severity", "finding", "count", "meaning, first ones")
        head = "".join(f"<th>{name}</th>" for name in names)
        table = (
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
            if rows
            else "<p>Nothing was found.</p>"
        )
        return f"<p>{escape(self._headline())}</p>{table}"

    def _headline(self) -> str:
        return (
            f"Quality {self.data_quality_score:g} of 100: {self.bars:,} bars of {self.timeframe}, "
            f"{self.first} to {self.last}, session {self.session}, "
            f"{self.missing_bars:,} missing ({self.missing_data_pct:.3g} %)"
        )


def _shown(found: Finding) -> str:
    more = " ..." if found.count > len(found.examples[:3]) and found.examples else ""
    return "; ".join(found.examples[:3]) + more


def check_quality(bars: Bars, already: Iterable[Finding] = ()) -> QualityReport:
    """Return the quality report of bars; ``already`` are findings made while they were read.

    Raises
    ------
    DataError
        The bars' session is not known.

    Examples
    --------
    >>> bars = Bars(np.array([0, 60, 120, 300]) * 10**9, {"close": np.array([1.0, 1.01, 1.0, 1.02])})
    >>> report = check_quality(bars)
    >>> report.missing_bars, report["gaps"].examples
    (2, ('1970-01-01 00:03: 2 bars until 1970-01-01 00:05',))
    """
    missing = missing_bars(bars.time_ns, bars.timeframe, bars.session)
    findings = [*already]
    if missing.missing:
        findings.append(_gaps(missing))
    if len(bars):
        findings += [found for check in CHECKS for found in check(bars)]
    return QualityReport(
        bars=len(bars),
        first=shown_time(int(bars.time_ns[0])) if len(bars) else "",
        last=shown_time(int(bars.time_ns[-1])) if len(bars) else "",
        timeframe=bars.timeframe,
        session=bars.session,
        expected_bars=missing.expected,
        missing_bars=missing.missing,
        findings=tuple(sorted(findings, key=lambda found: _RANK[found.severity])),
    )


def _gaps(missing: MissingBars) -> Finding:
    """Return the finding on gaps; its examples are the longest, in the order of time."""
    longest = np.sort(np.argsort(-missing.counts, kind="stable")[:MOST_EXAMPLES])
    words = (
        f"{counted(int(missing.counts[at]), 'bar')} until {shown_time(int(missing.ends_ns[at]))}" for at in longest
    )
    meaning = (
        f"{counted(missing.missing, 'bar')} missing while the session was open, in "
        f"{counted(len(missing.counts), 'gap')}; the longest are shown."
    )
    return Finding("gaps", "warning", len(missing.counts), meaning, examples_at(missing.starts_ns, longest, words))
