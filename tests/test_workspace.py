"""The workspace: opened anywhere, kept together, datasets in and out."""

import numpy as np
import pandas as pd
import pytest

import research_kit as rk
from research_kit.demo import run_demo
from research_kit.errors import ArtifactMissingError, DataError, NotFoundError, OptionError


@pytest.fixture
def ws(tmp_path):
    with rk.open_workspace(tmp_path / "a b#%? ä") as workspace:
        yield workspace


def test_a_workspace_is_made_on_first_use_and_opened_on_later_ones(tmp_path, make_bars):
    with rk.open_workspace(tmp_path / "ws") as first:
        first.import_dataset(make_bars(50).frame, name="walk")
    with rk.open_workspace(tmp_path / "ws") as again:
        assert list(again.datasets()["name"]) == ["walk"]
        assert {path.name for path in (tmp_path / "ws").iterdir()} >= {"research.db", "data", "reports", "strategies"}


def test_a_dataset_row_is_complete(ws, make_bars):
    bars = make_bars(300)
    holed = bars.frame.drop(bars.frame.index[100:110])
    row = ws.import_dataset(holed, name="holed", symbol="WALK", exchange="TEST", session="24/7")
    assert (row.rows, row.rows_count, row.timeframe, row.symbol, row.exchange) == (290, 290, "1min", "WALK", "TEST")
    assert row.columns == ["time", "open", "high", "low", "close", "volume"]
    assert (row.start_date, row.end_date) == (bars.frame.index[0], bars.frame.index[-1])
    assert row.has_gaps
    assert row.missing_data_pct == pytest.approx(100 * 10 / 300)
    assert row.data_quality_score < 100
    assert row.quality.missing_bars == 10
    assert len(row.sha256) == 64
    assert row.file_size == ws.files.path(row.file_path).stat().st_size
    assert row.session == "24/7"


def test_bars_come_back_as_they_were(ws, make_bars):
    bars = make_bars(300)
    ws.import_dataset(bars.frame, name="walk", symbol="WALK", session="24/7")
    back = ws.bars("walk")
    np.testing.assert_array_equal(back.time_ns, bars.time_ns)
    for name in bars.columns:
        np.testing.assert_array_equal(back[name], bars[name])
    assert (back.symbol, back.timeframe, back.session) == ("WALK", "1min", "24/7")


def test_the_same_bars_are_stored_once(ws, make_bars):
    first = ws.import_dataset(make_bars(50).frame, name="walk")
    again = ws.import_dataset(make_bars(50).frame, name="walk")
    other = ws.import_dataset(make_bars(50).frame, name="the same under another name")
    assert first.id == again.id != other.id
    assert first.file_path == other.file_path
    assert len(list((ws.folder / "data").iterdir())) == 1


def test_a_name_means_its_newest_version(ws, make_bars):
    old = ws.import_dataset(make_bars(50).frame, name="walk")
    new = ws.import_dataset(make_bars(60).frame, name="walk")
    assert ws.dataset("walk").id == new.id != old.id
    assert len(ws.bars(old.id)) == 50


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "csv.zip", "parquet", "feather"])
def test_files_of_every_kind_give_the_same_dataset(ws, make_bars, tmp_path, suffix):
    frame = make_bars(120).frame
    path = tmp_path / f"walk.{suffix}"
    if suffix == "parquet":
        frame.to_parquet(path)
    elif suffix == "feather":
        frame.reset_index().to_feather(path)
    else:
        frame.sample(frac=1, random_state=1).to_csv(path)  # unsorted on purpose
    row = ws.import_dataset(path)
    assert row.name == "walk"
    assert row.sha256 == ws.import_dataset(frame, name="frame").sha256


def test_what_is_wrong_is_refused_and_leaves_nothing(ws, make_bars):
    frame = make_bars(20).frame
    frame.iloc[3, 3] = np.nan
    with pytest.raises(DataError, match="drop_bad"):
        ws.import_dataset(frame, name="holes")
    with pytest.raises(OptionError, match="Did you mean 'symbol'"):
        ws.import_dataset(frame, name="holes", simbol="X")
    assert ws.datasets().empty
    assert not list((ws.folder / "data").iterdir())


def test_a_missing_file_is_a_sentence(ws, make_bars):
    row = ws.import_dataset(make_bars(20).frame, name="walk")
    ws.files.path(row.file_path).unlink()
    with pytest.raises(ArtifactMissingError, match="Import the dataset again"):
        ws.run("buy_and_hold", "walk")
    assert ws.jobs().iloc[0]["status"] == "failed"


def test_strategies_of_the_workspace_are_found_by_name(ws, make_bars):
    code = '''
import research_kit as rk

class AboveAverage(rk.Strategy):
    """Long while the close is above its average."""
    length: int = rk.Param(20, ge=2)
    def signals(self, bars):
        return rk.Signals.target(bars.close > rk.indicators.sma(bars.close, self.length))
'''
    (ws.folder / "strategies" / "mine.py").write_text(code)
    ws.import_dataset(make_bars(300).frame, name="walk")
    row = ws.strategies().set_index("name").loc["above_average"]
    assert row["origin"] == "workspace"
    assert row["description"] == "Long while the close is above its average."
    assert row["default_parameters"] == {"length": 20}
    assert ws.run("above_average", "walk", {"length": 5}).parameters == {"length": 5}


def test_an_instance_brings_its_parameters(ws, make_bars):
    ws.import_dataset(make_bars(300).frame, name="walk")
    run = ws.run(rk.strategies.SmaCross(fast=3, slow=9), "walk")
    assert run.parameters["slow"] == 9
    with pytest.raises(OptionError, match="given with its parameters set"):
        ws.run(rk.strategies.SmaCross(fast=3, slow=9), "walk", {"fast": 4})


def test_unknown_ids_are_sentences(ws):
    with pytest.raises(NotFoundError, match="7"):
        ws.load_run(7)
    with pytest.raises(NotFoundError, match="7"):
        ws.bars(7)


@pytest.mark.slow
def test_the_demonstration_runs_twice_in_one_folder(tmp_path):
    for _ in range(2):
        said = []
        report = run_demo(tmp_path / "demo", said.append)
        assert report.stat().st_size > 1_000_000
        assert "5,031 bars" in said[1]
    with rk.open_workspace(tmp_path / "demo") as ws:
        assert len(ws.datasets()) == 1
        assert len(ws.backtests()) == 4
        assert ws.load_run(4).trials == 2


def test_close_only_data_runs_at_the_close(ws):
    index = pd.date_range("2024-01-01", periods=200, freq="D", tz="UTC")
    ws.import_dataset(pd.DataFrame({"close": np.linspace(10, 20, 200)}, index=index), name="fund")
    with pytest.raises(DataError, match="fill='next_open' needs the column 'open'"):
        ws.run("buy_and_hold", "fund")
    assert ws.run("buy_and_hold", "fund", fill="same_close").metrics["total_trades"] == 1
