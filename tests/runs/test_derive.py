"""Versions made from stored datasets: new rows with their lineage, the original as it was, never twice, never half."""

import resource
import subprocess
import sys

import numpy as np
import pytest
from sqlmodel import func, select

from research_kit.bars.derive.factors import read_factors
from research_kit.bars.quality.report import check_quality
from research_kit.errors import ArtifactMissingError, DataError, NotFoundError, OptionError
from research_kit.store.tables import Dataset, DatasetParent

SPLIT = {"splits": [("2024-01-02", 2)]}


@pytest.fixture
def holed(ws, make_bars):
    """Return a dataset of the workspace 'walk' lacks: 3,000 minutes without ten, that may be negative, of a session."""
    frame = make_bars(3_000).frame
    return ws.import_dataset(
        frame.drop(frame.index[100:110]), name="holed", symbol="H", exchange="X", session="24/7", allow_nonpositive=True
    )


def count(ws, table=Dataset):
    with ws.database.read() as session:
        return session.exec(select(func.count()).select_from(table)).one()


def files(ws):
    return sorted(path.name for path in (ws.folder / "data").iterdir())


VERBS = {
    "resample": (lambda ws, key: ws.resample(key, "1h"), "holed 1h", {"timeframe": "1h"}),
    "adjust": (
        lambda ws, key: ws.adjust(key, SPLIT),
        "holed adjusted",
        {"factors": {"splits": [["2024-01-02", 2]]}, "method": "backward"},
    ),
    "slice": (
        lambda ws, key: ws.slice(key, "2024-01-01 12:00", "2024-01-02"),
        "holed from 2024-01-01 12:00 to 2024-01-02",
        {"start": "2024-01-01 12:00", "end": "2024-01-02"},
    ),
    "merge": (lambda ws, key: ws.merge([key, "walk"]), "holed + walk", {"overlap": "error"}),
    "repair": (
        lambda ws, key: ws.repair(key, fill="flat"),
        "holed",
        {"fill": "flat", "drop_bad": False, "drop": []},
    ),
}


@pytest.mark.parametrize("operation", VERBS)
def test_a_derived_version_is_a_row_of_its_own_with_its_lineage(ws, holed, operation, make_bars):
    ws.import_dataset(
        make_bars(20, seed=9, step_ns=60_000_000_000).frame.shift(freq="10D"), name="walk", symbol="H", session="24/7"
    )
    before = ws.bars(holed)
    make, name, arguments = VERBS[operation]
    made = make(ws, holed)
    parents = [ws.dataset(holed.id), ws.dataset("walk")] if operation == "merge" else [ws.dataset(holed.id)]
    assert made.name == name
    assert made.parent_id == holed.id
    assert made.lineage == {
        "operation": operation,
        "arguments": arguments,
        "parents": [{"id": one.id, "name": one.name, "sha256": one.sha256} for one in parents],
    }
    assert (made.symbol, made.exchange, made.session, made.timezone) == ("H", "X", "24/7", "UTC")
    assert ws.bars(made).allow_nonpositive
    assert (made.rows_count, made.timeframe) == (len(ws.bars(made)), ws.bars(made).timeframe)
    ws.verify_dataset(made)
    unchanged = ws.dataset(holed.id)
    assert unchanged.sha256 == holed.sha256
    np.testing.assert_array_equal(ws.bars(unchanged).close, before.close)


@pytest.mark.parametrize("operation", VERBS)
def test_the_same_input_and_arguments_are_the_same_row(ws, holed, operation):
    if operation == "merge":
        ws.import_dataset(ws.bars(holed).frame.shift(freq="10D"), name="walk", symbol="H", session="24/7")
    make = VERBS[operation][0]
    first = make(ws, holed)
    rows, kept = count(ws), files(ws)
    assert make(ws, holed.id).id == first.id
    assert (count(ws), files(ws)) == (rows, kept)
    assert ws.dataset(first.id) == first


def test_the_pure_functions_say_what_the_bars_are(ws, holed):
    hours = ws.bars(ws.resample("holed", "1h"))
    frame = ws.bars("holed").frame
    expected = frame.resample("1h").agg(
        {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    )
    np.testing.assert_array_equal(hours.close, expected["close"])
    np.testing.assert_allclose(hours.volume, expected["volume"], rtol=1e-12)
    split = ws.bars(ws.adjust("holed", SPLIT))
    np.testing.assert_array_equal(split.close[:1_000], frame["close"].to_numpy()[:1_000] / 2)
    np.testing.assert_array_equal(split.close[-500:], frame["close"].to_numpy()[-500:])


def test_a_repair_is_what_the_name_means_from_then_on(ws, holed):
    repaired = ws.repair("holed", fill="flat")
    assert ws.dataset("holed").id == repaired.id != holed.id
    assert ws.bars("holed").synthetic.sum() == 10
    assert "synthetic" in repaired.quality
    assert repaired.quality["filled_flat"].count == 10
    assert not repaired.has_gaps
    assert ws.repair("holed", fill="flat").id == repaired.id  # a notebook that runs twice
    assert ws.dataset(holed.id).has_gaps


def test_where_nothing_is_to_be_repaired_nothing_is_made(ws):
    walk = ws.dataset("walk")
    assert ws.repair("walk", fill="flat").id == walk.id
    assert ws.dataset("walk").lineage is None
    assert count(ws) == 1
    other = ws.repair("walk", fill="flat", name="clean walk")
    assert (other.name, other.sha256, other.parent_id) == ("clean walk", walk.sha256, walk.id)


def test_the_quality_report_says_what_was_done(ws, holed):
    hours = ws.resample("holed", "1h")
    [told] = [found for found in hours.quality.findings if found.name == "derived"]
    assert told.severity == "note"
    assert told.meaning == (
        f"Made by resample (timeframe=1h) from 'holed' (dataset {holed.id}): 2,990 bars became 50 bars."
    )
    again = check_quality(ws.bars(hours), [told])
    assert again.to_dict() == hours.quality.to_dict()
    assert (hours.missing_data_pct, hours.data_quality_score) == (again.missing_data_pct, again.data_quality_score)


def test_bars_that_are_wrong_are_left_out_and_counted(ws, make_bars):
    frame = make_bars(500).frame
    frame.iloc[50, frame.columns.get_loc("high")] = frame["low"].iloc[50] / 2
    ws.import_dataset(frame, name="wrong")
    clean = ws.repair("wrong", drop_bad=True)
    assert clean.rows_count == 499
    assert frame.index[50] not in ws.bars("wrong").frame.index
    assert clean.lineage["arguments"] == {"fill": None, "drop_bad": True, "drop": []}
    assert clean.quality["high_below_low"].count == 1


def test_factors_are_kept_whatever_form_they_came_in(ws, tmp_path):
    rows = [("2024-01-01", 0.9, 0.5), ("2024-01-02", 0.99, 1.0)]
    path = tmp_path / "factors.csv"
    path.write_text("20240101,0.9,0.5,100\n20240102,0.99,1,100\n")
    made = [ws.adjust("walk", given) for given in (rows, path, str(path), read_factors(rows))]
    assert len({row.id for row in made}) == 1
    assert made[0].lineage["arguments"]["factors"] == [["2024-01-01", 0.9, 0.5], ["2024-01-02", 0.99, 1.0]]


def test_the_same_adjustment_twice_is_refused(ws):
    once = ws.adjust("walk", SPLIT)
    hours = ws.resample(once, "1h")
    for again in (once, hours, once.name):
        with pytest.raises(OptionError, match=rf"adjusted by these factors already, as dataset {once.id}"):
            ws.adjust(again, SPLIT)
    assert ws.adjust("walk", SPLIT).id == once.id
    assert ws.adjust(once, {"splits": [("2024-01-03", 3)]}).id != once.id


def test_other_data_is_a_new_version_of_the_derived_name(ws, make_bars):
    old = ws.resample("walk", "1h")
    ws.import_dataset(make_bars(4_000).frame, name="walk", symbol="WALK")
    new = ws.resample("walk", "1h")
    assert ws.dataset("walk 1h").id == new.id != old.id
    assert new.parent_id == ws.dataset("walk").id != old.parent_id


def test_importing_more_is_the_next_version(ws, make_bars):
    first = ws.dataset("walk")
    second = ws.import_dataset(make_bars(4_000).frame, name="walk", symbol="WALK")
    back = ws.import_dataset(make_bars(3_000).frame, name="walk", symbol="WALK")
    assert (second.parent_id, second.lineage) == (first.id, None)
    assert (back.id, back.parent_id) == (first.id, None)  # no circle
    repaired = ws.repair(ws.slice("walk", end="2024-01-02", name="walk"), fill="flat")
    frame = ws.versions("walk")
    assert frame["version"].tolist() == [3, 2, 1]
    assert frame["operation"].tolist() == ["slice", "import", "import"]
    assert frame["parents"].tolist() == [[second.id], [first.id], []]
    assert frame["arguments"].tolist() == [{"start": None, "end": "2024-01-02"}, {}, {}]
    assert repaired.id == frame["id"].iloc[0]
    assert str(frame["created_at"].dtype) == "datetime64[us, UTC]"
    assert ws.versions(first.id)["id"].tolist() == frame["id"].tolist()
    with pytest.raises(NotFoundError, match="Did you mean 'walk'"):
        ws.versions("wolk")


def test_a_run_says_which_version_it_ran_on(ws, make_bars):
    run = ws.run("buy_and_hold", "walk")
    assert run.title == "buy_and_hold() on walk"
    ws.import_dataset(make_bars(4_000).frame, name="walk", symbol="WALK")
    assert ws.load_run(run.id).title == "buy_and_hold() on walk (version 1 of 2)"
    assert ws.run("buy_and_hold", "walk").title == "buy_and_hold() on walk (version 2 of 2)"


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda ws: ws.resample("wolk", "1h"), NotFoundError, "Did you mean 'walk'"),
        (lambda ws: ws.resample("walk", "1s"), DataError, "1min"),
        (lambda ws: ws.resample("walk", "1h", name="a\nb"), OptionError, "cannot hold"),
        (lambda ws: ws.slice("walk"), OptionError, "a start, an end or both"),
        (lambda ws: ws.slice("walk", "2030-01-01"), DataError, "no bars"),
        (lambda ws: ws.merge("walk"), OptionError, "takes a list"),
        (lambda ws: ws.merge(["walk"]), OptionError, "at least two"),
        (lambda ws: ws.merge(["walk", "wolk"]), NotFoundError, "Did you mean 'walk'"),
        (lambda ws: ws.merge(["walk", "walk"], overlap="frist"), OptionError, "Did you mean 'first'"),
        (lambda ws: ws.repair("walk"), OptionError, "Say what to repair"),
        (lambda ws: ws.repair("walk", fill="flta"), OptionError, "Did you mean 'flat'"),
        (lambda ws: ws.adjust("walk", {"split": []}), OptionError, "Did you mean 'splits'"),
        (lambda ws: ws.adjust("walk", "adj_close"), DataError, "adj_close"),
        (lambda ws: ws.adjust("walk", SPLIT, method="back"), OptionError, "Did you mean 'backward'"),
    ],
)
def test_what_cannot_be_made_is_a_sentence_and_leaves_nothing(ws, make, kind, words):
    kept = files(ws)
    with pytest.raises(kind, match=words) as caught:
        make(ws)
    assert "\n" not in str(caught.value)
    assert (count(ws), files(ws)) == (1, kept)


def test_nothing_is_made_from_a_file_that_was_edited(ws):
    row = ws.dataset("walk")
    path = ws.files.path(row.file_path)
    content = bytearray(path.read_bytes())
    at = content.index(ws.bars(row).close[7].tobytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtifactMissingError, match="were changed after they were stored"):
        ws.resample("walk", "1h")
    with pytest.raises(ArtifactMissingError, match="were changed after they were stored"):
        ws.verify_dataset("walk")
    assert count(ws) == 1


def test_a_parent_is_named_once_and_all_are(ws):
    one, two = ws.slice("walk", end="2024-01-02"), ws.slice("walk", "2024-01-02")
    whole = ws.merge([two, one, one])
    assert whole.name == "walk from 2024-01-02 and 2 more"
    assert [parent["id"] for parent in whole.lineage["parents"]] == [two.id, one.id, one.id]
    with ws.database.read() as session:
        found = session.exec(select(DatasetParent.parent_id).where(DatasetParent.dataset_id == whole.id)).all()
    assert sorted(found) == sorted([one.id, two.id])
    assert whole.sha256 == ws.dataset("walk").sha256


def test_long_names_stay_names(ws):
    long = ws.slice("walk", end="2024-01-02", name="n" * 200)
    hours = ws.resample(long, "1h")
    assert (len(hours.name), hours.name[-4:]) == (200, "… 1h")
    with pytest.raises(OptionError, match="at most 200 characters"):
        ws.resample(long, "1h", name="n" * 201)


PROGRAM = """
import resource, sys
import research_kit as rk
folder, database, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
ws = rk.open_workspace(folder, database)
print("ready", flush=True)
sys.stdin.readline()
if limit:
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    print(ws.repair("holed", fill="flat").id)
except rk.errors.StoreError as error:
    print("refused:", error)
"""


def start(ws, limit=0):
    command = [sys.executable, "-W", "error", "-c", PROGRAM, str(ws.folder), ws.database.url, str(limit)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def test_two_processes_that_make_the_same_version_make_one(ws, holed):
    rows = count(ws)
    processes = [start(ws) for _ in range(3)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0] for process in processes]
    assert set(said) == {f"{ws.dataset('holed').id}\n"}
    assert count(ws) == rows + 1


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no limits on this system")
def test_a_full_disk_leaves_neither_row_nor_file(ws, holed):
    rows, kept = count(ws), files(ws)
    said = start(ws, limit=100_000).communicate("go\n", timeout=60)[0]
    assert said.startswith("refused: ")
    assert "could not be written: File too large. What was there is unchanged" in said
    assert (count(ws), files(ws)) == (rows, kept)
    assert ws.repair("holed", fill="flat").id == ws.dataset("holed").id != holed.id
