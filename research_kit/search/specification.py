"""Searches that are written down: a file that says what is searched, for a terminal, a batch, a colleague."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from reprlib import repr as short  # of a value that a file makes as large as it likes
from typing import Any

import yaml

from research_kit.engine.options import EngineOptions
from research_kit.errors import NotFoundError, OptionError, did_you_mean
from research_kit.search.space import between
from research_kit.search.walk_forward import SPANS

NEEDED = ("strategy", "dataset", "grid")
OF_A_SWEEP = (*NEEDED, "where", "method", "sets", "seed", "objective", "workers", "options")
OF_A_WALK_FORWARD = (*OF_A_SWEEP, *SPANS, "select")
TEXTS = ("strategy", "where", "method", "objective", "select")
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
    named = read_mapping(Path(path), "what is searched by name: strategy, dataset, grid")
    content = {name: value for name, value in named.items() if value is not None}  # a blank says nothing
    for name in content:
        if name not in allowed:
            raise OptionError(f"{path} has {name!r}, which a search does not know. {did_you_mean(str(name), allowed)}")
    needed = [*NEEDED, *(name for name in ("train", "test") if name in allowed)]
    for name in needed:
        if name not in content:
            raise OptionError(f"{path} does not say {name}; it needs {', '.join(needed)}.")
    _check_texts(content, path)
    asked = dict(content)
    asked["grid"] = {str(name): _axis(name, values, path) for name, values in _part(asked, "grid", path).items()}
    options = _part(asked, "options", path)
    for name in options:
        if name not in EngineOptions.model_fields:
            near = did_you_mean(str(name), EngineOptions.model_fields)
            raise OptionError(f"{path}: the engine has no option {name!r}. {near}")
    asked.pop("options", None)
    if "seed" in options:  # that of the engine: a keyword seed= is that of the search
        asked["options"] = EngineOptions(seed=options["seed"])
    return asked | {name: value for name, value in options.items() if name != "seed"}


class _TwiceError(yaml.MarkedYAMLError):
    """A name stands twice."""


class _Loader(yaml.SafeLoader):
    """YAML as it is meant: 1e-4 is a number as in JSON, and of a name that stands twice none is silently dropped."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise _TwiceError(problem=repr(key.value), problem_mark=key.start_mark)
            seen.add(str(key.value))
        return node


_EXPONENT = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$")
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+.0123456789"))


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size <= LARGEST:
            return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"There is no file {str(path)!r}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"{path} cannot be read: {error}.") from None
    raise OptionError(f"{path} has {size:,} bytes; a specification has at most {LARGEST:,}.")


def read_mapping(path: Path, says: str) -> Mapping[str, Any]:
    """Return the values by name of a YAML or JSON file; ``says`` is what it must say, for the error."""
    text = _text(path)
    try:
        content = yaml.load(text, _Loader)
    except _TwiceError as error:
        raise OptionError(f"{path} has {error.problem} twice{_line(error)}.") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:  # the last: a day such as 2024-02-31
        raise OptionError(f"{path} is neither YAML nor JSON{_line(error)}.") from None
    if not isinstance(content, Mapping):
        raise OptionError(f"{path} must say {says}.")
    return content


def _line(error: Exception) -> str:
    where = getattr(error, "problem_mark", None)
    return f" (line {where.line + 1})" if where else ""


def _check_texts(content: Mapping[str, Any], path: Path | str) -> None:
    for name in TEXTS:
        if not isinstance(content.get(name, ""), str):
            raise OptionError(f"{path}: {name} must be text; it is {short(content[name]):.80}.")
    dataset = content["dataset"]
    if isinstance(dataset, bool) or not isinstance(dataset, str | int):
        raise OptionError(f"{path}: dataset must be a name or an id; it is {short(dataset):.80}.")


def _part(asked: Mapping[str, Any], name: str, path: Path | str) -> Mapping[str, Any]:
    part = asked.get(name, {})
    if not isinstance(part, Mapping):
        raise OptionError(f"{path}: {name} must be values by name; it is {short(part):.80}.")
    return part


def _axis(name: Any, values: Any, path: Path | str) -> Any:
    if isinstance(values, list):
        return [tuple(value) if isinstance(value, list) else value for value in values]
    if not isinstance(values, Mapping):
        return values
    known = ("low", "high", "step", "log")
    for word in values:
        if word not in known:
            raise OptionError(f"{path}: the range of {name!r} has {word!r}. {did_you_mean(str(word), known)}")
    if "low" not in values or "high" not in values:
        raise OptionError(f"{path}: the range of {name!r} needs low and high.")
    if not isinstance(log := values.get("log", False), bool):
        raise OptionError(f"{path}: the range of {name!r} has log: {short(log):.80}; it is true or false.")
    return between(values["low"], values["high"], values.get("step"), log=log)
