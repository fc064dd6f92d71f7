"""Names and values from users become frozen, checked models; what is wrong becomes one sentence."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from research_kit.errors import OptionError, did_you_mean


class CheckedModel(BaseModel):
    """A frozen model that answers bad input with one sentence of ours instead of pydantic's report.

    A subclass says what it is called in that sentence (``_subject``), what its fields are (``_noun``), and which
    error is raised (``_error``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    _subject: ClassVar[str] = "It"
    _noun: ClassVar[str] = "option"
    _error: ClassVar[type[OptionError]] = OptionError

    def __init__(self, **values: Any) -> None:
        known = self.__pydantic_fields__
        for given in values:
            if given not in known:
                near = did_you_mean(given, known)
                raise self._error(f"{self._subject} has no {self._noun} {given!r}. {near}")
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise self._error(f"{self._subject}: {complaints(error)}") from None


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
