"""What is odd in the backend's database, counted: one sentence for each kind, with the first rows."""

from __future__ import annotations

from collections.abc import Iterable

from research_kit.store.legacy.rows import Change

EXAMPLES = 5


class Findings:
    """Changes by table, column and reason.

    >>> found = Findings()
    >>> found.add([Change("trades", 7, "side", "buy", "is not one of long, short")])
    >>> found.sentences()
    ["trades.side is not one of long, short: 1 row (row 7: 'buy')."]
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str], int] = {}
        self._examples: dict[tuple[str, str, str], list[Change]] = {}

    def add(self, changes: Iterable[Change]) -> None:
        """Count changes, and keep the first of each kind."""
        for change in changes:
            key = (change.table, change.column, "" if change.column == "id" else change.reason)
            self._counts[key] = self._counts.get(key, 0) + 1
            if self._counts[key] <= EXAMPLES:
                self._examples.setdefault(key, []).append(change)

    def placeholders(self, table: str) -> int:
        """Return how many rows were made for others that name them."""
        return self._counts.get((table, "id", ""), 0)

    def total(self) -> int:
        """Return how many values stand in another form than before."""
        return sum(count for (_, column, _), count in self._counts.items() if column != "id")

    def sentences(self) -> list[str]:
        """Return one sentence for each kind, in the order in which they were found."""
        return [self._sentence(*key) for key in self._counts]

    def _sentence(self, table: str, column: str, reason: str) -> str:
        count, first = self._counts[table, column, reason], self._examples[table, column, reason]
        rows = f"{count:,} row{'s' if count > 1 else ''}"
        if column == "id":
            names = ", ".join(f"{change.row_id} ({change.reason.partition(': ')[2]})" for change in first)
            return f"{table} lacks {rows} that others need: {names}{', …' if count > len(first) else ''}."
        values = ", ".join(f"row {change.row_id}: {_short(change.original)}" for change in first)
        return f"{table}.{column} {reason}: {rows} ({values}{', …' if count > len(first) else ''})."


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
