"""Notebooks of the browser tests: two markets, and strategies that take for ever, wait or fail."""

SOURCE = """
import os, time
import numpy as np, pandas as pd, research_kit as rk

os.environ["RESEARCH_KIT_BACKGROUND_CHECKS"] = "0"

class Endless(rk.Strategy):
    '''Never ends by itself.'''
    def signals(self, bars):
        while True:
            pass

class Raises(rk.Strategy):
    '''Fails for a reason.'''
    def signals(self, bars):
        try:
            return {}["<b>missing</b>"]
        except KeyError as error:
            raise ValueError("no such <i>column</i>") from error

class Waits(rk.Strategy):
    '''Goes on when a file is there.'''
    def signals(self, bars):
        while not os.path.exists(os.environ["RESEARCH_KIT_WORKSPACE"] + ".go"):
            time.sleep(0.05)
        return rk.Signals.target(bars.close > bars.close[0])

ws = rk.open_workspace(os.environ["RESEARCH_KIT_WORKSPACE"] + "-{name}")
days = pd.date_range("2018-01-01", periods=1500, freq="D")
for number in (1, 2):
    close = 100 * np.exp(np.cumsum(np.random.default_rng(number).normal(0.0003, 0.01, 1500)))
    frame = pd.DataFrame(dict(open=close, high=close * 1.01, low=close * 0.99, close=close), index=days)
    ws.import_dataset(frame, name=f"Market {number}", symbol=f"M{number}", timezone="UTC")
"""
DASHBOARD = "rk.widgets.Dashboard(ws, strategies=[Endless, Raises, Waits])"


def cells(name, *further):
    """Return the cells of a notebook with a workspace of this name."""
    return (SOURCE.replace("-{name}", f"-{name}"), *further)
