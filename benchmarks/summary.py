"""What was aimed at, and what this run reached: the table at the top of the page, and the bars of the chart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fitting import STEEP
from growth.compare import AXES, fit_of
from imports.compare import OUR_TITLE, STORED_AS
from page import figures
from results import Results
from sheet import OURS, Sheet
from startup.compare import CASE, PANDAS


@dataclass(frozen=True)
class Aim:
    """One figure of this run and the bound that it is to keep."""

    what: str
    value: float
    bound: float
    is_least: bool = True
    is_speed: bool = False  # a peer's time over ours

    @property
    def is_reached(self) -> bool:
        return self.value >= self.bound if self.is_least else self.value <= self.bound

    def line(self) -> str:
        word = "at least" if self.is_least else "at most"
        return f"| {self.what} | {figures(self.value)} | {word} {figures(self.bound)} | {_WORDS[self.is_reached]} |"


_WORDS = {True: "yes", False: "**no**"}


def aims(results: Results) -> list[Aim]:
    """Return the aims that this run has figures for."""
    return [aim for name, find in _OF.items() if name in results.sheets for aim in find(results.sheets[name])]


def table(results: Results) -> str:
    lines = [aim.line() for aim in aims(results)]
    heading = "\n| what | reached | aim | |\n|---|--:|--:|---|\n"
    return heading + "\n".join(lines) + "\n" if lines else ""


def _ratio(sheet: Sheet, case: str, name: str, peer: str, pick: Callable[..., float] = min) -> Iterator[float]:
    """Yield the best value of a peer's engines over ours, where both are there."""
    own = sheet.value(OURS, case, name)
    found = [
        sheet.value(engine, case, name)
        for engine in sheet.engines(case)
        if engine == peer or engine.startswith(f"{peer}-")
    ]
    known = [value for value in found if value is not None]
    if own and known:
        yield pick(known) / own


def _backtests(sheet: Sheet) -> Iterator[Aim]:
    for case, bound in (("10k", 20), ("5M", 50)):
        for ratio in _ratio(sheet, case, "warm_s", "vectorbt"):
            yield Aim(f"W1, {case} bars: times as fast as vectorbt's faster engine", ratio, bound, is_speed=True)
    for ratio in _ratio(sheet, "5M", "warm_peak_mb", "vectorbt"):
        yield Aim("W1, 5M bars: memory of a run over vectorbt's", 1 / ratio, 0.25, is_least=False)
    for ratio in _ratio(sheet, "5M", "cold_s", "vectorbt"):
        yield Aim("W1, 5M bars: cold process over vectorbt's", 1 / ratio, 1 / 3, is_least=False)
    for ratio in _ratio(sheet, "10k", "cold_s", "backtesting.py"):
        yield Aim("W1, 10k bars: cold process over backtesting.py's", 1 / ratio, 1.0, is_least=False)


def _events(sheet: Sheet) -> Iterator[Aim]:
    for case in ("10k", "100k"):
        for ratio in _ratio(sheet, case, "warm_s", "backtesting.py"):
            yield Aim(f"W1e, {case} bars: times as fast as backtesting.py", ratio, 3, is_speed=True)


def _sweeps(sheet: Sheet) -> Iterator[Aim]:
    for case in sheet.cases:
        for ratio in _ratio(sheet, case, "sets_per_s", "vectorbt", pick=max):
            yield Aim(f"W3, {case}: times as fast as vectorbt's best", 1 / ratio, 100, is_speed=True)
        for ratio in _ratio(sheet, case, "all_mb", "vectorbt"):
            yield Aim(f"W3, {case}: memory over vectorbt's", 1 / ratio, 0.2, is_least=False)


def _metrics(sheet: Sheet) -> Iterator[Aim]:
    for case in sheet.cases:
        if own := sheet.value(OURS, case, "warm_s"):
            yield Aim(f"W4, {case}: all metrics, ms", 1e3 * own, 30, is_least=False)
        for ratio in _ratio(sheet, case, "warm_s", "empyrical"):
            yield Aim(f"W4, {case}: times as fast as empyrical", ratio, 1, is_speed=True)


def _imports(sheet: Sheet) -> Iterator[Aim]:
    case = sheet.cases[0] if sheet.cases else ""
    own = sheet.value(OUR_TITLE, case, "wall_s")
    for stored in STORED_AS.values():
        peers = [one for one in sheet.engines() if one != OUR_TITLE and one.endswith(stored)]
        known = [value for one in peers if (value := sheet.value(one, case, "wall_s")) is not None]
        if own and known:
            what = f"W5, {case}: time over that of the fastest peer that stores {stored}"
            yield Aim(what, own / min(known), 1.5, is_least=False)


def _startup(sheet: Sheet) -> Iterator[Aim]:
    for ratio in _ratio(sheet, CASE, "wall_s", PANDAS):
        yield Aim("W6: import over that of pandas", 1 / ratio, 0.35, is_least=False)


def _notebooks(sheet: Sheet) -> Iterator[Aim]:
    for case in sheet.cases:
        if "research" in case:
            for ratio in _ratio(sheet, case, "wall_s", "papermill"):
                yield Aim(f"W7, {case}: times as fast as papermill", ratio, 5, is_speed=True)


def _trades(sheet: Sheet) -> Iterator[Aim]:
    for case, bound in (("SQLite, writing", 150_000), ("SQLite, reading", 400_000)):
        if rate := sheet.value(OURS, case, "rows_per_s"):
            yield Aim(f"W8, {case} {sheet.facts['rows']:,} trades: rows/s", rate, bound)


def _checks(sheet: Sheet) -> Iterator[Aim]:
    bounds = {"look-ahead, 2,000 days": 2.0, "look-ahead, 500,000 minutes": 60.0, "PBO, 1,000 sets × 2,500 days": 5.0}
    for case, bound in bounds.items():
        if own := sheet.value(OURS, case, "warm_s"):
            yield Aim(f"W9, {case}: s", own, bound, is_least=False)


def _growth(sheet: Sheet) -> Iterator[Aim]:
    for axis in AXES:
        if found := fit_of(sheet, axis.name, "warm_cpu_s"):
            yield Aim(f"Growth over {axis.title}: exponent of processor time", found.exponent, STEEP, is_least=False)


_OF: dict[str, Callable[[Sheet], Iterator[Aim]]] = {
    "W1": _backtests,
    "W1e": _events,
    "W3": _sweeps,
    "W4": _metrics,
    "W5": _imports,
    "W6": _startup,
    "W7": _notebooks,
    "W8": _trades,
    "W9": _checks,
    "growth": _growth,
}
