"""Files: whole or not at all, opened without being read, and their faults named."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from research_kit.bars.frame import Bars
from research_kit.errors import ArtifactMissingError, DataError, StoreError
from research_kit.store.files import FileStore, remove_leftovers, write_atomic

HARD_NAME = "a b #1 50% ?x=ä💹"


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / HARD_NAME)


def visible(folder: Path):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_write_atomic_takes_bytes_text_and_a_writer(tmp_path):
    path = tmp_path / HARD_NAME / "file.txt"
    write_atomic(path, b"one")
    write_atomic(path, "zwölf")
    assert path.read_text(encoding="utf-8") == "zwölf"
    write_atomic(path, lambda file: file.write(b"three"))
    assert path.read_bytes() == b"three"
    assert visible(tmp_path) == ["file.txt"]


def test_a_writer_that_raises_leaves_what_was_there(tmp_path):
    path = tmp_path / "file.txt"
    write_atomic(path, b"old")

    def fail(file):
        file.write(b"half")
        raise KeyError("stop")

    with pytest.raises(KeyError):
        write_atomic(path, fail)
    assert path.read_bytes() == b"old"
    assert visible(tmp_path) == ["file.txt"]


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path):
    path = tmp_path / "file.txt"
    write_atomic(path, b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    with pytest.raises(
        StoreError, match=r"could not be written: No space left on device\. What was there is unchanged"
    ):
        write_atomic(path, full)
    assert visible(tmp_path) == ["file.txt"]


SLOW_WRITER = """
import sys, time
from pathlib import Path
from research_kit.store.files import write_atomic
def slow(file):
    file.write(b"x" * 100_000)
    file.flush()
    print("half", flush=True)
    time.sleep(60)
write_atomic(Path(sys.argv[1]), slow)
"""


@pytest.mark.parametrize("old", [None, b"old"])
def test_a_killed_writer_leaves_no_partial_file(tmp_path, old):
    path = tmp_path / "file.bin"
    if old is not None:
        path.write_bytes(old)
    with subprocess.Popen([sys.executable, "-c", SLOW_WRITER, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"half\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (path.read_bytes() if path.exists() else None) == old
    [leftover] = [name for name in visible(tmp_path) if name != "file.bin"]
    assert leftover.startswith(".")
    assert remove_leftovers(tmp_path) == []  # too young: its writer may be alive
    os.utime(tmp_path / leftover, (0, 0))
    assert remove_leftovers(tmp_path) == [tmp_path / leftover]


def test_bars_come_back_as_they_were(store, make_bars):
    bars = make_bars(500)
    stored = store.save_bars(bars)
    again = store.open_bars(stored.path, stored.sha256, stored.size, symbol="TEST", timeframe="1min", session="24/5")
    assert stored.path == f"data/{stored.sha256}.arrow"
    assert (store.folder / stored.path).stat().st_size == stored.size
    assert again.time_ns.tobytes() == bars.time_ns.tobytes()
    assert {name: again[name].tobytes() for name in again.columns} == {
        name: bars[name].tobytes() for name in bars.columns
    }
    assert (again.symbol, again.timeframe, again.session, again.synthetic) == ("TEST", "1min", "24/5", None)
    assert not any(array.flags.writeable for array in (again.time_ns, *again.columns.values()))
    store.verify_bars(stored.path, stored.sha256, stored.size)


finite = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=30, deadline=None)
@given(st.data(), st.integers(0, 30))
def test_round_trip_of_any_bars(tmp_path_factory, data, n):
    store = FileStore(tmp_path_factory.mktemp("round"))
    names = data.draw(st.sets(st.sampled_from(["open", "volume", "vwap", "Größe %"])))
    columns = {name: data.draw(arrays(np.float64, n)) for name in names if name != "open"}
    columns |= {name: data.draw(arrays(np.float64, n, elements=finite)) for name in {"close", *names & {"open"}}}
    steps = data.draw(arrays(np.int64, n, elements=st.integers(1, 10**15)))
    synthetic = data.draw(st.none() | arrays(np.bool_, n))
    bars = Bars(np.cumsum(steps), columns, synthetic=synthetic, allow_nonpositive=True)
    stored = store.save_bars(bars)
    again = store.open_bars(stored.path, stored.sha256, stored.size, timeframe=bars.timeframe)
    assert again.time_ns.tolist() == bars.time_ns.tolist()
    assert {name: again[name].tobytes() for name in again.columns} == {name: bars[name].tobytes() for name in columns}
    marked = synthetic is not None and synthetic.any()
    assert (again.synthetic.tolist() == synthetic.tolist()) if marked else again.synthetic is None
    store.verify_bars(stored.path, stored.sha256, stored.size)


def test_the_same_bars_are_one_file(store, make_bars):
    first = store.save_bars(make_bars(50))
    path = store.path(first.path)
    before = path.stat().st_mtime_ns, path.stat().st_ino
    assert store.save_bars(make_bars(50)) == first
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before


def test_a_damaged_file_is_written_again(store, make_bars):
    stored = store.save_bars(make_bars(50))
    path = store.path(stored.path)
    content = path.read_bytes()
    for harm in (content[:100], content.replace(content[1000:1008], b"\x01" * 8), b""):
        path.write_bytes(harm)
        assert store.save_bars(make_bars(50)) == stored
        assert path.read_bytes() == content


def test_the_file_is_plain_arrow_that_others_can_read(store, make_bars):
    stored = store.save_bars(make_bars(50))
    with pa.ipc.open_file(store.path(stored.path)) as reader:
        assert reader.num_record_batches == 1
        table = reader.read_all()
    assert table.schema.field("time_ns").type == pa.int64()
    assert table.schema.field("close").type == pa.float64()


def faults(path: Path):
    content = path.read_bytes()
    yield "is missing", path.unlink
    yield "has 100 bytes", lambda: path.write_bytes(content[:100])
    yield "does not hold what was stored", lambda: path.write_bytes(b"x" * len(content))


@pytest.mark.parametrize("fault", range(3))
def test_a_file_that_is_gone_or_cut_is_named_in_a_sentence(store, make_bars, fault):
    stored = store.save_bars(make_bars(50))
    message, harm = list(faults(store.path(stored.path)))[fault]
    harm()
    with pytest.raises(ArtifactMissingError, match=message) as caught:
        store.open_bars(stored.path, stored.sha256, stored.size)
    assert "Import the dataset again or restore" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_was_swapped_is_refused_at_once(store, make_bars):
    one, two = store.save_bars(make_bars(50, seed=1)), store.save_bars(make_bars(50, seed=2))
    store.path(one.path).write_bytes(store.path(two.path).read_bytes())
    with pytest.raises(ArtifactMissingError, match="does not hold what was stored"):
        store.open_bars(one.path, one.sha256, one.size)


def test_verify_finds_an_edited_price(store, make_bars):
    bars = make_bars(50)
    stored = store.save_bars(bars)
    path = store.path(stored.path)
    path.write_bytes(path.read_bytes().replace(bars.close[7].tobytes(), np.float64(1.0).tobytes()))
    store.open_bars(stored.path, stored.sha256, stored.size)  # opening reads no page
    with pytest.raises(ArtifactMissingError, match="were changed after they were stored"):
        store.verify_bars(stored.path, stored.sha256, stored.size)


def test_opening_costs_the_same_for_any_size(store, make_bars):
    stored = [store.save_bars(make_bars(n)) for n in (100, 1_000_000)]

    def cost(file):
        start = time.process_time()
        for _ in range(10):
            store.open_bars(file.path, file.sha256, file.size, timeframe="1min")
        return (time.process_time() - start) / 10

    cost(stored[0])
    assert min(cost(stored[1]) for _ in range(3)) < 0.005


def test_series_come_back_as_they_were(store):
    series = {
        "time_ns": np.arange(1000),
        "equity": np.linspace(1, 2, 1000),
        "position": np.arange(1000, dtype=np.float32),
    }
    stored = store.save_series(series)
    again = store.open_series(stored.path, stored.sha256, stored.size)
    assert stored.path == f"artifacts/{stored.sha256}.arrow"
    assert {name: again[name].tolist() for name in again} == {name: values.tolist() for name, values in series.items()}
    assert store.save_series(series) == stored
    with pytest.raises(DataError, match="must have"):
        store.save_series({"a": np.arange(3), "b": np.arange(4)})
    store.path(stored.path).unlink()
    with pytest.raises(ArtifactMissingError, match=r"is missing\. Run the backtest again"):
        store.open_series(stored.path, stored.sha256, stored.size)
