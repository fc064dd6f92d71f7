"""The evidence about a recorded run is gathered: trials, checks, verification, conventions, costs, holdout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from research_kit.bars.frame import FloatArray
from research_kit.engine.measure import daily_periods_per_year
from research_kit.engine.options import TRADING_COSTS
from research_kit.errors import NotFoundError, StoreError, StrategyError
from research_kit.metrics.inference.headline import Headline, headline
from research_kit.metrics.inference.luck import deflated_sharpe_ratio, null_variance
from research_kit.metrics.inference.permutation import permutation_test
from research_kit.metrics.inference.sharpe import SharpeEstimate
from research_kit.metrics.performance import periodic_rate
from research_kit.metrics.registry import format_value
from research_kit.runs.trust.belief import FEW_TRADES, Belief, Evidence, of_luck
from research_kit.runs.trust.tries import count_tries
from research_kit.store.register import read_register
from research_kit.store.trials import find_trial, unpack_returns
from research_kit.store.verdicts import find_verdict

if TYPE_CHECKING:
    from research_kit.runs.run import Run

BAND_BARS = 100_000  # for which twelve more runs take no time worth asking
BY_CHANCE = 0.05  # a p-value above which luck is no surprise


def headline_of(run: Run) -> Headline:
    """Return what the Sharpe ratio of a run is worth, given everything that was tried on its data until now."""
    tries = count_tries(run.home, run.job.dataset_sha256)
    daily = daily_returns_of(run)
    return headline(
        daily,
        periods_per_year=daily_periods_per_year(run.bars),
        trials=max(tries.trials, 1),
        effective=max(round(tries.effective), 1),
        sharpe_variance=tries.register.variance(len(daily)),
        risk_free_rate=run.options["risk_free_rate"],
    )


def figures_of(run: Run) -> dict[str, float | int | None]:
    """Return how many things were tried on a run's data, and its deflated Sharpe ratio; quick, whatever their number.

    The deflated ratio is None where it is undefined, or the run came from a database of another program.
    """
    register = read_register(run.home.database, run.job.dataset_sha256)
    trial, count = find_trial(run.home.database, run.job.spec_hash or ""), max(len(register), 1)
    figures: dict[str, float | int | None] = {"trials": count, "deflated_sharpe_ratio": None}
    if trial is None or not trial.std or trial.mean is None or trial.skew is None or trial.kurtosis is None:
        return figures
    rate = periodic_rate(run.options["risk_free_rate"], daily_periods_per_year(run.bars))
    n = trial.n_returns or 0
    estimate = SharpeEstimate((trial.mean - rate) / trial.std, n, trial.skew, trial.kurtosis)
    variance = register.variance(n)
    variance = null_variance(n) if variance is None else variance
    if variance is not None:
        figures["deflated_sharpe_ratio"] = deflated_sharpe_ratio(estimate, trials=count, variance=variance)
    return figures


def daily_returns_of(run: Run) -> FloatArray:
    """Return the daily returns of a run as its trial holds them, fractions of shape (days,).

    Raises
    ------
    NotFoundError
        The run has no trial: it came from a database of another program.
    """
    trial = find_trial(run.home.database, run.job.spec_hash or "")
    if trial is None or trial.daily_returns is None:
        raise NotFoundError(f"Run {run.id} has no daily returns on record; run it again.")
    return unpack_returns(trial.daily_returns).astype(np.float64)


def believe(run: Run) -> Belief:
    """Return whether a run can be believed, with all the evidence there is."""
    found = run.headline
    evidence = [*of_luck(found), *_of_checks(run), *_of_conventions(run), *_of_trades(run), *_of_holdout(run)]
    return Belief(f"Run {run.id}: {run.title}", found, tuple(evidence))


def _of_checks(run: Run) -> Iterator[Evidence]:
    yield _lookahead(run)
    yield _verified(run)


def _lookahead(run: Run) -> Evidence:
    title, found = "Look-ahead", run.lookahead
    if found is None:
        remedy = "run.check_lookahead() asks the strategy again at every bar."
        return Evidence("lookahead", title, "unknown", "not checked", "look-ahead was not checked.", remedy)
    if found.outcome == "failed":
        remedy = "A strategy that decides with bars it cannot know must be written anew."
        return Evidence("lookahead", title, "against", "found", found.sentence, remedy)
    if found.outcome == "passed":
        return Evidence("lookahead", title, "for", "none found", f"{found.coverage}, and none knew a later one.")
    return Evidence("lookahead", title, "unknown", "inconclusive", found.sentence)


def _verified(run: Run) -> Evidence:
    title = "Verification"
    row = find_verdict(run.home.database, "verify", backtest_id=run.id)
    if row is None:
        remedy = "run.verify() runs it again and compares everything byte for byte."
        return Evidence("verified", title, "unknown", "not verified", "it was not verified.", remedy)
    day = f"{row.created_at:%Y-%m-%d}"
    if row.outcome in ("verified", "agrees"):
        return Evidence("verified", title, "for", f"{row.outcome}, {day}", "run again, it came to the same.")
    if row.outcome == "untrusted":
        return Evidence("verified", title, "unknown", f"not run, {day}", row.summary)
    remedy = "run.verify() names what is different, and why."
    return Evidence("verified", title, "against", f"{row.outcome}, {day}", row.summary, remedy)


def _of_conventions(run: Run) -> Iterator[Evidence]:
    options = run.options
    if options["fill"] == "same_close":
        yield Evidence(
            *("fills", "Fills", "doubt", "at the same close"),
            "signals are filled at the close that made them, which nobody could trade.",
            "fill='next_open', the default.",
        )
    if not any(options[name] for name in TRADING_COSTS):
        yield Evidence("costs", "Costs", "doubt", "none", "nothing was paid for trading.", "Run it with costs.")
    if len(run.bars) <= BAND_BARS:
        yield _band(run)


def _band(run: Run) -> Evidence:
    title, name = "Convention band", "total_return_percent"
    try:
        low, high = run.band().ends(name)
    except (StrategyError, StoreError) as error:  # its source cannot be run here
        return Evidence("band", title, "unknown", "not made", f"the convention band could not be made: {error}")
    shown = f"{format_value(name, low)} to {format_value(name, high)}"
    if low < 0.0 < high:
        meaning = "whether it gains or loses hangs on how orders are filled and what they cost."
        return Evidence("band", title, "doubt", shown, meaning, "run.band() shows each of the twelve conventions.")
    return Evidence(
        "band", title, "for", shown, "total return has one sign under all twelve conventions of fills and costs."
    )


def _of_trades(run: Run) -> Iterator[Evidence]:
    count = int(run.summary["total_trades"] or 0)
    few = count < FEW_TRADES
    meaning = f"fewer than {FEW_TRADES} closed trades say little." if few else "enough to say something."
    remedy = "More data, or a shorter timeframe." if few else ""
    yield Evidence("trades", "Closed trades", "doubt" if few else "for", f"{count:,}", meaning, remedy)
    close = run.bars.close
    if len(close) < 2 or close.min() <= 0.0:
        return  # no returns
    test = permutation_test(positions_of(run), close[1:] / close[:-1] - 1.0)
    if test is None:
        return
    shown = f"p = {test.p_value:.3f}"
    meaning = f"of the same positions at other times, {test.p_value:.1%} would have earned as much."
    if test.p_value <= BY_CHANCE:
        yield Evidence("timing", "Timing", "for", shown, meaning)
    else:
        remedy = "Compare it with holding all the time: benchmark, alpha."
        yield Evidence("timing", "Timing", "doubt", shown, meaning, remedy)


def _of_holdout(run: Run) -> Iterator[Evidence]:
    held = run.holdout
    if held is None:
        remedy = "ws.lock_holdout(dataset, start) keeps a period that counts who looks at it."
        yield Evidence("holdout", "Holdout", "unknown", "none locked", "no period was kept back.", remedy)
    elif held.touched > 1:
        meaning = f"{held.touched:,} runs have seen the period that was kept back."
        yield Evidence("holdout", "Holdout", "doubt", f"seen {held.touched:,} times", meaning, "New data is unseen.")
    else:
        yield Evidence("holdout", "Holdout", "for", "kept back", "the period that was kept back is as good as unseen.")


def positions_of(run: Run) -> FloatArray:
    """Return the units held from each bar's close to the next, as the trades say: long above 0, shape (bars - 1,)."""
    times, trades = run.bars.time, run.trade_columns
    changes = np.zeros(len(times) + 1)
    sides = np.where(trades["side"] == "long", 1.0, -1.0) * trades["quantity"].astype(np.float64)
    np.add.at(changes, np.searchsorted(times, trades["entry_time"]), sides)
    left = np.isnat(trades["exit_time"])
    np.subtract.at(changes, np.searchsorted(times, trades["exit_time"][~left]), sides[~left])
    return np.asarray(np.cumsum(changes)[: len(times) - 1], dtype=np.float64)
