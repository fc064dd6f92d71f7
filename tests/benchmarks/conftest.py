"""The scripts of benchmarks/ are no package: they import each other by name, as when they are run."""

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Protocol

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


class Importer(Protocol):
    def __call__(self, name: str) -> ModuleType: ...


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Importer:
    """Return a function that imports a script by its name; data goes to a temporary folder."""
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setattr(import_module("workloads"), "CACHE", tmp_path / "data")
    return import_module
