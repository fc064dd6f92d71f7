"""The base class of every strategy, and the declaration of its parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from numpy.typing import ArrayLike
from pydantic import Field

from research_kit.bars.frame import Bars
from research_kit.errors import OptionError, ParameterError, StrategyError
from research_kit.strategy.context import Context
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
    """A rule that turns bars into trades; its parameters are typed class attributes.

    It is written in one of two ways. ``signals(bars)`` says for all bars at once what is wanted at each close: the
    fast way, for what depends on the market alone. ``on_bar(ctx)`` is called at each close and makes orders: for what
    depends on the path, on fills and on waiting orders. Options, costs and rules are the same for both.

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
    >>> class BuyTheDip(rk.Strategy):
    ...     '''Buys 3 % below the close, and sells 2 % higher.'''
    ...     def on_bar(self, ctx):
    ...         ctx.cancel()
    ...         if not ctx.position:
    ...             price = 0.97 * ctx["close"]
    ...             ctx.buy(limit=price, take_profit=1.02 * price)
    """

    name: ClassVar[str] = ""
    _noun: ClassVar[str] = "parameter"
    _error: ClassVar[type[OptionError]] = ParameterError

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        if "name" not in cls.__dict__:
            cls.name = snake_case(cls.__name__)
        cls._subject = cls.name
        if cls.style() == "both":
            raise StrategyError(
                f"{cls.name} defines both signals() and on_bar(); keep the one that it is to be run by."
            )

    @classmethod
    def style(cls) -> str:
        """Return how the strategy is written: ``signals``, ``on_bar``, or ``none`` for a base that cannot be run."""
        by_signals, by_bars = cls.signals is not Strategy.signals, cls.on_bar is not Strategy.on_bar
        if by_signals and by_bars:
            return "both"
        return "signals" if by_signals else "on_bar" if by_bars else "none"

    def signals(self, bars: Bars) -> Signals:
        """Return what is wanted at each bar's close, using bars up to and including that one only."""
        raise StrategyError(f"{self.name} does not define signals().")

    def on_bar(self, ctx: Context) -> None:
        """Make the orders that are wanted at a bar's close, from what ``ctx`` shows."""
        raise StrategyError(f"{self.name} does not define on_bar().")

    def indicators(self, bars: Bars) -> Mapping[str, ArrayLike]:
        """Return arrays that ``on_bar`` reads as ``ctx["name"]``, one value for each bar; computed once, in advance.

        The value of a bar may use bars up to and including that one only.
        """
        return {}

    def wake(self, bars: Bars, indicators: Mapping[str, Any]) -> ArrayLike | None:
        """Return True for each bar whose close ``on_bar`` wants to see; None, the default, for all of them.

        After something happened to its orders or its position a strategy is called in any case. Sleeping makes a run
        many times faster.
        """
        return None

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
