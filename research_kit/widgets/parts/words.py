"""What texts of controls are made of: errors in words, what is missing, tables that can be scrolled."""

from __future__ import annotations

from html import escape
from typing import Any

from research_kit.errors import ResearchKitError, error_text

LONGEST_ERROR = 2_000  # characters of an error that a view shows


def told(error: BaseException) -> str:
    """Return what a user is told of an error: ours are sentences, of others the kind is said, too.

    >>> told(ValueError("no"))
    'ValueError: no'
    """
    return str(error) if isinstance(error, ResearchKitError) else error_text(error, LONGEST_ERROR)


def is_missing(value: Any) -> bool:
    """Return whether a cell of a table says nothing: None, NaN or NaT."""
    return bool(value is None or value != value)  # noqa: PLR0124 - only these are not themselves


def scroll(label: str, table: str, kind: str = "") -> str:
    """Return a table, as HTML, in a region that keys can reach and scroll; ``kind`` is a further class."""
    classes = f"rkw-scroll {kind}".strip()
    return f'<div class="{classes}" tabindex="0" role="region" aria-label="{escape(label)}">{table}</div>'
