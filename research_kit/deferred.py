"""A library that another one imports and hardly ever uses, loaded only when it is used."""

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

GRAMMAR = "rfc3987_syntax"


def defer_grammar() -> None:
    """Let the grammar of international addresses be built when such an address is checked, not when jsonschema loads.

    plotly and papermill import nbformat, that imports jsonschema, and that imports the grammar, for a format which no
    notebook has: most of a second, or two, in each process that draws a chart. Who uses it finds it as it is.
    """
    if GRAMMAR in sys.modules or "jsonschema" in sys.modules:
        return
    spec = find_spec(GRAMMAR)
    if spec is None:
        return
    stand_in: Any = ModuleType(GRAMMAR, spec.name)
    stand_in.__spec__, stand_in.__loader__, stand_in.__file__ = spec, spec.loader, spec.origin
    stand_in.__path__ = spec.submodule_search_locations
    stand_in.is_valid_syntax = lambda *given, **named: _load(stand_in).is_valid_syntax(*given, **named)
    stand_in.__getattr__ = lambda name: _attribute(stand_in, name)
    sys.modules[GRAMMAR] = stand_in


def _attribute(stand_in: ModuleType, name: str) -> Any:
    if name.startswith("__") and name != "__all__":  # what is looked for in every module there is
        raise AttributeError(name)
    return getattr(_load(stand_in), name)


def _load(stand_in: ModuleType) -> Any:
    """Return the library itself, from now on the one that is imported."""
    if sys.modules.get(GRAMMAR) is stand_in:
        del sys.modules[GRAMMAR]
    return import_module(GRAMMAR)
