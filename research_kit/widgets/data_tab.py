"""The data of a workspace: what there is, how good it is, where it came from, and more brought in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from research_kit.bars.importing.options import ImportOptions
from research_kit.errors import OptionError
from research_kit.store.tables import Dataset
from research_kit.widgets.forms.dataset_picker import DatasetPicker
from research_kit.widgets.forms.form import ModelForm
from research_kit.widgets.parts.background import Background
from research_kit.widgets.parts.chart import Chart
from research_kit.widgets.parts.part import Note, Part, hint
from research_kit.widgets.parts.words import is_missing, scroll, told
from research_kit.widgets.work.runner import left_words, status_html

if TYPE_CHECKING:
    from research_kit.bars.importing.preview import Preview
    from research_kit.bars.importing.progress import ImportProgress
    from research_kit.widgets.parts.bench import Bench

ASKED = ("symbol", "timezone", "timeframe", "session")
"""What an import is most often asked for; the rest is for ``ws.import_dataset``."""
_STYLE = {"description_width": "var(--rkw-label)"}


class ImportPanel(Part):
    """Bring data in by the path of a file: look at what would be imported first, then import it.

    ``last`` is the row of the newest import, None before the first.
    """

    def __init__(self, ws: Bench) -> None:
        super().__init__()
        self.bench = ws
        self.last: Dataset | None = None
        full = {"width": "auto"}
        self.path = w.Text(
            description="File", placeholder="prices.csv, or a folder", style=_STYLE, layout=full,
            tooltip="A path on the machine of the kernel, or an address that the import knows",
        )  # fmt: skip
        self.name = w.Text(
            description="Name", placeholder="that of the file", style=_STYLE, layout=full, tooltip="Name of the dataset"
        )
        self.options = ModelForm(ImportOptions, ASKED, title="How it is read", foldable=True, sliders=False)
        self.look_button = w.Button(description="Look", icon="eye", tooltip="What would be imported; nothing is stored")
        self.import_button = w.Button(
            description="Import", icon="download", button_style="primary", tooltip="Import and store it"
        ).add_class("rkw-run")
        self.progress = w.FloatProgress(min=0.0, max=1.0, layout={"width": "auto", "visibility": "hidden"})
        self.status, self.preview = w.HTML(), Note()
        buttons = w.HBox([self.import_button, self.look_button.add_class("rkw-cancel")]).add_class("rkw-buttons")
        head = w.HTML("<h4>Bring data in</h4>").add_class("rkw-head")
        parts = [head, self.path, self.name, self.options.body, buttons, self.progress.add_class("rkw-progress")]
        self.body = w.VBox([*parts, self.status, self.preview, self.note]).add_class("rkw-import")
        self._work = Background("import")
        self._on_click(self.look_button, self.look)
        self._on_click(self.import_button, self.bring_in)

    def __repr__(self) -> str:
        return f"ImportPanel({self.path.value or 'no file'})"

    def look(self) -> None:
        """Show what would be imported, and what is asked; nothing is stored."""
        source, options = self._source(), self._changed_options()
        self._begin(f"Looking at {source} …")
        self._work.start(lambda: self.bench.import_dataset(source, preview=True, **options), self._looked, self._failed)

    def bring_in(self) -> None:
        """Import the file in the background."""
        source, options = self._source(), self._changed_options()
        name = self.name.value.strip() or None
        self._begin(f"Importing {source} …")
        self.progress.layout.visibility = "visible"
        self._work.start(
            lambda: self.bench.import_dataset(source, name=name, progress=self._tell, **options),
            self._imported,
            self._failed,
        )

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the look or the import has ended, at most so many seconds; return whether it has."""
        return self._work.wait(timeout)

    def static(self) -> str:
        """Return what was looked at, or imported."""
        return f"{self.status.value}{self.preview.value}"

    def close(self) -> None:
        """Free the widgets; an import that was begun goes on."""
        self._work.forget()
        self.options.close()
        super().close()

    def _source(self) -> str:
        if self._work.is_busy:
            raise OptionError("One thing at a time: this file is still being read.")
        if not self.path.value.strip():
            raise OptionError("Name a file to import, such as prices.csv.")
        return str(self.path.value.strip())

    def _changed_options(self) -> dict[str, Any]:
        usual = ImportOptions()
        return {name: value for name, value in self.options.value.items() if getattr(usual, name) != value}

    def _begin(self, words: str) -> None:
        self.look_button.disabled = self.import_button.disabled = True
        self.progress.value = 0.0
        self.preview.show("")
        self.status.value = status_html("running", words)

    def _free(self) -> None:
        self.look_button.disabled = self.import_button.disabled = False
        self.progress.layout.visibility = "hidden"

    def _tell(self, news: ImportProgress) -> None:
        self.progress.value = news.fraction
        words = f"{news.step.capitalize()}: {news.rows:,} rows{left_words(news.seconds_left)}"
        self.status.value = status_html("running", words, quiet=True)

    def _looked(self, found: Preview) -> None:
        self._free()
        asks = bool(found.questions)
        words = "Something must be said first; see below." if asks else "It can be imported like this."
        self.status.value = status_html("failed" if asks else "ready", words, alarm=asks)
        if asks:
            self.options.fold(False)
        self.preview.show(f'<div class="rkw-report">{found._repr_html_()}</div>')

    def _imported(self, row: Dataset) -> None:
        self._free()
        self.last = row
        words = f"Imported as {row.name} (id {row.id}): {row.rows_count or 0:,} bars."
        self.status.value = status_html("completed", words)
        self._changed()

    def _failed(self, error: BaseException) -> None:
        self._free()
        words = told(error)
        self.status.value = status_html("failed", f"Nothing was stored. {words}", alarm=True)


class DataTab(Part):
    """Every dataset with its quality and its lineage, and an import of more.

    Not ``shown``, it waits until ``show`` is called, or another dataset is chosen.

    Attributes
    ----------
    datasets
        The picker; what is chosen in it is shown.
    importing
        The import.
    """

    def __init__(self, ws: Bench, dataset: int | str | None = None, *, shown: bool = True) -> None:
        super().__init__()
        self.bench = ws
        self.datasets = DatasetPicker(ws)
        self.importing = ImportPanel(ws)
        self.heading, self.lineage, self.report = Note(), Note(), Note()
        self.chart = Chart()
        side = w.VBox([self.datasets.body, self.importing.body, self.note]).add_class("rkw-side")
        main = w.VBox([self.heading, self.report, self.chart.view, self.lineage]).add_class("rkw-result")
        self.body = w.HBox([side, main]).add_class("rkw-dashboard")
        if dataset is not None:
            self.datasets.value = dataset
        self.datasets.on_change(self.show)
        self.importing.on_change(self._take)
        self.is_shown = False
        if shown:
            self.show()

    def __repr__(self) -> str:
        return f"DataTab({self.datasets.name!r})"

    def refresh(self) -> None:
        """Read the datasets again."""
        self.datasets.refresh()

    def show(self) -> None:
        """Show the dataset that is chosen: quality, chart, lineage."""
        self.is_shown = True
        row = None if self.datasets.value is None else self.bench.dataset(self.datasets.value)
        if row is None:
            self.heading.show(hint("Nothing to show yet: bring data in on the left."))
            for note in (self.report, self.lineage):
                note.show("")
            self.chart.show(None)
            return
        self.heading.show(f'<h3 class="rkw-title">{escape(row.name)}</h3>')
        quality = row.quality
        words = hint("Its quality was not checked; import it again to have it checked.")
        self.report.show(f'<div class="rkw-report">{quality._repr_html_()}</div>' if quality else words)
        self.lineage.show(lineage_html(self.bench.versions(row.id).to_dict("records"), row.id))
        self.chart.show(quality.plot("notebook") if quality else None, name=f"quality-{row.id}")
        self._changed()

    def static(self) -> str:
        """Return the dataset that is chosen, with its quality and its versions."""
        return f"{self.heading.value}{self.report.value}{self.lineage.value}{self.importing.static()}"

    def close(self) -> None:
        """Free the widgets; an import that was begun goes on."""
        self._keep()
        self.datasets.close()
        self.importing.close()
        self.chart.show(None)
        super().close()

    def _take(self) -> None:
        """Choose what was just imported."""
        self.datasets.refresh()
        if self.importing.last is not None:
            self.datasets.value = self.importing.last.id


def lineage_html(versions: Sequence[Mapping[Any, Any]], current: int) -> str:
    """Return the versions of a dataset as a table: how each was made, from what; the one that is shown is marked."""
    head = "".join(
        f'<th scope="col">{escape(title)}</th>' for title in ("Id", "Made by", "From", "Bars", "Span", "Quality", "At")
    )
    rows = "".join(_version(row, current) for row in versions)
    return '<h4 class="rkw-subtitle">Versions and lineage</h4>' + scroll(
        "Versions and lineage",
        f'<table class="rkw-texts"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>',
    )


def _version(row: Mapping[Any, Any], current: int) -> str:
    arguments = ", ".join(f"{name} {value}" for name, value in (row["arguments"] or {}).items())
    parents = ", ".join(f"id {parent}" for parent in row["parents"] or ())
    span = f"{_day(row['start_date'])} to {_day(row['end_date'])}"
    score = row["data_quality_score"]
    cells = [
        f"{row['id']}{' (shown)' if row['id'] == current else ''}",
        f"{row['operation']}{f' ({arguments})' if arguments else ''}",
        parents or "–",
        "–" if is_missing(row["rows_count"]) else f"{row['rows_count']:,.0f}",
        span,
        "–" if is_missing(score) else f"{score:.4g}",
        f"{row['created_at']:%Y-%m-%d %H:%M}",
    ]
    return f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in cells)}</tr>"


def _day(value: Any) -> str:
    return "–" if is_missing(value) else f"{value:%Y-%m-%d}"
