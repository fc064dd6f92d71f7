"""The parameters that a notebook takes, read from its cell tagged ``parameters``: parsed, never run.

::

    fast: int = 10           # 2 to 200; bars of the fast average
    mode: Literal["a", "b"] = "a"
    stop: float | None = None
    dataset: str             # needed: it has no default

The type is the annotation's, or else the default's; a comment that begins with ``LOW to HIGH`` gives bounds.
"""

from __future__ import annotations

import ast
import io
import keyword
import math
import re
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from reprlib import repr as short  # of a value that somebody makes as large as he likes
from typing import Any

from research_kit.errors import ReportError, did_you_mean

TAG = "parameters"
DEEPEST = 50  # lists in lists
MISSING: Any = object()

_SIGNED = r"[-+]?\d[\d_]*(?:\.\d*)?(?:[eE][-+]?\d+)?"
_BOUNDS = re.compile(rf"\s*({_SIGNED})\s+to\s+({_SIGNED})(?![\w.])[\s;,.:]*(.*)", re.DOTALL)
_KINDS = {"int": int, "float": float, "str": str, "bool": bool, "list": list, "dict": dict, "None": type(None)}
_ALIASES = {"List": "list", "tuple": "list", "Tuple": "list", "Sequence": "list", "Dict": "dict", "Mapping": "dict"}
_WORDS = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "True or False",
    list: "a list",
    dict: "a dict",
    type(None): "None",
}


class NotebookParameterError(ReportError, ValueError):
    """A notebook does not take a parameter, or not this value."""


@dataclass(frozen=True)
class Parameter:
    """One parameter: what it takes and what it is when nothing is given.

    ``kinds`` are the types that it takes and ``choices`` the values, both empty for anything; ``default`` is a plain
    value, or ``MISSING`` where it is worked out when the notebook runs.
    """

    name: str
    kinds: tuple[type, ...] = ()
    choices: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    default: Any = MISSING
    needed: bool = False
    description: str = ""

    def problem(self, value: Any) -> str:
        """Return what is wrong with a value, "" for nothing."""
        if self.kinds and not any(_is(value, kind) for kind in self.kinds):
            if not any(value is choice or (type(value) is type(choice) and value == choice) for choice in self.choices):
                return f"is {self.wanted}; {short(value)} is not."
            return ""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and self.low is not None and self.high is not None and not self.low <= value <= self.high:
            return f"is {self.low:g} to {self.high:g}; {short(value)} is not."
        return ""

    @property
    def wanted(self) -> str:
        """What it takes, in words."""
        words = [repr(choice) for choice in self.choices]
        words += [_WORDS[kind] for kind in self.kinds if kind is not _NoKind]
        return " or ".join(words) or "any value"


@dataclass(frozen=True)
class NotebookSchema:
    """The parameters of a notebook, by name."""

    notebook: str
    parameters: Mapping[str, Parameter]

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return parameters as plain JSON values, in the notebook's order.

        Raises
        ------
        NotebookParameterError
            A name is unknown or missing, or a value has the wrong type, is out of range, or has no JSON form.
        """
        for name in given:
            self._check_name(name)
        values = {}
        for name, parameter in self.parameters.items():
            if name not in given:
                if parameter.needed:
                    raise NotebookParameterError(f"{self.notebook} needs {name}, {parameter.wanted}; it was not given.")
                continue
            try:
                values[name] = plain_value(given[name])
            except ValueError as error:
                raise NotebookParameterError(f"{self.notebook}: {name} {error}") from None
            problem = parameter.problem(values[name])
            if problem:
                raise NotebookParameterError(f"{self.notebook}: {name} {problem}")
        return values

    def with_defaults(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values with the defaults that are known without running the notebook."""
        known = {name: one.default for name, one in self.parameters.items() if one.default is not MISSING}
        return known | dict(values)

    def _check_name(self, name: Any) -> None:
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            raise NotebookParameterError(f"{short(name)} cannot be the name of a parameter: it is no name of Python.")
        if not self.parameters:
            raise NotebookParameterError(
                f"{self.notebook} has no cell tagged {TAG!r}, so it takes no parameter {name!r}. "
                "Tag the cell that sets it."
            )
        if name not in self.parameters:
            near = did_you_mean(name, self.parameters)
            raise NotebookParameterError(f"{self.notebook} has no parameter {short(name)}. {near}")


class _NoKind:
    """Stands for a type that no value has: of a parameter that takes choices only."""


def read_schema(notebook: Any, name: str) -> NotebookSchema:
    """Return the parameters of a notebook (a node of nbformat); ``name`` is what it is called in errors.

    Raises
    ------
    ReportError
        The cell is no plain Python.
    """
    source = next((cell.source for cell in notebook.cells if _is_tagged(cell)), "")
    try:
        tree = ast.parse(source)
        comments = _comments(source)
    except (SyntaxError, ValueError, RecursionError, tokenize.TokenError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise ReportError(f"The cell tagged {TAG!r} of {name} is no plain Python{line}.") from None
    found = {}
    for statement in tree.body:
        for target, annotation, value in _assignments(statement):
            comment = comments.get(statement.end_lineno or statement.lineno, "")
            found[target] = _parameter(target, annotation, value, comment, name)
    return NotebookSchema(name, found)


def plain_value(value: Any, depth: int = 0) -> Any:
    """Return a value as JSON has it, the same in every part: NumPy's numbers as Python's, tuples and ranges as lists.

    Raises
    ------
    ValueError
        It is NaN or infinite, or has no JSON form.

    Examples
    --------
    >>> plain_value({"a": (1, 2.5)})
    {'a': [1, 2.5]}
    """
    if depth > DEEPEST:
        raise ValueError(f"holds lists in lists, more than {DEEPEST} deep.")
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) == ():
        value = item()
    if value is None or type(value) in (bool, int):
        return value
    if type(value) is float:
        if not math.isfinite(value):
            raise ValueError(f"is {value}, which JSON has not; leave it out or give None.")
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple | range):
        return [plain_value(one, depth + 1) for one in value]
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise ValueError(f"is a dict with other keys than texts: {short(value)}.")
        return {_text(key): plain_value(one, depth + 1) for key, one in value.items()}
    raise ValueError(
        f"is {short(value)}; a parameter is a number, text, True, False, None, or a list or dict of these."
    )


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"holds half of a character: {short(text)}.") from None
    if "\0" in text:
        raise ValueError("holds the character NUL, which no database keeps.")
    return str(text)


def _is(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _is_tagged(cell: Any) -> bool:
    return cell.cell_type == "code" and TAG in cell.metadata.get("tags", ())


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string.lstrip("#").strip() for token in tokens if token.type == tokenize.COMMENT}


def _assignments(statement: ast.stmt) -> list[tuple[str, ast.expr | None, ast.expr | None]]:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return [(statement.target.id, statement.annotation, statement.value)]
    if isinstance(statement, ast.Assign):
        return [(target.id, None, statement.value) for target in statement.targets if isinstance(target, ast.Name)]
    return []


def _parameter(
    name: str, annotation: ast.expr | None, value: ast.expr | None, comment: str, notebook: str
) -> Parameter:
    default = MISSING if value is None else _literal(value)
    kinds: tuple[type, ...] = ()
    choices: tuple[Any, ...] = ()
    if annotation is not None:
        kinds, choices = _kinds_of(annotation)
    elif default is not MISSING and default is not None:
        kinds = (type(default),)
    low, high, description = _bounds(comment, kinds, name, notebook)
    return Parameter(name, kinds, choices, low, high, default, needed=value is None, description=description)


def _literal(node: ast.expr) -> Any:
    try:
        return plain_value(ast.literal_eval(node))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return MISSING


def _kinds_of(node: ast.expr) -> tuple[tuple[type, ...], tuple[Any, ...]]:
    """Return the types and the values that an annotation allows; no types at all where it is not understood."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union([node.left, node.right])
    if isinstance(node, ast.Subscript):
        return _subscript(_name_of(node.value), node.slice)
    if isinstance(node, ast.Constant):
        if node.value is None:
            return (type(None),), ()
        if isinstance(node.value, str):
            try:
                return _kinds_of(ast.parse(node.value, mode="eval").body)
            except SyntaxError:
                return (), ()
    kind = _KINDS.get(_ALIASES.get(_name_of(node), _name_of(node)))
    return ((kind,) if kind else ()), ()


def _subscript(name: str, inside: ast.expr) -> tuple[tuple[type, ...], tuple[Any, ...]]:
    parts = list(inside.elts) if isinstance(inside, ast.Tuple) else [inside]
    if name == "Literal":
        choices = tuple(_literal(part) for part in parts)
        return ((), ()) if MISSING in choices else ((_NoKind,), choices)
    if name == "Optional":
        return _union([*parts, ast.Constant(None)])
    if name == "Union":
        return _union(parts)
    kind = _KINDS.get(_ALIASES.get(name, name))
    return ((kind,) if kind else ()), ()


def _union(parts: list[ast.expr]) -> tuple[tuple[type, ...], tuple[Any, ...]]:
    found = [_kinds_of(part) for part in parts]
    if not all(kinds for kinds, _ in found):
        return (), ()  # one of them is not understood: it may be anything
    kinds = tuple(dict.fromkeys(kind for kinds, _ in found for kind in kinds))
    return kinds, tuple(choice for _, choices in found for choice in choices)


def _name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _bounds(comment: str, kinds: tuple[type, ...], name: str, notebook: str) -> tuple[float | None, float | None, str]:
    found = _BOUNDS.fullmatch(comment)
    if found is None or (kinds and not {int, float} & set(kinds)):
        return None, None, comment
    low, high = float(found[1]), float(found[2])
    if low > high:
        raise ReportError(
            f"{notebook}: {name} is to be {found[1]} to {found[2]}, which nothing is. Correct its comment."
        )
    return low, high, found[3].strip()
