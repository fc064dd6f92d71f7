"""Where an error happened, in few lines: the steps of this package that lead to a strategy are left out."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path

from research_kit.errors import ResearchKitError, error_text
from research_kit.strategy.submitted import CORNER

_PACKAGE = Path(__file__).parents[1]
_HEADING = "\n\nWhere it happened:\n"
_MOST_STEPS = 8
_MOST_CAUSES = 4
_LONGEST_TEXT, _LONGEST_PLACE = 6_000, 3_000  # together less than what the database keeps of an error


def with_place(error: BaseException) -> str:
    """Return the kind and the words of an error, and where it happened; ``split_place`` takes both apart."""
    place = place_of(error)
    return error_text(error, _LONGEST_TEXT) + (f"{_HEADING}{place}" if place else "")


def split_place(text: str) -> tuple[str, str]:
    r"""Return the words of an error that ``with_place`` wrote, and where it happened, "" where that is not said.

    >>> split_place("ValueError: no"), split_place("ValueError: no\n\nWhere it happened:\nsignals, line 2")
    (('ValueError: no', ''), ('ValueError: no', 'signals, line 2'))
    """
    words, _, place = text.partition(_HEADING)
    return words, place


def place_of(error: BaseException) -> str:
    """Return the steps that led to an error, its causes as well, with the lines of code."""
    lines: list[str] = []
    for number, one in enumerate(_causes(error)):
        lines += [f"because of {error_text(one, 500)}"] if number else []
        lines += _steps(one)
    return "\n".join(lines)[:_LONGEST_PLACE]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, what caused it, what caused that."""
    found: BaseException | None = error
    for _ in range(_MOST_CAUSES):
        if found is None:
            return
        yield found
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)


def _steps(error: BaseException) -> list[str]:
    frames = list(traceback.extract_tb(error.__traceback__))
    is_told = isinstance(error, ResearchKitError)  # what we refuse says all in its words
    outside = list(dropwhile(_is_ours, frames)) or ([] if is_told else frames[-3:])
    return [_step(frame) for frame in outside[-_MOST_STEPS:]]


def _is_ours(frame: traceback.FrameSummary) -> bool:
    return Path(frame.filename).is_relative_to(_PACKAGE)


def _step(frame: traceback.FrameSummary) -> str:
    code = f"\n    {frame.line}" if frame.line else ""
    return f"in {frame.name} ({_file(frame.filename)}, line {frame.lineno}){code}"


def _file(name: str) -> str:
    """Return a file's name, without the folders of this machine; cells of notebooks have no name that says anything."""
    path = Path(name)
    if path.parent.name == CORNER:
        return "from the notebook"
    return "a cell" if "ipykernel" in name or name.startswith("<") else path.name
