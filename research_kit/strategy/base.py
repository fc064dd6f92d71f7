"""The base class of every strategy, and the declaration of its parameters."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from research_kit.bars.frame import Bars
from research_kit.errors import ParameterError, did_you_mean
from research_kit.strategy.signals import Signals


def Param(  # noqa: N802 - reads like the type that it declares
    default: Any = ...,
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    description: str | None = None,
) -> Any:
    """Return the declaration of a strategy parameter: its default, its bounds and what it means.

    ``ge``, ``gt``, ``le``, ``lt`` are the bounds (>=, >, <=, <). Notebook forms, checks, JSON schema and the
    database all read this one declaration.
    """
    return Field(default, ge=ge, gt=gt, le=le, lt=lt, description=description)


class Strategy(BaseModel):
    """A rule that turns bars into signals; its parameters are typed class attributes.

    A strategy is a frozen pydantic model: parameters are validated when it is made, and it never changes. The first
    line of its docstring is what pickers show.

    Examples
    --------
    >>> import research_kit as rk
    >>> class AboveAverage(rk.Strategy):
    ...     '''Long while the close is above its average.'''
    ...     length: int = rk.Param(20, ge=2, le=500)
    ...     def signals(self, bars):
    ...         return rk.Signals.target(bars.close > rk.indicators.sma(bars.close, self.length))
    >>> AboveAverage(length=50).length
    50
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    name: ClassVar[str] = ""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        if "name" not in cls.__dict__:
            cls.name = snake_case(cls.__name__)

    @abstractmethod
    def signals(self, bars: Bars) -> Signals:
        """Return what is wanted at each bar's close, using bars up to and including that one only."""

    @classmethod
    def with_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        """Return the strategy with these parameters, defaults for the rest.

        Raises
        ------
        ParameterError
            A name is unknown, or a value has the wrong type or is out of range.
        """
        for given in parameters:
            if given not in cls.model_fields:
                raise ParameterError(f"{cls.name} has no parameter {given!r}. {did_you_mean(given, cls.model_fields)}")
        try:
            return cls(**parameters)
        except ValidationError as error:
            raise ParameterError(f"{cls.name}: {_sentence(error)}") from None

    @classmethod
    def description(cls) -> str:
        """Return the first line of the docstring."""
        return (cls.__doc__ or "").strip().split("\n")[0]

    def parameters(self) -> dict[str, Any]:
        """Return the parameters as JSON values."""
        return self.model_dump(mode="json")


def snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _sentence(error: ValidationError) -> str:
    """Return pydantic's complaints as one sentence: each parameter, what was given, what is allowed."""
    return "; ".join(map(_complaint, error.errors(include_url=False))) + "."


def _complaint(problem: Mapping[str, Any]) -> str:
    where, message = ".".join(map(str, problem["loc"])), problem["msg"].removeprefix("Value error, ")
    if not where:
        return str(message)
    if problem["type"] == "missing":
        return f"{where} has no default and must be given"
    return f"{where}={problem['input']!r}: {message}"
