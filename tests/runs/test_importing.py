"""Imports that are watched, cancelled, killed, short of disk or larger than memory: whole, or nothing is left."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pytest

import research_kit as rk
from research_kit.bars.importing.progress import ImportProgress
from research_kit.errors import ArtifactMissingError, DataError, OptionError
from research_kit.runs import import_bar

ROWS = 600_000  # more than a block of text
CHILD = """
import os, resource, signal, sys
import research_kit as rk
from research_kit.errors import ResearchKitError
folder, csv, act = sys.argv[1:]
signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored in what a shell runs behind the scenes
ws = rk.open_workspace(folder)
calls = 0
def watch(now):
    global calls
    calls += 1
    if act == "read" and now.rows or act == now.step:
        os.kill(os.getpid(), getattr(signal, os.environ["SIGNAL"]))
if act == "limit":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    row = ws.import_dataset(csv, progress=watch)
except ResearchKitError as error:
    sys.exit(str(error))
"""
PEAK = """
import sys
import research_kit as rk
from pathlib import Path
ws = rk.open_workspace(sys.argv[1])
row = ws.import_dataset(sys.argv[2], progress=False)
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(row.rows, int(peak.split()[1]) // 1024)
"""


def write_seconds(path: Path, rows: int) -> Path:
    """Write bars of a second, about 45 bytes each."""
    random = np.random.default_rng(1)
    close = np.round(100 + np.cumsum(random.normal(0, 0.01, rows)), 3)
    times = pa.array(1_577_836_800 + np.arange(rows)).cast(pa.timestamp("s"))
    table = pa.table({
        "time": pc.strftime(times, format="%Y-%m-%dT%H:%M:%SZ"),
        "open": close, "high": close + 0.01, "low": close - 0.01, "close": close, "volume": np.ones(rows),
    })  # fmt: skip
    pyarrow.csv.write_csv(table, path)
    return path


@pytest.fixture(scope="module")
def csv(tmp_path_factory) -> Path:
    return write_seconds(tmp_path_factory.mktemp("large") / "seconds.csv", ROWS)


def run(code: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | environment,
    )


def left_in(folder: Path) -> list[str]:
    return [path.name for path in (folder / "data").rglob("*")]


def test_progress_tells_bytes_rows_and_the_time_left(tmp_path, csv):
    seen: list[ImportProgress] = []
    with rk.open_workspace(tmp_path) as ws:
        row = ws.import_dataset(csv, progress=seen.append)
    reading = [now for now in seen if now.step == "read"]
    assert [now.bytes_read for now in reading] == sorted(now.bytes_read for now in reading)
    assert len(reading) > 2
    assert (reading[-1].bytes_read, reading[-1].bytes_total) == (csv.stat().st_size, csv.stat().st_size)
    assert (reading[-1].rows, row.rows) == (ROWS, ROWS)
    assert reading[1].seconds_left > 0
    assert reading[-1].seconds_left == 0
    assert list(dict.fromkeys(now.step for now in seen)) == ["read", "sort", "check"]


def test_a_bar_is_shown_when_it_is_asked_for(tmp_path, csv, capsys):
    with rk.open_workspace(tmp_path) as ws:
        ws.import_dataset(csv, progress=True)
    shown = capsys.readouterr().err
    assert f"{ROWS:,} rows" in shown
    assert "100%" in shown


def test_a_cancelled_import_leaves_nothing(tmp_path, csv):
    class CancelError(Exception):
        pass

    def cancel(now: ImportProgress) -> None:
        if now.rows:
            raise CancelError

    with rk.open_workspace(tmp_path) as ws:
        with pytest.raises(CancelError):
            ws.import_dataset(csv, progress=cancel)
        assert len(ws.datasets()) == 0
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "when"), [("SIGINT", "read"), ("SIGINT", "check"), ("SIGKILL", "read"), ("SIGKILL", "check")]
)
def test_an_import_that_is_interrupted_or_killed_leaves_nothing(name, when, tmp_path, csv):
    done = run(CHILD, tmp_path, csv, when, SIGNAL=name)
    assert done.returncode != 0
    if name == "SIGKILL":
        assert done.returncode == -signal.SIGKILL
    assert left_in(tmp_path) == []
    with rk.open_workspace(tmp_path) as ws:
        assert len(ws.datasets()) == 0
        assert ws.import_dataset(csv).rows == ROWS


def test_a_full_disk_loses_nothing_and_says_so(tmp_path, csv):
    with rk.open_workspace(tmp_path) as ws:
        kept = ws.import_dataset([[1_577_836_800_000, 1.0, 2.0, 0.5, 1.5, 10.0]], name="kept")
    before = left_in(tmp_path)
    done = run(CHILD, tmp_path, csv, "limit", SIGNAL="SIGTERM")
    assert done.returncode == 1
    assert "could not be written" in done.stderr or "has no room" in done.stderr
    assert "Traceback" not in done.stderr
    assert left_in(tmp_path) == before
    with rk.open_workspace(tmp_path) as ws:
        assert list(ws.datasets()["name"]) == ["kept"]
        assert ws.bars(kept).close.tolist() == [1.5]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path):
    peaks = []
    for rows in (2_000_000, 5_000_000):
        csv = write_seconds(tmp_path / f"{rows}.csv", rows)
        done = run(PEAK, tmp_path / f"workspace-{rows}", csv)
        assert done.returncode == 0, done.stderr
        found, peak = map(int, done.stdout.split())
        assert found == rows
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 60, peaks  # MB; the rows themselves are 144 MB more
    assert peaks[1] < 700, peaks


WIDE = "Date,AAPL,MSFT\n" + "".join(f"2020-01-{day:02d},{day},{2 * day}\n" for day in range(1, 31))
LONG = "Date,Ticker,Close\n" + "".join(
    f"2020-01-{day:02d},{name},{day}\n" for day in range(1, 31) for name in ("A", "B")
)


@pytest.mark.parametrize(
    ("content", "names"), [(WIDE, ["prices AAPL", "prices MSFT"]), (LONG, ["prices A", "prices B"])]
)
def test_all_instruments_of_a_file_become_datasets(content, names, tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text(content, encoding="utf-8")
    with rk.open_workspace(tmp_path / "workspace") as ws:
        with pytest.raises(DataError, match=r"ws.import_all"):
            ws.import_dataset(path)
        rows = ws.import_all(path)
        assert [row.name for row in rows] == names
        assert [row.rows for row in rows] == [30, 30]
        assert [row.name for row in ws.import_all(path, name="mine")] == [f"mine {row.symbol}" for row in rows]


def test_all_instruments_or_none(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text(LONG.replace("2020-01-30,B,30", "2020-01-30,B,x"), encoding="utf-8")
    with rk.open_workspace(tmp_path / "workspace") as ws:
        with pytest.raises(DataError, match="cannot be bars"):
            ws.import_all(path)
        assert len(ws.datasets()) == 0


def test_a_symbol_that_cannot_be_kept_stops_all_of_them(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text(LONG.replace(",B,", ",AN-OPTION-WITH-A-LONG-NAME,"), encoding="utf-8")
    with rk.open_workspace(tmp_path / "workspace") as ws:
        with pytest.raises(DataError, match="at most 20 characters"):
            ws.import_all(path)
        assert len(ws.datasets()) == 0
    assert left_in(tmp_path / "workspace") == []


def test_several_files_that_are_large_together_show_a_bar_unasked(tmp_path, csv, capsys, monkeypatch):
    monkeypatch.setattr(import_bar, "LARGE", csv.stat().st_size + 1)
    half = csv.with_name("half.csv")
    half.write_bytes(csv.read_bytes()[: csv.stat().st_size // 2].rpartition(b"\n")[0] + b"\n")
    with rk.open_workspace(tmp_path) as ws:
        ws.import_dataset(half)
        assert capsys.readouterr().err == ""
        ws.import_dataset([half, csv])
    assert "rows" in capsys.readouterr().err


def test_a_preview_stores_nothing(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text(WIDE, encoding="utf-8")
    with rk.open_workspace(tmp_path / "workspace") as ws:
        assert ws.import_dataset(path, preview=True, symbol="AAPL").symbol == "AAPL"
        assert len(ws.datasets()) == 0
    assert left_in(tmp_path / "workspace") == []


@pytest.mark.parametrize("name", ["", "  ", "a\0b", "x" * 201])
def test_a_name_that_cannot_be_is_refused_before_anything_is_read(name, tmp_path, csv):
    read = []
    with rk.open_workspace(tmp_path) as ws:
        with pytest.raises(OptionError):
            ws.import_dataset(csv, name=name, progress=read.append)
        assert (read, left_in(tmp_path)) == ([], [])


def test_a_run_refuses_bars_of_which_one_byte_was_edited(tmp_path, make_bars):
    with rk.open_workspace(tmp_path) as ws:
        row = ws.import_dataset(make_bars(3_000).frame, name="walk")
        ws.run("sma_cross", "walk")
        path = tmp_path / row.file_path
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with pytest.raises(ArtifactMissingError, match="were changed after they were stored"):
            ws.run("sma_cross", "walk", {"fast": 5})
