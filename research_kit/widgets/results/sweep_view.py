"""What a search found: the best sets, where they lie, and how much of the winner is luck."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from research_kit.metrics.registry import METRICS, format_value
from research_kit.widgets.parts.background import Background
from research_kit.widgets.parts.chart import Chart
from research_kit.widgets.parts.part import Note, Part, alert, hint
from research_kit.widgets.parts.words import LONGEST_ERROR, scroll, told

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from research_kit.runs.searches.sweep import Sweep

TOP = 10
_STYLE = {"description_width": "initial"}


class SweepView(Part):
    """The result of a search; ``sweep`` is the one that is shown, None before the first.

    ``on_use`` gives the parameters of a set that is chosen in the list of the best to a handler.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sweep: Sweep | None = None
        self.chart = Chart()
        self.heading, self.best, self.luck = Note(), Note(), Note()
        self.across, self.up = (
            w.Dropdown(description=name, style=_STYLE, layout={"width": "auto"}) for name in ("Across", "Up")
        )
        self.sets = w.Dropdown(description="Set", style=_STYLE, layout={"width": "auto", "flex": "1 1 200px"})
        self.use_button = w.Button(description="Use in Explore", icon="arrow-right", tooltip="Fill the form with it")
        self.axes = w.HBox([self.across, self.up]).add_class("rkw-choices")
        self.taking = w.HBox([self.sets, self.use_button]).add_class("rkw-choices")
        parts = [self.heading, self.luck, self.axes, self.chart.view, self.best, self.taking, self.note]
        self.body = w.VBox(parts).add_class("rkw-result")
        self._users: list[Callable[[dict[str, Any]], None]] = []
        self._judging = Background("overfitting")
        for box in (self.across, self.up):
            self._on_value(box, self._redraw)
        self._on_click(self.use_button, self._use)
        self.clear()

    def __repr__(self) -> str:
        return f"SweepView({self.sweep!r})"

    def on_use(self, handler: Callable[[dict[str, Any]], None]) -> None:
        """Give the parameters of the set that is taken to a handler."""
        self._users.append(handler)
        self._show_taking()

    def clear(self, words: str = "What the search finds appears here.") -> None:
        """Show nothing but these words."""
        self._judging.forget()
        self.sweep = None
        self.heading.show(hint(words))
        for note in (self.luck, self.best):
            note.show("")
        self.chart.show(None)
        self.axes.layout.display = "none"
        self._show_taking()

    def show(self, sweep: Sweep, *, final: bool = True) -> None:
        """Show a search; of one that goes on, what there is by now, without a judgement."""
        self.sweep = sweep
        self.heading.show(_heading(sweep))
        self.best.show(top_html(sweep))
        self._offer_axes(_varied(sweep))
        self._show_taking()
        self._redraw()
        self.luck.show(hint("How much of it is luck is told when the search is over.") if not final else "")
        if final:
            self._judge(sweep)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the judgement is there, at most so many seconds; return whether it is."""
        return self._judging.wait(timeout)

    def static(self) -> str:
        """Return the best sets and the judgement."""
        return f"{self.heading.value}{self.luck.value}{self.best.value}"

    def close(self) -> None:
        """Forget what is being judged, and free the widgets."""
        self._judging.forget()
        self.chart.show(None)
        super().close()

    def _judge(self, sweep: Sweep) -> None:
        """Tell how overfitted the winner is, as soon as that is computed."""
        if not sweep.ranking.size:
            return
        self.luck.show(hint("Judging how much of it is luck …"))

        def tell(verdict: Any) -> None:
            self.luck.show(f'<div class="rkw-verdict" role="status">{escape(verdict.verdict)}</div>')
            self._changed()

        def fail(error: BaseException) -> None:
            words = told(error)
            self.luck.show(hint(f"How much of it is luck cannot be told. {words}"))

        self._judging.start(sweep.overfitting, tell, fail)

    def _offer_axes(self, names: list[str]) -> None:
        if tuple(names) != tuple(self.across.options):
            with self._unheard():
                self.across.options = self.up.options = names
                self.across.value, self.up.value = (names[0], names[1]) if len(names) > 1 else (None, None)
        self.axes.layout.display = None if len(names) > 2 else "none"

    def _redraw(self) -> None:
        if self.sweep is not None:
            self.chart.show(self._figure(self.sweep), name=f"search-{self.sweep.strategy_name}")

    def _figure(self, sweep: Sweep) -> go.Figure | None:
        names = _varied(sweep)
        if not names or not len(sweep):
            return None
        if len(names) == 1:
            return sweep.slice()
        if self.across.value == self.up.value:
            with self._unheard():
                self.up.value = next(name for name in names if name != self.across.value)
        return sweep.heatmap(self.across.value, self.up.value).update_layout(title_text="")

    def _show_taking(self) -> None:
        ranked = [] if self.sweep is None else self.sweep.ranking[:TOP].tolist()
        self.taking.layout.display = None if ranked and self._users else "none"
        if self.sweep is not None and ranked:
            before = self.sets.value
            self.sets.options = [(_set_words(self.sweep, at), at) for at in ranked]
            self.sets.value = before if before in ranked else ranked[0]

    def _use(self) -> None:
        if self.sweep is not None and self.sets.value is not None:
            for user in self._users:
                user(dict(self.sweep.sets[self.sets.value]))


def top_html(sweep: Sweep) -> str:
    """Return the best sets as a table: parameters, the objective, its plateau, the other headline metrics."""
    if not sweep.ranking.size:
        return alert(f"No set has a value of {METRICS[sweep.objective.metric].title}.") + _failures(sweep)
    table = sweep.top(TOP)
    head = "".join(f'<th scope="col">{escape(_title(str(name), sweep))}</th>' for name in table.columns)
    rows = "".join(f"<tr>{_cells(row, sweep)}</tr>" for row in table.to_dict("records"))
    return (
        f'<h4 class="rkw-subtitle">The best {len(table)} sets</h4>'
        + scroll("The best sets", f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>", "rkw-sets")
        + _failures(sweep)
    )


def _cells(row: Any, sweep: Sweep) -> str:
    return "".join(f"<td>{escape(_cell(str(name), value, sweep))}</td>" for name, value in row.items())


def _cell(name: str, value: Any, sweep: Sweep) -> str:
    if name in sweep.sets.names:
        return f"{value:.6g}" if isinstance(value, float) else str(value)
    return format_value(sweep.objective.metric if name == "plateau" else name, value)


def _title(name: str, sweep: Sweep) -> str:
    if name in sweep.sets.names:
        return name
    return "Plateau" if name == "plateau" else METRICS[name].title


def _failures(sweep: Sweep) -> str:
    """Return how many sets failed or were refused, and the first reason of each."""
    said = []
    if sweep.errors:
        said.append(f"{len(sweep.errors):,} failed, the first with: {next(iter(sweep.errors.values()))}")
    if sweep.refused:
        said.append(f"{len(sweep.refused):,} were refused by the strategy: {sweep.refused[0][1]}")
    return "".join(hint(words[:LONGEST_ERROR]) for words in said)


def _heading(sweep: Sweep) -> str:
    if not sweep.ranking.size:
        return f'<h3 class="rkw-title">{len(sweep):,} sets of {escape(sweep.strategy_name)}, none with a value</h3>'
    best, broad, metric = sweep.best, sweep.broadest, sweep.objective.metric
    words = f"{len(sweep):,} sets of {sweep.strategy_name}: {METRICS[metric].title} {format_value(metric, best.value)}"
    plateau = f"Its neighbourhood has {format_value(metric, best.plateau)}"
    broadest = (
        "and no other's is better."
        if broad.position == best.position
        else f"the best neighbourhood is that of {_words(broad.parameters)} with {format_value(metric, broad.plateau)}."
    )
    return (
        f'<h3 class="rkw-title">{escape(words)} at {escape(_words(best.parameters))}</h3>'
        f"{hint(f'{plateau}; {broadest}' if broadest[:3] != 'and' else f'{plateau}, {broadest}')}"
    )


def _words(parameters: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.6g}" if isinstance(value, float) else f"{name} {value}" for name, value in parameters.items()
    )


def _set_words(sweep: Sweep, at: int) -> str:
    metric = sweep.objective.metric
    return f"{_words(sweep.sets[at])} · {format_value(metric, sweep.value(metric, at))}"


def _varied(sweep: Sweep) -> list[str]:
    """Return the parameters of which there are several values, those with the most first."""
    counts = {name: len(set(codes.tolist())) for name, codes in zip(sweep.sets.names, sweep.sets.codes, strict=True)}
    return sorted((name for name, count in counts.items() if count > 1), key=lambda name: -counts[name])
