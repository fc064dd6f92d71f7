"""The reader of ticks in text: trades and quotes by the names in their header, and exchanges' dumps that have none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from research_kit.bars.columns.tick_names import is_time_name, recognise_ticks, tick_roles
from research_kit.bars.readers.base import RawTable, Source
from research_kit.bars.readers.lists import is_moment
from research_kit.bars.readers.sniff import TextLayout
from research_kit.bars.readers.text import DelimitedText

_NUMBER = r"\d+(?:\.\d*)?(?:[eE]-?\d+)?"
_SECONDS = r"\d{9,10}(?:\.\d+)?"
_EPOCH = r"\d{13}|\d{16}"
_BOOL = r"(?i:true|false)"


@dataclass(frozen=True)
class _Bare:
    """Trades without a header: whose they are, what each cell looks like, and what it is."""

    words: str
    cells: tuple[str, ...]
    names: tuple[str, ...]

    def fits(self, rows: tuple[tuple[str, ...], ...]) -> bool:
        pattern = re.compile(",".join(f"(?:{cell})" for cell in self.cells))
        return all(len(row) == len(self.cells) and pattern.fullmatch(",".join(row)) for row in rows)


_BARE = (
    _Bare("Kraken", (_SECONDS, _NUMBER, _NUMBER), ("time", "price", "volume")),
    _Bare(
        "Binance",
        (r"\d+", _NUMBER, _NUMBER, _NUMBER, _EPOCH, _BOOL, _BOOL),
        ("id", "price", "volume", "quote_volume", "time", "is_buyer_maker", "is_best_match"),
    ),
    _Bare(
        "Binance",
        (r"\d+", _NUMBER, _NUMBER, _NUMBER, _EPOCH, _BOOL),
        ("id", "price", "volume", "quote_volume", "time", "is_buyer_maker"),
    ),
    _Bare(
        "Binance (aggregated)",
        (r"\d+", _NUMBER, _NUMBER, r"\d+", r"\d+", _EPOCH, _BOOL, _BOOL),
        ("id", "price", "volume", "first_id", "last_id", "time", "is_buyer_maker", "is_best_match"),
    ),
    _Bare(
        "Binance (aggregated)",
        (r"\d+", _NUMBER, _NUMBER, r"\d+", r"\d+", _EPOCH, _BOOL),
        ("id", "price", "volume", "first_id", "last_id", "time", "is_buyer_maker"),
    ),
)


class TickText(DelimitedText):
    """Trades and quotes in text, which become bars of the timeframe that the user gives."""

    name = "ticks in text"

    def recognise(self, source: Source) -> str | None:
        layout = source.text
        if layout is None or not layout.rows:
            return None
        bare = _bare(source)
        if bare is not None:
            return f"trades of {bare.words} without a header: {', '.join(bare.names)}"
        names = source.hints.names or layout.header or ()
        kind = recognise_ticks(names)
        if not kind or _are_daily(layout, names):
            return None
        shown = ", ".join(f"{name.strip()!r} is the {part}" for part, name in _shown(names, kind).items())
        return f"{layout.sentence()}, {kind}: {shown}"

    def read(self, source: Source) -> Iterator[RawTable]:
        bare = _bare(source)
        for raw in super().read(source):
            table = raw.table.rename_columns(list(bare.names)) if bare else raw.table
            names = list(source.hints.names or table.column_names)
            roles = tick_roles(table.column_names)
            yield replace(raw, table=table, has_header=raw.has_header or bare is not None,
                          ticks=recognise_ticks(names), roles=roles)  # fmt: skip


def _shown(names: tuple[str, ...], kind: str) -> dict[str, str]:
    words = {"close": "price" if kind == "trades" else "bid"}
    return {
        words.get(part, part): name for part, name in tick_roles(names).items() if part in ("close", "volume", "ask")
    }


def _bare(source: Source) -> _Bare | None:
    layout = source.text
    if layout is None or layout.header is not None or source.hints.names is not None or not layout.rows:
        return None
    return next((bare for bare in _BARE if bare.fits(layout.rows)), None)


def _are_daily(layout: TextLayout, names: tuple[str, ...]) -> bool:
    """Return whether rows have dates alone and each once, as bars of closes and volumes have, and no ticks."""
    at = next((at for at, name in enumerate(names) if is_time_name(name)), None)
    if at is None or len(names) != layout.width:
        return False
    cells = [row[at] for row in layout.rows]
    dated = all(is_moment(cell) and len(cell) <= len("31 December 2020") and ":" not in cell for cell in cells)
    return dated and not re.fullmatch(r"\d{9,}.*", cells[0]) and len(set(cells)) == len(cells)
