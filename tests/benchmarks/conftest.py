"""The modules of benchmarks/ are run in that folder: they import each other from there, here as well."""

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
    """Return a function that imports a module of benchmarks/ by its name; data goes to a temporary folder."""
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setattr(import_module("workloads"), "CACHE", tmp_path / "data")
    return import_module


@pytest.fixture
def options(script):
    """Return a maker of what a command line asks for: small, and without peers."""

    def make(*arguments: str):
        return script("run").parse_options(["--quick", "--repeats", "1", "--budget", "0", *arguments])

    return make
