"""Who a process is, and whether it is over."""

import os
import subprocess
import sys

import psutil
import pytest

from research_kit.processes.identity import identity, is_over, machine
from research_kit.processes.lock import hold

pytestmark = pytest.mark.faults


def test_this_process_is_not_over():
    assert identity().startswith(f"{machine()}:{os.getpid()}:")
    assert not is_over(identity())


def test_a_process_that_ended_is_over():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        worker = identity(process.pid)
        assert not is_over(worker)
        process.kill()
    assert is_over(worker)


def test_a_number_that_was_used_again_is_another_process():
    name, pid, start = identity().rsplit(":", 2)
    assert is_over(f"{name}:{pid}:{float(start) - 3600:.2f}")


def test_one_that_ended_and_was_not_waited_for_is_over():
    process = subprocess.Popen([sys.executable, "-c", ""])
    worker = identity(process.pid)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.pid_exists(process.pid)
    assert is_over(worker)
    process.wait()


OTHERS = ["", "worker 1", "elsewhere:1:5.0", f"{machine()}:x:1", f"{machine()}:{os.getpid()}:x"]


@pytest.mark.parametrize("worker", OTHERS, ids=range(len(OTHERS)))
def test_of_others_nothing_is_said(worker):
    assert not is_over(worker)


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
