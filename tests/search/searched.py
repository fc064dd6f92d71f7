"""Strategies for searches: good ones, and one for each way in which a set can go wrong."""

import numpy as np
from pydantic import model_validator

import research_kit as rk


class Trend(rk.Strategy):
    """Long while the close is above its average; options of the engine may be searched beside."""

    length: int = rk.Param(20, ge=2, le=300)
    share: float = rk.Param(1.0, ge=0, le=1)

    def signals(self, bars):
        return rk.Signals.target((bars.close > rk.indicators.sma(bars.close, self.length)) * self.share)


class TrendOnBar(rk.Strategy):
    """The same, written with on_bar."""

    length: int = rk.Param(20, ge=2, le=300)
    share: float = rk.Param(1.0, ge=0, le=1)

    def indicators(self, bars):
        return {"average": rk.indicators.sma(bars.close, self.length)}

    def on_bar(self, ctx):
        ctx.target((ctx["close"] > ctx["average"]) * self.share)


class UnspeakableError(Exception):
    """An error that cannot say what it is."""

    def __str__(self):
        raise RuntimeError("no words")


class Troubled(rk.Strategy):
    """Fails in the way that ``how`` says; trades like Trend otherwise."""

    how: str = "well"
    length: int = 20

    def signals(self, bars):
        if self.how == "raises":
            raise KeyError("volume2")
        if self.how == "raises a megabyte":
            raise ValueError("x" * 1_000_000)
        if self.how == "raises without words":
            raise UnspeakableError
        if self.how == "returns nothing":
            return None
        if self.how == "is too short":
            return rk.Signals.target(bars.close[1:] > 0)
        if self.how == "has NaN":
            flags = np.ones(len(bars))
            flags[3] = np.nan
            return rk.Signals(enter_long=flags)
        if self.how == "is beyond the leverage":
            return rk.Signals.target(np.full(len(bars), 1.5))
        return Trend(length=self.length).signals(bars)


class Writer(rk.Strategy):
    """Writes into an indicator, as it may: alone, the array is its own."""

    length: int = 20
    writes: bool = True

    def signals(self, bars):
        average = rk.indicators.sma(bars.close, self.length)
        if self.writes:
            average *= 0.99
        return rk.Signals.target(bars.close > average)


class WriterOnBar(rk.Strategy):
    """The same, written with on_bar."""

    length: int = 20
    writes: bool = True

    def indicators(self, bars):
        average = rk.indicators.sma(bars.close, self.length)
        if self.writes:
            average *= 0.99
        return {"average": average}

    def on_bar(self, ctx):
        ctx.target(float(ctx["close"] > ctx["average"]))


class Quotient(rk.Strategy):
    """Its check raises what no check should raise."""

    length: int = 20
    parts: int = 1

    @model_validator(mode="after")
    def _check(self):
        assert self.length / self.parts > 1
        return self

    def signals(self, bars):
        return Trend(length=self.length // self.parts).signals(bars)


class Protected(rk.Strategy):
    """Gives price levels only where it is told to."""

    levels: bool = False

    def signals(self, bars):
        prices = {"stop_loss": 0.97 * bars.close} if self.levels else {}
        return rk.Signals.target(np.ones(len(bars)), prices=prices)
