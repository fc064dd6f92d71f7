"""The whole way from a file to its rows, through the vendors' readers."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from research_kit.bars.findings import Finding
from research_kit.bars.importing.intake import Intake
from research_kit.bars.importing.options import ImportOptions
from research_kit.bars.readers.base import Reader
from research_kit.bars.readers.containers import open_source
from research_kit.bars.readers.registry import choose_reader
from research_kit.bars.readers.sniff import Hints
from research_kit.bars.readers.text import DelimitedText
from research_kit.bars.readers.vendors.all import VENDORS

sys.path.insert(0, str(Path(__file__).parent))  # vendor_samples is a module of this folder's tests alone


@dataclass(frozen=True)
class Imported:
    """What came of a file: who read it and said what, and the rows."""

    reader: Reader
    sentence: str
    columns: dict[str, np.ndarray]
    time_ns: np.ndarray
    symbol: str
    findings: list[Finding]

    @property
    def time(self) -> list[str]:
        return np.datetime_as_string(self.time_ns.view("datetime64[ns]"), unit="s").tolist()

    @property
    def doubts(self) -> str:
        return " ".join(found.meaning for found in self.findings if found.name == "doubt")


@pytest.fixture
def imported() -> Callable[..., Imported]:
    """Return ``imported(path, **options)``: the file read by its vendor's reader and taken in."""

    def read(path: Path, **given) -> Imported:
        options = ImportOptions(**given)
        names = options.columns if isinstance(options.columns, tuple) else None
        source = open_source(path, Hints(options.delimiter, options.decimal, names, options.symbol))
        reader, sentence = choose_reader(source, (*VENDORS, DelimitedText()))
        intake = Intake(options, path.name)
        intake.begin_file()
        for raw in reader.read(source):
            intake.add(raw)
        rows, findings = intake.settle()
        columns = {name: np.array(column) for name, column in rows.columns.items()}
        return Imported(reader, sentence, columns, np.array(rows.time_ns), intake.symbol, findings)

    return read
