"""Strategies of notebooks on their way to another process: files in a corner of the workspace's strategies folder."""

from __future__ import annotations

import hashlib
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from research_kit.errors import StrategyError
from research_kit.strategy.base import Strategy

CORNER = "_submitted"
PREFIX = "_research_kit_submitted_"


def submitted_file(folder: Path, text: str) -> tuple[str, Path]:
    """Return the sha256 of a module's text, and the file in a strategies folder that is to hold it."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return digest, folder / CORNER / f"{digest}.py"


def load_submitted(folder: Path, digest: str, class_name: str) -> type[Strategy]:
    """Return a class from the file that was submitted with this sha256.

    Raises
    ------
    StrategyError
        The file is not there, was changed, cannot be run, or has no such class.
    """
    file = folder / CORNER / f"{digest}.py"
    if not digest.isalnum() or not file.is_file():
        raise StrategyError(f"The strategy {class_name} was submitted as {file.name}, which is not in {file.parent}.")
    if hashlib.sha256(file.read_bytes()).hexdigest() != digest:
        raise StrategyError(f"{file} was changed after it was submitted; submit the strategy again.")
    name = PREFIX + digest
    if name not in sys.modules:
        spec = spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise StrategyError(f"{file} is no module.")
        module = module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[name]
            raise StrategyError(f"{class_name} cannot be made in another process: {error}.") from error
    found = getattr(sys.modules[name], class_name, None)
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise StrategyError(f"{file.name} does not define the strategy {class_name}.")
    return found
