"""What pages of results are made of: figures, versions, load, machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

Run = dict[str, Any]


def median_of(runs: Iterable[Run], name: str) -> float | None:
    """Return the median of a figure over runs, of which each has one value or a list of them."""
    values = [value for run in runs for value in (run[name] if isinstance(run[name], list) else [run[name]])]
    return median(values) if values else None


def cell(value: float | None, ours: float | None, scale: float = 1.0) -> str:
    """Return a value, and in brackets how many times ours it is."""
    if value is None:
        return "–"
    ratio = f" (× {figures(value / ours)})" if ours and value != ours else ""
    return figures(value * scale) + ratio


def figures(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def versions(runs: Iterable[Run]) -> str:
    found = {package for run in runs for package in run["versions"].items()}
    return ", ".join(f"{name} {version}" for name, version in sorted(found))


def load(runs: Iterable[Run]) -> str:
    loads = [run["load"] for run in runs]
    return f"{min(loads):.1f} to {max(loads):.1f}" if loads else "unknown"


def machine() -> str:
    """Return processor, cores, memory and system in words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def today() -> str:
    return datetime.now(UTC).date().isoformat()
