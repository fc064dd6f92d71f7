"""Tables of a report that can be sorted: each cell is written for people and sorted by its number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from research_kit.metrics.registry import METRICS, UNDEFINED, format_value
from research_kit.report.cards import Card, Row, filled_card

MOST_WORDS = 300  # signs of a text
SHORT = 18  # signs that stay on one line
LONGEST_WORD = 28


@dataclass(frozen=True)
class Cell:
    """What a table shows, what it is sorted by, and what is told to whoever points at it."""

    text: str
    key: str = ""
    number: bool = False
    note: str = ""

    @property
    def wrap(self) -> str:
        """The class that says how it is broken into lines: not at all, between words, or anywhere, as a hash."""
        if len(self.text) <= SHORT:
            return ""
        return " rk-codes" if max(map(len, self.text.split()), default=0) > LONGEST_WORD else " rk-words"


@dataclass(frozen=True)
class Head:
    """A column: its title, and what its values are, shown to whoever points at it or tabs to it."""

    title: str
    note: str = ""


def data_table(heads: Sequence[Head], rows: Iterable[Sequence[Cell]], *, caption: str = "") -> Card:
    """Return a table with one row for each thing; its columns can be sorted where scripts run.

    A column without a number is set as text, its long cells broken into lines.

    >>> data_table([Head("fast"), Head("Sharpe ratio")], [[Cell("10"), Cell("1.08")]])
    fast: 10, Sharpe ratio: 1.08
    """
    listed = [list(row) for row in rows]
    lines = [
        ", ".join(f"{head.title}: {cell.text}" for head, cell in zip(heads, row, strict=True) if cell.text)
        for row in listed
    ]
    text = "\n".join([*lines, *([caption] if caption else [])])
    texts = text_columns(listed, len(heads))
    return filled_card("data_table", text, heads=heads, texts=texts, rows=listed, caption=caption)


def text_columns(rows: Sequence[Sequence[Cell]], count: int) -> list[bool]:
    """Return for each of the first `count` columns whether none of its cells is a number.

    >>> text_columns([[Cell("SPY"), Cell("–")], [Cell("QQQ"), value_cell(10)]], 2)
    [True, False]
    """
    return [not any(row[at].number for row in rows) for at in range(count)]


def diff_card(diff: str) -> Card:
    """Return a unified diff, each line with its sign, those that came and those that went in colours as well."""
    looks = {"+": "rk-came", "-": "rk-went", "@": "rk-place"}
    lines = [
        ("rk-place" if line.startswith(("+++", "---")) else looks.get(line[:1], ""), line) for line in diff.splitlines()
    ]
    return filled_card("diff", diff, lines=lines)


def value_cell(value: Any) -> Cell:
    """Return a cell of any value: a parameter, a setting, a text.

    >>> value_cell(1000), value_cell(None).text
    (Cell(text='1,000', key='1000', number=True, note=''), 'None')
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or value is None:
        return Cell(str(value), str(value))
    if isinstance(value, int | float):
        return Cell(_written(value), repr(value), number=True)
    return Cell(short(str(value)), short(str(value)))


def metric_cell(name: str, value: float | None) -> Cell:
    """Return a cell of a metric, as it is written everywhere; NaN and None are undefined.

    >>> metric_cell("sharpe_ratio", 1.0789)
    Cell(text='1.08', key='1.0789', number=True, note='')
    """
    known = value is not None and bool(np.isfinite(value))
    return Cell(format_value(name, float(value)) if known else UNDEFINED, repr(float(value)) if known else "", True)  # type: ignore[arg-type]


def metric_head(name: str, title: str = "") -> Head:
    """Return the head of a metric's column, with what the metric means."""
    return Head(title or METRICS[name].title, metric_note(name))


def metric_note(name: str) -> str:
    """Return what a metric means and how it is computed."""
    return f"{METRICS[name].meaning} {METRICS[name].formula}"


def metric_row(name: str, value: float | None, reason: str | None = None) -> Row:
    """Return a metric for a card: title, value as text, what it means, after the reason why it is undefined."""
    note = metric_note(name)
    return METRICS[name].title, format_value(name, value), f"{reason}. {note}" if reason else note


def text_table(rows: Mapping[str, Sequence[str]], heads: Sequence[str], *, caption: str = "") -> Card:
    """Return a table of texts: a name in the first column, what belongs to it in the others."""
    made = [[Cell(short(name), name), *(Cell(short(text), text) for text in texts)] for name, texts in rows.items()]
    return data_table(list(map(Head, heads)), made, caption=caption)


def time_text(time: Any) -> str:
    """Return a time to the minute, a midnight as its day.

    >>> time_text(np.datetime64("2024-01-02T09:30")), time_text(np.datetime64("2024-01-02"))
    ('2024-01-02 09:30', '2024-01-02')
    """
    return str(np.asarray(time, "datetime64[m]")).replace("T", " ").removesuffix(" 00:00")


def _written(value: float) -> str:
    if abs(value) >= 1e15:
        return f"{value:.6g}"
    is_drawn = isinstance(value, float) and abs(value) < 1e6  # at random, with 17 digits
    return f"{value:,.6g}" if is_drawn else f"{value:,}"


def short(text: str) -> str:
    """Return so much of a text as a table has room for."""
    return text if len(text) <= MOST_WORDS else text[: MOST_WORDS - 1] + "…"
