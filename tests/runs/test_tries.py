"""How many tries a result took: counted for each spec once, whatever became of it, and how many differ."""

from typing import ClassVar

import numpy as np
import pytest

import research_kit as rk
from research_kit.runs.trust.tries import count_tries
from research_kit.store.register import read_register

SHORT = {"fast": [5, 10], "slow": [20, 40]}


class Refuses(rk.Strategy):
    """Raises on the bars."""

    number: int = rk.Param(1, ge=1)

    def signals(self, bars):
        raise ValueError("no")


@pytest.fixture
def days(ws, make_bars):
    """The workspace, with 400 days of a random walk as the dataset 'days'."""
    ws.import_dataset(make_bars(400, step_ns=86_400 * 10**9, sigma=0.01).frame, name="days", symbol="DAYS")
    return ws


def tries(ws, dataset="days"):
    return count_tries(ws, ws.dataset(dataset).sha256)


def test_nothing_was_tried(days):
    counted = tries(days)
    assert (counted.trials, counted.effective, counted.register.variance(400)) == (0, 0.0, None)


def test_one_run_is_one_trial_however_often_it_is_made(days):
    for _ in range(3):
        days.run("sma_cross", "days", {"fast": 5, "slow": 20})
    counted = tries(days)
    assert (counted.trials, counted.effective, counted.register.variance(400)) == (1, 1.0, None)


def test_runs_and_the_sets_of_sweeps_count_with_every_strategy_and_the_headline_says_so(days):
    run = days.run("momentum", "days", {"length": 15})
    days.sweep("sma_cross", "days", SHORT)
    assert tries(days).trials == 5
    assert [len(days.trials("days", name)) for name in ("sma_cross", "momentum", "rsi_reversion")] == [4, 1, 0]
    assert "5 trials on this data" in str(run.headline)


def test_other_data_does_not_count(days):
    days.run("sma_cross", "walk", {"fast": 5, "slow": 20})
    assert tries(days).trials == 0
    assert tries(days, dataset="walk").trials == 1


def test_other_versions_of_the_data_and_what_is_made_from_it_are_the_same_market(days, make_bars):
    """One bar more, or weeks instead of days, begins no new count; the trials are listed where they count."""
    days.run("sma_cross", "days", {"fast": 5, "slow": 20})
    longer = make_bars(401, step_ns=86_400 * 10**9, sigma=0.01)
    weeks = days.resample("days", "1w")
    days.import_dataset(longer.frame, name="days", symbol="DAYS")
    assert tries(days).trials == 1
    days.run("sma_cross", "days", {"fast": 5, "slow": 20})
    days.run("sma_cross", weeks.id, {"fast": 2, "slow": 5})
    days.run("momentum", "walk", {"length": 15})
    assert [tries(days, dataset=one).trials for one in ("days", weeks.id)] == [3, 3]
    assert [len(days.trials(one)) for one in ("days", weeks.id, "walk")] == [3, 3, 1]
    assert days.trials("days", limit=1).strategy_name.tolist() == ["sma_cross"]
    assert days.trials("days", limit=1, before=3).id.tolist() == [2]
    assert days.load_run(1).metrics["trials"] == 3


def test_the_count_outlives_its_dataset(days):
    run = days.run("sma_cross", "days", {"fast": 5, "slow": 20})
    assert count_tries(days, run.job.dataset_sha256).trials == 1
    assert count_tries(days, None).trials == 0
    assert count_tries(days, "0" * 64).trials == 0


def test_what_is_tried_later_is_counted_later(days):
    days.run("sma_cross", "days", {"fast": 5, "slow": 20})
    assert tries(days).trials == 1
    days.run("sma_cross", "days", {"fast": 6, "slow": 20})
    assert tries(days).trials == 2


def test_failed_trials_count_in_proportion(days):
    days.run("sma_cross", "days", {"fast": 5, "slow": 20})
    for number in (1, 2, 3):
        with pytest.raises(ValueError, match="no"):
            days.run(Refuses(number=number), "days")
    counted = tries(days)
    assert counted.trials == 4
    assert counted.effective == 4.0  # one cluster of one trial seen, as three more unseen


def test_trials_that_all_failed_are_each_its_own(days):
    for number in (1, 2, 3):
        with pytest.raises(ValueError, match="no"):
            days.run(Refuses(number=number), "days")
    counted = tries(days)
    assert (counted.trials, counted.effective, counted.register.variance(400)) == (3, 3.0, None)


def test_variations_of_one_idea_are_fewer_than_the_trials(days):
    days.sweep("momentum", "days", {"length": list(range(20, 60))})
    counted = tries(days)
    assert counted.trials == 40
    assert 1.0 <= counted.effective <= 10.0


def test_the_variance_is_that_of_the_sharpe_ratios_of_clusters(days):
    days.sweep("momentum", "days", {"length": [1, 60]})
    register = read_register(days.database, days.dataset("days").sha256)
    assert tries(days).effective == 2.0
    assert register.variance(400) == pytest.approx(np.var(register.mean / register.std, ddof=1))
    assert register.variance(100) == pytest.approx(4 * register.variance(400))


def test_fits_on_short_histories_do_not_pass_for_luck_on_a_long_one(days):
    """Ratios of a hundred days scatter twice as much as those of four hundred: luck shows more there, but not here."""
    run = days.run("momentum", "days", {"length": 20})
    days.sweep("momentum", "days", {"length": list(range(2, 12))})
    before = tries(days).register
    days.walk_forward("momentum", "days", {"length": list(range(2, 12))}, train=50, test=50)
    register = read_register(days.database, days.dataset("days").sha256)
    short = register.n_returns < 60
    fits = register.mean[short] / register.std[short]
    after = tries(days).register
    assert short.sum() > 20
    assert np.nanvar(fits, ddof=1) > 4 * before.variance(400)  # unscaled, they would raise what luck shows
    assert after.variance(400) < 4 * before.variance(400)
    assert run.headline.variance == pytest.approx(after.variance(400))
    assert run.metrics["deflated_sharpe_ratio"] == pytest.approx(run.headline.deflated)


def test_a_deleted_spec_stays_counted(days):
    run = days.run("sma_cross", "days", {"fast": 5, "slow": 20})
    days.run("sma_cross", "days", {"fast": 6, "slow": 20})
    with days.database.write() as session:
        session.delete(session.merge(run.backtest))
    assert tries(days).trials == 2


def test_fits_of_a_walk_forward_are_grouped_by_their_days(days):
    days.walk_forward("momentum", "days", {"length": [2, 3]}, train=100, test=50)
    register = read_register(days.database, days.dataset("days").sha256)
    groups = register.groups()
    assert len(groups) > 1
    assert sum(map(len, groups)) == len(register)
    assert tries(days).trials == len(register)


class Moody(rk.Strategy):
    """Raises as long as it is told to."""

    fails: ClassVar[bool] = True

    def signals(self, bars):
        if Moody.fails:
            raise ValueError("no")
        return rk.Signals.target(bars.close > rk.indicators.sma(bars.close, 20))


def test_a_trial_that_failed_and_completes_later_is_counted_anew(days, monkeypatch):
    days.run("momentum", "days", {"length": 15})
    with pytest.raises(ValueError, match="no"):
        days.run(Moody, "days")
    before = tries(days)
    monkeypatch.setattr(Moody, "fails", False)
    days.run(Moody, "days")
    after = tries(days)
    assert (before.trials, before.register.variance(400)) == (after.trials, None) == (2, None)
    assert after.register.variance(400) is not None
