"""What a report is made from, kept in one file between two processes: plain values and arrays, nothing that runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from research_kit.errors import ReportError

NAME = "stats.npz"
_TEXT = "text"
_STORED = "biufM"  # kinds of arrays that are kept as they are; others become lists


def write_stats(path: Path, stats: object) -> Path:
    """Write a dataclass, or a mapping, of plain values and arrays; returns the path.

    Text, numbers, None, times, lists, mappings with text as keys, and arrays of numbers or times come back the same;
    tuples and arrays of objects come back as lists, and anything else, such as a date, as its text.
    """
    arrays: dict[str, NDArray[Any]] = {}
    text = json.dumps(_packed(_fields(stats), arrays))
    np.savez(path, allow_pickle=False, **{_TEXT: np.frombuffer(text.encode(), np.uint8)}, **arrays)
    return path


def read_stats(path: Path | str) -> dict[str, Any]:
    """Return what ``write_stats`` wrote; nothing in the file is run.

    Raises
    ------
    ReportError
        There is no such file, or it is another kind of file.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            found: dict[str, Any] = _unpacked(json.loads(stored[_TEXT].tobytes()), stored)
    except OSError as error:
        raise ReportError(f"The figures of a report cannot be read from {str(path)!r}: {error}.") from error
    except (BadZipFile, KeyError, ValueError) as error:
        raise ReportError(f"{str(path)!r} holds no figures of a report.") from error
    return found


def _fields(stats: object) -> Mapping[str, Any]:
    return vars(stats) if is_dataclass(stats) else stats  # type: ignore[return-value]


def _packed(value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """Return the value as JSON has it; mappings and arrays are marked, so that no name in them is taken for a mark."""
    if isinstance(value, np.datetime64) or (isinstance(value, np.ndarray) and value.dtype.kind in _STORED):
        name = f"array_{len(arrays)}"
        arrays[name] = np.asarray(value)
        return {"array": name}
    if isinstance(value, np.generic | np.ndarray):
        return _packed(value.tolist(), arrays)
    if is_dataclass(value) or isinstance(value, Mapping):
        return {"map": [[name, _packed(item, arrays)] for name, item in _fields(value).items()]}
    if isinstance(value, list | tuple):
        return [_packed(item, arrays) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _unpacked(value: Any, stored: Mapping[str, NDArray[Any]]) -> Any:
    if isinstance(value, list):
        return [_unpacked(item, stored) for item in value]
    if isinstance(value, dict):
        if "array" in value:
            found = stored[value["array"]]
            return found if found.ndim else found[()]
        return {name: _unpacked(item, stored) for name, item in value["map"]}
    return value
