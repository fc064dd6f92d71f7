"""Checks of how the price moves: spikes, probable splits and jumps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.findings import Finding, Tally
from research_kit.bars.frame import PRICE_COLUMNS, Bars, FloatArray
from research_kit.bars.quality.coverage import Outliers
from research_kit.bars.sessions import OpenHours, bars_per_year, periods_per_year
from research_kit.bars.timeframe import DAY
from research_kit.bars.windows import Window, samples

SPIKE_SCALES = 20.0
"""A spike is a move of more than 20 robust standard deviations ..."""
SPIKE_LEAST = 0.02
"""... and of more than 2 % ..."""
SPIKE_RETURNED = 0.75
"""... of which the next bar takes back three quarters; a wick that long needs no taking back."""
SPIKE_BARS = 5
"""A move as large as a jump may be taken back by another such move within five bars."""
WICK_LEAST = 0.2
"""Least length of a wick that is reported: 20 % beyond the open and close of its bar."""
JUMP_LEAST = 0.25
"""Least move that is reported as a jump where it stays: 25 %, as splits of 3:2 and larger make."""
SPLIT_SCALES = 8.0
"""A jump of a usual ratio is told from 8 robust standard deviations on."""
SPLIT_RATIOS = ((3, 2), (2, 1), (5, 2), *((new, 1) for new in (3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50, 100)))
"""New shares for old ones in usual splits; reverse splits are these turned round."""
SPLIT_TURNOVER = 5.0
"""A split leaves the money that is traded as it was; more than five times that of the 20 days before is news."""
_SPLIT_LEAST, _SPLIT_MOST = 0.01, 0.1
_USUAL_DAYS = 20
_LEAST_BARS = 20
_BEFORE = SPIKE_BARS + 2
_LOGS = np.log([new / old for new, old in SPLIT_RATIOS])
_WHOLE = np.array([old == 1 for _, old in SPLIT_RATIOS])
_JUMP = -float(np.log1p(-JUMP_LEAST))


class Moves:
    """Finds prices that leave and come back, wicks as long, splits that were not adjusted, and other jumps."""

    def __init__(self, bars: Bars, hours: OpenHours) -> None:
        self._bars = bars
        self._active = len(bars) >= _LEAST_BARS
        scale = robust_scale(_sampled_returns(bars.close)) if self._active else 0.0
        self._spike, self._wick = max(SPIKE_SCALES * scale, SPIKE_LEAST), max(SPIKE_SCALES * scale, WICK_LEAST)
        self._split = max(SPLIT_SCALES * scale, _JUMP)
        self._day = (
            scale * max(1.0, bars_per_year(bars.timeframe, bars.session) / periods_per_year(bars.session)) ** 0.5
        )
        self.outliers = Outliers()
        self._spikes = Tally(
            "spikes",
            "warning",
            f"The price leaves by more than {SPIKE_SCALES:g} robust standard deviations and comes back at once: a "
            "misprint, as a rule. A backtest would trade on it: look at these bars, and leave out what is wrong.",
            tuple(name for name in PRICE_COLUMNS if name in bars),
        )
        self._splits = Tally(
            "splits",
            "warning",
            "The price jumps by a usual ratio and stays: splits that were not adjusted. A backtest would take them for "
            "profit or loss; ws.adjust takes factors.",
        )
        self._jumps = Tally(
            "jumps",
            "warning",
            f"The price moves by more than {JUMP_LEAST:.0%} between two bars and stays: news, another contract, or "
            "another unit. Look it up; ws.adjust takes factors.",
        )

    def look(self, window: Window) -> None:
        if not self._active:
            return
        low = max(0, window.start - _BEFORE)
        part = self._bars.window(low, min(len(self._bars), window.stop + SPIKE_BARS))
        own = slice(window.start - low, window.stop - low)
        at, moves = _large_moves(part.close, min(self._spike, self._split))
        change, returned = self._excursions(part.close, at, moves)
        _add_wicks(change, part, self._wick)
        spiky = ~np.isnan(change)
        self._spikes.add(window, spiky[own])
        self.outliers.add("spike", window.time_ns[spiky[own]], change[own][spiky[own]])
        stays = ~returned & ~spiky[at - 1] & (at >= own.start) & (at < own.stop)  # the way back is no jump
        self._tell_jumps(at[stays] + low, moves[stays])

    def findings(self) -> Iterator[Finding]:
        for tally in (self._spikes, self._splits, self._jumps):
            yield from tally.finding()

    def _excursions(
        self, close: FloatArray, at: NDArray[np.int64], moves: FloatArray
    ) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return the log move of each bar that stands apart, NaN for the others, and which large moves came back."""
        change = np.full(len(close), np.nan)
        returned = np.zeros(len(at), dtype=np.bool_)
        size = np.abs(moves)
        for bars in range(1, SPIKE_BARS + 1) if len(at) else ():
            waiting = np.flatnonzero(~returned & (at + bars < len(close)))
            net = _log_move(close, at[waiting] - 1, at[waiting] + bars)
            last = _log_move(close, at[waiting] + bars - 1, at[waiting] + bars)  # the way back is one move too
            near = np.abs(net) < (1 - SPIKE_RETURNED) * size[waiting]
            back = waiting[near & (np.abs(last) > SPIKE_RETURNED * size[waiting])]
            returned[back] = True
            begin = at[back[size[back] > (self._spike if bars == 1 else max(self._spike, _JUMP))]]
            for bar in range(bars):
                change[begin + bar] = _log_move(close, begin - 1, begin + bar)
        return change, returned

    def _tell_jumps(self, at: NDArray[np.int64], moves: FloatArray) -> None:
        """Count moves that stay, each as a split or as a jump; ``at`` are positions in all bars."""
        ratios = self._ratios(at, moves)
        told = (ratios >= 0) | (np.abs(moves) > max(self._spike, _JUMP))
        for row, move, ratio in zip(at[told], moves[told], ratios[told], strict=True):
            time_ns, words = int(self._bars.time_ns[row]), _shown_move(move)
            if ratio < 0:
                self._jumps.tell(time_ns, words)
            else:
                self._splits.tell(time_ns, f"{words}: looks like a {_split_name(ratio, move)}")
        splits, jumps = told & (ratios >= 0), told & (ratios < 0)
        self.outliers.add("split", self._bars.time_ns[at[splits]], moves[splits])
        self.outliers.add("jump", self._bars.time_ns[at[jumps]], moves[jumps])

    def _ratios(self, at: NDArray[np.int64], moves: FloatArray) -> NDArray[np.int64]:
        """Return which usual ratio each move is, -1 for none: judged between a close and the next open."""
        opens = self._bars.columns.get("open")
        first = self._bars.close if opens is None else opens
        with np.errstate(all="ignore"):
            gaps = np.log(first[at]) - np.log(self._bars.close[at - 1])
        off = np.abs(np.abs(gaps)[:, None] - _LOGS[None, :])
        nearest = off.argmin(axis=1)
        usual = (moves < 0) | _WHOLE[nearest]  # of reverse splits only those to one whole share
        near = usual & (np.abs(moves) > self._split) & (gaps * moves > 0) & (off.min(axis=1) <= _SPLIT_MOST)
        for row in np.flatnonzero(near):
            near[row] = off[row, nearest[row]] <= self._allowance(int(at[row]))
        return np.where(near, nearest, -1)

    def _allowance(self, at: int) -> float:
        """Return what trading may add to the ratio of a split overnight, as a log return: less where there was news."""
        scales = 4.0 if self._turnover_is_usual(at) else 2.0
        return float(np.clip(scales * self._day, _SPLIT_LEAST, _SPLIT_MOST))

    def _turnover_is_usual(self, at: int) -> bool:
        """Return whether it is known that no more money was traded on a day than on those before."""
        if "volume" not in self._bars or self._bars.timeframe_ns < DAY:
            return False
        days = slice(max(0, at - _USUAL_DAYS), at + 1)
        turnover = self._bars.volume[days] * self._bars.close[days]
        before = turnover[:-1][turnover[:-1] > 0]
        return len(before) > 0 and 0 < turnover[-1] <= SPLIT_TURNOVER * float(np.median(before))


def _large_moves(close: FloatArray, least: float) -> tuple[NDArray[np.int64], FloatArray]:
    """Return after which bars the close moved by more than a log return, and by how much; not across zero."""
    factor = float(np.exp(min(least, 700.0))) * (1 - 1e-9)
    with np.errstate(all="ignore"):
        ratio = close[1:] / close[:-1]
        at = np.flatnonzero((ratio > factor) | (ratio * factor < 1.0)) + 1
    at = at[(close[at] > 0) & (close[at - 1] > 0)]
    moves = _log_move(close, at - 1, at)
    large = np.abs(moves) > least
    return at[large], moves[large]


def _log_move(close: FloatArray, before: NDArray[np.int64], after: NDArray[np.int64]) -> FloatArray:
    """Return the log returns between bars, NaN where a price is not positive; no quotient can overflow."""
    with np.errstate(all="ignore"):
        move: FloatArray = np.log(close[after]) - np.log(close[before])
    return np.where(np.isfinite(move), move, np.nan)


def _add_wicks(change: FloatArray, part: Bars, least: float) -> None:
    """Note the log length of wicks beyond a least one, where nothing else is noted."""
    if not all(name in part for name in PRICE_COLUMNS):
        return
    factor = float(np.exp(min(least, 700.0)))
    with np.errstate(over="ignore"):
        at = np.flatnonzero((part.high > part.low * factor) & np.isnan(change))
    at = at[np.min([part[name][at] for name in PRICE_COLUMNS], axis=0) > 0]  # of what is below, a log says nothing
    if len(at):
        opens, high, low, close = (np.log(part[name][at]) for name in PRICE_COLUMNS)
        up, down = high - np.maximum(opens, close), low - np.minimum(opens, close)
        wick = np.where(up >= -down, up, down)
        change[at[np.abs(wick) > least]] = wick[np.abs(wick) > least]


def _sampled_returns(close: FloatArray) -> FloatArray:
    """Return log returns of neighbours all over the bars."""
    with np.errstate(all="ignore"):
        parts = [np.diff(np.log(close[part])) for part in samples(close)]
    returns: FloatArray = np.concatenate(parts)
    return returns[np.isfinite(returns)]


def robust_scale(returns: FloatArray) -> float:
    """Return 1.4826 × the median absolute return of those that are not zero: a deviation that no spike can move."""
    size = np.abs(returns)
    size = size[size > 0]
    return 1.4826 * float(np.median(size)) if len(size) else 0.0


def _shown_move(move: float) -> str:
    """Return a log return as a change in percent, or as a factor where it is large.

    >>> _shown_move(float(np.log(0.5))), _shown_move(float(np.log(2e6)))
    ('-50.0%', '×2e+06')
    """
    return f"{np.expm1(move):+.1%}" if move < 5 else f"×{np.exp(min(move, 700.0)):.3g}"


def _split_name(ratio: int, move: float) -> str:
    """Return the name of a split: the price of a 7:1 split falls, that of a 1:7 one rises."""
    new, old = SPLIT_RATIOS[ratio]
    return f"{new}:{old} split" if move < 0 else f"{old}:{new} reverse split"
