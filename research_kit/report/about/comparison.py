"""The figures of a comparison's report, plain: what differs in what was run, where the two part, both in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from research_kit.metrics.registry import METRICS
from research_kit.runs.reported import Comparison, Side


@dataclass(frozen=True, eq=False, kw_only=True)
class ComparisonStats:
    """What the report of a comparison is made from; each pair belongs to the first and the second side.

    Attributes
    ----------
    sides : pair of mappings
        What each side is: texts by name.
    spec : sequence of (what, first, second)
        What differs in what was run, as text.
    order : mapping or None
        The first order that differs: its ``position`` from 0, ``time``, both ``fills`` (a mapping, or None), and what
        ``differs``.
    equity : sequence or None
        The first time at which both have equity and it differs, and both values.
    contexts : pair of mappings
        Of each side the bars around that order: one array for each column, ``time`` among them.
    metrics : mapping
        For each metric both values.
    curves : pair of mappings
        Of each side ``name``, ``time``, ``equity`` and ``initial_cash``.
    """

    title: str
    names: Sequence[str]
    summary: str
    is_same: bool
    sides: Sequence[Mapping[str, str]]
    spec: Sequence[Sequence[str]]
    diff: str
    order: Mapping[str, Any] | None
    equity: Sequence[Any] | None
    contexts: Sequence[Mapping[str, Any]]
    metrics: Mapping[str, Sequence[Any]]
    curves: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, found: Comparison) -> ComparisonStats:
        """Return the figures of a comparison."""
        sides = (found.first, found.second)
        names = [str(name) for name in found.metrics.columns[:2]]
        return cls(
            title=f"Comparison of {names[0]} and {names[1]}",
            names=names,
            summary=found.summary,
            is_same=found.is_same,
            sides=[_facts(side) for side in sides],
            spec=[(name, _text(a), _text(b)) for name, (a, b) in found.spec_differences.items()],
            diff=found.source_diff,
            order=_order(found),
            equity=found.first_equity,
            contexts=_contexts(found),
            metrics={name: [side.metrics.get(name) for side in sides] for name in METRICS},
            curves=[_curve(name, side) for name, side in zip(names, sides, strict=True)],
        )


def _facts(side: Side) -> dict[str, str]:
    times = side.bars.time.astype("datetime64[m]")
    span = f"{times[0]} to {times[-1]}".replace("T00:00", "").replace("T", " ") if len(times) else "no bars"
    return {
        "What": side.title,
        "Bars": f"{len(times):,} of {side.bars.timeframe}, {span}",
        "Orders filled": f"{_fills(side):,}",
        "Initial cash": f"{side.initial_cash:,.2f}",
    }


def _fills(side: Side) -> int:
    trades = side.trades
    if not trades or not len(trades["side"]):
        return 0
    return len(trades["side"]) + int(np.sum(~np.isnat(np.asarray(trades["exit_time"]).astype("datetime64[us]"))))


def _text(value: Any) -> str:
    return "–" if value is None else str(value)


def _order(found: Comparison) -> dict[str, Any] | None:
    order = found.first_order
    if order is None:
        return None
    fills = [None if fill is None else {**asdict(fill), "text": str(fill)} for fill in (order.first, order.second)]
    return {"position": order.position, "time": order.time, "fills": fills, "differs": order.differs}


def _contexts(found: Comparison) -> list[dict[str, Any]]:
    table = found.context
    if table.empty:
        return [{}, {}]
    parts = [table.xs(side.name, level="side") if found.first.name != found.second.name else None for side in
             (found.first, found.second)]  # fmt: skip
    return [{} if part is None else _columns(part) for part in parts]


def _columns(part: Any) -> dict[str, Any]:
    times = part.index.tz_localize(None).to_numpy()
    known = part.dropna(axis=1, how="all")  # signals that only the other side has
    return {"time": times, **{str(name): known[name].to_numpy() for name in known}}


def _curve(name: str, side: Side) -> dict[str, Any]:
    return {"name": name, "time": side.bars.time, "equity": side.equity, "initial_cash": side.initial_cash}
