"""Holdouts: locked for a name, counted over everything with the same data, never loosened in silence."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from sqlmodel import select

from research_kit.errors import NotFoundError, OptionError
from research_kit.report.sections import card_of, lead_of
from research_kit.runs.holdout import Holdout
from research_kit.store.jobs import delete_job
from research_kit.store.records import TrialRecord
from research_kit.store.tables import TRIAL_KINDS, TRIAL_STATES, HoldoutLock
from research_kit.store.trials import record_trials

LOCK = "2024-01-02"
START = datetime(2024, 1, 2, tzinfo=UTC)


def seen(ws, key="walk"):
    return ws.holdout(key).touched


def test_nothing_is_locked_at_first(ws):
    assert ws.holdout("walk") is None
    run = ws.run("buy_and_hold", "walk")
    assert run.holdout is None
    assert "holdout" not in repr(lead_of(run))
    assert "Holdout: none is locked" in repr(card_of(run))
    assert ws.datasets()["holdout_start"].isna().all()
    with pytest.raises(NotFoundError, match="Did you mean 'walk'"):
        ws.holdout("wolk")


def test_runs_that_reach_past_the_start_are_counted_before_and_after_the_lock(ws):
    early = ws.slice("walk", end=LOCK)
    ws.run("buy_and_hold", early)
    ws.run("buy_and_hold", "walk")
    locked = ws.lock_holdout("walk", LOCK)
    assert locked == ws.holdout("walk") == ws.holdout(early)
    assert (locked.dataset, locked.start, locked.first_start, locked.touched) == ("walk", START, START, 1)
    ws.run("buy_and_hold", early)
    ws.run("sma_cross", early)
    assert seen(ws) == 1
    ws.run("sma_cross", "walk")
    ws.run("sma_cross", "walk")  # the same trial
    assert seen(ws) == 2


def test_the_whole_family_counts(ws, make_bars):
    old = ws.dataset("walk")
    hours = ws.resample("walk", "1h")
    late = ws.slice(hours, "2024-01-02")
    new = ws.import_dataset(make_bars(4_000).frame, name="walk", symbol="WALK", session="24/7")
    stranger = ws.import_dataset(make_bars(3_000, seed=3).frame, name="other", session="24/7")
    ws.lock_holdout(hours, LOCK)
    for number, row in enumerate([hours, late, old, new], start=1):
        ws.run("buy_and_hold", row.id)
        assert {seen(ws, one.id) for one in (hours, late, old, new)} == {number}
    ws.run("buy_and_hold", stranger)
    assert ws.holdout(stranger) is None
    both = ws.merge([ws.slice("other", "2024-01-02 12:00"), ws.slice("other", end="2024-01-02 12:00")])
    assert ws.holdout(both) is None
    assert seen(ws) == 4


def test_spans_of_one_merge_do_not_count_for_each_other(ws):
    one, two = ws.slice("walk", end=LOCK, name="one"), ws.slice("walk", LOCK, name="two")
    with ws.database.write() as session:  # as if both had come from files of their own
        for row in (one, two):
            session.exec(select(type(row)).where(type(row).id == row.id)).one().parent_id = None
        session.connection().exec_driver_sql("DELETE FROM dataset_parents")
    whole = ws.merge([one, two])
    ws.lock_holdout(one, "2024-01-01 12:00")
    ws.run("buy_and_hold", two)
    assert ws.holdout(two) is None
    assert seen(ws, one) == 0
    ws.run("buy_and_hold", whole)
    assert seen(ws, one) == seen(ws, whole) == 1


@pytest.mark.parametrize("state", TRIAL_STATES)
@pytest.mark.parametrize("kind", TRIAL_KINDS)
def test_trials_of_every_kind_and_state_count(ws, kind, state):
    ws.lock_holdout("walk", LOCK)
    row = ws.dataset("walk")
    trials = [
        TrialRecord(spec_hash="1" * 64, kind=kind, state=state, strategy_name="a", dataset_sha256=row.sha256),
        TrialRecord(spec_hash="2" * 64, kind=kind, state=state, strategy_name="a", dataset_id=row.id),
        TrialRecord(spec_hash="3" * 64, kind=kind, state=state, strategy_name="a", dataset_sha256="0" * 64),
    ]
    record_trials(ws.database, trials)
    assert seen(ws) == 2


def test_a_deleted_run_stays_counted(ws):
    ws.lock_holdout("walk", LOCK)
    run = ws.run("buy_and_hold", "walk")
    delete_job(ws.database, run.job.id)
    assert seen(ws) == 1


def test_a_long_bar_that_opens_before_the_start_reaches_past_it(ws):
    long = ws.resample("walk", "3d")
    short = ws.slice(long, end="2024-01-02", name="short")
    cut = ws.resample(ws.slice("walk", end=LOCK), "3d", name="cut before")
    assert short.end_date < START < short.data_until
    assert cut.data_until == START  # its bar would end later, its data does not
    ws.lock_holdout("walk", LOCK)
    ws.run("buy_and_hold", cut, fill="same_close")
    assert seen(ws) == 0
    ws.run("buy_and_hold", short, fill="same_close")
    assert seen(ws) == 1


def test_an_earlier_start_is_recorded_and_a_later_one_needs_force(ws):
    ws.lock_holdout("walk", "2024-01-02 12:00")
    assert ws.lock_holdout("walk", "2024-01-02 12:00").start.hour == 12  # again is nothing new
    ws.lock_holdout("walk", LOCK)
    with pytest.raises(OptionError, match=r"'walk' is locked from 2024-01-02 00:00 UTC on.*force=True"):
        ws.lock_holdout("walk", "2024-01-02 18:00")
    assert ws.holdout("walk").start == START
    moved = ws.lock_holdout("walk", "2024-01-02 18:00", force=True)
    assert (moved.start.hour, moved.first_start.hour) == (18, 12)
    assert moved.sentence == "holdout from 2024-01-02 18:00 (at first from 2024-01-02 12:00): no run has seen it"
    with ws.database.read() as session:
        locks = session.exec(select(HoldoutLock).order_by(HoldoutLock.id)).all()
    assert [(lock.start.hour, lock.forced) for lock in locks] == [(12, False), (0, False), (18, True)]


def test_no_other_name_of_the_same_data_opens_what_is_locked(ws):
    hours = ws.resample("walk", "1h")
    ws.lock_holdout("walk", LOCK)
    for force in (False, True):
        with pytest.raises(OptionError, match=r"'walk' is locked.*holds for 'walk 1h' as well"):
            ws.lock_holdout(hours, "2024-01-02 12:00", force=force)
    assert ws.lock_holdout(hours, LOCK).dataset == "walk"
    earlier = ws.lock_holdout(hours, "2024-01-01 12:00")
    assert earlier.dataset == "walk 1h"
    assert ws.holdout("walk") == earlier


def test_versions_and_derivations_that_come_later_are_locked(ws, make_bars):
    ws.lock_holdout("walk", LOCK)
    new = ws.import_dataset(make_bars(4_000).frame, name="walk", symbol="WALK", session="24/7")
    hours = ws.resample("walk", "1h")
    other = ws.import_dataset(make_bars(50, seed=4).frame, name="other")
    assert new.holdout_start == START
    assert ws.holdout(hours).start == START
    starts = ws.datasets().set_index("id")["holdout_start"]
    assert starts[[1, new.id, hours.id]].tolist() == [pd.Timestamp(START)] * 3
    assert pd.isna(starts[other.id])
    assert str(starts.dtype) == "datetime64[us, UTC]"


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("2023-12-31", "cannot begin at 2023-12-31: its data reaches from 2024-01-01 00:00 to 2024-01-03 02:00 UTC"),
        ("2024-01-01", "cannot begin"),
        ("2024-01-03 02:00", "cannot begin"),
        ("soon", "no date or time"),
    ],
)
def test_a_start_outside_of_the_data_is_refused(ws, start, words):
    with pytest.raises(OptionError, match=words):
        ws.lock_holdout("walk", start)
    assert ws.holdout("walk") is None


@pytest.mark.parametrize(
    "start", [LOCK, date(2024, 1, 2), START, datetime(2024, 1, 2), "2024-01-02 09:00+09:00", np.datetime64(LOCK)]
)
def test_a_start_may_be_written_in_any_way(ws, start):
    assert ws.lock_holdout("walk", start).start == START


@pytest.mark.parametrize(
    ("session", "start_hour", "timeframe"),
    [("24/5", "2024-03-05 22:00", "1h"), ("XNYS", "2024-03-06 05:00", "1h"), ("XTKS", "2024-03-05 15:00", "1d")],
)
def test_a_date_is_the_sessions_day_and_a_slice_up_to_it_does_not_touch(ws, session, start_hour, timeframe):
    index = pd.date_range("2024-03-04", "2024-03-08", freq="1h" if timeframe == "1h" else "1D", tz="UTC")
    frame = pd.DataFrame({"open": 1.0, "close": np.linspace(1, 2, len(index))}, index=index)
    ws.import_dataset(frame, name="s", session=session, timeframe=timeframe)
    locked = ws.lock_holdout("s", "2024-03-06")
    assert locked.start == datetime.fromisoformat(f"{start_hour}+00:00")
    assert locked.sentence == "holdout from 2024-03-06: no run has seen it"
    before = ws.slice("s", end="2024-03-06")
    ws.run("buy_and_hold", before)
    ws.run("buy_and_hold", ws.resample(before, "1d"), fill="same_close")
    assert seen(ws, "s") == 0
    ws.run("buy_and_hold", ws.slice("s", end="2024-03-07"))
    assert seen(ws, "s") == 1


def test_the_sentence():
    def said(touched):
        return str(Holdout("a", START, touched, START, START))

    assert said(0) == "holdout from 2024-01-02: no run has seen it"
    assert said(1) == "holdout from 2024-01-02: 1 run has seen it"
    assert said(12_345) == "holdout from 2024-01-02: 12,345 runs have seen it"


def test_every_report_shows_the_count(ws):
    ws.lock_holdout("walk", LOCK)
    run = ws.run("buy_and_hold", "walk")
    assert run.holdout.sentence == "holdout from 2024-01-02: 1 run has seen it"
    assert repr(lead_of(run)).endswith("1 trial on this dataset so far · holdout from 2024-01-02: 1 run has seen it")
    assert "Holdout: from 2024-01-02: 1 run has seen it" in repr(card_of(run))
