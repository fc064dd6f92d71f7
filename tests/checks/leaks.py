"""Strategies that know the future, each in its own way, and honest ones that look as if they might."""

import numpy as np
import pandas as pd

import research_kit as rk


def series(bars):
    return pd.Series(bars.close)


class NextClose(rk.Strategy):
    """Long before the close rises: shift(-1)."""

    def signals(self, bars):
        return rk.Signals.target((series(bars).shift(-1) > series(bars)).to_numpy())


class CentredMean(rk.Strategy):
    """Long while the close is above a mean that reaches five bars ahead."""

    def signals(self, bars):
        mean = series(bars).rolling(11, center=True).mean()
        return rk.Signals.target((series(bars) > mean).to_numpy())


class FilledBackwards(rk.Strategy):
    """Long above an average whose first values were filled from later ones: bfill."""

    def signals(self, bars):
        mean = series(bars).rolling(20).mean().bfill()
        return rk.Signals(enter_long=(series(bars) > mean).to_numpy(), exit_long=(series(bars) < mean).to_numpy())


class FullZScore(rk.Strategy):
    """Exposure against the distance from the mean of the whole sample."""

    def signals(self, bars):
        return rk.Signals.target(np.clip(-(bars.close - bars.close.mean()) / bars.close.std(), -1, 1))


class FullQuantile(rk.Strategy):
    """Long in the cheapest fifth of the whole sample."""

    def signals(self, bars):
        return rk.Signals(
            enter_long=bars.close < np.quantile(bars.close, 0.2), exit_long=bars.close > np.quantile(bars.close, 0.5)
        )


class DayClose(rk.Strategy):
    """On minute bars, long while the price is below the close of the same day."""

    def signals(self, bars):
        day = bars.time.astype("datetime64[D]")
        return rk.Signals.target((bars.close < series(bars).groupby(day).transform("last")).to_numpy())


class RareJump(rk.Strategy):
    """After a jump of 10 % it buys, if the next bar rises; else it does what an average says."""

    def signals(self, bars):
        close = series(bars)
        jump, rises = close.pct_change().abs() > 0.1, close.shift(-1) > close
        return rk.Signals(enter_long=(jump & rises).to_numpy(), exit_long=(close < close.rolling(5).mean()).to_numpy())


class NoLosers(rk.Strategy):
    """An honest breakout, from which the trades that lose over the next three bars were taken out."""

    def signals(self, bars):
        close = series(bars)
        loses = close.shift(-3) < close
        entry = (close > close.rolling(10).max().shift(1)) & ~loses
        return rk.Signals(enter_long=entry.to_numpy(), exit_long=(close < close.rolling(10).mean()).to_numpy())


class FutureStop(rk.Strategy):
    """Honest entries, with a stop below the lowest low of the next five bars."""

    def signals(self, bars):
        up = bars.close > rk.indicators.sma(bars.close, 10)
        stop = pd.Series(bars.low).rolling(5).min().shift(-5) * 0.999
        return rk.Signals(enter_long=up, exit_long=~up, prices={"stop_loss": stop.to_numpy()})


class LaterIndicator(rk.Strategy):
    """Reads an indicator that is one bar ahead."""

    def indicators(self, bars):
        return {"ahead": np.append(bars.close[1:], np.nan)}

    def on_bar(self, ctx):
        ctx.target(1 if ctx["ahead"] > ctx["close"] else 0)


class LaterWake(rk.Strategy):
    """Sleeps through the bars before a fall."""

    def wake(self, bars, indicators):
        return np.append(bars.close[1:] > bars.close[:-1], True)

    def on_bar(self, ctx):
        if ctx.i % 3 == 0:
            ctx.target(ctx.i / 1e6)


class KeptBars(rk.Strategy):
    """Keeps the bars that it was shown, and looks at the next one."""

    def indicators(self, bars):
        object.__setattr__(self, "_bars", bars)
        return {}

    def on_bar(self, ctx):
        later = self._bars.close[ctx.i : ctx.i + 2]
        ctx.target(1 if later[-1] > later[0] else 0)


class Remembers(rk.Strategy):
    """Answers what it answered first."""

    def signals(self, bars):
        if not hasattr(type(self), "_kept"):
            type(self)._kept = NextClose().signals(bars).exposure
        return rk.Signals.target(type(self)._kept[: len(bars)])


class KnowsTheEnd(rk.Strategy):
    """Trades in the first four fifths of the bars: it knows how many will come."""

    def signals(self, bars):
        return rk.Signals.target(np.arange(len(bars)) < 0.8 * len(bars))


LEAKS = [
    *(NextClose, CentredMean, FilledBackwards, FullZScore, FullQuantile, DayClose, RareJump, NoLosers, FutureStop),
    *(LaterIndicator, LaterWake, KeptBars, Remembers, KnowsTheEnd),
]


class Sma(rk.Strategy):
    """Long above a simple average."""

    def signals(self, bars):
        return rk.Signals.target((series(bars) > series(bars).rolling(20).mean()).to_numpy())


class Ewm(rk.Strategy):
    """Exposure by the distance from an exponential average."""

    def signals(self, bars):
        mean = series(bars).ewm(span=20).mean()
        return rk.Signals.target(np.clip((series(bars) / mean - 1).to_numpy() * 50, -1, 1))


class Expanding(rk.Strategy):
    """Long below the mean of everything so far."""

    def signals(self, bars):
        return rk.Signals.target((series(bars) < series(bars).expanding().mean()).to_numpy())


class YesterdaysClose(rk.Strategy):
    """On minute bars, long above the close of the day before."""

    def signals(self, bars):
        day = pd.Series(bars.time.astype("datetime64[D]"))
        before = series(bars).groupby(day).last().shift(1)
        return rk.Signals.target(bars.close > day.map(before).to_numpy())


class Mondays(rk.Strategy):
    """Long on Mondays."""

    def signals(self, bars):
        return rk.Signals.target((bars.time.astype("datetime64[D]").view(np.int64) + 3) % 7 == 0)


class NeedsThirty(rk.Strategy):
    """Raises on fewer than thirty bars."""

    def signals(self, bars):
        if len(bars) < 30:
            raise ValueError("thirty bars are needed")
        return rk.Signals.target((series(bars) > series(bars).rolling(30).mean()).to_numpy())


class Seeded(rk.Strategy):
    """Flips a coin, the same one each time."""

    seed: int = 3

    def signals(self, bars):
        return rk.Signals.target(np.random.default_rng(self.seed).random(len(bars)) < 0.5)


class WithWarmUp(rk.Strategy):
    """Keeps quiet for its first bars."""

    warmup: int = 50

    def signals(self, bars):
        up = (series(bars) > series(bars).rolling(10).mean()).to_numpy().copy()
        up[: self.warmup] = False
        return rk.Signals.target(up)


class Brackets(rk.Strategy):
    """Buys dips with orders that wait, and remembers what it did."""

    length: int = 20

    def indicators(self, bars):
        return {"average": rk.indicators.sma(bars.close, self.length)}

    def on_bar(self, ctx):
        if not ctx.position and ctx["close"] < ctx["average"]:
            ctx.cancel()
            price = 0.995 * ctx["close"]
            till = ctx.time + np.timedelta64(5, "D")
            ctx.buy(limit=price, stop_loss=0.97 * price, take_profit=1.02 * price, good_till=till)
        elif ctx.position and ctx.i - ctx.position.entry_bar > 7 and not ctx.orders:
            ctx.close(label="late")


class Sleeper(rk.Strategy):
    """Is called where the close crosses its average, and after each fill."""

    def indicators(self, bars):
        return {"average": rk.indicators.sma(bars.close, 15)}

    def wake(self, bars, indicators):
        above = bars.close > indicators["average"]
        return np.append(False, above[1:] != above[:-1])

    def on_bar(self, ctx):
        if ctx["close"] > ctx["average"]:
            ctx.buy(0.5)
        elif ctx.position:
            ctx.close()


class LooksBack(rk.Strategy):
    """An indicator that is centred, read so late that it is known."""

    def indicators(self, bars):
        return {"centred": series(bars).rolling(5, center=True).mean().to_numpy()}

    def on_bar(self, ctx):
        if ctx.i >= 6:
            ctx.target(1 if ctx["close"] > ctx.indicators.centred[-3] else 0)


CLEAN = [
    *(Sma, Ewm, Expanding, YesterdaysClose, Mondays, NeedsThirty, Seeded, WithWarmUp, Brackets, Sleeper, LooksBack),
    *(rk.strategies.BuyAndHold, rk.strategies.SmaCross, rk.strategies.BollingerReversion),
    *(rk.strategies.DonchianBreakout, rk.strategies.Momentum, rk.strategies.RsiReversion),
]
