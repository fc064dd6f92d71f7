"""The history: pages by key, filters, marks, deleting after one question, jobs with their reasons."""

import time
from datetime import date, timedelta

import pytest

import research_kit as rk
from research_kit.errors import NotFoundError, OptionError, StoreError
from research_kit.store.jobs import claim_job, fail_job
from research_kit.widgets.history.history import History
from research_kit.widgets.history.run_list import PAGE, BacktestPicker, RunList
from research_kit.widgets.work.job_list import JobList

HOSTILE = "<img src=x onerror=alert(1)>"


class Fails(rk.Strategy):
    """Raises what no page may run."""

    def signals(self, bars):
        raise ValueError(f"{HOSTILE}\nsecond line")


@pytest.fixture(scope="module")
def stock(tmp_path_factory, make_bars):
    """Return a workspace with 17 runs: two pages."""
    with rk.open_workspace(tmp_path_factory.mktemp("stock")) as ws:
        for name, seed in (("Calm", 1), (HOSTILE, 2)):
            frame = make_bars(120, seed=seed, step_ns=86_400_000_000_000).frame
            ws.import_dataset(frame, name=name, symbol="TEST", timezone="UTC")
        for slow in range(PAGE):
            ws.run("sma_cross", "Calm", {"fast": 3, "slow": 10 + slow})
        ws.run("momentum", HOSTILE)
        ws.run("buy_and_hold", HOSTILE)
        yield ws


@pytest.fixture
def own(tmp_path, make_bars):
    """Return a workspace with three runs that a test may change."""
    with rk.open_workspace(tmp_path / "own") as ws:
        ws.import_dataset(make_bars(120, step_ns=86_400_000_000_000).frame, name="Walk", symbol="W", timezone="UTC")
        for fast in (2, 3, 4):
            ws.run("sma_cross", "Walk", {"fast": fast, "slow": 10})
        yield ws


def texts(part, name):
    """Return the texts of a column on the page."""
    at = [column["key"] for column in part.grid.columns].index(name)
    return [row["cells"][at] for row in part.grid.rows]


# the list


def test_pages_follow_each_other_by_key(stock):
    runs = RunList(stock)
    assert runs.shown == list(range(PAGE + 2, 2, -1))
    assert (runs.page, runs.grid.has_previous, runs.grid.has_next) == (1, False, True)
    stock_before = runs.shown
    runs.grid.tell(do="page", to="next")
    assert (runs.page, runs.shown, runs.grid.has_next) == (2, [2, 1], False)
    runs.grid.tell(do="page", to="next")
    assert "There are no older runs." in runs.note.value
    runs.grid.tell(do="page", to="previous")
    assert (runs.page, runs.shown, runs.note.value) == (1, stock_before, "")
    with pytest.raises(NotFoundError, match="no newer runs"):
        runs.previous_page()
    runs.close()


def test_each_filter_narrows_and_clearing_brings_all_back(stock):
    runs = RunList(stock)
    filters = runs.filters
    newest = PAGE + 2
    for field, value, found in (
        (filters.strategy, "momentum", [newest - 1]),
        (filters.dataset, HOSTILE, [newest, newest - 1]),
        (filters.text, 'slow": 12', [3]),
        (filters.where, "total_trades < 0", []),
        (filters.since, date.today() + timedelta(days=3), []),
        (filters.until, date.today() - timedelta(days=3), []),
        (filters.pinned, True, []),
    ):
        field.value = value
        assert runs.shown == found, field.description
        assert filters.is_narrow
        filters.clear_button.click()
        assert len(runs.shown) == PAGE
    assert filters.which["pinned"] is None
    runs.close()


def test_the_last_day_is_included(stock):
    runs = RunList(stock)
    runs.filters.since.value = runs.filters.until.value = rk_today(stock)
    assert len(runs.shown) == PAGE
    runs.close()


def rk_today(ws):
    return ws.backtests(1)["created_at"].iloc[0].date()


def test_a_filter_that_is_wrong_is_said_and_the_page_stays(stock):
    runs = RunList(stock)
    before = runs.shown
    runs.filters.where.value = "sharp_ratio > 1"
    assert "Did you mean &#x27;sharpe_ratio&#x27;?" in runs.filters.note.value
    assert runs.shown == before
    runs.filters.where.value = "sharpe_ratio > -100"
    assert runs.filters.note.value == ""
    runs.close()


def test_a_narrower_list_begins_at_its_first_page(stock):
    runs = RunList(stock)
    runs.next_page()
    runs.filters.strategy.value = "sma_cross"
    assert (runs.page, len(runs.shown)) == (1, PAGE)
    runs.close()


def test_cells_are_plain_texts(stock):
    runs = RunList(stock)
    assert texts(runs, "dataset")[0] == HOSTILE
    assert texts(runs, "parameters")[-1] == "fast=3, slow=12, short=False"
    assert HOSTILE not in runs.static()
    runs.close()


def test_a_picker_has_the_run_that_was_opened(stock):
    picker, told = BacktestPicker(stock), []
    picker.on_change(lambda: told.append(picker.value))
    assert picker.value is picker.run is None
    picker.grid.tell(do="open", row=5)
    assert (picker.value, picker.run.id) == (5, 5)
    picker.value = 1  # on another page
    assert picker.run.id == 1
    with pytest.raises(NotFoundError, match="There is no backtest 99"):
        picker.value = 99
    picker.value = None
    assert picker.run is None
    assert told == [5, 1, None]
    picker.close()


# marks


def test_ticked_runs_are_tagged_noted_and_pinned(own):
    history = History(own)
    assert history.marks.layout.display == "none"
    assert history.pin_button.disabled
    for run_id in (1, 3):
        history.runs.grid.tell(do="choose", row=run_id, on=True)
    assert history.chosen == [1, 3]
    history.tag_text.value = "Trend, <b>"
    history.tag_button.click()
    assert texts(history.runs, "tags") == ["<b>, trend", "", "<b>, trend"]
    assert "trend" in history.runs.filters.tag.options
    history.untag("<b>")
    history.note_text.value = "first line\nsecond"
    history.note_button.click()
    assert texts(history.runs, "note") == ["first line", "", "first line"]
    history.pin_button.click()
    assert texts(history.runs, "pinned") == ["★", "", "★"]
    history.runs.grid.tell(do="choose", row=1, on=False)
    history.unpin_button.click()
    assert texts(history.runs, "pinned") == ["", "", "★"]
    assert own.tags() == {"trend": 2}
    history.close()


def test_a_tag_that_is_refused_is_said(own):
    history = History(own)
    history.chosen = [1]
    history.tag_text.value = "x" * 60
    history.tag_button.click()
    assert "A tag has 1 to 50 characters" in history.note.value
    history.close()


def test_deleting_asks_once_and_keeps_the_count(own):
    history = History(own)
    trials = own.load_run(1).trials
    history.chosen = [1, 2]
    history.delete_button.click()
    assert "Delete runs 1, 2, with trades" in history.question.value
    assert history.sure.layout.display is None
    history.no_button.click()
    assert history.sure.layout.display == "none"
    history.delete()  # nothing was asked about
    assert history.runs.shown == [3, 2, 1]
    history.delete_button.click()
    history.chosen = [1]  # another question would be needed
    assert history.sure.layout.display == "none"
    history.delete_button.click()
    history.yes_button.click()
    assert (history.runs.shown, history.chosen) == ([3, 2], [])
    assert own.load_run(2).trials == trials
    assert own.trials().state.tolist().count("deleted") == 1
    history.close()


def test_what_is_shown_of_a_deleted_run_goes_with_it(own):
    history = History(own)
    history.runs.open(2)
    assert history.opened.trust.wait(60)
    assert history.place.children == (history.opened.body,)
    history.chosen = [2]
    history.ask_delete()
    history.delete()
    assert history.place.children == ()
    assert history.runs.current is None
    history.close()


# opening and comparing


def test_runs_are_opened_and_compared_below_or_elsewhere(own):
    history = History(own)
    history.runs.grid.tell(do="open", row=2)
    assert history.opened.run.id == 2
    assert history.opened.trust.wait(60)
    assert history.compare_button.disabled
    history.chosen = [3, 1]
    assert not history.compare_button.disabled
    history.compare_button.click()
    assert history.compared.wait(60)
    assert [run.id for run in history.compared.runs] == [1, 3]
    assert history.place.children == (history.compared.body,)
    opened, compared = [], []
    history.on_open(opened.append)
    history.on_compare(compared.append)
    history.runs.open(1)
    history.compare()
    assert (opened, compared) == ([1], [[1, 3]])
    history.close()


def test_too_few_or_too_many_are_not_compared(stock):
    history = History(stock)
    history.chosen = [1]
    with pytest.raises(OptionError, match="Tick 2 to 6 runs first; 1 are ticked"):
        history.compare()
    history.chosen = list(range(1, 8))
    assert history.compare_button.disabled
    history.close()


def test_closing_frees_every_widget(own, living):
    before = living()
    history = History(own)
    history.runs.open(1)
    history.chosen = [1, 2]
    history.compare()
    assert history.opened.trust.wait(60)
    assert history.compared.wait(60)
    history.close()
    assert living() == before


# jobs


def test_without_jobs_there_is_no_table(own):
    jobs = JobList(own)
    assert jobs.body.layout.display == "none"
    jobs.close()


def test_a_job_that_failed_says_why(own):
    with pytest.raises(ValueError, match="second line"):
        own.run(Fails, "Walk")
    jobs = JobList(own)
    assert jobs.heading.value == '<h4 class="rkw-sub">Jobs: 1 failed</h4>'
    assert texts(jobs, "status") == ["failed"]
    assert texts(jobs, "reason") == [f"ValueError: {HOSTILE}"]
    jobs.grid.tell(do="open", row=4)
    assert "second line" in jobs.details.value
    assert "<img" not in jobs.details.value
    assert jobs.cancel_button.layout.display == "none"
    jobs.close()


def test_jobs_that_run_are_looked_at_until_they_end(own, monkeypatch):
    monkeypatch.setattr("research_kit.widgets.work.job_list.EVERY", 0.02)
    job_id = pending(own)
    ended = []
    jobs = JobList(own)
    jobs.on_end(lambda: ended.append(True))
    assert jobs.unfinished == [job_id]
    token = claim_job(own.database, job_id, "somebody")
    fail_job(own.database, job_id, token, "It broke.")
    until = time.monotonic() + 20
    while not ended and time.monotonic() < until:
        time.sleep(0.02)
    assert ended == [True]
    assert texts(jobs, "reason") == ["It broke."]
    jobs._watcher.join(10)
    assert not jobs._watcher.is_alive()
    jobs.close()


def test_a_pending_job_is_cancelled(own):
    job_id = pending(own)
    jobs = JobList(own)
    jobs.open(job_id)
    assert jobs.cancel_button.layout.display is None
    jobs.cancel_button.click()
    assert jobs._cancelling.wait(20)
    assert texts(jobs, "status") == ["cancelled"]
    assert jobs.cancel_button.layout.display == "none"
    jobs.close()


def test_what_could_not_be_cancelled_stays_said_and_closing_ends_the_watch(own, monkeypatch):
    monkeypatch.setattr("research_kit.widgets.work.job_list.EVERY", 0.02)
    jobs = JobList(own)
    job_id = pending(own)
    jobs.refresh()

    def fail(job):
        raise StoreError("The database is gone.")

    monkeypatch.setattr("research_kit.runs.jobs.job.Job.cancel", fail)
    jobs.open(job_id)
    jobs.cancel_button.click()
    assert jobs._cancelling.wait(20)
    jobs.refresh()
    assert "The database is gone." in jobs.trouble.value
    watcher = jobs._watcher
    assert watcher.is_alive()
    jobs.close()
    watcher.join(10)
    assert not watcher.is_alive()


def pending(ws):
    """Return the id of a job that waits for a worker; none is there."""
    from research_kit.runs.jobs.submitting import Limits, record_job
    from research_kit.runs.strategies import make_strategy

    made = make_strategy(ws, "sma_cross", {"fast": 9, "slow": 30})
    return record_job(ws, made, ws.dataset("Walk"), rk.EngineOptions(), Limits(None, None, 0))
