"""The head of a chart: its title, and under it the lines that say what is shown and what is not."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from research_kit.charts.text import escape_text

_WIDTH = 100  # characters of 12 px that fit a page of 700 px


def heading(title: str, notes: Iterable[str], *, plot: int, bottom: int = 64) -> dict[str, Any]:
    """Return the layout of title, subtitle, margins and height of a figure whose plot is `plot` pixels tall.

    All text is any text, escaped here; the notes are joined by dots, in as many lines as they need.

    >>> layout = heading("Sweep", ["380 sets", "<2> without a value"], plot=300)
    >>> layout["title"]["subtitle"]["text"], layout["height"]
    ('380 sets · &lt;2&gt; without a value', 439)
    """
    lines = _lines(note.replace(" %", "\u00a0%") for note in notes if note)
    subtitle = "<br>".join(escape_text(line, limit=2 * _WIDTH) for line in lines)
    text = escape_text(title)
    top = 34 + 24 * bool(text) + 17 * len(lines)
    height = top + plot + bottom
    return {
        "height": height,
        "title": {"text": text or " ", "subtitle": {"text": subtitle}, "y": 1 - 12 / height, "yanchor": "top"},
        "margin": {"t": top, "b": bottom},
    }


def _lines(notes: Iterable[str]) -> list[str]:
    """Return notes joined by dots into lines; a note is parted only where it is longer than a line."""
    lines: list[str] = []
    for note in notes:
        if lines and len(lines[-1]) + len(note) + 3 <= _WIDTH:
            lines[-1] += f" · {note}"
        else:
            lines += textwrap.wrap(note, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return lines


def pairs(values: Mapping[str, str], most: int = 8) -> str:
    r"""Return names and their values for a note, each cut at 40 characters; the first ones where they are many.

    >>> pairs({"fast": "10", "slow": "50"}).split(", ") == ["fast\N{NO-BREAK SPACE}10", "slow\N{NO-BREAK SPACE}50"]
    True
    """
    words = [f"{cut(name)} {cut(value)}".replace(" ", "\u00a0") for name, value in values.items()]  # not to be parted
    return ", ".join(words[:most]) + (" …" if len(words) > most else "")


def cut(text: str, limit: int = 40) -> str:
    """Return the text, or so much of it as fits, and an ellipsis."""
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"
