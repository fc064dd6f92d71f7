"""Gathering the rows of derived bars, window after window, however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.frame import Bars, FloatArray, TimeArray
from research_kit.bars.importing.rows import Rows
from research_kit.bars.importing.spool import Spool
from research_kit.bars.windows import spans

WINDOW = 1 << 20
"""Bars that are worked on together."""
MEMORY = 256 << 20
"""Bytes of derived bars that stay in memory; more of them go to nameless files and come back mapped."""


def windows(bars: Bars) -> Iterator[Bars]:
    """Yield the bars in spans; the memory of mapped ones is given back behind each."""
    for span in spans(bars.time_ns, *bars.columns.values(), size=WINDOW):
        yield bars.window(span.start, span.stop)


def rows_of(time_ns: TimeArray, columns: Mapping[str, FloatArray], synthetic: NDArray[np.bool_] | None = None) -> Rows:
    """Return rows to gather; ``synthetic`` is given for all of them or for none."""
    marks: dict[str, Any] = {} if synthetic is None else {"synthetic": synthetic}
    return Rows(time_ns, {**columns, **marks})


def taken(bars: Bars, chosen: NDArray[np.bool_]) -> Rows:
    """Return the chosen bars as rows."""
    marks = None if bars.synthetic is None else bars.synthetic[chosen]
    return rows_of(bars.time_ns[chosen], {name: column[chosen] for name, column in bars.columns.items()}, marks)


def gathered(like: Bars, parts: Iterable[Rows], timeframe: str = "") -> Bars:
    """Return rows that come in the order of time as bars with the symbol and session of others."""
    spool = Spool(duplicates="error", memory=MEMORY)
    for part in parts:
        spool.add(part)
    if not len(spool):
        return replace(like.window(0, 0), timeframe=timeframe or like.timeframe, check=False)
    rows, _ = spool.settle("What was gathered")
    return bars_of(like, rows, timeframe)


def bars_of(like: Bars, rows: Rows, timeframe: str = "") -> Bars:
    """Return rows as bars with the symbol and session of others."""
    columns: dict[str, Any] = dict(rows.columns)
    marks = columns.pop("synthetic", None)
    return replace(
        like,
        time_ns=rows.time_ns,
        columns=columns,
        synthetic=marks if marks is not None and marks.any() else None,
        timeframe=timeframe or like.timeframe,
        check=False,
    )
