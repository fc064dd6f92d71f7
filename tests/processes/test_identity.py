"""Who a process is, and whether it is over."""

import os
import subprocess
import sys

import psutil
import pytest

from research_kit.processes.identity import identity, is_alive, is_over, machine
from research_kit.processes.lock import hold

pytestmark = pytest.mark.faults


def test_this_process_is_not_over():
    assert identity().startswith(f"{machine()}:{os.getpid()}:")
    assert not is_over(identity())
    assert is_alive(identity())


@pytest.mark.skipif(not psutil.LINUX, reason="elsewhere a start is a time, and is another one after a jump")
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_jump_of_the_clock_makes_nobody_another(hours, monkeypatch):
    """Linux moves the time at which the machine was started when its clock is set, and with it those of processes."""
    worker, before = identity(), psutil.Process().create_time()
    boot = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: boot + hours * 3600)
    assert psutil.Process().create_time() == pytest.approx(before + hours * 3600, abs=2.0)
    assert identity() == worker
    assert (is_alive(worker), is_over(worker)) == (True, False)


def test_a_process_that_ended_is_over():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        worker = identity(process.pid)
        assert not is_over(worker)
        process.kill()
    assert is_over(worker)


def test_a_number_that_was_used_again_is_another_process():
    name, pid, start = identity().rsplit(":", 2)
    boot, mark, ticks = start.rpartition("+")
    assert is_over(f"{name}:{pid}:{boot}{mark}{float(ticks) - 3600:.0f}")


@pytest.mark.skipif(not psutil.LINUX, reason="other systems give a start of theirs no name")
def test_after_a_new_start_of_the_machine_the_same_number_is_another_process():
    name, pid, start = identity().rsplit(":", 2)
    assert is_over(f"{name}:{pid}:00000000+{start.rpartition('+')[2]}")


def test_one_that_ended_and_was_not_waited_for_is_over():
    process = subprocess.Popen([sys.executable, "-c", ""])
    worker = identity(process.pid)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.pid_exists(process.pid)
    assert is_over(worker)
    assert not is_alive(worker)
    process.wait()


OTHERS = ["", "worker 1", "elsewhere:1:5.0", f"{machine()}:x:1", f"{machine()}:{os.getpid()}:x"]


@pytest.mark.parametrize("worker", OTHERS, ids=range(len(OTHERS)))
def test_of_others_nothing_is_said(worker):
    assert not is_over(worker)
    assert not is_alive(worker)


def test_a_file_is_held_by_one(tmp_path):
    first = hold(tmp_path / "folder" / "lock")
    assert hold(tmp_path / "folder" / "lock", tries=1) is None
    first.release()
    second = hold(tmp_path / "folder" / "lock", tries=1)
    assert second is not None
    second.release()


def test_a_file_is_free_when_its_holder_was_killed(tmp_path):
    holds = "import sys, pathlib, research_kit.processes.lock as lock; lock.hold(pathlib.Path(sys.argv[1]))"
    command = [sys.executable, "-c", f"{holds}; print('held', flush=True); input()", tmp_path / "lock"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        assert hold(tmp_path / "lock", tries=1) is None
        process.kill()
    held = hold(tmp_path / "lock")
    assert held is not None
    held.release()
