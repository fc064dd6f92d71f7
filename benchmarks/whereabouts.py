"""Where the time of a run goes: own time by part of the code, as the interpreter's profiler sees it."""

from __future__ import annotations

import cProfile
import pstats
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from page import figures

HERE = Path(__file__).parent
OWN = "the workload's own lines"
PYTHON = "Python's library"
SMALL = 0.02  # parts below this share are told as "the rest"


def shares(work: Callable[[], Any]) -> dict[str, float]:
    """Return by part of the code what share of the time it took itself, the largest first.

    What is built in or compiled counts for the function that called it.
    """
    profiler = cProfile.Profile()
    profiler.runcall(work)
    stats: Any = pstats.Stats(profiler)
    spent: Counter[str] = Counter()
    for (file, _, _), (_, _, own, _, callers) in stats.stats.items():
        if not file.startswith(("~", "<")):
            spent[part_of(file)] += own
        else:
            for (caller, _, _), (_, _, share, _) in callers.items():
                spent[part_of(caller)] += share
    total = sum(spent.values()) or 1.0
    return {part: seconds / total for part, seconds in spent.most_common()}


def part_of(file: str) -> str:
    """Return the room of this project, the package, or the standard library that a file belongs to."""
    path = Path(file)
    if path.is_relative_to(HERE):
        return OWN
    inside = path.stem
    for name in reversed(path.parts[:-1]):  # the innermost folder of the two decides, whatever a clone is called
        if name == "research_kit":
            return f"research_kit.{inside}"
        if name == "site-packages":
            return inside
        inside = name
    return PYTHON


def in_words(found: dict[str, float]) -> str:
    """Return shares as a sentence part: ``research_kit.engine 62 %, numpy 20 %, the rest 18 %``."""
    large = {part: share for part, share in found.items() if share >= SMALL}
    rest = 1.0 - sum(large.values())
    told = large | ({"the rest": rest} if rest >= 0.005 else {})
    return ", ".join(f"{part} {figures(100 * share)} %" for part, share in told.items())
