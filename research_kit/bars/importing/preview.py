"""A look before the import: what was recognised, how columns and times are understood, what is doubtful or asked."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from html import escape
from typing import Any

from research_kit.bars.findings import Finding, shown_time
from research_kit.bars.frame import Bars
from research_kit.bars.importing.intake import Intake
from research_kit.bars.importing.opening import Opened, Part, open_tables
from research_kit.bars.importing.options import ImportOptions
from research_kit.bars.importing.reading import make_bars
from research_kit.bars.quality.report import QualityReport, check_quality
from research_kit.bars.readers.base import RawTable
from research_kit.bars.readers.text import text_above
from research_kit.errors import DataError

SHOWN = 3
"""Rows shown at either end."""

ENOUGH = 400_000
"""Rows that are looked at; of larger sources only the last lines besides."""

_TAIL_BYTES = 1 << 16

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Preview:
    """What would be imported. Nothing is stored.

    Parameters
    ----------
    source, size
        The file's name and bytes, 0 for what is in memory.
    layout
        What was recognised, in words.
    columns
        Names in the source by what they are taken for, times first.
    times
        How the times are understood, in words; ``""`` while that is asked.
    timezone, timeframe, session, symbol
        As they would be stored; ``""`` while not known.
    rows, complete
        Rows that were looked at, and whether that is the whole source.
    first, last
        A few rows of the beginning and the end: as bars where they could be understood, else as they stand.
    findings
        What the quality report says of the rows that were looked at, one line each.
    doubts
        What is doubtful, one sentence each.
    questions
        What must be said before this can be imported, one sentence each; empty when nothing is missing.
    """

    source: str
    size: int
    layout: str
    columns: Mapping[str, str]
    times: str
    timezone: str
    timeframe: str
    session: str
    symbol: str
    rows: int
    complete: bool
    first: Sequence[Row]
    last: Sequence[Row]
    findings: Sequence[str]
    doubts: Sequence[str]
    questions: Sequence[str]

    def to_dict(self) -> dict[str, Any]:
        """Return the preview as JSON values."""
        return asdict(self)

    def __repr__(self) -> str:
        lines = [f"{label:<10}{value}" for label, value in self._facts() if value]
        lines += ["", *_as_text([*self.first, *self.last])]
        for title, sentences in self._sentences():
            lines += ["", title, *(f"  {sentence}" for sentence in sentences)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        facts = "".join(f"<tr><th>{label}</th><td>{escape(value)}</td></tr>" for label, value in self._facts() if value)
        lists = "".join(
            f"<p><b>{title}</b></p><ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in sentences)}</ul>"
            for title, sentences in self._sentences()
        )
        return f"<table>{facts}</table>{_as_html([*self.first, *self.last])}{lists}"

    def _facts(self) -> list[tuple[str, str]]:
        columns = ", ".join(f"{part} = {name!r}" if part != name else part for part, name in self.columns.items())
        looked = f"{self.rows:,}" if self.complete else f"the first {self.rows:,}, of more"
        return [
            ("source", self.source + (f" ({self.size:,} bytes)" if self.size else "")),
            ("layout", self.layout),
            ("columns", columns),
            ("times", self.times),
            ("timezone", self.timezone),
            ("timeframe", self.timeframe),
            ("session", self.session),
            ("symbol", self.symbol),
            ("rows", looked),
        ]

    def _sentences(self) -> list[tuple[str, Sequence[str]]]:
        titles = ("found in these rows", "doubtful", "to be answered before the import")
        return [pair for pair in zip(titles, (self.findings, self.doubts, self.questions), strict=True) if pair[1]]


def preview_bars(source: Any, options: ImportOptions | None = None) -> Preview:
    """Return what an import of this source would make of it; large files are looked at at both ends only.

    What stops an import (a time zone that must be given, rows that cannot be bars) is a question of the preview here.

    Raises
    ------
    NotFoundError
        There is no such file.
    UnknownFormatError, DataError
        It cannot be read at all.

    Examples
    --------
    >>> rows = [[1_577_836_800_000, 1.0, 2.0, 0.5, 1.5, 10.0], [1_577_836_860_000, 1.5, 2.0, 1.0, 1.2, 9.0]]
    >>> preview_bars(rows).timeframe
    '1min'
    """
    options = options or ImportOptions()
    opened = open_tables(source, options)
    return _Look(options, opened).preview()


class _Look:
    """Takes in the beginning of a source, and notes what it would ask."""

    def __init__(self, options: ImportOptions, opened: Opened) -> None:
        self.options, self.opened = options, opened
        # what stops an import is asked, and does not stop the preview
        self.lenient = options.model_copy(update={"drop_bad": True, "drop_duplicates": "first"})
        self.intake = Intake(self.lenient, opened.name)
        self.raw: list[RawTable] = []
        self.questions: list[str] = []
        self.complete = True
        for part in opened.parts:
            self._take(part)

    def _take(self, part: Part) -> None:
        try:
            self.intake.begin_file()
            for raw in part.read():
                if self.intake.rows >= ENOUGH:
                    self.complete = False
                    break
                self.raw.append(raw)
                self.intake.add(raw)
        except DataError as error:
            self.questions.append(str(error))

    def preview(self) -> Preview:
        bars, report = self._understood()
        intake, times, named = self.intake, self.intake.times, self.intake.assigned
        return Preview(
            source=self.opened.name,
            size=self.opened.size,
            layout=self.opened.layout,
            columns=dict(zip(("time", "clock"), named.time, strict=False)) | dict(named.fields) if named else {},
            times=times.layout if times else "",
            timezone=(self.options.timezone or "") if times and times.uses_timezone else "",
            timeframe=bars.timeframe if bars else "",
            session=bars.session if bars else "",
            symbol=intake.symbol,
            rows=intake.rows,
            complete=self.complete,
            first=_rows_of(bars, 0, SHOWN) if bars else _raw_rows(self.raw[:1]),
            last=self._last_rows(bars) if bars else (),
            findings=tuple(_line(found) for found in report.findings if self._tells(found)) if report else (),
            doubts=tuple(intake.doubts),
            questions=tuple(dict.fromkeys(self.questions)),
        )

    def _understood(self) -> tuple[Bars | None, QualityReport | None]:
        """Return the rows that were looked at as bars, with their report; note what would be refused."""
        if self.questions:
            return None, None
        try:
            rows, findings = self.intake.settle()
            bars = make_bars(rows, self.options, self.intake.symbol)
        except DataError as error:
            self.questions.append(str(error))
            return None, None
        self.questions += self.intake.complaints(self.options)
        return bars, check_quality(bars, findings)

    def _tells(self, found: Finding) -> bool:
        """Return whether a finding is worth a line: doubts and what is asked have lines of their own."""
        asked = found.name == "duplicate_conflicting" and self.options.drop_duplicates in ("exact", "error")
        asked = asked or ("drop_bad=True" in found.meaning and not self.options.drop_bad)
        return found.name != "doubt" and not asked

    def _last_rows(self, bars: Bars) -> Sequence[Row]:
        """Return the last rows of the source, where it can be told without reading all of it."""
        if self.complete:
            return _rows_of(bars, max(SHOWN, len(bars) - SHOWN), len(bars))
        end = Intake(self.lenient, self.opened.name)
        with suppress(DataError):
            for raw in _end_of(self.opened.parts[-1]):
                end.add(raw)
            bars = make_bars(end.settle()[0], self.options, "")
            return _rows_of(bars, max(0, len(bars) - SHOWN), len(bars))
        return ()


def _line(found: Finding) -> str:
    return f"{found.severity}: {found.name} ({found.count:,}): {found.meaning}"


def _end_of(part: Part) -> list[RawTable]:
    """Return the last lines of a file as its reader sees them, with the lines above the first row before them."""
    source, path = part.source, part.path
    layout = source.text if source else None
    if source is None or path is None or part.reader is None or source.container:
        return []
    if layout is None or not layout.encoding.startswith("utf-8"):
        return []
    with path.open("rb") as file:
        file.seek(max(0, part.size - _TAIL_BYTES))
        tail = file.read()
    lines = tail[tail.find(b"\n") + 1 :]
    mark = codecs.BOM_UTF8 if layout.encoding == "utf-8-sig" else b""
    above = mark + text_above(source, layout)
    return list(part.reader.read(replace(source, chunks=lambda: iter([(above + lines, part.size)]))))


def _rows_of(bars: Bars, start: int, stop: int) -> list[Row]:
    """Return some bars as rows, times as text in UTC."""
    return [
        {"time": shown_time(int(bars.time_ns[at]))} | {name: float(bars[name][at]) for name in bars.columns}
        for at in range(start, min(stop, len(bars)))
    ]


def _raw_rows(tables: Sequence[RawTable]) -> list[Row]:
    """Return the first rows as they stand in the source."""
    return [
        {name: "" if cell is None else str(cell) for name, cell in row.items()}
        for raw in tables
        for row in raw.table.slice(0, SHOWN).to_pylist()
    ]


def _as_text(rows: Sequence[Row]) -> list[str]:
    """Return rows as aligned lines of text, names first."""
    if not rows:
        return []
    cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(cells[0]))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]


def _as_html(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    body = "".join(f"<tr>{''.join(f'<td>{escape(_cell(value))}</td>' for value in row.values())}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)[:40]
