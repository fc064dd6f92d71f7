"""Which sets of a search are run: a comparison of parameters as text, parsed and never evaluated as code."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research_kit.errors import OptionError, did_you_mean
from research_kit.search.space import ParameterSets

Where = str | Callable[[Mapping[str, Any]], bool]

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_JOIN: dict[type[ast.boolop], Callable[[Any, Any], Any]] = {ast.And: np.logical_and, ast.Or: np.logical_or}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.Not: np.logical_not, ast.USub: operator.neg}
ALLOWED = "comparisons (<, <=, >, >=, ==, !=), + - * / // %, and, or, not, numbers, texts and names of parameters"


def chosen(sets: ParameterSets, where: Where | None) -> ParameterSets:
    """Return the sets for which a condition holds; all of them without one.

    Parameters
    ----------
    where
        A text such as ``"fast < slow and slow - fast >= 10"``, or a function of a set (a mapping) that returns True or
        False.

    Raises
    ------
    OptionError
        The text is no condition on these parameters, or no set fulfils it.
    """
    if where is None:
        return sets
    if not (callable(where) or isinstance(where, str)):
        raise OptionError(f"where is a text such as 'fast < slow', or a function of a set; given was {where!r:.200}.")
    if callable(where):
        holds = np.array([bool(where(one)) for one in sets], dtype=np.bool_)
    else:
        holds = _parsed(where, {name: sets.column(name) for name in sets.names}, len(sets))
    if not holds.any():
        raise OptionError(f"No set of {len(sets):,} fulfils where={where!r:.200}.")
    return sets.take(np.flatnonzero(holds))


def _parsed(text: str, columns: Mapping[str, NDArray[Any]], count: int) -> NDArray[np.bool_]:
    shown = f"{text!r:.200}"
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):  # the last two: brackets by the thousand
        raise OptionError(
            f"where={shown} is no condition; write one such as 'fast < slow'. It may have {ALLOWED}."
        ) from None
    try:
        with np.errstate(divide="raise", invalid="raise"):
            result = np.broadcast_to(np.asarray(_value(tree.body, columns, shown)), (count,))
    except OptionError:
        raise
    except RecursionError:
        raise OptionError(f"where={shown} is nested too deeply.") from None
    except (TypeError, ValueError, ArithmeticError) as error:
        raise OptionError(f"where={shown} cannot be asked of these values: {error}.") from None
    if result.dtype != np.bool_:
        raise OptionError(f"where={shown} must be true or false for each set, as 'fast < slow' is.")
    return result


def _value(node: ast.expr, columns: Mapping[str, NDArray[Any]], shown: str) -> Any:
    """Return what a part of the condition is for all sets at once."""
    match node:
        case ast.Constant(value=value) if isinstance(value, int | float | str | bool) or value is None:
            return value
        case ast.Name(id=name):
            if name not in columns:
                raise OptionError(f"where={shown} names {name!r}, which is not searched. {did_you_mean(name, columns)}")
            return columns[name]
        case ast.BoolOp(op=join, values=parts):
            first, *others = (_value(part, columns, shown) for part in parts)
            for other in others:
                first = _JOIN[type(join)](first, other)
            return first
        case ast.UnaryOp(op=sign, operand=part) if type(sign) in _UNARY:
            return _UNARY[type(sign)](_value(part, columns, shown))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _ARITHMETIC:
            return _ARITHMETIC[type(sign)](*(_number(_value(part, columns, shown)) for part in (left, right)))
        case ast.Compare(left=left, ops=signs, comparators=others) if all(type(sign) in _COMPARE for sign in signs):
            parts = [_value(part, columns, shown) for part in (left, *others)]
            steps = [_COMPARE[type(sign)](one, two) for sign, (one, two) in zip(signs, pairwise(parts), strict=True)]
            return np.logical_and.reduce(np.broadcast_arrays(*steps)) if len(steps) > 1 else steps[0]
    raise OptionError(f"where={shown} has {ast.unparse(node)!r:.200}, which is not allowed; it may have {ALLOWED}.")


def _number(value: Any) -> Any:
    """Return a number, or numbers, to compute with; a text times a billion would fill the memory."""
    if np.asarray(value).dtype.kind not in "biuf":
        raise TypeError("only numbers, of at most 64 bits, can be computed with")
    return value
