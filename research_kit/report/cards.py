"""Small pieces of a report that a notebook displays: facts, key figures, tables, boxes; all text in them is escaped."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from research_kit.charts.text import signed_percent
from research_kit.errors import OptionError, did_you_mean

if TYPE_CHECKING:
    from jinja2 import Environment

Row = tuple[str, str, str]
Tile = Row | tuple[str, str, str, str]
Compared = Row | tuple[str, str, str, str]
Level = Literal["info", "warning", "error"]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FOLDER = Path(__file__).parent / "templates" / "cards"
NOTHING = "–"


@dataclass(frozen=True)
class Card:
    """A piece of HTML that a notebook shows; `text` is what a terminal shows."""

    html: str
    text: str

    def _repr_html_(self) -> str:
        return card_style() + self.html

    def __repr__(self) -> str:
        return self.text


@cache
def card_css() -> str:
    """Return the style sheet of the cards; a report holds it once."""
    return (FOLDER / "cards.css").read_text("utf-8")


def card_style() -> str:
    """Return the style element that stands before each card in a notebook, where nothing else would bring it."""
    return f"<style>{card_css()}</style>"


def run_card(facts: Mapping[str, object]) -> Card:
    """Return a list of what a run is: names on the left, values on the right.

    >>> run_card({"Strategy": "sma_cross"})
    Strategy: sma_cross
    """
    pairs = [(str(name), str(value)) for name, value in facts.items()]
    return filled_card("run_card", "\n".join(f"{name}: {value}" for name, value in pairs), facts=pairs)


def lead(text: str) -> Card:
    """Return a quiet line of text, such as what stands under a title.

    >>> lead("S&P 500 daily")
    S&P 500 daily
    """
    return filled_card("lead", text, text=text)


def key_figures(rows: Iterable[Tile]) -> Card:
    """Return the few figures that a reader should see first, as tiles: title, value, small note ("" for none).

    A fourth text says what the figure means, to whoever points at its title or tabs to it.
    """
    listed = [(*row, "")[:4] for row in rows]
    return filled_card("key_figures", _lines(listed), rows=listed)


def metrics_table(groups: Mapping[str, Iterable[Compared]], heads: tuple[str, str] = ("", "")) -> Card:
    """Return tables of metrics side by side, one for each group: title, value as text, explanation shown on hovering.

    A fourth text is the value of what it is compared with; `heads` name both columns, in the groups that have it.

    >>> metrics_table({"Risk": [("Sharpe ratio", "1.08", "annual, from daily returns")]})
    Sharpe ratio: 1.08
    >>> metrics_table({"Risk": [("Sharpe ratio", "1.08", "", "0.28")]}, heads=("Strategy", "Buy and hold"))
    Sharpe ratio: 1.08 (Buy and hold: 0.28)
    """
    listed = [(name, [(*row, "")[:4] for row in rows]) for name, rows in groups.items()]
    text = "\n".join(
        f"{title}: {value}" + (f" ({heads[1]}: {other})" if other else "")
        for _, rows in listed
        for title, value, _, other in rows
    )
    return filled_card("metrics_table", text, groups=listed, heads=heads)


def monthly_table(years: ArrayLike, returns: ArrayLike, totals: ArrayLike) -> Card:
    """Return the returns of months as a table, signed, in percent, shaded by size.

    Parameters
    ----------
    years, returns, totals : array
        Years (n), returns of their months (n, 12), returns of the years (n), all as fractions; NaN for no bars.

    >>> monthly_table([2024], [[0.01, *[np.nan] * 11]], [0.01])
    2024: +1.0 %
    """
    table, sums = np.asarray(returns, dtype=np.float64).reshape(-1, 12), np.asarray(totals, dtype=np.float64)
    reach = float(np.nanmax(np.abs(table), initial=0.02))
    rows = [
        (int(year), [(_percent(value), _shade(value, reach)) for value in row] + [(_percent(total), "")])
        for year, row, total in zip(np.asarray(years), table, sums, strict=True)
    ]
    text = "\n".join(f"{year}: {cells[-1][0]} %" for year, cells in rows)
    return filled_card("monthly_table", text, months=MONTHS, rows=rows)


def trades_table(
    columns: Mapping[str, ArrayLike], *, limit: int = 40, signed: Collection[str] = ("pnl", "pnl_percent")
) -> Card:
    """Return trades as a table, a row for each; of more than `limit` the first and the last half, which is said.

    Numbers, times and texts are written as such; None, NaN and NaT as a dash. Those in `signed` carry their sign.
    """
    values = {name: _whole_days(np.asarray(column)) for name, column in columns.items()}
    total = len(next(iter(values.values()))) if values else 0
    shown = range(total) if total <= limit else [*range(limit // 2), *range(total - limit // 2, total)]
    rows = [[_cell(column[row], name in signed) for name, column in values.items()] for row in shown]
    if 0 < len(shown) < total:
        half = limit // 2
        rows.insert(half, [("⋮" if column == 0 else "", "") for column in range(len(values))])
    caption = _trades_caption(len(shown), total)
    heads = [(_head(name), _is_text(column)) for name, column in values.items()]
    return filled_card("trades_table", caption, heads=heads, rows=rows, caption=caption)


def evidence_table(
    headline: str, sentence: str, rows: Iterable[tuple[str, str, str, str, str]], changes: Iterable[str] = ()
) -> Card:
    """Return a verdict with its evidence: a mark, its weight in a word, title, what was found, what that means.

    >>> evidence_table("Sharpe 1.08", "Doubtful.", [("▲", "doubt", "Range", "-0.2 to 2.1", "includes 0.")])
    Sharpe 1.08
    Doubtful.
    ▲ Range: -0.2 to 2.1; includes 0.
    """
    listed = list(rows)
    lines = [headline, sentence, *(f"{mark} {title}: {shown}; {meaning}" for mark, _, title, shown, meaning in listed)]
    return filled_card(
        *("evidence", "\n".join(lines)), headline=headline, sentence=sentence, rows=listed, changes=list(changes)
    )


def warning_box(text: str, level: Level = "warning") -> Card:
    """Return a box that is not overlooked: "info", "warning" or "error".

    >>> warning_box("Fills at the same close are optimistic.")
    Warning: Fills at the same close are optimistic.
    """
    levels = ("info", "warning", "error")
    if level not in levels:
        raise OptionError(f"There is no level {level!r} of a box. {did_you_mean(str(level), levels)}")
    return filled_card("box", f"{level.capitalize()}: {text}", text=text, level=level)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined)


def filled_card(template: str, shown_text: str, /, **values: object) -> Card:
    """Return a card made of a template of this room, and the text that stands for it where there is no page."""
    return Card(_environment().get_template(f"{template}.html.j2").render(values), shown_text)


def _lines(rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"{row[0]}: {row[1]}" for row in rows)


def _percent(value: float) -> str:
    return signed_percent(value).removesuffix("%") if np.isfinite(value) else NOTHING


def _shade(value: float, reach: float) -> str:
    if not np.isfinite(value) or value == 0:
        return ""
    colour = "43,140,203" if value > 0 else "213,94,0"
    return f"rgba({colour},{0.06 + 0.5 * min(abs(value) / reach, 1.0):.2f})"


def _cell(value: Any, is_signed: bool) -> tuple[str, str]:
    if _is_missing(value):
        return NOTHING, ""
    if isinstance(value, np.datetime64):
        is_day = value.dtype == np.dtype("datetime64[D]")
        return str(value if is_day else value.astype("datetime64[m]")).replace("T", " "), ""
    if isinstance(value, int | np.integer):
        return f"{value:,}", ""
    if isinstance(value, float | np.floating):
        look = ("rk-gain" if value > 0 else "rk-loss" if value < 0 else "") if is_signed else ""
        return (f"{value:+,.2f}" if is_signed else f"{value:,.6g}"), look
    return str(value), "rk-text"


def _head(name: str) -> str:
    return name.replace("_percent", " %").replace("_", " ").capitalize().replace("Pnl", "PnL")


def _whole_days(column: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Times that are all midnights are written as days."""
    if column.dtype.kind != "M":
        return column
    days = column.astype("datetime64[D]")
    return days if bool((np.isnat(column) | (days == column)).all()) else column


def _is_missing(value: Any) -> bool:
    if isinstance(value, np.datetime64):
        return bool(np.isnat(value))
    return value is None or (isinstance(value, float | np.floating) and not np.isfinite(value))


def _is_text(column: np.ndarray[Any, Any]) -> bool:
    return column.dtype.kind in "UO" and any(isinstance(value, str) for value in column[:100])


def _trades_caption(shown: int, total: int) -> str:
    if not total:
        return "No trades."
    if shown < total:
        return f"Shown: the first {shown // 2:,} and the last {shown // 2:,} of {total:,} trades."
    return f"{total:,} trade{'s' if total > 1 else ''}."
