"""A recorded sweep: every set a trial with its numbers, the same numbers as without a store, none computed twice."""

import numpy as np
import pytest
from pydantic import model_validator
from sqlmodel import select

import research_kit as rk
from research_kit.errors import NotFoundError, OptionError, ParameterError
from research_kit.metrics.registry import METRICS
from research_kit.runs.searches import sweeping
from research_kit.store.jobs import delete_job
from research_kit.store.stored_trials import daily_returns
from research_kit.store.tables import SweepRow, Trial

DAY = 86_400_000_000_000
RAN = []  # what the strategy was run with


class Counted(rk.Strategy):
    """Long while the close is above its average; notes that it was run, and fails where it is told to."""

    length: int = rk.Param(20, ge=2, le=300)
    share: float = 1.0
    how: str = "well"

    @model_validator(mode="after")
    def _check(self):
        if 1 / self.share < 1:
            raise ValueError("it takes no leverage")
        return self

    def signals(self, bars):
        RAN.append((self.length, self.share, self.how))
        if self.how == "badly":
            raise RuntimeError(f"no luck with {self.length}")
        return rk.Signals.target((bars.close > rk.indicators.sma(bars.close, self.length)) * self.share)


class Pairs(rk.Strategy):
    """Has a parameter that is a pair."""

    spans: tuple[int, int] = (5, 20)

    def signals(self, bars):
        fast, slow = (rk.indicators.sma(bars.close, span) for span in self.spans)
        return rk.Signals.target(fast > slow)


GRID = {"length": range(5, 45, 5), "share": [0.5, 1.0], "stop_loss": [None, 0.02]}


@pytest.fixture
def daily(ws, make_bars):
    """Return the bars of the dataset 'daily': 300 days of a lively market."""
    ws.import_dataset(make_bars(300, sigma=0.01, step_ns=DAY).frame, name="daily", symbol="DAY")
    RAN.clear()
    return ws.bars("daily")


def assert_same(stored, pure):
    """Fail unless a recorded sweep is, number for number, the one that nothing was recorded of."""
    assert list(stored.sets) == list(pure.sets)
    assert stored.sets.values == pure.sets.values
    assert stored.errors == pure.errors
    assert list(stored.refused) == list(pure.refused)
    assert stored.best == pure.best
    for name in METRICS:
        assert stored.metrics[name].tobytes() == pure.metrics[name].tobytes(), name
    assert stored.plateau.tobytes() == pure.plateau.tobytes()
    assert stored.returns.tobytes() == pure.returns.tobytes()


def all_trials(ws):
    with ws.database.read() as session:
        return session.exec(select(Trial).order_by(Trial.id)).all()


def test_every_set_becomes_a_trial_with_the_numbers_of_a_sweep_that_is_not_recorded(ws, daily):
    sweep = ws.sweep(Counted, "daily", GRID, commission=0.002)
    pure = rk.run_sweep(daily, Counted, GRID, commission=0.002)
    assert_same(sweep, pure)
    trials = all_trials(ws)
    assert len(trials) == len(sweep) == sweep.trials == len(ws.trials("daily")) == 32
    assert {(trial.kind, trial.state, trial.sweep_id, trial.strategy_name) for trial in trials} == {
        ("sweep", "completed", sweep.id, "counted")
    }
    assert {trial.dataset_sha256 for trial in trials} == {ws.dataset("daily").sha256}
    by_hash = {trial.spec_hash: trial for trial in trials}
    for at, mark in enumerate(sweep.keys):
        trial, one = by_hash[mark], pure.sets[at]
        assert trial.parameters == {"length": one["length"], "share": one["share"], "how": "well"}
        assert (trial.options["stop_loss"], trial.options["commission"]) == (one["stop_loss"], 0.002)
        assert trial.first_day.isoformat() == "2024-01-01"
        assert trial.mean == pytest.approx(np.mean(pure.returns[at]), abs=1e-7)
    assert daily_returns(ws.database, sweep.id).tobytes() == pure.returns.tobytes()
    assert sweep.returns.shape == (32, 300)


def test_a_set_is_the_same_trial_as_its_single_run(ws, daily):
    run = ws.run(Counted, "daily", {"length": 10, "share": 0.5}, stop_loss=0.02)
    sweep = ws.sweep(Counted, "daily", GRID)
    at = list(sweep.sets).index({"length": 10, "share": 0.5, "stop_loss": 0.02})
    assert sweep.keys[at] == run.spec["spec_hash"]
    assert {name: sweep.value(name, at) for name in METRICS} == pytest.approx(dict(run.summary))
    assert RAN.count((10, 0.5, "well")) == 2  # the run itself, and the set without a stop
    again = ws.run(Counted, "daily", {"length": 15, "share": 1.0})
    assert again.trials == 32


def test_the_row_of_a_sweep_says_what_was_searched(ws, daily):
    sweep = ws.sweep(Counted, "daily", GRID | {"length": rk.between(5, 15, 5)}, where="length > 5", delay=1)
    assert (sweep.status, sweep.row.kind, sweep.row.method, sweep.row.objective) == (
        *("completed", "sweep"),
        *("grid", "sharpe_ratio"),
    )
    assert (sweep.row.total_sets, sweep.row.completed_sets, sweep.row.failed_sets) == (8, 8, 0)
    assert sweep.row.grid["length"] == {"low": 5, "high": 15, "step": 5, "log": False}
    assert (sweep.row.settings["where"], sweep.row.options["delay"]) == ("length > 5", 1)
    assert sweep.row.best_spec_hash == sweep.best_key == sweep.keys[sweep.best.position]
    listed = ws.sweeps().iloc[0]
    assert (listed["dataset"], listed["strategy_name"], listed["status"]) == ("daily", "counted", "completed")


def test_failed_sets_are_trials_with_their_reason_and_refused_ones_are_none(ws, daily):
    grid = {"how": ["well", "badly"], "length": [5, 9], "share": [0.5, 1.5, 0.0]}
    sweep = ws.sweep(Counted, "daily", grid)
    assert_same(sweep, rk.run_sweep(daily, Counted, grid))
    assert list(sweep.errors.values()) == ["RuntimeError: no luck with 5", "RuntimeError: no luck with 9"]
    assert [(one["share"], why.split(":")[0]) for one, why in sweep.refused][:2] == [
        *((1.5, "counted"), (0.0, "ZeroDivisionError"))
    ]
    assert (sweep.row.total_sets, sweep.row.completed_sets, sweep.row.failed_sets) == (4, 2, 2)
    states = {(trial.parameters["how"], trial.state, trial.error) for trial in all_trials(ws)}
    assert states == {
        ("well", "completed", None),
        ("badly", "failed", "RuntimeError: no luck with 5"),
        ("badly", "failed", "RuntimeError: no luck with 9"),
    }
    assert len(sweep.refusals) == 8


def test_a_sweep_of_which_no_set_is_taken_is_refused_before_anything_is_recorded(ws, daily):
    with pytest.raises(ParameterError, match="counted takes none of 2 sets: counted: length=1: Input should be"):
        ws.sweep(Counted, "daily", {"length": [1, 0]})
    assert ws.sweeps().empty
    assert RAN == []


@pytest.mark.parametrize(
    ("arguments", "how", "kind", "words"),
    [
        (("countd", "daily", {}), {}, NotFoundError, "no strategy 'countd'"),
        ((Counted, "dayly", {}), {}, NotFoundError, "Did you mean 'daily'"),
        ((Counted, "daily", {"lenght": [5]}), {}, ParameterError, "Did you mean 'length'"),
        ((Counted, "daily", {}), {"objective": "sharp_ratio"}, NotFoundError, "Did you mean 'sharpe_ratio'"),
        ((Counted, "daily", {}), {"comission": 0}, OptionError, "Did you mean 'commission'"),
        ((Counted, "daily", {"length": [5]}), {"where": "length > 9"}, OptionError, "No set of 1 fulfils"),
    ],
)
def test_a_misspelt_sweep_is_refused_before_anything_is_recorded(ws, daily, arguments, how, kind, words):
    with pytest.raises(kind, match=words):
        ws.sweep(*arguments, **how)
    assert ws.sweeps().empty
    assert all_trials(ws) == []


def test_progress_rises_to_the_number_of_sets_that_are_run(ws, daily):
    told = []
    grid = {"length": range(2, 300), "share": [0.5, 1.0, 2.0]}
    ws.sweep(Counted, "daily", grid, progress=told.append, workers=1)
    done = [step.done for step in told]
    assert done == sorted(set(done))
    assert len(done) > 2
    assert done[-1] == {step.total for step in told}.pop() == 596  # those with a share of 2 are refused
    assert told[-1].seconds_left == 0.0
    told.clear()
    ws.sweep(Counted, "daily", grid | {"share": [0.25, 0.5, 1.0]}, progress=told.append, workers=1)
    assert (told[-1].done, told[-1].total) == (298, 298)


# asked again


def test_the_same_sweep_again_is_there_at_once(ws, daily):
    first = ws.sweep(Counted, "daily", GRID | {"how": ["well", "badly"]})
    RAN.clear()
    told = []
    second = ws.sweep(Counted, "daily", GRID | {"how": ["well", "badly"]}, progress=told.append)
    assert (RAN, told) == ([], [])
    assert second.id == first.id
    assert len(ws.sweeps()) == 1
    assert_same(second, first)


def test_a_wider_sweep_runs_only_what_was_not_run(ws, daily):
    ws.sweep(Counted, "daily", GRID)
    RAN.clear()
    wider = GRID | {"length": range(5, 55, 5)}
    sweep = ws.sweep(Counted, "daily", wider)
    assert sorted({length for length, _, _ in RAN}) == [45, 50]
    assert len(RAN) == 8
    assert (sweep.row.total_sets, sweep.row.completed_sets) == (40, 40)
    assert len(all_trials(ws)) == sweep.trials == 40
    RAN.clear()
    assert_same(sweep, rk.run_sweep(daily, Counted, wider))


def test_failed_sets_are_tried_again_by_a_sweep_that_has_them(ws, daily):
    ws.sweep(Counted, "daily", {"how": ["well", "badly"], "length": [5]})
    RAN.clear()
    ws.sweep(Counted, "daily", {"how": ["well", "badly"], "length": [5, 6]})
    assert sorted(set(RAN)) == [(5, 1.0, "badly"), (6, 1.0, "badly"), (6, 1.0, "well")]


def test_another_objective_is_another_sweep_of_the_same_trials(ws, daily):
    ws.sweep(Counted, "daily", GRID)
    RAN.clear()
    calm = ws.sweep(Counted, "daily", GRID, objective="-volatility")
    assert RAN == []
    assert str(calm.objective) == "-volatility"
    assert calm.best.value == calm.metrics["volatility"].min()
    assert calm.row.best_spec_hash == calm.best_key


def test_a_sweep_has_the_names_that_it_was_asked_with(ws, daily):
    ws.sweep(Counted, "daily", {"length": [5, 10]})
    RAN.clear()
    named = ws.sweep(Counted, "daily", {"length": [5, 10], "share": [1.0]})
    assert RAN == []
    assert named.sets.names == ("length", "share")
    assert named.table["share"].tolist() == [1.0, 1.0]


def test_other_options_are_other_trials(ws, daily):
    ws.sweep(Counted, "daily", {"length": [5, 10]})
    costly = ws.sweep(Counted, "daily", {"length": [5, 10]}, commission=0.01)
    assert len(RAN) == costly.trials == 4
    assert_same(costly, rk.run_sweep(daily, Counted, {"length": [5, 10]}, commission=0.01))


def test_trials_of_another_version_of_the_engine_are_run_again(ws, daily, monkeypatch):
    ws.sweep(Counted, "daily", {"length": [5, 10]})
    monkeypatch.setattr(sweeping, "ENGINE_VERSION", "another")
    RAN.clear()
    newer = ws.sweep(Counted, "daily", {"length": [5, 10]})
    assert [length for length, _, _ in RAN] == [5, 10]
    assert {trial.engine_version for trial in all_trials(ws)} == {"another"}
    assert newer.trials == 2  # the same things were tried
    RAN.clear()
    assert ws.sweep(Counted, "daily", {"length": [5, 10]}).id == newer.id
    assert RAN == []


def test_the_same_bars_under_another_session_are_other_trials(ws, make_bars):
    """The days of a session end when it says, and a year has as many as it says: so do the numbers differ."""
    frame = make_bars(500, sigma=0.01, step_ns=3_600_000_000_000).frame
    for name, session in (("round the clock", "24/7"), ("five days", "24/5")):
        ws.import_dataset(frame, name=name, session=session)
    grid = {"length": [5, 10]}
    found = {name: ws.sweep(Counted, name, grid) for name in ("round the clock", "five days")}
    for name, sweep in found.items():
        assert_same(sweep, rk.run_sweep(ws.bars(name), Counted, grid))
        assert_same(ws.load_sweep(sweep.id), sweep)
    assert found["five days"].best.value != found["round the clock"].best.value


# loaded


def test_a_loaded_sweep_is_the_one_that_was_run(ws, daily):
    live = ws.sweep(Counted, "daily", GRID | {"how": ["well", "badly"]})
    loaded = ws.load_sweep(live.id)
    assert_same(loaded, live)
    assert loaded.table.equals(live.table)
    assert loaded.top().equals(live.top())
    assert loaded.row == live.row
    for x, y in (("length", "share"), ("stop_loss", "length"), ("how", "length")):
        assert loaded.heatmap(x, y).to_json() == live.heatmap(x, y).to_json()
    with pytest.raises(NotFoundError, match="no sweep 7"):
        ws.load_sweep(7)


def test_words_keep_the_order_in_which_they_were_searched(ws, daily):
    """Neighbours on the grid are those that stand next to each other in it."""
    grid = {"how": ["well", "b", "a", "good"], "length": [20, 5, 10]}
    sweep, pure = ws.sweep(Counted, "daily", grid), rk.run_sweep(daily, Counted, grid)
    assert list(sweep.sets) == list(pure.sets)
    assert sweep.sets.values == grid
    assert sweep.plateau.tobytes() == pure.plateau.tobytes()


def test_pairs_are_pairs_again(ws, daily):
    grid = {"spans": [(5, 20), (3, 9)]}
    sweep = ws.sweep(Pairs, "daily", grid)
    assert_same(sweep, rk.run_sweep(daily, Pairs, grid))
    assert sweep.best.parameters["spans"] in grid["spans"]


def test_a_set_whose_single_run_was_deleted_keeps_its_numbers(ws, daily):
    sweep = ws.sweep(Counted, "daily", {"length": [5, 10]})
    delete_job(ws.database, ws.run(Counted, "daily", {"length": 5}).job.id)
    loaded = ws.load_sweep(sweep.id)
    assert loaded.errors == {}
    assert loaded.best.value == pytest.approx(sweep.best.value)
    assert len(loaded) == loaded.trials == 2


# other methods


def test_sets_drawn_at_random(ws, daily):
    how = {"method": "random", "sets": 40, "seed": 3}
    grid = {"length": rk.between(2, 200), "share": rk.between(0.1, 1.0)}
    sweep = ws.sweep(Counted, "daily", grid, **how)
    assert_same(sweep, rk.run_sweep(daily, Counted, grid, **how))
    assert (sweep.row.method, sweep.row.seed, sweep.is_grid, len(sweep)) == ("random", 3, False, 40)
    RAN.clear()
    assert ws.sweep(Counted, "daily", grid, **how).id == sweep.id
    assert RAN == []
    assert ws.sweep(Counted, "daily", grid, **how | {"seed": 4}).trials == 80


def test_sets_that_optuna_suggests(ws, daily):
    pytest.importorskip("optuna", reason="optuna is not installed")
    how = {"method": "optuna", "sets": 40}
    grid = {"length": [5, 10, 20, 30], "share": [0.5, 1.0, 1.5]}
    sweep, pure = ws.sweep(Counted, "daily", grid, **how), rk.run_sweep(daily, Counted, grid, **how)
    assert list(sweep.sets) == list(pure.sets)
    assert sweep.best.parameters == pure.best.parameters
    assert sweep.returns.tobytes() == pure.returns.tobytes()
    assert sorted(map(str, sweep.refused)) == sorted(map(str, pure.refused)) != []
    assert len(sweep) == sweep.trials == sweep.row.total_sets == sweep.row.completed_sets <= 8
    again = ws.sweep(Counted, "daily", grid, **how)
    assert list(again.sets) == list(sweep.sets)
    assert again.trials == sweep.trials
    with ws.database.read() as session:
        assert len(session.exec(select(SweepRow)).all()) == 2


def test_suggestions_of_which_none_is_taken(ws, daily):
    pytest.importorskip("optuna", reason="optuna is not installed")
    with pytest.raises(ParameterError, match="counted takes none of 1 sets: counted: length=1"):
        ws.sweep(Counted, "daily", {"length": [1]}, method="optuna", sets=3)
    assert ws.sweeps().iloc[0]["status"] == "failed"
