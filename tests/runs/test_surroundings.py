"""The same file gives the same dataset in whatever clock, language and hash seed; and days of odd lengths."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import research_kit as rk
from research_kit.bars.sessions import day_ends
from research_kit.errors import DataError

CHILD = """
import json, locale, sys, time
import research_kit as rk
time.tzset()
try:
    locale.setlocale(locale.LC_ALL, "")
except locale.Error:
    pass
with rk.open_workspace(sys.argv[1]) as ws:
    row = ws.import_dataset(sys.argv[2], timezone="Europe/Berlin", day_first=False)
    run = ws.run("sma_cross", row, {"fast": 3, "slow": 9})
    told = [row.sha256, row.start_date.isoformat(), row.quality_checks, dict(run.metrics), run.trades.to_csv()]
    print(json.dumps(told, sort_keys=True))
"""
SURROUNDINGS = (
    {"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"},
    {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
    {"TZ": "America/New_York", "LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8", "PYTHONHASHSEED": "77"},
)


def test_neither_clock_nor_language_nor_hash_seed_change_anything(tmp_path, make_bars):
    frame = make_bars(300, step_ns=3_600_000_000_000).frame.reset_index()
    frame["time"] = frame["time"].dt.strftime("%m/%d/%Y %H:%M")
    frame.to_csv(tmp_path / "bars.csv", index=False, sep=";", decimal=",")
    told = []
    for at, surroundings in enumerate(SURROUNDINGS):
        done = subprocess.run(
            [sys.executable, "-c", CHILD, tmp_path / str(at), tmp_path / "bars.csv"],
            env=os.environ | surroundings,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        told.append(done.stdout)
    assert len(set(told)) == 1
    assert len(told[0]) > 1_000


@pytest.mark.parametrize("newest_first", [False, True])
def test_days_of_23_and_of_25_hours(tmp_path, newest_first):
    hours = pd.date_range("2024-03-01", "2024-11-30", freq="h", tz="Europe/Berlin", inclusive="left")
    frame = pd.DataFrame({"time": hours.strftime("%Y-%m-%d %H:%M"), "close": np.arange(1.0, len(hours) + 1)})
    (frame[::-1] if newest_first else frame).to_csv(tmp_path / "hours.csv", index=False)
    with rk.open_workspace(tmp_path / "workspace") as ws:
        with pytest.raises(DataError, match="happened twice in Europe/Berlin"):
            ws.import_dataset(tmp_path / "hours.csv", timezone="Europe/Berlin")
        row = ws.import_dataset(tmp_path / "hours.csv", timezone="Europe/Berlin", ambiguous="infer")
        assert row.quality["local_times_ambiguous"].count == 2
        assert row.quality.missing_bars == 0
        assert (ws.bars(row).time_ns == hours.as_unit("ns").asi8).all()
        xetra = ws.import_dataset(
            tmp_path / "hours.csv", name="by day", timezone="Europe/Berlin", ambiguous="infer", session="XETR"
        )
        lengths = np.diff(day_ends(ws.bars(xetra)), prepend=-1)
    days = pd.date_range("2024-03-01", "2024-11-29", freq="D")
    assert dict(zip(days.strftime("%m-%d"), lengths.tolist(), strict=True))["03-31"] == 23
    assert dict(zip(days.strftime("%m-%d"), lengths.tolist(), strict=True))["10-27"] == 25
    assert sorted(set(lengths.tolist())) == [23, 24, 25]


@pytest.mark.parametrize("bars", [1, 2, 5])
def test_fewer_bars_than_an_indicator_needs_make_no_trade(tmp_path, make_bars, bars):
    with rk.open_workspace(tmp_path) as ws:
        row = ws.import_dataset(make_bars(bars).frame, name="few")
        run = ws.run("sma_cross", row, {"fast": 5, "slow": 50})
        assert (run.metrics["total_trades"], len(run.equity)) == (0, bars)
        assert row.quality.data_quality_score == 100


def test_no_bars_are_no_dataset(tmp_path):
    with rk.open_workspace(tmp_path) as ws:
        with pytest.raises(DataError, match="no rows"):
            ws.import_dataset(pd.DataFrame({"Date": [], "Close": []}))
        assert len(ws.datasets()) == 0
