"""What a backtest may be told: costs, fills, size and risk, in one frozen value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PlainSerializer, model_validator

from research_kit.validation import CheckedModel


def _qualified_name(function: Callable[..., Any]) -> str:
    return f"{function.__module__}:{function.__qualname__}"


TRADING_COSTS = (
    *("commission", "commission_per_order", "commission_per_unit", "minimum_commission"),
    *("slippage", "spread"),
)  # the options that make a trade cost money
COSTS = (*TRADING_COSTS, "borrow_rate")  # and those that make holding cost it
Rate = Annotated[float, Field(ge=0, lt=1)]
CommissionFunction = Annotated[
    Callable[[float, float], float], PlainSerializer(_qualified_name, return_type=str, when_used="json")
]


class EngineOptions(CheckedModel):
    """Costs, fills, size and risk of a backtest: frozen, validated, JSON both ways.

    All rates are fractions (0.001 is 0.1 %), all money is in the account's currency. Costs are on by default: a
    result without costs must be asked for. The rules behind each option are in docs/semantics.md.

    ``commission`` may also be a function of price and units that returns money; it must be one that numba can
    compile, and it replaces the other commission options.

    Examples
    --------
    >>> EngineOptions(commission=0.002).commission
    0.002
    >>> EngineOptions(comission=0.002)
    Traceback (most recent call last):
    research_kit.errors.OptionError: The engine has no option 'comission'. Did you mean 'commission'?
    """

    _subject: ClassVar[str] = "The engine"

    initial_cash: float = Field(10_000.0, gt=0, description="Money at the start")
    commission: Rate | CommissionFunction = Field(0.001, description="Fraction of the value of each fill")
    commission_per_order: float = Field(0.0, ge=0, description="Money for each fill")
    commission_per_unit: float = Field(0.0, ge=0, description="Money for each unit traded")
    minimum_commission: float = Field(0.0, ge=0, description="Least commission of each fill, money")
    slippage: float = Field(0.0, ge=0, lt=1, description="Fraction against you on market and stop fills")
    spread: float = Field(
        0.0, ge=0, lt=1, description="Bid-ask spread as a fraction of price; half is paid on each market or stop fill"
    )
    borrow_rate: float = Field(0.0, ge=0, description="Yearly rate on the value of short units and on borrowed cash")
    fill: Literal["next_open", "same_close"] = Field(
        "next_open", description="When a signal is filled; same_close is optimistic"
    )
    delay: int = Field(0, ge=0, le=1_000, description="Further bars before a signal acts")
    sizing: Literal["fraction", "units", "cash", "risk", "volatility"] = Field(
        "fraction", description="What size means"
    )
    size: float = Field(
        1.0, gt=0, description="Fraction of equity, units, money, fraction at risk, or yearly volatility"
    )
    volatility_window: int = Field(
        20, ge=2, le=10_000, description="Bars in the volatility that sizing='volatility' uses"
    )
    whole_units: bool = Field(False, description="Round units towards zero to whole numbers")
    lot: float = Field(0.0, ge=0, description="Round units towards zero to multiples of this; 0 for none")
    leverage: float = Field(1.0, gt=0, le=1_000, description="Greatest position value as a multiple of equity")
    maintenance_margin: float = Field(
        0.0, ge=0, lt=1, description="Fraction of the position's value below which equity is liquidated"
    )
    allow_short: bool = Field(True, description="False turns a short entry into an exit")
    rebalance: bool = Field(False, description="Bring the position back to its target at every bar")
    stop_loss: float | None = Field(None, gt=0, lt=1, description="Fraction of the entry price")
    take_profit: float | None = Field(None, gt=0, description="Fraction of the entry price")
    trailing_stop: float | None = Field(None, gt=0, lt=1, description="Fraction of the best price of completed bars")
    time_stop: int | None = Field(None, ge=1, description="Bars after which a position is closed")
    intrabar: Literal["stop_first", "target_first", "nearest_open"] = Field(
        "stop_first", description="What comes first where a bar reaches both stop and target"
    )
    close_at_end: bool = Field(True, description="Close an open position at the last close")
    risk_free_rate: float = Field(0.0, gt=-1, description="Yearly rate, used by Sharpe and Sortino")
    daily_target: float | None = Field(None, description="Daily return that daily_target_hit_rate counts, fraction")
    seed: int = Field(0, ge=0, description="Seed of everything random")

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        if self.sizing == "fraction" and self.size > self.leverage:
            raise ValueError(
                f"size={self.size:g} of equity needs leverage of at least {self.size:g}; leverage is {self.leverage:g}"
            )
        if self.slippage + self.spread / 2 >= 1:
            raise ValueError("slippage and half the spread must be below 1 together: nothing sells below zero")
        if self.whole_units and self.lot % 1 != 0:
            raise ValueError(f"with whole_units the lot must be a whole number; lot is {self.lot:g}")
        if self.sizing == "risk" and self.size >= 1:
            raise ValueError(f"sizing='risk' takes a fraction of equity below 1 (0.01 is 1 %); size is {self.size:g}")
        return self
