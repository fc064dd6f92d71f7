"""Whatever ends a sweep, what is done stays, and the same sweep asked again runs what is missing."""

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import research_kit as rk
from research_kit.runs.searches import sweeping
from research_kit.store.jobs import LeaseLostError
from research_kit.store.sweeps import finish_sweep, request_cancel_sweep

pytestmark = pytest.mark.faults

DAY = 86_400_000_000_000
MINE = '''
import os
import signal
import research_kit as rk

RAN = []


class Mine(rk.Strategy):
    """Long while the close is above its average; dies where it is told to."""

    length: int = rk.Param(20, ge=2, le=300)
    share: float = 1.0

    def signals(self, bars):
        RAN.append((self.length, self.share))
        if os.environ.get("DIES_AT") == f"{self.length} {self.share}":
            os.kill(os.getpid(), signal.SIGKILL)
        return rk.Signals.target((bars.close > rk.indicators.sma(bars.close, self.length)) * self.share)
'''
GRID = {"length": range(2, 302), "share": [0.5, 1.0]}  # 598 sets in three chunks; the strategy does not take two
CHILD = """
import os, signal, sys
import research_kit as rk
from research_kit.runs.searches import sweeping
from research_kit.store import sweeps

sweeping.FLUSH_SETS = 1  # every chunk is written as soon as it is there
writes = 0
write = sweeps.write_columns

def write_and_die(*arguments):
    global writes
    write(*arguments)
    writes += 1
    if writes == int(os.environ.get("DIES_IN_WRITE", "0")):
        os.kill(os.getpid(), signal.SIGKILL)  # written, and not yet committed

sweeps.write_columns = write_and_die
print("ready", flush=True)
sys.stdin.readline()
with rk.open_workspace(sys.argv[1]) as ws:
    found = ws.sweep("mine", "daily", {"length": range(2, 302), "share": [0.5, 1.0]}, workers=1)
    print(found.id, len(found), found.best.parameters)
"""


@pytest.fixture
def desk(tmp_path, make_bars):
    """Return a workspace in a folder, with the dataset 'daily' and the strategy 'mine' of its own."""
    with rk.open_workspace(tmp_path / "desk") as workspace:
        workspace.import_dataset(make_bars(300, sigma=0.01, step_ns=DAY).frame, name="daily", symbol="DAY")
        (workspace.folder / "strategies" / "mine.py").write_text(MINE, encoding="utf-8")
        yield workspace


@pytest.fixture
def ran(desk):
    """Return the list of what the strategy is run with in this process."""
    return sys.modules[desk.registry.resolve("mine").__module__].RAN


def sweep_of(desk, **how):
    return desk.sweep("mine", "daily", GRID, **{"workers": 1} | how)


def assert_whole(desk, sweep):
    """Fail unless a sweep has all of its sets, with the numbers that they have alone."""
    pure = rk.run_sweep(desk.bars("daily"), desk.registry.resolve("mine"), GRID)
    assert list(sweep.sets) == list(pure.sets)
    assert sweep.returns.tobytes() == pure.returns.tobytes()
    assert sweep.metrics["sharpe_ratio"].tobytes() == pure.metrics["sharpe_ratio"].tobytes()
    assert (sweep.status, sweep.row.completed_sets, sweep.row.total_sets, sweep.trials) == ("completed", 598, 598, 598)


def stop_at(done, error):
    def told(step):
        if step.done >= done:
            raise error

    return told


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt("enough"), "cancelled"), (ZeroDivisionError("oops"), "failed")]
)
def test_what_was_done_when_it_was_stopped_stays_and_the_rest_is_run_when_asked_again(desk, ran, error, status):
    with pytest.raises(type(error)) as caught:
        sweep_of(desk, progress=stop_at(512, error))
    assert caught.value.__notes__ == [f"The sweep is recorded as 1, {status}; asked again it runs what is missing."]
    stopped = desk.load_sweep(1)
    assert (stopped.status, len(stopped), stopped.row.completed_sets) == (status, 512, 512)
    assert stopped.row.error == f"{type(error).__name__}: {error}"
    assert len(desk.trials("daily")) == 512
    done = set(ran)
    ran.clear()
    told = []
    again = sweep_of(desk, progress=told.append)
    assert len(ran) == len(set(ran)) == 86
    assert not done & set(ran)
    assert (told[-1].done, told[-1].total) == (86, 86)
    assert again.id == 2
    assert_whole(desk, again)
    assert desk.load_sweep(1).status == status  # an end is an end


def test_a_sweep_that_was_stopped_can_be_looked_at(desk):
    with pytest.raises(KeyboardInterrupt):
        sweep_of(desk, progress=stop_at(256, KeyboardInterrupt()))
    part = desk.load_sweep(1)
    pure = rk.run_sweep(
        desk.bars("daily"), desk.registry.resolve("mine"), {"length": range(2, 130), "share": [0.5, 1.0]}
    )
    assert list(part.sets) == list(pure.sets)
    assert part.best.parameters == pure.best.parameters
    assert part.table["sharpe_ratio"].tolist() == pure.table["sharpe_ratio"].tolist()
    assert part.heatmap("length", "share").data


def test_a_sweep_may_be_stopped_again_and_again(desk, ran):
    for kept in (256, 512):
        with pytest.raises(KeyboardInterrupt):
            sweep_of(desk, progress=stop_at(1, KeyboardInterrupt()))
        assert len(desk.trials()) == kept
    sweep = sweep_of(desk)
    assert len(ran) == 598
    assert_whole(desk, sweep)


def test_whoever_asks_for_the_end_is_heard_and_what_was_done_stays(desk, monkeypatch):
    monkeypatch.setattr(sweeping, "FLUSH_SETS", 1)
    asked = []

    def ask(step):
        asked.append(request_cancel_sweep(desk.database, 1))

    with pytest.raises(KeyboardInterrupt, match="The sweep was cancelled"):
        sweep_of(desk, progress=ask)
    assert asked == ["running"]
    stopped = desk.load_sweep(1)
    assert (stopped.status, len(stopped)) == ("cancelled", 512)
    assert_whole(desk, sweep_of(desk))


def test_a_sweep_that_another_ended_writes_nothing_more(desk, monkeypatch):
    monkeypatch.setattr(sweeping, "FLUSH_SETS", 1)
    with pytest.raises(LeaseLostError, match="The sweep 1 is cancelled"):
        sweep_of(desk, progress=lambda step: finish_sweep(desk.database, 1, "cancelled") if step.done == 256 else None)
    assert (desk.load_sweep(1).status, len(desk.trials())) == ("cancelled", 256)
    assert_whole(desk, sweep_of(desk))


# other processes


def started(desk, **environment):
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(desk.folder)],
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "ready\n", child.stderr.read()
    return child


@pytest.mark.parametrize(
    ("environment", "kept"),
    [({"DIES_AT": "280 1.0"}, 512), ({"DIES_IN_WRITE": "2"}, 256)],
    ids=["while a set runs", "before a commit"],
)
def test_a_killed_process_leaves_its_finished_trials_and_the_sweep_goes_on(desk, ran, environment, kept):
    child = started(desk, **environment)
    _, complaint = child.communicate("go\n", timeout=120)
    assert child.returncode == -signal.SIGKILL, complaint
    stopped = desk.load_sweep(1)
    assert (len(stopped), stopped.row.total_sets, stopped.row.completed_sets) == (kept, 598, kept)
    assert len(desk.trials("daily")) == kept
    assert not np.isnan(stopped.metrics["total_return"]).any()
    sweep = sweep_of(desk)
    assert len(ran) == 598 - kept
    assert_whole(desk, sweep)
    assert len(desk.sweeps()) == 2


def test_two_processes_that_run_the_same_sweep_at_once(desk, ran):
    children = [started(desk) for _ in range(2)]
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    told = [child.communicate(timeout=120) for child in children]
    assert [child.returncode for child in children] == [0, 0], told
    (first, second) = ((out.split(maxsplit=2)) for out, _ in told)
    assert first[1:] == second[1:]
    for sweep_id in {int(first[0]), int(second[0])}:
        assert_whole(desk, desk.load_sweep(sweep_id))
    assert len(desk.trials()) == 598
    ran.clear()
    assert sweep_of(desk).trials == 598
    assert ran == []


def test_two_threads_that_run_the_same_sweep_at_once(desk):
    together, found, errors = threading.Barrier(2), [], []

    def run():
        try:
            together.wait(timeout=30)
            found.append(sweep_of(desk))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert errors == []
    for sweep in found:
        assert_whole(desk, sweep)
    assert len(found) == 2
    assert len(desk.trials()) == 598
