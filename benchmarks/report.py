"""The page ``RESULTS.md`` and its chart: what was reached, and a section for each workload."""

from __future__ import annotations

import summary
from chart import chart
from groups import WORKLOADS
from page import Run, figures, load, versions
from results import Results
from sheet import Sheet

INTRODUCTION = """# Side by side with peers

Made by `make bench`. Each number is the median over fresh processes that took turns; in brackets, how many times ours.
Equal work was asserted before any time counted: the same trades (bars, and prices to 1e-9) and the same final equity
(to 1e-9; backtesting.py to 1e-6, since its units are whole millionths), or the same values, rows, files and results.
`limit` is the least that the machine allows, such as one compiled loop that knows the workload and nothing else. Ours
computes every metric of its registry, the others total return, Sharpe ratio, drawdown and number of trades
(backtesting.py: all its statistics). Machine, load and versions stand below each workload. Times of wall and of
processor differ where other programs were running: then the latter counts.
"""
CHART = "\n![How many times as fast as peers, and how time and memory grow](RESULTS.svg)\n"


def markdown(results: Results) -> str:
    """Return the page."""
    drawing = CHART if chart(results) else ""
    text = INTRODUCTION + _memory(results) + summary.table(results) + drawing
    for workload, group in WORKLOADS.items():
        if sheet := results.sheets.get(workload):
            text += group.section(workload, sheet, results) + _made(sheet)
    return text


def _memory(results: Results) -> str:
    if not results.bandwidth:
        return ""
    read, copied = (figures(results.bandwidth[name]) for name in ("read_gb_s", "copy_gb_s"))
    return f"\nMemory: one core reads {read} GB/s and copies {copied} GB/s (read and write together).\n"


def _made(sheet: Sheet) -> str:
    runs: list[Run] = sheet.runs
    told = f"; load {load(runs)}; {versions(runs)}" if runs else ""
    return f"\n*{sheet.date}: {sheet.machine}{told}.*\n"


def write(results: Results) -> None:
    """Write the page and its chart beside ``results.json``."""
    (results.folder / "RESULTS.md").write_text(markdown(results))
    if drawing := chart(results):
        (results.folder / "RESULTS.svg").write_text(drawing)


if __name__ == "__main__":  # the page anew from what was measured
    write(Results.read())
