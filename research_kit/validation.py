"""Names and values from users become checked models; what is wrong becomes one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from research_kit.errors import ResearchKitError, did_you_mean

M = TypeVar("M", bound=BaseModel)


def checked_model(model: type[M], values: Mapping[str, Any], *, what: str, error: type[ResearchKitError]) -> M:
    """Return a model made of these values, defaults for the rest.

    Raises
    ------
    ResearchKitError
        Of the kind ``error``, saying which ``what`` ("engine option") is unknown, or what is wrong with its value.
    """
    for given in values:
        if given not in model.model_fields:
            raise error(f"There is no {what} {given!r}. {did_you_mean(given, model.model_fields)}")
    try:
        return model(**values)
    except ValidationError as problem:
        raise error(f"{what[0].upper()}{what[1:]}: {complaints(problem)}") from None


def complaints(error: ValidationError) -> str:
    """Return what pydantic found as one sentence: each name, what was given, what is allowed."""
    return "; ".join(_complaint(problem) for problem in error.errors(include_url=False)) + "."


def _complaint(problem: Any) -> str:
    where, message = ".".join(map(str, problem["loc"])), problem["msg"].removeprefix("Value error, ")
    if not where:
        return str(message)
    if problem["type"] == "missing":
        return f"{where} has no default and must be given"
    return f"{where}={problem['input']!r}: {message}"
