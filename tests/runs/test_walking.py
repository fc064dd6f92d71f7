"""A recorded walk-forward: every set of every training is a trial, and it comes to what it comes to without a store."""

import pytest
from sqlmodel import select

import research_kit as rk
from research_kit.errors import DataError, NotFoundError, OptionError, ParameterError
from research_kit.store.sweeps import get_sweep, request_cancel_sweep
from research_kit.store.tables import Trial

DAY = 86_400_000_000_000
SPANS = {"train": 120, "test": 50}
GRID = {"length": [5, 10, 20, 40], "stop_loss": [None, 0.03]}
RAN = []


class Walked(rk.Strategy):
    """Long while the close is above its average; fails where it is told to."""

    length: int = rk.Param(20, ge=2, le=300)
    how: str = "well"

    def signals(self, bars):
        RAN.append(len(bars))
        if self.how == "badly":
            raise RuntimeError("no luck")
        return rk.Signals.target(bars.close > rk.indicators.sma(bars.close, self.length))


@pytest.fixture
def daily(ws, make_bars):
    """Return the bars of the dataset 'daily': 300 days of a lively market, four folds."""
    ws.import_dataset(make_bars(300, seed=18, sigma=0.01, step_ns=DAY).frame, name="daily", symbol="DAY")
    RAN.clear()
    return ws.bars("daily")


def all_trials(ws):
    with ws.database.read() as session:
        return session.exec(select(Trial).order_by(Trial.id)).all()


def assert_same(walked, pure):
    assert walked.table.equals(pure.table)
    assert walked.equity.equals(pure.equity)
    assert walked.trades.equals(pure.trades)
    assert dict(walked.metrics) == dict(pure.metrics)
    assert (walked.efficiency, walked.stability) == (pure.efficiency, pure.stability)


@pytest.mark.parametrize("how", [{}, {"select": "plateau", "anchored": True, "purge": 5, "embargo": 2}])
def test_it_is_what_a_walk_forward_that_is_not_recorded_is(ws, daily, how):
    walked = ws.walk_forward(Walked, "daily", GRID, **SPANS, **how, commission=0.002)
    assert_same(walked, rk.run_walk_forward(daily, Walked, GRID, **SPANS, **how, commission=0.002))
    assert len(walked.steps) == 4


def test_every_set_of_every_training_is_a_trial_of_its_window(ws, daily):
    walked = ws.walk_forward(Walked, "daily", GRID, **SPANS)
    trials = all_trials(ws)
    assert len(trials) == 4 * 8 == len({trial.spec_hash for trial in trials})
    assert {(trial.kind, trial.state, trial.sweep_id) for trial in trials} == {("walk_forward", "completed", 1)}
    row = get_sweep(ws.database, 1)
    assert (row.kind, row.status, row.total_sets, row.completed_sets) == ("walk_forward", "completed", 32, 32)
    assert (row.settings["train"], row.settings["test"], row.settings["folds"]) == (120, 50, 4)
    days = [str(trial.first_day) for trial in trials[::8]]
    assert days == [str(step)[:10] for step in walked.table["train_start"]]
    assert {trial.n_returns for trial in trials} == {120}
    for step, first in zip(walked.steps, range(0, 32, 8), strict=True):
        found = [trial.metrics["sharpe_ratio"] for trial in trials[first : first + 8]]
        assert max(value for value in found if value is not None) == step.in_sample


def test_a_training_is_no_trial_of_the_whole_data(ws, daily):
    ws.walk_forward(Walked, "daily", {"length": [5]}, **SPANS)
    sweep = ws.sweep(Walked, "daily", {"length": [5]})
    assert sweep.trials == 4 + 1
    assert sweep.best.value == rk.run_sweep(daily, Walked, {"length": [5]}).best.value


def test_failed_sets_are_trials_and_refused_ones_are_none(ws, daily):
    grid = {"length": [1, 5, 10], "how": ["well", "badly"]}
    walked = ws.walk_forward(Walked, "daily", grid, **SPANS)
    assert_same(walked, rk.run_walk_forward(daily, Walked, grid, **SPANS))
    states = [(trial.state, trial.error) for trial in all_trials(ws)]
    assert states.count(("completed", None)) == states.count(("failed", "RuntimeError: no luck")) == 8
    assert len(states) == 16
    row = get_sweep(ws.database, 1)
    assert (row.completed_sets, row.failed_sets) == (8, 8)


def test_the_same_again_tries_nothing_new(ws, daily):
    first = ws.walk_forward(Walked, "daily", GRID, **SPANS)
    assert_same(ws.walk_forward(Walked, "daily", GRID, **SPANS), first)
    assert len(all_trials(ws)) == 32
    assert ws.sweeps()["status"].tolist() == ["completed", "completed"]


def test_its_row_can_be_loaded_with_all_of_its_sets(ws, daily):
    ws.walk_forward(Walked, "daily", GRID, **SPANS)
    loaded = ws.load_sweep(1)
    assert (len(loaded), loaded.sets.names) == (32, ("length", "stop_loss"))
    assert loaded.returns.shape == (32, 120)
    assert len(loaded.table) == 32


# stopped


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt("enough"), "cancelled"), (ZeroDivisionError("oops"), "failed")]
)
def test_the_trainings_that_were_done_stay_when_it_is_stopped(ws, daily, error, status):
    told = []

    def stop(step):
        told.append((step.done, step.total))
        if step.done == 2:
            raise error

    with pytest.raises(type(error)) as caught:
        ws.walk_forward(Walked, "daily", GRID, **SPANS, progress=stop)
    assert f"recorded as sweep 1, {status}" in caught.value.__notes__[0]
    assert told == [(1, 4), (2, 4)]
    row = get_sweep(ws.database, 1)
    assert (row.status, row.completed_sets) == (status, 16)
    assert row.error == f"{type(error).__name__}: {error}"
    assert len(all_trials(ws)) == 16
    told.clear()
    again = ws.walk_forward(Walked, "daily", GRID, **SPANS, progress=lambda step: told.append((step.done, step.total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert_same(again, rk.run_walk_forward(daily, Walked, GRID, **SPANS))
    assert len(all_trials(ws)) == 32  # those of the first two trainings are the same trials
    assert ws.sweeps()["status"].tolist() == ["completed", status]


def test_whoever_asks_for_the_end_is_heard(ws, daily):
    with pytest.raises(KeyboardInterrupt, match="The walk-forward was cancelled"):
        ws.walk_forward(
            *(Walked, "daily", {"length": [5, 10]}), **SPANS, progress=lambda _: request_cancel_sweep(ws.database, 1)
        )
    assert (get_sweep(ws.database, 1).status, len(all_trials(ws))) == ("cancelled", 4)


def test_a_training_without_a_choice_ends_it_as_failed_with_the_reason(ws, daily):
    with pytest.raises(OptionError, match=r"In the training from 2024-01-01T00:00 no set can be chosen.*no luck"):
        ws.walk_forward(Walked(how="badly"), "daily", {"length": [5, 10]}, **SPANS)
    row = get_sweep(ws.database, 1)
    assert row.status == "failed"
    assert "no luck" in row.error
    assert [trial.state for trial in all_trials(ws)] == ["failed", "failed"]


@pytest.mark.parametrize(
    ("grid", "how", "kind", "words"),
    [
        ({"lenght": [5]}, SPANS, ParameterError, "Did you mean 'length'"),
        ({"length": [5]}, {"train": 120}, TypeError, "test"),
        ({"length": [5]}, SPANS | {"select": "bets"}, OptionError, "Did you mean 'best'"),
        ({"length": [5]}, SPANS | {"train": 300}, DataError, "too few"),
        ({"length": [5]}, SPANS | {"train": "long"}, Exception, "long"),
        ({"length": [5]}, SPANS | {"step": 20}, OptionError, "would overlap"),
        ({"length": [5]}, SPANS | {"objective": "sharp"}, NotFoundError, "no metric 'sharp'"),
    ],
)
def test_a_misspelt_walk_forward_is_refused_before_anything_is_recorded(ws, daily, grid, how, kind, words):
    with pytest.raises(kind, match=words):
        ws.walk_forward(Walked, "daily", grid, **how)
    assert ws.sweeps().empty
    assert RAN == []


# the holdout counts


def test_every_trial_of_a_search_on_locked_data_has_seen_it(ws, daily):
    ws.lock_holdout("daily", "2024-09-01")
    assert ws.holdout("daily").touched == 0
    ws.walk_forward(Walked, "daily", GRID, **SPANS)
    assert ws.holdout("daily").touched == 32
    ws.sweep(Walked, "daily", GRID)
    assert ws.holdout("daily").touched == 40
    ws.sweep(Walked, "daily", GRID)
    ws.walk_forward(Walked, "daily", GRID, **SPANS)
    assert ws.holdout("daily").touched == 40


def test_searches_on_the_data_before_the_lock_have_not_seen_it(ws, daily):
    ws.lock_holdout("daily", "2024-09-01")
    early = ws.slice("daily", end="2024-09-01", name="early")
    ws.walk_forward(Walked, early, {"length": [5]}, **SPANS)
    ws.sweep(Walked, early, {"length": [5, 10]})
    assert ws.holdout("daily").touched == 0
