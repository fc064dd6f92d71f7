"""The lines above a table of text: which of them names the columns, and names that they leave out."""

from __future__ import annotations

from collections.abc import Sequence

from research_kit.bars.columns.names import is_common_name, part_of
from research_kit.bars.readers.cells import is_number, is_time

Cells = tuple[str, ...]

_MOST_LINES = 4
_TIMES = ("time", "date")


def is_header(cells: Sequence[str]) -> bool:
    """Return whether a line may name columns: several cells, none a date, and none a number but beside known names."""
    filled = [cell for cell in cells if cell]
    if len(cells) < 2 or not filled or any(is_time(cell) and not cell.isdigit() for cell in filled):
        return False
    return not any(cell[:1].isdigit() for cell in filled) or is_common_name(filled[0])


def names_time(cell: str) -> bool:
    """Return whether a cell is the name of a column of times (the letter T is AT&T as well)."""
    return len(cell) > 1 and part_of(cell) in _TIMES


def header_of(lines: Sequence[Cells]) -> tuple[Cells | None, int]:
    """Return the names that the last lines above the data give, and how many lines that takes.

    Several lines may share them: prices below their group, units below names, dates beside them. Of the last four the
    one with the most known names counts; a time that another line names stays. A last line that names its first column
    only is how pandas writes columns of several levels: that is left to the readers that know them.

    >>> header_of([("Date", "Price", "Price"), ("", "Open", "Close"), ("", "USD", "USD")])
    (('Date', 'Open', 'Close'), 3)
    """
    near = _block(lines)
    if not near:
        return None, 0
    if near[-1][0] and not any(near[-1][1:]):
        return near[-1], 1
    known = [sum(map(is_common_name, set(filter(None, line)))) for line in near]
    if max(known) < 2:
        return near[-1], 1
    at = max(range(len(near)), key=lambda place: (known[place], place))
    names, top = list(near[at]), at
    if not any(map(names_time, names)):
        for row, line in enumerate(near):
            for place, cell in enumerate(line[: len(names)]):
                if names_time(cell):
                    names[place], top = cell, min(top, row)
    return tuple(names), len(near) - top


def _block(lines: Sequence[Cells]) -> list[Cells]:
    """Return the last lines that belong together: each may name columns, and they are as wide as the last."""
    block: list[Cells] = []
    for line in reversed(lines[-_MOST_LINES:]):
        if not is_header(line) or (block and len(line) != len(block[0])):
            break
        block.insert(0, line)
    return block


def completed(header: Cells, rows: Sequence[Cells]) -> tuple[Cells, str]:
    """Return a header with a name for each cell of its rows, and what was worked out; unchanged where it is not clear.

    Left out may be the time of day behind a date, the index before all names, or what a delimiter at the end makes.

    >>> completed(("Date", "Close"), [("2020-01-02", "09:30", "1.5")])[0]
    ('Date', 'Time', 'Close')
    """
    width = len(rows[0]) if rows else len(header)
    if len(header) == width + 1 and not header[-1]:
        return header[:-1], ""
    if len(header) + 1 != width:
        return header, ""
    if not any(row[-1] for row in rows):
        return (*header, ""), ""
    return _with_first_names(header, [row[0] for row in rows], [row[1] for row in rows])


def _with_first_names(header: Cells, first: Sequence[str], second: Sequence[str]) -> tuple[Cells, str]:
    has_time = any(map(names_time, header))
    one_time = names_time(header[0]) and not any(map(names_time, header[1:]))
    if one_time and all(map(is_time, first)) and all(map(_is_clock, second)):
        words = f"The header has no name for the time of day, which stands behind {header[0]!r} in the rows."
        return (header[0], "Time", *header[1:]), words
    if not has_time and all(is_time(cell) and not is_number(cell) for cell in first):
        return ("Time", *header), "The header has no name for the first column, which holds the times."
    if has_time and _is_count(first):
        return ("row", *header), "The header has no name for the first column, which counts the rows."
    return header, ""


def _is_count(cells: Sequence[str]) -> bool:
    """Return whether cells count the rows, from 0 or 1."""
    numbers = [int(cell) if cell.isdigit() else -1 for cell in cells]
    return numbers[0] in (0, 1) and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _is_clock(cell: str) -> bool:
    return is_time(cell) and ":" in cell and len(cell) <= len("09:30:00.000000 AM")
