"""The quality report of bars: what was found, how bad it is, where first, and one score."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from html import escape
from typing import TYPE_CHECKING, Any

from research_kit.bars.findings import MOST_EXAMPLES, Finding, counted, shown_time
from research_kit.bars.frame import Bars
from research_kit.bars.quality.checks import MakeCheck, PriceOrder, PriceSize, Volumes
from research_kit.bars.quality.clocks import DayStamps, Hours, Spacing
from research_kit.bars.quality.coverage import Coverage, GapTally
from research_kit.bars.quality.moves import Moves
from research_kit.bars.quality.still import Still
from research_kit.bars.sessions import GapJudge
from research_kit.bars.windows import WINDOW, windows
from research_kit.errors import DataError, NotFoundError, did_you_mean

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from research_kit.charts.template import Theme

_RANK = {"error": 0, "warning": 1, "note": 2}
_WEIGHT = {"error": 1.0, "warning": 0.1, "note": 0.0}
_MARKS = {"error": "✖", "warning": "▲", "note": "·"}  # told apart without colour
_UNDONE = ("unsorted", "newest_first", "duplicate_exact")
"""Faults of the source that are fully undone in the bars, and so cost nothing in the score."""
_CHECKS: tuple[MakeCheck, ...] = (PriceOrder, PriceSize, Volumes, Still, Hours, DayStamps, Spacing)
DEFINITIONS = (
    "Missing are bars that the session expects, in percent of those expected; the score is 100 × (1 − share of missing "
    "bars) × (1 − share of faulty bars), where a bar of an error counts one, of a warning a tenth, of a note nothing."
)


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
    coverage
        Bars by period, the longest gaps and the largest outliers; None in a report of an earlier version.

    Notes
    -----
    Three figures sum the report up. ``missing_data_pct`` is missing bars in percent of those that the session expects
    between the first and the last bar. ``has_gaps`` is whether there is any. ``data_quality_score`` is
    100 × (1 − share of missing bars) × (1 − share of faulty bars), as said there.
    """

    bars: int
    first: str
    last: str
    timeframe: str
    session: str
    expected_bars: int
    missing_bars: int
    findings: tuple[Finding, ...]
    coverage: Coverage | None = None

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
            "coverage": self.coverage.to_dict() if self.coverage else None,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> QualityReport:
        """Return the report that ``to_dict`` gave, of this version or an earlier one."""
        plain = {item.name: values[item.name] for item in fields(cls) if item.name not in ("findings", "coverage")}
        findings = tuple(Finding(**{**found, "examples": tuple(found["examples"])}) for found in values["findings"])
        coverage = values.get("coverage")
        return cls(**plain, findings=findings, coverage=Coverage.from_dict(coverage) if coverage else None)

    def plot(self, theme: Theme | None = None) -> go.Figure:
        """Return one figure: how full each period is, when bars are missing, and which bars stand apart.

        Parameters
        ----------
        theme
            ``"notebook"`` (the default: for light and dark pages), ``"light"`` or ``"dark"``.

        Raises
        ------
        DataError
            The report is of an earlier version and does not say.
        """
        if self.coverage is None:
            raise DataError(
                "This report was made by an earlier version, which kept no coverage to draw; make it anew with "
                "check_quality(ws.bars(name))."
            )
        from research_kit.charts.quality import QualitySeries, quality_figure

        gaps, outliers = self.coverage.gaps, self.coverage.outliers
        series = QualitySeries(
            unit=self.coverage.unit,
            starts=self.coverage.starts,
            bars=self.coverage.bars,
            expected=self.coverage.expected,
            gaps=[(gap.start, gap.end, gap.missing) for gap in gaps],
            outliers=[(outlier.time, outlier.kind, outlier.change) for outlier in outliers],
            gap_count=self["gaps"].count if "gaps" in self else 0,
            title=f"Quality {self.data_quality_score:g} of 100",
            subtitle=self._headline().partition(": ")[2],
        )
        return quality_figure(series, theme=theme or "notebook")

    def __repr__(self) -> str:
        lines = [self._headline()]
        for found in self.findings:
            lines.append(f"  {found.severity:<8}{found.name:<24}{found.count:>12,}  {found.meaning}")
            if found.examples:
                lines.append(f"{'':48}{_shown(found)}")
        return "\n".join([*(lines if self.findings else [*lines, "  Nothing was found."]), f"  {DEFINITIONS}"])

    def _repr_html_(self) -> str:
        table = _table(self.findings) if self.findings else "<p>Nothing was found.</p>"
        return f"<p>{escape(self._headline())}</p>{table}<p><small>{escape(DEFINITIONS)}</small></p>"

    def _headline(self) -> str:
        return (
            f"Quality {self.data_quality_score:g} of 100: {self.bars:,} bars of {self.timeframe}, "
            f"{self.first} to {self.last}, session {self.session}, "
            f"{self.missing_bars:,} missing ({self.missing_data_pct:.3g} %)"
        )


def _table(findings: Iterable[Finding]) -> str:
    """Return findings as an HTML table; what comes from the data is escaped."""
    left = "text-align:left;vertical-align:top"
    rows = "".join(
        f"<tr><td style='{left};white-space:nowrap'>{_MARKS[found.severity]} {found.severity}</td>"
        f"<td style='{left}'><code>{escape(found.name)}</code></td>"
        f"<td style='text-align:right;vertical-align:top'>{found.count:,}</td>"
        f"<td style='{left};white-space:normal;max-width:60em'>{escape(found.meaning)}{_listed(found)}</td></tr>"
        for found in findings
    )
    head = "".join(
        f"<th style='text-align:{side}'>{name}</th>"
        for name, side in (("severity", "left"), ("finding", "left"), ("count", "right"), ("what it means", "left"))
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _listed(found: Finding) -> str:
    """Return all examples, folded up behind the first."""
    if len(found.examples) < 2:
        return "".join(f"<br><small>{escape(example)}</small>" for example in found.examples)
    rest = "<br>".join(escape(example) for example in found.examples[1:])
    more = "<br>..." if len(found.examples) == MOST_EXAMPLES else ""
    first = escape(found.examples[0])
    return f"<details><summary><small>{first} ...</small></summary><small>{rest}{more}</small></details>"


def _shown(found: Finding) -> str:
    more = " ..." if len(found.examples) > 3 else ""
    return "; ".join(found.examples[:3]) + more


def check_quality(bars: Bars, already: Iterable[Finding] = (), *, window: int = WINDOW) -> QualityReport:
    """Return the quality report of bars; ``already`` are findings made while they were read.

    The bars are looked at in one walk, ``window`` of them at a time, so that bars of any length in mapped files take
    no more memory than a window; the report is the same for every window.

    Raises
    ------
    DataError
        The bars' session is not known.

    Examples
    --------
    >>> import numpy as np
    >>> bars = Bars(np.array([0, 60, 120, 300]) * 10**9, {"close": np.array([1.0, 1.01, 1.0, 1.02])})
    >>> report = check_quality(bars)
    >>> report.missing_bars, report["gaps"].examples
    (2, ('1970-01-01 00:03: 2 bars until 1970-01-01 00:05',))
    """
    judge = GapJudge(bars.time_ns, bars.timeframe, bars.session)
    ends = (int(bars.time_ns[0]), int(bars.time_ns[-1])) if len(bars) else (0, 0)
    gaps, moves = GapTally(*ends, judge.hours), Moves(bars, judge.hours)
    checks = [moves, *(make(bars, judge.hours) for make in _CHECKS)]
    for part in windows(bars, judge.hours, window):
        gaps.add(part.time_ns, judge.gaps(part.start, part.stop))
        for check in checks:
            check.look(part)
    findings = [*already, *_gap_findings(gaps), *(found for check in checks for found in check.findings())]
    return QualityReport(
        bars=len(bars),
        first=shown_time(ends[0]) if len(bars) else "",
        last=shown_time(ends[1]) if len(bars) else "",
        timeframe=bars.timeframe,
        session=bars.session,
        expected_bars=len(bars) + gaps.missing,
        missing_bars=gaps.missing,
        findings=tuple(sorted(findings, key=lambda found: _RANK[found.severity])),
        coverage=gaps.coverage(moves.outliers.kept()) if len(bars) else None,
    )


def _gap_findings(gaps: GapTally) -> Iterator[Finding]:
    """Yield the finding on gaps; its examples are the longest, in the order of time."""
    if gaps.gaps:
        meaning = (
            f"{counted(gaps.missing, 'bar')} missing while the session was open, in {counted(gaps.gaps, 'gap')}; the "
            "longest are shown. Nothing was filled in: fetch them from the source, or say fill='flat'."
        )
        examples = (
            f"{gap.start}: {counted(gap.missing, 'bar')} until {gap.end}" for gap in gaps.longest(MOST_EXAMPLES)
        )
        yield Finding("gaps", "warning", gaps.gaps, meaning, tuple(examples))
