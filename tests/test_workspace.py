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


def change(path, at, content):
    data = bytearray(path.read_bytes())
    data[at : at + len(content)] = content
    path.write_bytes(data)


BARS_FAULTS = {
    "deleted": (lambda path, _: path.unlink(), "is missing"),
    "truncated": (lambda path, _: path.write_bytes(path.read_bytes()[:-100]), "bytes were stored|were stored"),
    "emptied": (lambda path, _: path.write_bytes(b""), "has 0 bytes"),
    "swapped": (lambda path, other: path.write_bytes(other.read_bytes()), "does not hold what was stored"),
    "end edited": (lambda path, _: change(path, path.stat().st_size - 1, b"X"), "does not hold what was stored"),
    "a folder": (lambda path, _: (path.unlink(), path.mkdir()), "bytes"),
}


@pytest.mark.parametrize("fault", BARS_FAULTS)
def test_a_damaged_bars_file_is_found_by_every_verb_that_opens_it(ws, make_bars, fault):
    row, other = (ws.import_dataset(make_bars(60, seed=seed).frame, name=f"walk {seed}") for seed in (1, 2))
    harm, words = BARS_FAULTS[fault]
    harm(ws.files.path(row.file_path), ws.files.path(other.file_path))
    verbs = (
        lambda: ws.bars(row),
        lambda: ws.verify_dataset(row),
        lambda: ws.resample(row, "1h"),
        lambda: ws.run("buy_and_hold", row),
    )
    for verb in verbs:
        with pytest.raises(ArtifactMissingError, match=words) as caught:
            verb()
        assert "\n" not in str(caught.value)
        assert "Import the dataset again" in str(caught.value)
    assert ws.jobs().iloc[0]["status"] == "failed"
    assert ws.backtests().empty
    assert len(ws.datasets()) == 2
    ws.verify_dataset(other)


def test_a_byte_that_was_edited_in_place_is_found_wherever_it_is(ws, make_bars):
    bars = make_bars(60)
    row = ws.import_dataset(bars.frame, name="walk")
    path = ws.files.path(row.file_path)
    good = path.read_bytes()
    for column in (bars.time_ns, *bars.columns.values()):
        for byte in (0, 8 * 59 + 7):
            change(path, good.index(column.tobytes()) + byte, bytes([good[good.index(column.tobytes()) + byte] ^ 1]))
            with pytest.raises(ArtifactMissingError, match="were changed after they were stored"):
                ws.verify_dataset("walk")
            path.write_bytes(good)
    ws.verify_dataset("walk")
    path.write_bytes(b"")
    assert ws.import_dataset(bars.frame, name="walk").id == row.id  # importing again mends it
    ws.verify_dataset("walk")


HOSTILE = [
    "../../x",
    "/etc/passwd",
    "..",
    "CON",
    "nul.arrow",
    "<script>alert(1)</script>",
    "a/b\\c",
    "-rf",
    "%s%n",
    "x" * 200,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_a_name(ws, make_bars, tmp_path, name):
    before = set(tmp_path.rglob("*"))
    frame = make_bars(3_000).frame
    row = ws.import_dataset(frame.drop(frame.index[5]), name=name, session="24/7")
    made = [
        ws.resample(name, "1h", name=name),
        ws.slice(row, end="2024-01-02", name=name),
        ws.adjust(row, {"splits": [("2024-01-02", 2)]}, name=name),
        ws.repair(row, fill="flat", name=name),
        ws.merge([row, ws.slice(row, "2024-01-02", name=name)], name=name),
    ]
    assert {one.name for one in made} == {name}
    assert made[-1].id == row.id  # a span and the whole are the whole
    ws.lock_holdout(row, "2024-01-01 12:00")
    assert ws.holdout(name).dataset == name
    assert len(ws.versions(name)) == 6
    assert ws.run("buy_and_hold", name, fill="same_close").dataset.name == name
    new = set(tmp_path.rglob("*")) - before
    assert {path.parent.name for path in new if path.suffix == ".arrow"} == {"data", "artifacts"}
    assert all(len(path.stem) == 64 for path in new if path.suffix == ".arrow")
    assert not [path for path in new if ".arrow" not in path.name and not path.name.startswith("research.db-")]


@pytest.mark.parametrize("name", ["", "  ", "a\0b", "a\nb", "x" * 201])
def test_a_name_that_cannot_be_seen_is_refused_by_every_verb(ws, make_bars, name):
    row = ws.import_dataset(make_bars(3_000).frame, name="walk", session="24/7")
    kept = sorted((ws.folder / "data").iterdir())
    verbs = (
        lambda: ws.resample(row, "1h", name=name),
        lambda: ws.slice(row, end="2024-01-02", name=name),
        lambda: ws.adjust(row, {"splits": [("2024-01-02", 2)]}, name=name),
        lambda: ws.repair(row, fill="flat", name=name),
        lambda: ws.merge([row, row], name=name),
    )
    for verb in verbs:
        with pytest.raises(OptionError, match="name") as caught:
            verb()
        assert "\n" not in str(caught.value)
    assert len(ws.datasets()) == 1
    assert sorted((ws.folder / "data").iterdir()) == kept


def test_names_are_escaped_where_they_are_shown(ws, make_bars):
    from research_kit.report.sections import card_of, lead_of

    name = "<img src=x onerror=alert(1)>"
    row = ws.import_dataset(make_bars(300).frame, name=name)
    hours = ws.resample(row, "1h")
    ws.lock_holdout(name, "2024-01-01 03:00")
    run = ws.run("buy_and_hold", row)
    assert name in run.title
    shown = (hours.quality._repr_html_(), card_of(run).html, lead_of(run).html, ws.datasets()._repr_html_())
    for html in shown:
        assert "<img" not in html
        assert "&lt;img" in html


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
