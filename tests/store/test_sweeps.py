"""The life of a sweep: all of its sets in order, one lease at a time, final states stay, resumed where it stopped."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import sqlalchemy as sa
from store.conftest import list_trials

from research_kit.errors import NotFoundError, StoreError
from research_kit.store.database import database_time
from research_kit.store.datasets import add_dataset
from research_kit.store.jobs import LeaseLostError
from research_kit.store.listings import sweeps_table, trials_table
from research_kit.store.records import Lease
from research_kit.store.stored_trials import daily_returns, known_trials
from research_kit.store.sweeps import (
    add_sets,
    create_sweep,
    delete_sweep,
    find_completed_sweep,
    find_unfinished_sweep,
    finish_sweep,
    get_sweep,
    heartbeat_sweep,
    load_sweep,
    record_sets,
    request_cancel_sweep,
    resume_sweep,
    stale_sweeps,
)
from research_kit.store.tables import SweepRow, SweepSet
from research_kit.store.trials import count_trials, record_trials


def part(batch, start, stop):
    """Return some sets of a batch."""
    own = ("spec_hash", "parameters", "daily_returns", "mean", "std", "skew", "kurtosis")
    metrics = {name: values[start:stop] for name, values in batch.metrics.items()}
    return replace(batch, metrics=metrics, **{name: getattr(batch, name)[start:stop] for name in own})


def quiet(database, sweep_id, seconds):
    """Let the last sign of life of a sweep be so many seconds ago."""
    with database.write() as session:
        then = {"heartbeat_at": database_time(seconds)}
        session.execute(sa.update(SweepRow).where(SweepRow.id == sweep_id).values(**then))


def counters(database, sweep_id):
    row = get_sweep(database, sweep_id)
    return row.completed_sets, row.failed_sets, row.total_sets


def members(database, sweep_id):
    query = sa.select(SweepSet.position, SweepSet.spec_hash).where(SweepSet.sweep_id == sweep_id)
    with database.read() as session:
        return [tuple(row) for row in session.execute(query.order_by(SweepSet.position))]


def test_the_whole_life(database, make):
    batch, lease = make.batch(20), Lease("worker 1")
    dataset = add_dataset(database, make.dataset())
    sweep = make.sweep(
        dataset_id=dataset.id,
        dataset_sha256="a" * 64,
        strategy_class="library.sma:SmaCross",
        strategy_sha256="b" * 64,
        objective="sharpe_ratio",
        grid={"fast": range(3)},
        options={"commission": 0.001},
        settings={"where": "fast < slow", "limit": np.inf},
        seed=2**40,
    )
    sweep_id = create_sweep(database, sweep, batch.spec_hash, lease=lease)
    row = get_sweep(database, sweep_id)
    assert (row.status, row.kind, row.total_sets, row.completed_sets, row.failed_sets) == ("running", "sweep", 20, 0, 0)
    assert (row.grid, row.settings) == ({"fast": [0, 1, 2]}, {"where": "fast < slow", "limit": None})
    assert (row.seed, row.sets_hash, row.strategy_class) == (2**40, "f" * 64, "library.sma:SmaCross")
    assert (row.worker_id, row.lease_token, row.cancel_requested) == ("worker 1", lease.token, False)
    assert row.created_at <= row.started_at <= row.heartbeat_at
    assert members(database, sweep_id) == list(enumerate(batch.spec_hash))
    assert load_sweep(database, sweep_id).sets.state == ["pending"] * 20

    assert record_sets(database, sweep_id, part(batch, 0, 12), lease=lease) is False
    states = ["completed", "failed", "cancelled"]
    record_sets(database, sweep_id, replace(part(batch, 12, 15), state=states), lease=lease)
    assert counters(database, sweep_id) == (13, 1, 20)
    assert heartbeat_sweep(database, sweep_id, lease=lease) is False
    record_sets(database, sweep_id, make.records(part(batch, 15, 20)), lease=lease)
    assert counters(database, sweep_id) == (18, 1, 20)
    finish_sweep(database, sweep_id, "completed", best_spec_hash=batch.spec_hash[3], lease=lease)
    row = get_sweep(database, sweep_id)
    assert (row.status, row.best_spec_hash, row.error, row.lease_token) == (
        "completed",
        batch.spec_hash[3],
        None,
        None,
    )
    assert row.actual_duration == (row.completed_at - row.started_at).total_seconds() >= 0
    assert counters(database, sweep_id) == (18, 1, 20)
    assert {trial.sweep_id for trial in list_trials(database, sweep_id=sweep_id)} == {sweep_id}
    assert len(list_trials(database, sweep_id=sweep_id)) == 20


def test_a_loaded_sweep_has_its_sets_in_order(database, make):
    batch = make.batch(250, dataset_sha256="a" * 64)
    sweep_id = create_sweep(database, make.sweep(), batch.spec_hash)
    failed = replace(part(batch, 100, 101), state="failed", error=["no"], metrics={}, daily_returns=None)
    record_sets(database, sweep_id, part(batch, 101, 240))
    record_sets(database, sweep_id, failed)
    record_sets(database, sweep_id, part(batch, 0, 100))
    found = load_sweep(database, sweep_id)
    assert found.row.id == sweep_id
    sets = found.sets
    assert len(sets) == 250
    assert sets.spec_hash == batch.spec_hash
    assert sets.state == ["completed"] * 100 + ["failed"] + ["completed"] * 139 + ["pending"] * 10
    assert sets.parameters == [*batch.parameters[:240], *[None] * 10]
    assert sets.error == [None] * 100 + ["no"] + [None] * 149
    done = np.array(sets.state) == "completed"
    for name in ("mean", "std", "skew", "kurtosis"):
        np.testing.assert_array_equal(getattr(sets, name)[done], getattr(batch, name)[done])
    for name, values in batch.metrics.items():
        np.testing.assert_array_equal(sets.metrics[name], np.where(done & np.isfinite(values), values, np.nan))
    absent = np.isnan(batch.daily_returns).all(axis=1) | ~done
    assert sets.n_returns.tolist() == np.where(absent, 0, 5).tolist()
    assert sets.first_day == [None if gone else batch.first_day for gone in absent]
    returns = daily_returns(database, sweep_id)
    assert returns.dtype == np.float32
    np.testing.assert_array_equal(returns, np.where(absent[:, None], np.nan, batch.daily_returns))
    assert sets.places[batch.spec_hash[7]] == 7


def test_a_trial_in_two_sweeps_is_one_trial(database, make):
    batch = make.batch(150)
    first = create_sweep(database, make.sweep(), batch.spec_hash)
    record_sets(database, first, batch)
    finish_sweep(database, first, "completed")
    hashes = [*make.hashes(50, seed=9), *batch.spec_hash]
    second = create_sweep(database, make.sweep("e" * 64), hashes, known_sets=150)
    assert counters(database, second) == (150, 0, 200)
    record_sets(database, second, make.batch(50, seed=9))
    finish_sweep(database, second, "completed")
    assert counters(database, second) == (200, 0, 200)
    assert count_trials(database) == 200
    assert [len(load_sweep(database, sweep_id).sets) for sweep_id in (first, second)] == [150, 200]
    assert len(trials_table(database, sweep_id=first)) == 150
    assert len(trials_table(database, sweep_id=second)) == 200


def test_the_counters_of_an_ended_sweep_are_what_its_sets_say(database, make):
    batch = make.batch(10)
    sweep_id = create_sweep(database, make.sweep(), batch.spec_hash)
    for _ in range(3):  # a set that is recorded twice
        record_sets(database, sweep_id, part(batch, 0, 5))
    assert counters(database, sweep_id) == (15, 0, 10)
    record_sets(database, sweep_id, replace(part(batch, 5, 6), state="failed"))
    finish_sweep(database, sweep_id, "cancelled")
    assert counters(database, sweep_id) == (5, 1, 10)


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
def test_a_sweep_that_ended_takes_nothing_more(database, make, end):
    batch, lease = make.batch(200), Lease("worker 1")
    sweep_id = create_sweep(database, make.sweep(), batch.spec_hash, lease=lease)
    record_sets(database, sweep_id, part(batch, 0, 2), lease=lease)
    finish_sweep(database, sweep_id, end, "x" * 100_000)
    before = get_sweep(database, sweep_id)
    assert (before.status, len(before.error)) == (end, 20_000)
    for verb in (
        lambda: record_sets(database, sweep_id, batch, lease=lease),
        lambda: record_sets(database, sweep_id, batch),
        lambda: record_sets(database, sweep_id, make.records(part(batch, 2, 4))),
        lambda: add_sets(database, sweep_id, ["a" * 64]),
        lambda: heartbeat_sweep(database, sweep_id, lease=lease),
        lambda: finish_sweep(database, sweep_id, "completed"),
        lambda: resume_sweep(database, sweep_id, Lease("worker 2"), grace=0.0),
    ):
        with pytest.raises(LeaseLostError, match=f"The sweep {sweep_id} is {end}"):
            verb()
    assert request_cancel_sweep(database, sweep_id) == end
    assert get_sweep(database, sweep_id) == before
    assert count_trials(database) == 2
    assert len(members(database, sweep_id)) == 200


def test_only_who_holds_the_lease_writes(database, make):
    batch, lease = make.batch(3), Lease("worker 1")
    sweep_id = create_sweep(database, make.sweep(), batch.spec_hash, lease=lease)
    other = Lease("worker 1")
    assert other.token != lease.token
    for verb in (
        lambda: record_sets(database, sweep_id, batch, lease=other),
        lambda: record_sets(database, sweep_id, batch),
        lambda: add_sets(database, sweep_id, ["a" * 64], lease=other),
        lambda: heartbeat_sweep(database, sweep_id, lease=other),
        lambda: heartbeat_sweep(database, sweep_id),
        lambda: finish_sweep(database, sweep_id, "completed", lease=other),
        lambda: resume_sweep(database, sweep_id, other),
    ):
        with pytest.raises(LeaseLostError, match="worked on by another process"):
            verb()
    assert counters(database, sweep_id) == (0, 0, 3)
    assert count_trials(database) == 0
    record_sets(database, sweep_id, batch, lease=lease)


def test_a_sweep_without_a_lease_is_taken_over_only_when_it_is_silent(database, make):
    sweep_id = create_sweep(database, make.sweep(), make.hashes(3))
    with pytest.raises(LeaseLostError):
        resume_sweep(database, sweep_id, Lease("worker 2"))
    quiet(database, sweep_id, 31)
    resume_sweep(database, sweep_id, Lease("worker 2"))
    with pytest.raises(LeaseLostError):
        record_sets(database, sweep_id, make.batch(3))


def test_cancelling_is_told_to_who_works_on_it(database, make):
    batch, lease = make.batch(3), Lease("worker 1")
    sweep_id = create_sweep(database, make.sweep(), batch.spec_hash, lease=lease)
    assert request_cancel_sweep(database, sweep_id) == "running"
    assert heartbeat_sweep(database, sweep_id, lease=lease) is True
    assert record_sets(database, sweep_id, batch, lease=lease) is True  # what was done is kept
    finish_sweep(database, sweep_id, "cancelled", lease=lease)
    assert get_sweep(database, sweep_id).status == "cancelled"
    assert count_trials(database) == 3


def test_a_sweep_whose_process_died_is_found_and_resumed(database, make):
    batch, lease = make.batch(10), Lease("worker 1")
    sweep_id = create_sweep(database, make.sweep(), batch.spec_hash, lease=lease)
    lively = create_sweep(database, make.sweep("e" * 64), make.hashes(2, seed=2), lease=Lease("worker 3"))
    record_sets(database, sweep_id, part(batch, 0, 4), lease=lease)
    record_sets(database, sweep_id, replace(part(batch, 4, 6), state="failed"), lease=lease)
    request_cancel_sweep(database, sweep_id)
    quiet(database, sweep_id, 31)
    quiet(database, lively, 29)
    assert [row.id for row in stale_sweeps(database, grace=30)] == [sweep_id]
    assert find_unfinished_sweep(database, "f" * 64).id == sweep_id

    again = Lease("worker 2")
    row = resume_sweep(database, sweep_id, again)
    assert (row.status, row.worker_id, row.cancel_requested) == ("running", "worker 2", False)
    assert (row.completed_sets, row.failed_sets, row.total_sets) == (4, 0, 10)
    assert stale_sweeps(database) == []
    with pytest.raises(LeaseLostError, match="worked on by another process"):
        record_sets(database, sweep_id, part(batch, 4, 6), lease=lease)
    known = known_trials(database, batch.spec_hash)
    assert known.spec_hash == batch.spec_hash[:4]
    record_sets(database, sweep_id, part(batch, 4, 10), lease=again)
    finish_sweep(database, sweep_id, "completed", lease=again)
    assert counters(database, sweep_id) == (10, 0, 10)
    assert find_unfinished_sweep(database, "f" * 64) is None
    assert find_completed_sweep(database, "f" * 64).id == sweep_id


def test_of_several_that_resume_one_gets_it(database, make):
    sweep_id = create_sweep(database, make.sweep(), make.hashes(3), lease=Lease("dead"))
    quiet(database, sweep_id, 31)
    won, lost = [], []

    def work(i):
        lease = Lease(f"worker {i}")
        try:
            resume_sweep(database, sweep_id, lease)
            won.append(lease.token)
        except LeaseLostError:
            lost.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lost) == 5
    assert [get_sweep(database, sweep_id).lease_token] == won


def test_who_knows_of_a_death_need_not_wait(database, make):
    lease = Lease("worker 1")
    sweep_id = create_sweep(database, make.sweep(), make.hashes(3), lease=lease)
    resume_sweep(database, sweep_id, Lease("worker 2"), grace=0.0)
    other = create_sweep(database, make.sweep(), make.hashes(3), lease=lease)
    finish_sweep(database, other, "failed", "Its process died.", lease=lease)
    assert get_sweep(database, other).error == "Its process died."
    with pytest.raises(LeaseLostError):  # it was resumed meanwhile
        finish_sweep(database, sweep_id, "failed", "Its process died.", lease=lease)


def test_the_duration_is_that_of_all_attempts(database, make):
    sweep_id = create_sweep(database, make.sweep(), make.hashes(3), lease=Lease("worker 1"))
    with database.write() as session:
        then = {"started_at": database_time(100), "heartbeat_at": database_time(60)}
        session.execute(sa.update(SweepRow).values(**then))
    row = resume_sweep(database, sweep_id, Lease("worker 2"))
    assert 39.0 < row.actual_duration < 41.0
    with database.write() as session:
        session.execute(sa.update(SweepRow).values(started_at=database_time(20)))
    finish_sweep(database, sweep_id, "completed")
    assert 59.0 < get_sweep(database, sweep_id).actual_duration < 65.0


def test_the_same_sweep_asked_again(database, make):
    assert find_unfinished_sweep(database, "f" * 64) is None
    ids = [create_sweep(database, make.sweep(), make.hashes(3)) for _ in range(2)]
    create_sweep(database, make.sweep("e" * 64), make.hashes(3))
    assert find_unfinished_sweep(database, "f" * 64).id == ids[1]
    finish_sweep(database, ids[1], "cancelled")
    assert find_unfinished_sweep(database, "f" * 64).id == ids[0]
    finish_sweep(database, ids[0], "completed")
    assert find_unfinished_sweep(database, "f" * 64) is None
    assert find_completed_sweep(database, "f" * 64).id == ids[0]
    assert find_completed_sweep(database, "e" * 64) is None


def test_sets_that_are_known_later_come_behind(database, make):
    first, more = make.hashes(3), make.hashes(4, seed=2)
    lease = Lease("worker 1")
    sweep_id = create_sweep(database, make.sweep(kind="walk_forward"), first, lease=lease)
    add_sets(database, sweep_id, more, lease=lease)
    add_sets(database, sweep_id, first[:1], lease=lease)
    assert members(database, sweep_id) == list(enumerate([*first, *more, first[0]]))
    assert counters(database, sweep_id) == (0, 0, 8)
    empty = create_sweep(database, make.sweep(), [])
    add_sets(database, empty, more)
    assert members(database, empty) == list(enumerate(more))


def test_a_set_that_is_there_twice_has_its_trial_twice(database, make):
    batch = make.batch(2)
    sweep_id = create_sweep(database, make.sweep(), [*batch.spec_hash, batch.spec_hash[0]])
    record_sets(database, sweep_id, batch)
    finish_sweep(database, sweep_id, "completed")
    assert counters(database, sweep_id) == (3, 0, 3)
    sets = load_sweep(database, sweep_id).sets
    assert sets.parameters == [*batch.parameters, batch.parameters[0]]
    assert sets.places[batch.spec_hash[0]] == 0
    returns = daily_returns(database, sweep_id)
    np.testing.assert_array_equal(returns, batch.daily_returns[[0, 1, 0]])


def test_windows_of_different_length_are_padded(database, make):
    batches = [make.batch(3, seed=days, days=days, kind="walk_forward") for days in (4, 9, 6)]
    hashes = [mark for batch in batches for mark in batch.spec_hash]
    sweep_id = create_sweep(database, make.sweep(kind="walk_forward"), hashes)
    for batch in batches:
        record_sets(database, sweep_id, batch)
    returns = daily_returns(database, sweep_id)
    assert returns.shape == (9, 9)
    np.testing.assert_array_equal(returns[:3, :4], batches[0].daily_returns)
    np.testing.assert_array_equal(returns[3:6], batches[1].daily_returns)
    assert np.isnan(returns[:3, 4:]).all()
    assert load_sweep(database, sweep_id).sets.n_returns.tolist() == [4] * 3 + [9] * 3 + [6] * 3
    np.testing.assert_array_equal(daily_returns(database, hashes[2:4]), returns[2:4])


def test_a_deleted_sweep_leaves_its_trials(database, make):
    batch = make.batch(150)
    sweep_id = create_sweep(database, make.sweep(), batch.spec_hash)
    record_sets(database, sweep_id, batch)
    with pytest.raises(StoreError, match="is running; cancel it before"):
        delete_sweep(database, sweep_id)
    finish_sweep(database, sweep_id, "completed")
    delete_sweep(database, sweep_id)
    assert sweeps_table(database).empty
    assert members(database, sweep_id) == []
    assert count_trials(database) == 150
    assert {trial.sweep_id for trial in list_trials(database)} == {None}
    assert len(known_trials(database, batch.spec_hash)) == 150
    assert create_sweep(database, make.sweep(), []) == sweep_id + 1  # an id is never given twice


def test_what_cannot_be_stored_leaves_the_counters(database, make):
    sweep_id = create_sweep(database, make.sweep(), make.hashes(3))
    with pytest.raises(StoreError, match="refused a row"):
        record_sets(database, sweep_id, make.batch(3, std=[0.1, -0.1, 0.1]))
    assert counters(database, sweep_id) == (0, 0, 3)
    assert count_trials(database) == 0


@pytest.mark.parametrize(
    ("hashes", "known", "message"),
    [
        (["x" * 65], 0, "at most 64 letters and digits"),
        (["a" * 64, None], 0, "at most 64 letters and digits; None"),
        (["a" * 64], 2, "known_sets is how many of the 1 sets"),
        (["a" * 64], -1, "known_sets is how many of the 1 sets"),
    ],
)
def test_a_sweep_that_cannot_be_stored_is_refused(database, make, hashes, known, message):
    with pytest.raises(StoreError, match=message):
        create_sweep(database, make.sweep(), hashes, known_sets=known)
    assert sweeps_table(database).empty


def test_a_sweep_has_a_kind_and_an_end(database, make):
    with pytest.raises(StoreError, match="kind='walk-forward' is not one of its words"):
        make.sweep(kind="walk-forward")
    with pytest.raises(StoreError, match="'done' is not how something ends"):
        finish_sweep(database, create_sweep(database, make.sweep(), []), "done")


def test_no_such_sweep(database, make):
    for verb in (
        lambda: record_sets(database, 7, make.batch(1)),
        lambda: finish_sweep(database, 7, "completed"),
        lambda: heartbeat_sweep(database, 7),
        lambda: resume_sweep(database, 7, Lease("w")),
        lambda: request_cancel_sweep(database, 7),
        lambda: get_sweep(database, 7),
        lambda: load_sweep(database, 7),
        lambda: daily_returns(database, 7),
        lambda: delete_sweep(database, 7),
    ):
        with pytest.raises(NotFoundError, match="no sweep 7"):
            verb()


def test_a_sweep_without_sets(database, make):
    sweep_id = create_sweep(database, make.sweep(), [])
    record_sets(database, sweep_id, make.batch(0))
    finish_sweep(database, sweep_id, "completed")
    assert len(load_sweep(database, sweep_id).sets) == 0
    assert load_sweep(database, sweep_id).sets.metrics == {}
    assert daily_returns(database, sweep_id).shape == (0, 0)


def test_known_trials_are_the_completed_ones_in_the_order_asked(database, make):
    batch = make.batch(30)
    record_trials(database, part(batch, 0, 10))
    record_trials(database, replace(part(batch, 10, 20), state="failed"))
    asked = [*batch.spec_hash[::-1], batch.spec_hash[3]]
    known = known_trials(database, asked)
    assert known.spec_hash == batch.spec_hash[9::-1]
    assert set(known.state) == {"completed"}
    assert known.parameters == batch.parameters[9::-1]
    np.testing.assert_array_equal(known.metrics["sharpe_ratio"], batch.metrics["sharpe_ratio"][9::-1])
    assert batch.spec_hash[12] not in known.places
    assert len(known_trials(database, [])) == 0
    assert daily_returns(database, asked).shape == (31, 5)
    assert np.isnan(daily_returns(database, asked)[:10]).all()


def test_two_writers_of_two_sweeps_with_the_same_sets(database, make):
    batch = make.batch(600)
    leases = [Lease(f"worker {i}") for i in range(2)]
    ids = [create_sweep(database, make.sweep(), batch.spec_hash, lease=lease) for lease in leases]
    errors = []

    def work(sweep_id, lease, order):
        try:
            for start in order:
                record_sets(database, sweep_id, part(batch, start, start + 100), lease=lease)
                heartbeat_sweep(database, sweep_id, lease=lease)
            finish_sweep(database, sweep_id, "completed", lease=lease)
        except StoreError as error:
            errors.append(error)

    orders = [range(0, 600, 100), range(500, -100, -100)]
    arguments = zip(ids, leases, orders, strict=True)
    threads = [threading.Thread(target=work, args=given) for given in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert count_trials(database) == 600
    assert [counters(database, sweep_id) for sweep_id in ids] == [(600, 0, 600)] * 2


@pytest.mark.slow
def test_a_hundred_thousand_sets(database, make):
    hashes = make.hashes(100_000)
    sweep_id = create_sweep(database, make.sweep(), hashes)
    batch = make.batch(10_000, spec_hash=hashes[50_000:60_000])
    record_sets(database, sweep_id, batch)
    assert len(known_trials(database, hashes)) == 10_000
    finish_sweep(database, sweep_id, "cancelled")
    assert counters(database, sweep_id) == (10_000, 0, 100_000)
    sets = load_sweep(database, sweep_id).sets
    assert sets.spec_hash == hashes
    assert sets.parameters[50_000:60_000] == batch.parameters
    assert daily_returns(database, sweep_id).shape == (100_000, 5)
    delete_sweep(database, sweep_id)
    assert members(database, sweep_id) == []
    assert count_trials(database) == 10_000
