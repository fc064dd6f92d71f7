"""Orders in this engine and in backtesting.py, an independent engine: the same trades and equity on random scripts.

Equal are market, limit, stop and stop-limit orders of whole units, sizes of a flat account's equity, stops and targets
of each lot and their changes, partial closes, netting first in, first out, positions that turn round, both fills, and
commission by value. Left out is what the two define differently:

- Several orders reached inside one bar: here the one nearest to the open goes first, there the oldest. Scripts make
  those on one side of the price, nearest first, or one at a time.
- A lot that opens inside a bar: here its stop may close it there, and its target where that is certain; there only the
  target of a stop order. Stops lie beyond that bar's reach, and after gaps limit orders have no levels.
- A gap over the target on a bar that also reaches the stop: the target here, the stop there. With gaps the two lie
  further apart than any bar is long.
- Stop orders at a gap with fills at the close: there from the close before, even outside the bar. Scripts have none.
- Stop-limit orders: there a gap over the stop fills at the stop, a limit equal to the stop waits for the next bar, and
  the lot's target is not asked on its first bar. Scripts have them without gaps and levels, at two different prices.
- Market closes: there of a lot, before all else. Scripts cancel what waits and close first.
- Commission with fills at the close (there charged one bar later: here none), spread (there at the entry alone), fixed
  commission (there for each trade), margin and rejections for cash (there from the close of the bar that fills: enough
  cash here), expiry and groups (there are none there), the first bar (``on_bar`` is not called on it there).
"""

import warnings
from collections import Counter
from contextlib import redirect_stderr, suppress
from io import StringIO
from types import SimpleNamespace

import pandas as pd
import pytest
from order_scripts import Player
from peer_cases import CASH, KINDS, peer_case

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    peer = pytest.importorskip("backtesting", reason="backtesting.py is not installed")

SCRIPTS = 120  # of each kind
NO_HANDLE = SimpleNamespace(number=-1)  # scripts hold no order of the other engine


class PeerContext:
    """What a script asks of ``ctx``, in the other engine's words."""

    def __init__(self, strategy):
        self.strategy = strategy
        self.i = len(strategy.data) - 1
        self.position = strategy.position

    @property
    def orders(self):
        return [order for order in self.strategy.orders if not order.is_contingent]

    def cancel(self):
        for order in self.orders:
            order.cancel()

    def buy(self, **how):
        return self._order(self.strategy.buy, **how)

    def sell(self, **how):
        return self._order(self.strategy.sell, **how)

    def _order(self, verb, *, units=None, size=None, limit=None, stop=None, stop_loss=None, take_profit=None):
        verb(size=units or size, limit=limit, stop=stop, sl=stop_loss, tp=take_profit)
        return NO_HANDLE

    def close(self, *, part=1.0, units=None):
        """Close all of it, or units of the oldest lots; there a part is one of each lot."""
        assert part == 1.0
        left = abs(self.position.size) if units is None else units
        for trade in self.strategy.trades:
            taken = min(left, abs(trade.size))
            left -= taken
            if taken:
                trade.close(taken / abs(trade.size))
        return NO_HANDLE

    def protect(self, *, stop_loss, take_profit):
        for trade in self.strategy.trades:
            trade.sl, trade.tp = stop_loss, take_profit
        return NO_HANDLE


class Blind(Player):
    """A player that does not write down what it sees."""

    def look(self, ctx):
        pass


class SeenAll(Exception):  # noqa: N818 - no error
    """The last bar is over: what would follow are statistics that take most of the time."""


def peer_result(case):
    """Return the other engine's trades, closed and open, and its equity at each close."""
    kept = SimpleNamespace(equity=[CASH], strategy=None)
    player = Blind(case.script, case.step_ns)

    class Scripted(peer.Strategy):
        def init(self):
            kept.strategy = self

        def next(self):
            kept.equity.append(self.equity)
            player.on_bar(PeerContext(self))
            if len(kept.equity) == len(case.rows):
                raise SeenAll

    frame = pd.DataFrame(case.rows, columns=["Open", "High", "Low", "Close"]).assign(Volume=0)
    frame.index = pd.date_range("2024-01-01", periods=len(frame))
    fill = {"trade_on_close": case.options.get("fill") == "same_close"}
    with warnings.catch_warnings(), redirect_stderr(StringIO()), suppress(SeenAll):  # a progress bar is drawn
        warnings.simplefilter("ignore")  # levels that wait for the next bar
        peer.Backtest(frame, Scripted, cash=CASH, commission=case.options["commission"], **fill).run()
    strategy = kept.strategy
    closed = [(t.entry_bar, t.exit_bar, t.size, t.entry_price, t.exit_price, t.pl) for t in strategy.closed_trades]
    still_open = [(t.entry_bar, -1, t.size, t.entry_price) for t in strategy.trades]
    return sorted(closed), sorted(still_open), kept.equity


def our_result(result):
    """Return the same of a result of this engine."""
    rows = [(t.entry_bar, t.exit_bar, t.side * t.quantity, t.entry_price, t.exit_price, t.pnl) for t in result.trades]
    closed, still_open = [row for row in rows if row[1] >= 0], [row[:4] for row in rows if row[1] < 0]
    return sorted(closed), sorted(still_open), result.equity


def check(case, ours, theirs):
    for name, mine, other in zip(("closed", "open"), ours, theirs, strict=False):
        assert len(mine) == len(other), f"{name} trades: {mine} and {other}\n{case}"
        for trade, same in zip(mine, other, strict=True):
            assert trade[:2] == same[:2], f"{name} trades: {trade} and {same}\n{case}"
            assert trade[2:] == pytest.approx(same[2:], rel=1e-9, abs=1e-9), f"{name} trades\n{case}"
    assert ours[2] == pytest.approx(theirs[2], rel=1e-9), str(case)


def what_happened(case, player, result):
    """Return the rules that a case reached."""
    for order in player.made:
        if order.kind in ("buy", "sell", "close") and order.state == "filled":
            waits = [name for name, price in (("stop", order.stop), ("limit", order.limit)) if price is not None]
            form = "-".join(waits) or "market"
            yield f"{order.kind} {form}"
            if waits and order.filled_price not in (order.stop, order.limit):
                yield f"{form} at a gap"
    for trade in result.trades:
        yield trade.exit_label
        yield "on one bar" if trade.entry_bar == trade.exit_bar else "over bars"
    lots = {(trade.entry_bar, trade.entry_price, trade.entry_signal_bar) for trade in result.trades}
    yield from ["part of a lot"] * (len(result.trades) - len(lots))


REACHED = {
    "netting": ("buy stop-limit", "sell stop-limit", "close market", "stop at a gap", "limit at a gap", "enter_long",
                "enter_short", "part of a lot", "on one bar"),
    "bracket": ("buy limit", "sell limit", "buy stop", "sell stop", "close market", "stop at a gap", "limit at a gap",
                "stop_loss", "take_profit", "part of a lot", "on one bar"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_engines_agree_on_random_scripts(kind, compiled_order_engine):
    seen = Counter()
    for seed in range(SCRIPTS):
        case = peer_case(kind, seed)
        player = Blind(case.script, case.step_ns)
        result = compiled_order_engine(case.bars(), player, case.engine_options())
        assert result.rejections == []
        check(case, our_result(result), peer_result(case))
        seen.update(what_happened(case, player, result))
    assert min(seen[name] for name in REACHED[kind]) > 10, seen
