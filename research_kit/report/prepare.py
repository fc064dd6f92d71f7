"""A notebook made ready for its page: figures as data, live controls and scripts taken out, errors collected."""

from __future__ import annotations

import copy
import html
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from research_kit.charts.template import CONFIG
from research_kit.report.cards import card_style

PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
SKIPPED_TAGS = frozenset({"notebook-only", "papermill-error-cell-tag"})

_FLAT = {"scattergl": "scatter", "scatterpolargl": "scatterpolar"}
_COMPILING = frozenset({"parcoords", "splom"})
_DANGEROUS = ("script", "link", "meta", "base", "iframe", "frame", "object", "embed", "form", "noscript", "template")
_LOADING = ("src", "srcset", "poster", "background", "data", "action", "formaction")
_REMOTE_CSS = re.compile(r"@import[^;]*;?|url\(\s*['\"]?(?!data:|#)[^)]*\)", re.IGNORECASE)


@dataclass
class Prepared:
    """A notebook ready for its page, and what the page must say or hold besides."""

    notebook: Any
    problems: list[str] = field(default_factory=list)
    figures: int = 0
    compiles: bool = False


def prepare(notebook: Any) -> Prepared:
    """Return a changed copy of an executed notebook; the one given stays as it is.

    Cells tagged "notebook-only" are left out, and so is a heading of the first rank at the very top, since the page has
    its own; their errors are reported all the same.
    """
    ready = Prepared(copy.deepcopy(notebook))
    for number, cell in enumerate(ready.notebook.cells, start=1):
        if cell.cell_type == "code":
            ready.problems += _errors(cell, number)
            cell.outputs = [output for output in map(_prepared_output, cell.outputs) if output is not None]
    ready.notebook.cells = [
        cell for cell in ready.notebook.cells if not SKIPPED_TAGS & set(cell.metadata.get("tags", ()))
    ]
    ready.notebook.metadata.pop("widgets", None)
    _drop_title(ready.notebook.cells)
    figures = [output.data[PLOTLY] for output in _outputs(ready.notebook) if PLOTLY in output.get("data", {})]
    ready.figures, ready.compiles = len(figures), any(figure["compiles"] for figure in figures)
    return ready


def _outputs(notebook: Any) -> Iterator[Any]:
    return (output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs)


def _errors(cell: Any, number: int) -> Iterator[str]:
    for output in cell.outputs:
        if output.output_type == "error":
            yield f"The notebook stopped at its cell {number} with {output.ename}: {_short(output.evalue)}"


def _short(text: str, limit: int = 500) -> str:
    return text if len(text) <= limit else text[:limit] + "…"


def _drop_title(cells: list[Any]) -> None:
    if cells and cells[0].cell_type == "markdown":
        cells[0].source = re.sub(r"\A\s*# .*\n?", "", cells[0].source)
        if not cells[0].source.strip():
            del cells[0]


def _prepared_output(output: Any) -> Any | None:
    data = output.get("data", {})
    if WIDGET in data:
        return None  # a live control; the state that was saved of it may be older than what was shown
    if PLOTLY in data:
        output.data = {PLOTLY: _figure(data[PLOTLY])}
    elif isinstance(data.get("text/html"), str):
        # Each card brings its style to the notebook; the page has it already.
        data["text/html"] = data["text/html"].replace(card_style(), "")
    return output


def _figure(figure: Any) -> dict[str, Any]:
    layout = dict(figure.get("layout") or {})
    meta = ((layout.get("template") or {}).get("layout") or {}).get("meta")
    is_ours = isinstance(meta, dict) and "research_kit" in meta
    if is_ours:
        del layout["template"]  # the page holds it once, for a light and a dark screen
    height = layout.get("height")
    traces = [_flat(trace) for trace in figure.get("data") or []]
    return {
        "json": script_json({"data": traces, "layout": layout, "themed": is_ours}),
        "compiles": any(trace.get("type") in _COMPILING for trace in traces),
        "height": int(height) if isinstance(height, int | float) and 0 < height < 10_000 else 450,
        "label": _plain(layout.get("title")),
    }


def _flat(trace: Any) -> dict[str, Any]:
    """WebGL lines become drawings: they print sharp, need no compiled code, and no browser limits their number."""
    kind = trace.get("type")
    return {**trace, "type": _FLAT[kind]} if kind in _FLAT else dict(trace)


def _plain(title: Any) -> str:
    text = title.get("text") if isinstance(title, dict) else title
    return html.unescape(re.sub(r"<[^>]*>", "", text)).strip() if isinstance(text, str) else ""


def chart_settings(themes: dict[str, Any]) -> str:
    """Return what all charts of a page share, as text for a script element: buttons, and a template for each theme."""
    return script_json({"config": CONFIG, "themes": themes})


def script_json(value: Any) -> str:
    r"""Return JSON that a script element can hold: nothing in it ends the element, and NaN and infinities are null.

    >>> print(script_json({"b": "</script>", "a": float("nan")}))
    {"a":null,"b":"\u003c/script>"}
    """
    text = json.dumps(_finite(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return text.replace("<", "\\u003c")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def inert(markup: str) -> str:
    """Return HTML that runs nothing and fetches nothing; links that a reader may click stay.

    Scripts, frames, forms and event handlers go; pictures stay when they are inside the document (``data:``). Where a
    script went, a box says so.
    """
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(markup, "html.parser")
    had_script = any(tag.get("type", "") != "application/json" for tag in soup.find_all("script"))
    for tag in soup.find_all(_DANGEROUS):
        tag.decompose()
    for tag in soup.find_all(True):
        _disarm(tag)
    notice = '<div class="rk-box rk-warning">A script was left out here: a report runs none but its own.</div>'
    return str(soup) + (notice if had_script else "")


def _disarm(tag: Any) -> None:
    for name in list(tag.attrs):
        value = tag.attrs[name] if isinstance(tag.attrs[name], str) else " ".join(tag.attrs[name])
        if not _is_harmless(tag.name, name, value):
            del tag.attrs[name]
        elif name == "style":
            tag.attrs[name] = _REMOTE_CSS.sub("none", value)
    if tag.name == "style" and tag.string:
        tag.string.replace_with(_REMOTE_CSS.sub("none", tag.string))


def _is_harmless(tag: str, name: str, value: str) -> bool:
    target = value.strip().lower()
    if name in ("href", "xlink:href"):  # only `a` waits for a click; `use`, `image` and others load what they name
        return target.startswith(("http://", "https://", "mailto:", "#") if tag == "a" else ("#", "data:"))
    return not name.startswith("on") and (name not in _LOADING or target.startswith("data:"))
