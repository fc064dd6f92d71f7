"""The base class of every strategy, and the declaration of its parameters."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import Field

from research_kit.bars.frame import Bars
from research_kit.errors import OptionError, ParameterError
from research_kit.strategy.signals import Signals
from research_kit.validation import CheckedModel


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


class Strategy(CheckedModel):
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

    name: ClassVar[str] = ""
    _noun: ClassVar[str] = "parameter"
    _error: ClassVar[type[OptionError]] = ParameterError

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        if "name" not in cls.__dict__:
            cls.name = snake_case(cls.__name__)
        cls._subject = cls.name

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
        return cls(**parameters)

    @classmethod
    def description(cls) -> str:
        """Return the first line of the docstring."""
        return (cls.__doc__ or "").strip().split("\n")[0]

    def parameters(self) -> dict[str, Any]:
        """Return the parameters as JSON values."""
        return self.model_dump(mode="json")


def snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
