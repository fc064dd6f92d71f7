"""All comparisons together, as ``results.json`` keeps them."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sheet import Sheet

HERE = Path(__file__).parent


@dataclass
class Results:
    """One sheet for each workload; timing one anew keeps the others."""

    sheets: dict[str, Sheet] = field(default_factory=dict)
    bandwidth: dict[str, Any] = field(default_factory=dict)  # of memory, GB/s, and when it was measured
    folder: Path = HERE

    @classmethod
    def read(cls, folder: Path = HERE) -> Results:
        """Return what ``write`` left there, or nothing yet."""
        path = folder / "results.json"
        if not path.exists():
            return cls(folder=folder)
        record = json.loads(path.read_text())
        sheets = {name: Sheet.from_dict(sheet) for name, sheet in record["sheets"].items()}
        return cls(sheets, record["bandwidth"], folder)

    def start(self, workload: str) -> Sheet:
        """Return a new sheet for a workload; what was measured before is forgotten."""
        self.sheets[workload] = Sheet()
        return self.sheets[workload]

    def write(self) -> None:
        record = {"bandwidth": self.bandwidth, "sheets": {name: asdict(sheet) for name, sheet in self.sheets.items()}}
        text = json.dumps(record, indent=1, default=float)
        numbers = re.compile(r"\[[-+.\deE,\s]+\]")  # a list of numbers on one line
        text = numbers.sub(lambda found: " ".join(found.group().split()), text)
        (self.folder / "results.json").write_text(text + "\n")
