"""Choosing a dataset, of a few or of thousands: a search box, filters, and what is known about the one chosen."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from research_kit.store.dataset_labels import DatasetLabel, dataset_labels
from research_kit.store.holdouts import held_datasets
from research_kit.store.tables import Dataset
from research_kit.widgets.forms.pickers import Picker
from research_kit.widgets.parts.part import Note, hint

if TYPE_CHECKING:
    from research_kit.widgets.parts.bench import Bench

MOST = 100  # datasets that the list offers at once: a browser is slow with thousands of them
FEW = 6  # without more, there is nothing to search
ROWS = 6
ANY = "any"
_GRADES = ((99.0, "good", "✓"), (95.0, "fair", "~"), (0.0, "poor", "!"))  # from which score on, word, mark


@dataclass(frozen=True)
class Entry:
    """One dataset of the list: how it is called there, and what a search looks through."""

    of: DatasetLabel
    label: str
    text: str

    @classmethod
    def made(cls, row: DatasetLabel) -> Entry:
        """Return the entry of a dataset: name, symbol, timeframe and bars, as far as they are known."""
        parts = (row.name, row.symbol, row.timeframe, bars_words(row.bars))
        return cls(row, " · ".join(filter(None, parts)), f"{row.name} {row.symbol} {row.timeframe}".casefold())


def bars_words(bars: int | None) -> str:
    return "" if bars is None else f"{bars:,} bars"


def dataset_html(row: Dataset, holdout: datetime | None = None) -> str:
    """Return what is known of a dataset besides its name: what it holds, its span, its quality, what is locked."""
    span = f"{row.start_date:%Y-%m-%d} to {row.end_date:%Y-%m-%d}" if row.start_date and row.end_date else ""
    words = " · ".join(filter(None, (row.symbol, row.timeframe, bars_words(row.rows_count), span)))
    held = hint(f"Locked as holdout from {holdout:%Y-%m-%d}.") if holdout else ""
    return f"{hint(words)}{quality_badge(row.data_quality_score, has_gaps=bool(row.has_gaps))}{held}"


def quality_badge(score: float | None, *, has_gaps: bool = False) -> str:
    """Return the grade of a quality score as words, with the number; the colour says nothing that they do not.

    >>> quality_badge(None)
    '<div class="rkw-badge">Quality not checked</div>'
    """
    if score is None:
        return '<div class="rkw-badge">Quality not checked</div>'
    word, mark = next((word, mark) for least, word, mark in _GRADES if score >= least or least == 0.0)
    gaps = ", has gaps" if has_gaps else ""
    return f'<div class="rkw-badge rkw-{word}"><b>{mark} Quality {word}</b> {score:.4g} of 100{gaps}</div>'


class DatasetPicker(Picker):
    """The datasets of a workspace, newest first; ``value`` is the id of the chosen one, and may be set to a name.

    With more than a few, ``search`` (all words must be in name, symbol or timeframe), ``symbols`` and ``timeframes``
    narrow the list, which offers the first hundred that match.
    """

    label, plural = "Dataset", "datasets"
    nothing = "There are no datasets yet: import one with ws.import_dataset(...), then press the arrow to look again."

    def __init__(self, bench: Bench) -> None:
        self._entries: dict[int, Entry] = {}
        self._twice: set[str] = set()
        narrow = {"width": "auto", "flex": "1 1 90px", "min_width": "0"}
        self.search = w.Text(placeholder="Search datasets", tooltip="Search datasets", layout={"width": "auto"})
        self.symbols = w.Dropdown(options=[ANY], tooltip="Symbol", description="Symbol", layout=narrow)
        self.timeframes = w.Dropdown(options=[ANY], tooltip="Timeframe", description="Timeframe", layout=narrow)
        for one in (self.symbols, self.timeframes):
            one.style.description_width = "initial"
        self.found = Note()
        boxes = w.HBox([self.symbols, self.timeframes]).add_class("rkw-filters")
        self.filters = w.VBox([self.search, boxes]).add_class("rkw-filterbox")
        super().__init__(bench)
        self.body.children = (self.filters, self.row, self.found, self.details, self.note)
        for widget in (self.search, self.symbols, self.timeframes):
            self._on_value(widget, self._offer)

    @property
    def name(self) -> str | None:
        """The name of the dataset that is chosen."""
        return self._name_of(self._value) or None

    def _make_list(self) -> w.Widget:
        layout = {"width": "auto", "flex": "1", "min_width": "0"}
        style = {"description_width": "var(--rkw-label)"}
        return w.Select(description=self.label, rows=2, style=style, layout=layout)

    def _find(self, key: Any) -> Any:
        """Return the id that a name means (of its newest version); an id is itself."""
        return next((item.of.id for item in self._entries.values() if item.of.name == key), key)

    def _describe(self) -> str:
        if self._value is None:
            return super()._describe()
        row = self.bench.dataset(self._value)
        return dataset_html(row, held_datasets(self.bench.database).get(row.id))

    def _name_of(self, value: Any) -> str:
        return self._entries[value].of.name if value in self._entries else ""

    def _known(self) -> list[Any]:
        return list(self._entries)

    def _is_known(self, value: Any) -> bool:
        return value in self._entries

    def _read(self) -> None:
        self._entries = {row.id: Entry.made(row) for row in dataset_labels(self.bench.database)}
        counts = Counter(item.label for item in self._entries.values())
        self._twice = {label for label, count in counts.items() if count > 1}
        self._set_filters()

    def _options(self) -> list[tuple[str, Any]]:
        matching = self._matching()
        offered = matching[:MOST]
        self._say(len(matching))
        self.list.rows = min(max(len(offered), 2), ROWS)
        return [(self._label(item), item.of.id) for item in offered]

    def _matching(self) -> list[Entry]:
        words = self.search.value.casefold().split()
        symbol, timeframe = self.symbols.value, self.timeframes.value
        return [
            item
            for item in self._entries.values()
            if symbol in (ANY, item.of.symbol, None)
            and timeframe in (ANY, item.of.timeframe, None)
            and all(word in item.text for word in words)
        ]

    def _label(self, item: Entry) -> str:
        return f"{item.label} · id {item.of.id}" if item.label in self._twice else item.label

    def _say(self, matching: int) -> None:
        total = len(self._entries)
        if not matching and total:
            words = f"None of {total:,} datasets matches."
        elif matching > MOST:
            words = f"The newest {MOST} of {matching:,} are shown: type to narrow them down."
        else:
            words = f"{matching:,} of {total:,} datasets." if total > FEW else ""
        self.found.show(f'<div role="status">{hint(words)}</div>' if words else "")

    def _set_filters(self) -> None:
        """Offer the symbols and timeframes that there are; with a few datasets there is nothing to filter."""
        with self._unheard():
            for box, names in (
                (self.symbols, {item.of.symbol for item in self._entries.values()}),
                (self.timeframes, {item.of.timeframe for item in self._entries.values()}),
            ):
                before, options = box.value, [ANY, *sorted(names - {""})]
                if tuple(options) != tuple(box.options):
                    box.options = options
                    box.value = before if before in options else ANY
        self.filters.layout.display = None if len(self._entries) > FEW else "none"
