"""Two backtests side by side: what differs in what was run, the first order in which they part, and their metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from difflib import unified_diff
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.checks.divergence import Columns, Divergence, fills_of, first_divergence, first_row, stamp
from research_kit.metrics.registry import HEADLINE, METRICS, format_value

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from research_kit.bars.frame import Bars
    from research_kit.charts.template import Theme

BEFORE, AFTER = 2, 2  # bars around the first order that differs
_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, eq=False, kw_only=True)
class Side:
    """One of two results that are compared.

    ``spec`` is what was run, by name, mappings inside it compared name by name; ``orders`` are those of an event
    strategy (None: not known, ``orders_sha256`` may be); ``signals`` returns what a strategy wants at each bar by name,
    where that can be found out.
    """

    name: str
    title: str
    spec: Mapping[str, Any]
    bars: Bars
    equity: NDArray[np.float64]
    initial_cash: float
    trades: Columns
    metrics: Mapping[str, float | int | None]
    source: str | None = None
    orders: Columns | None = None
    orders_sha256: str | None = None
    signals: Callable[[], Columns] | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """What differs between two backtests, ``first`` and ``second``.

    ``spec`` is a DataFrame of what differs in what was run, ``source_diff`` the unified diff of the strategies,
    ``first_order`` the first order in which they part (None: none), ``context`` the bars around it, ``first_equity``
    the first bar whose equity differs, ``metrics`` both side by side. Each is made when it is first read.
    """

    first: Side
    second: Side

    def __repr__(self) -> str:
        return f"Comparison({self.first.name} and {self.second.name}: {self.summary})"

    @property
    def is_same(self) -> bool:
        """Whether orders, trades and equity are the same, number for number."""
        same_trades = first_row(self.first.trades, self.second.trades) is None
        return same_trades and self.first_equity is None and self.has_same_orders is not False

    @property
    def has_same_orders(self) -> bool | None:
        """Whether the same orders were made, also those that were never filled; None where that is not known."""
        if self.first.orders is not None and self.second.orders is not None:
            return self.first_made is None
        hashes = self.first.orders_sha256, self.second.orders_sha256
        return None if None in hashes else hashes[0] == hashes[1]

    @cached_property
    def spec_differences(self) -> dict[str, tuple[Any, Any]]:
        """What differs in what was run, by name: the value of each side, None where it has none."""
        return dict(_differences(self.first.spec, self.second.spec))

    @cached_property
    def spec(self) -> pd.DataFrame:
        """What differs in what was run: one row for each name, one column for each side."""
        import pandas as pd

        values = list(self.spec_differences.values())
        index = pd.Index(list(self.spec_differences), name="what", dtype=object)
        return pd.DataFrame(values, index=index, columns=self._names, dtype=object)

    @cached_property
    def source_diff(self) -> str:
        """The unified diff of the strategies' sources; empty where they are the same or one is not known."""
        if self.first.source is None or self.second.source is None:
            return ""
        return diff_of(self.first.source, self.second.source, *self._names)

    @cached_property
    def first_order(self) -> Divergence | None:
        """The first order, as it was filled, in which the two differ."""
        return first_divergence(fills_of(self.first.trades), fills_of(self.second.trades))

    @cached_property
    def first_made(self) -> tuple[int, tuple[str, ...]] | None:
        """Of event strategies: the first order that was made in another way, and in which columns (None: not known)."""
        if self.first.orders is None or self.second.orders is None:
            return None
        return first_row(self.first.orders, self.second.orders)

    @cached_property
    def first_equity(self) -> tuple[np.datetime64, float, float] | None:
        """The first time that both have and at which their equity differs, with both values."""
        times, here, there = np.intersect1d(self.first.bars.time, self.second.bars.time, True, True)
        first, second = self.first.equity[here], self.second.equity[there]
        differs = first != second
        if not differs.any():
            return None
        at = int(np.argmax(differs))
        return times[at], float(first[at]), float(second[at])

    @cached_property
    def context(self) -> pd.DataFrame:
        """The bars around the first order that differs, of each side: prices, equity, position, signals.

        Indexed by side and time; empty where no order differs.
        """
        import pandas as pd

        if self.first_order is None:
            return pd.DataFrame()
        tables = {side.name: _around(side, self.first_order.time) for side in (self.first, self.second)}
        return pd.concat(tables, names=["side", "time"])

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """Every metric of both, and second minus first."""
        import pandas as pd

        names = [name for name in METRICS if name in self.first.metrics or name in self.second.metrics]
        pairs = [(self.first.metrics.get(name), self.second.metrics.get(name)) for name in names]
        rows = [(a, b, None if a is None or b is None else b - a) for a, b in pairs]
        index = pd.Index(names, name="metric", dtype=object)
        return pd.DataFrame(rows, index=index, columns=[*self._names, "difference"], dtype=object)

    @property
    def summary(self) -> str:
        """What differs, in one line."""
        parts = ["the same was run" if not self.spec_differences else f"differ in {_listed(self.spec_differences)}"]
        if self.first_order is not None:
            parts.append(f"part at {self.first_order}")
        elif self.first_equity is not None:
            time, first, second = self.first_equity
            parts.append(f"same orders, but the equity parts at {stamp(time)}: {first:,.10g} / {second:,.10g}")
        else:
            parts.append("same orders and equity" if self.is_same else "same fills, but other orders or trades")
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Return what differs as values that have a JSON form."""
        order, equity = self.first_order, self.first_equity
        return {
            "first": self.first.name,
            "second": self.second.name,
            "is_same": self.is_same,
            "summary": self.summary,
            "spec": {name: list(pair) for name, pair in self.spec_differences.items()},
            "source_diff": self.source_diff,
            "first_order": None if order is None else asdict(order),
            "first_equity": None if equity is None else list(equity),
            "metrics": self.metrics.to_dict(orient="index"),
        }

    def plot(self, theme: Theme = "notebook") -> go.Figure:
        """Return both equities and drawdowns over one another, and a line where their orders part."""
        from research_kit.charts.comparison import overlay, overlay_figure
        from research_kit.charts.curves import Curve

        curves = [
            Curve(name=side.name, time=side.bars.time, equity=side.equity, initial_cash=side.initial_cash)
            for side in (self.first, self.second)
        ]
        parting = None if self.first_order is None else self.first_order.time
        return overlay_figure(overlay(curves, parting), theme=theme, title=" / ".join(self._names))

    def _repr_html_(self) -> str:
        heads = "".join(f"<th>{escape(side.name)}<br><small>{escape(side.title)}</small></th>" for side in self._sides)
        spec = _rows({name: (_short(a), _short(b)) for name, (a, b) in self.spec_differences.items()})
        shown = {METRICS[name].title: self._figures(name) for name in HEADLINE if name in self.metrics.index}
        diff = f"<details><summary>Source</summary><pre>{escape(self.source_diff)}</pre></details>"
        return (
            f"<p>{escape(self.summary)}</p><table><tr><th></th>{heads}</tr>{spec}{_rows(shown)}</table>"
            f"{diff if self.source_diff else ''}"
        )

    def _figures(self, name: str) -> tuple[str, str]:
        first, second = (format_value(name, side.metrics.get(name)) for side in self._sides)
        return first, second

    @property
    def _sides(self) -> tuple[Side, Side]:
        return self.first, self.second

    @property
    def _names(self) -> list[str]:
        first, second = self.first.name, self.second.name
        return [first, second if second != first else f"{second} (2)"]


def diff_of(before: str, after: str, before_name: str = "before", after_name: str = "after") -> str:
    """Return the unified diff of two texts, empty where they are the same."""
    lines = unified_diff(before.splitlines(), after.splitlines(), before_name, after_name, lineterm="")
    return "\n".join(lines)


def _differences(first: Mapping[str, Any], second: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name in dict.fromkeys([*first, *second]):
        if not before and not (name in first and name in second):
            continue  # a plain result has no name of its dataset
        a, b = first.get(name), second.get(name)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            found += _differences(a, b, f"{before}{name}.")
        elif a != b:
            found.append((f"{before}{name}", (a, b)))
    return found


def _around(side: Side, time: np.datetime64) -> pd.DataFrame:
    """Return the bars of a side around a time: prices, equity and position at each close, and its signals."""
    import pandas as pd

    at = int(np.searchsorted(side.bars.time, time))
    part = slice(max(at - BEFORE, 0), at + AFTER + 1)
    times = side.bars.time[part]
    columns: dict[str, Any] = {name: side.bars[name][part] for name in _PRICES if name in side.bars}
    columns |= {"equity": side.equity[part], "position": _positions(side.trades, times)}
    if side.signals is not None:
        columns |= {name: values[part] for name, values in side.signals().items()}
    return pd.DataFrame(columns, index=pd.DatetimeIndex(times, name="time").tz_localize("UTC"))


def _positions(trades: Columns, times: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Return the units held after the fills of each bar."""
    fills = fills_of(trades)
    signed = np.where(fills["action"] == "buy", fills["units"], -fills["units"])
    held = np.concatenate([[0.0], np.cumsum(signed)])
    held[np.abs(held) < 1e-9 * np.max(np.abs(signed), initial=1.0)] = 0.0
    return np.asarray(held[np.searchsorted(fills["time"], times.astype("datetime64[us]"), side="right")])


def _rows(pairs: Mapping[str, tuple[str, str]]) -> str:
    return "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th><td>{escape(a)}</td><td>{escape(b)}</td></tr>'
        for name, (a, b) in pairs.items()
    )


def _short(value: Any) -> str:
    text = "–" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:16]}…"


def _listed(differences: Mapping[str, tuple[Any, Any]], most: int = 3) -> str:
    words = [f"{name} ({_short(a)} / {_short(b)})" for name, (a, b) in differences.items()]
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")
