"""Copies of stored files on this machine: bounded in size, and never removed while they are used."""

import os
import subprocess
import sys
import time

import pytest

from research_kit.errors import OptionError, StoreError
from research_kit.store.cache import Cache

FILE = 1000


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache", "one", 3 * FILE)


def bring(cache, name, size=FILE):
    cache.bring(f"data/{name}.arrow", size, lambda path: path.write_bytes(b"x" * size))


def names(cache):
    return sorted(path.stem for path in cache.root.rglob("*.arrow"))


def used_at(cache, **seconds):
    for name, second in seconds.items():
        path = cache.path(f"data/{name}.arrow")
        os.utime(path, (second, path.stat().st_mtime))


def test_the_longest_unused_goes_first(cache):
    for name in "abc":
        bring(cache, name)
    used_at(cache, a=3, b=1, c=2)
    bring(cache, "d")
    assert names(cache) == ["a", "c", "d"]
    bring(cache, "e", 2 * FILE)
    assert names(cache) == ["d", "e"]


def test_use_is_remembered_and_does_not_look_like_a_change(cache):
    for name in "abc":
        bring(cache, name)
    used_at(cache, a=1, b=2, c=3)
    changed = cache.path("data/a.arrow").stat().st_mtime_ns
    assert bytes(cache.map("data/a.arrow")) == b"x" * FILE
    assert cache.path("data/a.arrow").stat().st_mtime_ns == changed
    bring(cache, "d")
    assert names(cache) == ["a", "c", "d"]


@pytest.mark.skipif(sys.platform == "win32", reason="a file that is open cannot be removed there")
def test_what_is_in_use_stays_until_it_is_not(cache):
    for name in "abc":
        bring(cache, name)
    used_at(cache, a=1, b=2, c=3)
    held = cache.map("data/a.arrow")[10:20]  # a part of it is enough
    used_at(cache, a=1)
    bring(cache, "d")
    assert names(cache) == ["a", "c", "d"]
    del held
    bring(cache, "e")
    assert names(cache) == ["c", "d", "e"]


HOLDER = """
import sys
from pathlib import Path
from research_kit.store.cache import Cache
held = Cache(Path(sys.argv[1]), "one", 1).map("data/a.arrow")
print("held", flush=True)
sys.stdin.read()
"""


def test_what_another_process_uses_stays_until_it_ends(cache):
    bring(cache, "a", 3 * FILE)
    command = [sys.executable, "-c", HOLDER, str(cache.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        bring(cache, "b", 2 * FILE)
        assert names(cache) == ["a", "b"]
        process.kill()
    bring(cache, "c")
    assert names(cache) == ["b", "c"]


def test_copies_of_other_workspaces_count(cache):
    other = Cache(cache.root, "two", cache.limit)
    bring(other, "a", 2 * FILE)
    bring(cache, "b", 2 * FILE)
    assert names(cache) == ["b"]


def test_a_fetch_that_fails_leaves_nothing(cache):
    def fail(path):
        path.write_bytes(b"half")
        raise KeyError("stop")

    with pytest.raises(KeyError):
        cache.bring("data/a.arrow", FILE, fail)
    assert [path for path in cache.root.rglob("*") if path.is_file()] == []


def test_leftovers_of_killed_processes_go(cache):
    bring(cache, "a")
    left = cache.path("data/.b.arrow.77-abcd.tmp")
    left.write_bytes(b"half")
    bring(cache, "b")
    assert left.exists()  # its writer may be alive
    os.utime(left, (0, 0))
    bring(cache, "c")
    assert not left.exists()


def test_the_environment_says_where_and_how_much(tmp_path, monkeypatch):
    monkeypatch.setenv("RESEARCH_KIT_CACHE", str(tmp_path / "x"))
    monkeypatch.setenv("RESEARCH_KIT_CACHE_GB", "0.5")
    cache = Cache.of_machine("name")
    assert (cache.folder, cache.limit) == (tmp_path / "x" / "name", 500_000_000)
    monkeypatch.setenv("RESEARCH_KIT_CACHE_GB", "many")
    with pytest.raises(OptionError, match="RESEARCH_KIT_CACHE_GB is a number of gigabytes above 0"):
        Cache.of_machine("name")
    monkeypatch.delenv("RESEARCH_KIT_CACHE")
    monkeypatch.delenv("RESEARCH_KIT_CACHE_GB")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert Cache.of_machine("name").root == tmp_path / "home" / "research_kit"


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be used: .*Say another one in RESEARCH_KIT_CACHE"):
        bring(Cache(tmp_path / "file" / "cache", "one", 10), "a")


def test_bringing_a_copy_is_using_it_by_the_clock_that_reading_goes_by(cache):
    before = time.time_ns()
    bring(cache, "a")
    assert before <= cache.path("data/a.arrow").stat().st_atime_ns <= time.time_ns()
