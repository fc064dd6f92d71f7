"""The runs of W5 and their section of ``RESULTS.md``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from environments import OUR_IMPORT
from page import cell, figures, load, machine, median_of, today, versions

STORED_AS = {"parquet": "Parquet, zstd", "arrow": "Arrow, not compressed"}
MEASURES = {
    "wall, s": "wall_s",
    "processor, s": "cpu_s",
    "peak memory over libraries, MB": "peak_mb",
    "cold process, s": "cold_s",
    "cold process, s of processor": "cold_cpu_s",
    "file, MB": "stored_mb",
}
TIMES = (("wall time", "wall_s"), ("processor time", "cpu_s"))
INTRODUCTION = """
## W5: a CSV of {rows:,} one-minute rows ({csv_mb:.0f} MB) read, checked and stored

Made on {date}: {machine}; {versions}. Load of the machine while it ran: {load}.

Each number is the median over fresh processes that took turns, with all cores for each tool; in brackets, how many
times ours. A process imports a small file of the same layout first: what libraries load when first used is in the cold
time only. Asserted before any time was taken: every tool stored the same numbers (to 1e-14), and found
{counts}.

Peers do what these counts need and no more. Ours also learns the session, looks for spikes, splits, stale runs, bars
that a vendor filled in and the rest of its quality report, hashes the CSV and the bars with sha256, waits until the
disk has the file, and adds a row to its database. It stores uncompressed Arrow, which opens mapped; peers are shown
with the same and with Parquet.

"""


@dataclass
class ImportRow:
    """One tool that stores one kind of file: its runs."""

    engine: str
    store: str
    runs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def title(self) -> str:
        return f"{self.engine}, {STORED_AS[self.store]}"


@dataclass
class ImportResults:
    """A whole comparison of imports."""

    minutes: int  # from the first row to the last
    csv_mb: float
    counts: dict[str, int]
    rows: list[ImportRow] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)  # tool, or tool and store: why
    date: str = field(default_factory=today)
    machine: str = field(default_factory=machine)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ImportResults:
        return cls(**{**values, "rows": [ImportRow(**row) for row in values["rows"]]})

    def summary(self) -> str:
        """Return how ours compares with the fastest peer that stores each kind of file, a line for each."""
        ours = next(row for row in self.rows if row.engine == OUR_IMPORT.name)
        stores = {store: [row for row in self.rows if row is not ours and row.store == store] for store in STORED_AS}
        lines = [
            f"{STORED_AS[store]}: " + "; ".join(_against_fastest(ours, peers, *measure) for measure in TIMES)
            for store, peers in stores.items()
            if peers
        ]
        return "\n".join(f"- {line}" for line in lines or ["there is none"])

    def markdown(self) -> str:
        """Return the section of the page."""
        runs = [run for row in self.rows for run in row.runs]
        counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in self.counts.items())
        text = INTRODUCTION.format(
            rows=self.minutes,
            csv_mb=self.csv_mb,
            date=self.date,
            machine=self.machine,
            versions=versions(runs),
            load=load(runs),
            counts=counts,
        )
        text += "".join(f"**{what}** is missing: {why}\n\n" for what, why in self.absent.items())
        return text + self._table() + f"\nAgainst the fastest peer, by what peers store:\n{self.summary()}\n"

    def _table(self) -> str:
        lines = ["| tool, what it stores | " + " | ".join(MEASURES) + " |", "|---|" + "--:|" * len(MEASURES)]
        ours = next(row.runs for row in self.rows if row.engine == OUR_IMPORT.name)
        for row in self.rows:
            cells = (cell(median_of(row.runs, name), median_of(ours, name)) for name in MEASURES.values())
            lines.append(f"| {row.title} | {' | '.join(cells)} |")
        return "\n".join(lines) + "\n"


def _against_fastest(ours: ImportRow, peers: list[ImportRow], words: str, name: str) -> str:
    seconds, own = {row.engine: median_of(row.runs, name) or 0.0 for row in peers}, median_of(ours.runs, name) or 0.0
    fastest = min(seconds, key=lambda engine: seconds[engine])
    return (
        f"{words} {figures(own)} s is {figures(own / seconds[fastest])} times that of {fastest} "
        f"({figures(seconds[fastest])} s)"
    )
