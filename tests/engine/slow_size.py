"""The units of a position in the slow engine: the section *Size* of docs/semantics.md."""

from __future__ import annotations

import math
from collections.abc import Callable

from slow_account import AT_CLOSE, Account, Fill
from slow_levels import Levels

from research_kit.engine.options import EngineOptions


class Sizes:
    """How many units an exposure is, at a fill."""

    def __init__(self, account: Account, levels: Levels, options: EngineOptions, bars_per_year: float) -> None:
        self.account = account
        self.levels = levels
        self.options = options
        self.bars_per_year = bars_per_year

    def sized(self, fill: Fill, side: int, exposure: float, equity: float) -> tuple[float, str]:
        """Return the units of the whole position, and why there is none (empty when there is one)."""
        options, reason = self.options, ""
        price = self.account.entry_fill(side, fill.raw, fill.is_limit)
        amount = exposure * options.size
        if fill.raw <= 0 and options.sizing != "units":
            return 0.0, "price_not_positive"
        if options.sizing == "risk":
            units, reason = self.units_at_risk(fill, side, price, amount * equity)
        elif options.sizing == "volatility":
            units, reason = self.units_by_volatility(fill, price, amount, equity)
        elif options.sizing == "units":
            units = amount
        else:
            units = self.units_for_budget(price, amount * equity if options.sizing == "fraction" else amount)
        units = self.rounded(units)
        return units, reason or ("" if units > 0 else "too_small")

    def rounded(self, units: float) -> float:
        if self.options.whole_units and math.isfinite(units):
            units = float(math.floor(units + 1e-9))
        if self.options.lot > 0 and math.isfinite(units):
            units = math.floor(units / self.options.lot + 1e-9) * self.options.lot
        return units

    def units_for_budget(self, price: float, budget: float) -> float:
        """Return the units whose value and commission make the budget exactly."""
        options = self.options
        if callable(options.commission):
            return solve(lambda units: units * price + self.account.commission(price, units), budget, budget / price)
        by_minimum = (budget - options.minimum_commission) / price
        per_unit = price + options.commission_per_unit + options.commission * price
        return min(by_minimum, (budget - options.commission_per_order) / per_unit)

    def units_at_risk(self, fill: Fill, side: int, price: float, budget: float) -> tuple[float, str]:
        """Return the units that lose the budget when the stop is filled at its level."""
        options, account = self.options, self.account
        stop = self.levels.first_stop(fill, side, price)
        if stop is None:
            return 0.0, "no_stop"
        stop_price = account.exit_fill(side, stop)
        distance = abs(price - stop_price)
        loss_per_unit = distance
        if not callable(options.commission):
            loss_per_unit += options.commission * (price + stop_price) + 2 * options.commission_per_unit
        return (budget / loss_per_unit if loss_per_unit else math.inf), ""

    def units_by_volatility(self, fill: Fill, price: float, amount: float, equity: float) -> tuple[float, str]:
        leverage = self.options.leverage
        volatility = self.volatility(fill.bar if fill.moment == AT_CLOSE else fill.bar - 1)
        if volatility is None:
            return 0.0, "no_volatility"
        share = min(amount / volatility, leverage) if volatility > 0 else leverage
        return self.units_for_budget(price, share * equity), ""

    def volatility(self, last: int) -> float | None:
        """Return the yearly volatility of the returns up to a bar, None where they are too few or mean nothing."""
        window, close = self.options.volatility_window, self.account.market.close
        if last < window or min(close[last - window : last + 1]) <= 0:
            return None
        returns = [close[at] / close[at - 1] - 1 for at in range(last - window + 1, last + 1)]
        mean = math.fsum(returns) / window
        variance = math.fsum((value - mean) ** 2 for value in returns) / (window - 1)
        return math.sqrt(variance) * math.sqrt(self.bars_per_year)


def solve(cost: Callable[[float], float], budget: float, most: float) -> float:
    """Return the units at which a cost that grows with them makes the budget, by bisection; 0 where there are none."""
    if cost(0.0) >= budget:
        return 0.0
    low, high = 0.0, most
    for _ in range(200):
        middle = (low + high) / 2
        if cost(middle) <= budget:
            low = middle
        else:
            high = middle
    return low
