"""Fresh processes of a nursery: what they see, how they end, and that nothing is left of them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import eventually, is_gone

from research_kit.errors import JobError
from research_kit.processes.children import WarmStart

TESTS = Path(__file__).parents[1]
TARGETS = "processes.targets:"
ENVIRONMENT = os.environ | {"PYTHONPATH": str(TESTS)}

pytestmark = [pytest.mark.faults, pytest.mark.skipif(os.name != "posix", reason="forks")]


@pytest.fixture(scope="module")
def nursery():
    """Return a nursery whose children can import this folder's targets."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(TESTS)
    with WarmStart(["numpy", "processes.targets"]) as started:
        yield started
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def seen_by(nursery, path, **how):
    child = nursery.start(TARGETS + "describe", {"path": str(path)}, **how)
    assert child.wait(20) == 0
    return json.loads(path.read_text("utf-8"))


def test_a_child_runs_what_was_asked_for(nursery, tmp_path):
    child = nursery.start(TARGETS + "write", {"path": str(tmp_path / "said"), "text": "häßlich \n ' \""})
    assert child.wait(20) == 0
    assert (tmp_path / "said").read_text("utf-8") == "häßlich \n ' \""


def test_a_child_leads_a_group_and_a_session_of_its_own(nursery, tmp_path):
    seen = seen_by(nursery, tmp_path / "seen")
    assert seen["pid"] == seen["group"] == seen["session"] != os.getpid()


def test_a_child_sees_the_environment_and_the_folder_that_it_was_given(nursery, tmp_path):
    seen = seen_by(nursery, tmp_path / "seen", environment={"ONLY": "this"}, folder=tmp_path)
    assert seen["environment"] == {"ONLY": "this"}
    assert seen["folder"] == str(tmp_path)


def test_a_child_has_pythons_own_handlers_of_signals(nursery, tmp_path):
    seen = seen_by(nursery, tmp_path / "seen")
    assert (seen["interrupt"], seen["terminate"]) == (True, True)


def test_a_child_holds_no_file_of_its_nursery(nursery, tmp_path):
    assert set(seen_by(nursery, tmp_path / "seen")["open"]) <= {0, 1, 2, 3}  # 3: the folder that is being listed


def test_random_numbers_are_each_childs_own(nursery, tmp_path):
    seen = [seen_by(nursery, tmp_path / f"seen{i}") for i in range(3)]
    assert len({one["random"] for one in seen}) == len({one["numpy"] for one in seen}) == 3


def test_no_child_sees_what_another_did(nursery, tmp_path):
    before = seen_by(nursery, tmp_path / "before")
    assert nursery.start(TARGETS + "mark").wait(20) == 0
    after = seen_by(nursery, tmp_path / "after")
    assert after["environment"] == before["environment"]
    assert (after["folder"], after["marked"]) == (before["folder"], False)


@pytest.mark.parametrize(
    ("target", "arguments", "code"),
    [
        ("leave", {"code": 3}, 3),
        ("leave", {"code": None}, 0),
        ("leave", {"code": "in words"}, 1),
        ("fail", {}, 1),
        ("nothing_of_that_name", {}, 1),
    ],
)
def test_the_code_says_how_a_child_ended(target, arguments, code, nursery):
    assert nursery.start(TARGETS + target, arguments).wait(20) == code


def test_the_log_has_what_a_child_printed(nursery, tmp_path):
    nursery.start(TARGETS + "fail", log=tmp_path / "log").wait(20)
    assert "ValueError: no good" in (tmp_path / "log").read_text("utf-8")


def test_a_crash_is_told_with_the_line(nursery, tmp_path):
    child = nursery.start("os:abort", log=tmp_path / "log")
    assert child.wait(20) == -signal.SIGABRT
    assert "Fatal Python error: Aborted" in (tmp_path / "log").read_text("utf-8")


def test_a_child_is_stopped(nursery, tmp_path):
    child = nursery.start(TARGETS + "say", {"path": str(tmp_path / "here")})
    eventually((tmp_path / "here").exists)
    assert child.code is None
    assert child.stop() == -signal.SIGTERM
    assert is_gone(child.pid)


def test_a_child_that_does_not_listen_is_killed(nursery, tmp_path):
    child = nursery.start(TARGETS + "refuse_to_end", {"path": str(tmp_path / "here")})
    eventually((tmp_path / "here").exists)
    assert child.stop(patience=0.3) == -signal.SIGKILL


def test_what_a_child_started_is_stopped_with_it(nursery, tmp_path):
    child = nursery.start(TARGETS + "found_family", {"path": str(tmp_path / "here")})
    eventually(lambda: (tmp_path / "here").exists() and (tmp_path / "here").read_text())
    grandchild = int((tmp_path / "here").read_text().split()[1])
    child.stop()
    eventually(lambda: is_gone(grandchild))


def test_nothing_is_left_of_a_group_whose_leader_ended(nursery, tmp_path):
    child = nursery.start(TARGETS + "leave_family", {"path": str(tmp_path / "here")})
    assert child.wait(20) == 0
    eventually(lambda: is_gone(int((tmp_path / "here").read_text())))


def test_a_signal_to_one_that_ended_reaches_nobody(nursery):
    child = nursery.start("os:getcwd")
    assert child.wait(20) == 0
    child.send(signal.SIGKILL)
    assert nursery.start("os:getcwd").wait(20) == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a limit of data is Linux's")
def test_memory_has_a_limit(nursery, tmp_path):
    limited = nursery.start(TARGETS + "take", {"size": 1 << 31}, memory=1 << 28, log=tmp_path / "log")
    assert limited.wait(20) == 1
    assert "MemoryError" in (tmp_path / "log").read_text("utf-8")
    assert nursery.start(TARGETS + "take", {"size": 1 << 27}, memory=1 << 28).wait(20) == 0


def test_closing_kills_everything(tmp_path):
    os.environ["PYTHONPATH"], before = str(TESTS), os.environ.get("PYTHONPATH", "")
    try:
        with WarmStart() as started:
            child = started.start(TARGETS + "refuse_to_end", {"path": str(tmp_path / "here")})
            eventually((tmp_path / "here").exists)
    finally:
        os.environ["PYTHONPATH"] = before
    assert child.wait(5) == -signal.SIGKILL
    assert is_gone(child.pid)
    with pytest.raises(JobError, match="gone"):
        started.start("os:getcwd")


@pytest.mark.parametrize("victim", ["owner", "nursery"])
def test_nothing_outlives_a_kill(victim, tmp_path):
    """The owner of a nursery, or the nursery, is killed with SIGKILL: neither nursery nor child is left."""
    here = tmp_path / "here"
    code = f"from processes.targets import own_nursery; own_nursery({str(here)!r})"
    owner = subprocess.Popen([sys.executable, "-c", code], env=ENVIRONMENT)
    eventually(lambda: here.exists() and here.read_text() and Path(f"{here}.inner").exists())
    nursery, child = map(int, here.read_text().split())
    os.kill(owner.pid if victim == "owner" else nursery, signal.SIGKILL)
    if victim == "owner":
        owner.wait(20)
    eventually(lambda: is_gone(nursery) and is_gone(child))
    owner.kill()
    owner.wait(20)


def test_a_process_that_an_imported_module_left_behind_disturbs_nobody(tmp_path, monkeypatch):
    """It ends while children run, and is no child of ours: whoever listens must not stop listening."""
    (tmp_path / "careless.py").write_text(
        "import subprocess, sys\nleft = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(0.3)'])\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{TESTS}{os.pathsep}{tmp_path}")
    with WarmStart(["careless", "processes.targets"]) as started:
        children = [started.start(TARGETS + "rest", {"seconds": 1.5}) for _ in range(2)]
        assert [child.wait(60) for child in children] == [0, 0]
        assert not started.is_gone


def test_an_answer_that_cannot_be_understood_is_the_end_and_nobody_waits(monkeypatch):
    def not_understood(_):
        raise KeyError(4711)

    with WarmStart() as started:
        child = started.start("os:getpid")
        child.wait(20)
        monkeypatch.setattr(started, "_hear", not_understood)
        with pytest.raises(JobError, match="the nursery is gone"):
            started.start("os:getpid")
        assert started.is_gone


def test_a_module_that_cannot_be_imported_is_told():
    with pytest.raises(JobError, match="it was to import no_such_module"), WarmStart(["no_such_module"]) as started:
        started.start("os:getcwd")
