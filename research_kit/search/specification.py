"""Searches that are written down: a file that says what is searched, for a terminal, a batch, a colleague."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from research_kit.engine.options import EngineOptions
from research_kit.errors import NotFoundError, OptionError, did_you_mean
from research_kit.search.space import between
from research_kit.search.walk_forward import SPANS

NEEDED = ("strategy", "dataset", "grid")
OF_A_SWEEP = (*NEEDED, "where", "method", "sets", "seed", "objective", "workers", "options")
OF_A_WALK_FORWARD = (*OF_A_SWEEP, *SPANS, "select")
LARGEST = 1 << 20  # bytes of a file


def read_specification(path: Path | str, allowed: tuple[str, ...] = OF_A_SWEEP) -> dict[str, Any]:
    """Return what a YAML or JSON file asks for, as the keywords of ``ws.sweep`` (or ``ws.walk_forward``).

    ::

        strategy: sma_cross
        dataset: SPY daily
        grid:
          fast: {low: 5, high: 50, step: 5}      # a range; a list or one value as well
          slow: [50, 100, 200]
        where: fast < slow
        objective: sharpe_ratio
        options: {commission: 0.001}

    Raises
    ------
    NotFoundError
        There is no such file.
    OptionError
        It cannot be read, or asks for something that there is not.
    """
    content = _mapping(Path(path))
    for name in content:
        if name not in allowed:
            raise OptionError(f"{path} has {name!r}, which a search does not know. {did_you_mean(str(name), allowed)}")
    for name in NEEDED:
        if name not in content:
            raise OptionError(f"{path} does not say {name}; it needs {', '.join(NEEDED)}.")
    asked = dict(content)
    asked["grid"] = {str(name): _axis(name, values, path) for name, values in _part(asked, "grid", path).items()}
    options = _part(asked, "options", path)
    for name in options:
        if name not in EngineOptions.model_fields:
            near = did_you_mean(str(name), EngineOptions.model_fields)
            raise OptionError(f"{path}: the engine has no option {name!r}. {near}")
    asked.pop("options", None)
    return asked | dict(options)


def _mapping(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            raise OptionError(f"{path} has {path.stat().st_size:,} bytes; a specification has at most {LARGEST:,}.")
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(f"There is no file {str(path)!r}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"{path} cannot be read: {error}.") from None
    except (yaml.YAMLError, RecursionError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" (line {where.line + 1})" if where else ""
        raise OptionError(f"{path} is neither YAML nor JSON{line}.") from None
    if not isinstance(content, Mapping):
        raise OptionError(f"{path} must say what is searched by name: strategy, dataset, grid.")
    return content


def _part(asked: Mapping[str, Any], name: str, path: Path | str) -> Mapping[str, Any]:
    part = asked.get(name) or {}
    if not isinstance(part, Mapping):
        raise OptionError(f"{path}: {name} must be values by name; it is {part!r:.80}.")
    return part


def _axis(name: Any, values: Any, path: Path | str) -> Any:
    if not isinstance(values, Mapping):
        return values
    known = ("low", "high", "step", "log")
    for word in values:
        if word not in known:
            raise OptionError(f"{path}: the range of {name!r} has {word!r}. {did_you_mean(str(word), known)}")
    if "low" not in values or "high" not in values:
        raise OptionError(f"{path}: the range of {name!r} needs low and high.")
    return between(values["low"], values["high"], values.get("step"), log=bool(values.get("log", False)))
