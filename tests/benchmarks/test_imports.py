"""The import benchmark compares equal work: known defects, found by every tool and by this project."""

from collections import Counter
from hashlib import sha256
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

MINUTE_S = 60
ROWS = 20_000


@pytest.fixture
def work(script):
    return script("imports.work")


def seconds(table):
    return table["timestamp"].to_numpy().astype(np.int64)


def test_the_csv_is_the_same_on_every_machine(work, tmp_path):
    path = tmp_path / "bars.csv"
    work.write_csv(path, 5_000)
    assert sha256(path.read_bytes()).hexdigest()[:16] == "9fc69986772f197e"


def test_the_csv_has_the_layout_of_the_workload(work):
    lines = work.csv_file(ROWS).read_text().splitlines()
    assert lines[0] == "timestamp,open,high,low,close,volume"
    assert lines[1].startswith("2024-01-01 00:00:00,100.01,")
    assert len(lines) == 1 + ROWS - 50 * 5 + 100


def test_the_csv_is_made_once(work):
    path = work.csv_file(4_000)
    path.write_text("kept")
    assert work.csv_file(4_000).read_text() == "kept"
    assert [item.name for item in path.parent.glob("bars-*")] == ["bars-4000.csv"]


def test_another_seed_puts_the_defects_elsewhere(work):
    assert work.make_table(ROWS).equals(work.make_table(ROWS))
    assert not work.make_table(ROWS).equals(work.make_table(ROWS, seed=2))


def test_too_few_rows_have_no_room_for_the_defects(work):
    work.make_table(work.FEWEST_ROWS)
    with pytest.raises(ValueError, match="no room"):
        work.make_table(work.FEWEST_ROWS - 1)


@pytest.mark.parametrize("rows", [3_600, ROWS])
def test_defects_are_exactly_the_stated_ones(work, rows):
    table = work.make_table(rows)
    lines = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    times = seconds(table)
    assert Counter(Counter(times.tolist()).values()) == {1: rows - 250 - 100, 2: 100}
    assert all(first == second for first, second in pairwise(lines) if first[0] == second[0])
    assert Counter(np.diff(times).tolist()) == {60: rows - 250 - 1 - 50, 0: 100, 6 * 60: 50}
    assert [name for name in table.column_names if table[name].null_count] == ["close"]
    assert table["close"].null_count == 20
    opens, high, low, close = (table[name].to_numpy() for name in ("open", "high", "low", "close"))
    inverted = high < low
    assert inverted.sum() == 10
    assert (low > 0).all()
    whole = ~inverted & ~np.isnan(close)
    assert (high >= np.maximum(opens, close))[whole].all()
    assert (low <= np.minimum(opens, close))[whole].all()


def test_no_defect_touches_another_or_an_end(work):
    table = work.make_table(3_600)
    times = seconds(table) - seconds(table)[0]
    assert times[-1] == 3_599 * MINUTE_S
    damaged = (table["high"].to_numpy() < table["low"].to_numpy()) | np.isnan(table["close"].to_numpy())
    steps = np.diff(times)
    at = np.sort(np.concatenate([np.flatnonzero(damaged), np.flatnonzero(steps == 0), np.flatnonzero(steps > 60)]))
    assert len(at) == work.DEFECTS
    assert at[0] > 0
    assert np.diff(at).min() > 1


def test_numpy_checks_count_the_stated_defects(work, script):
    table = work.make_table(ROWS)
    columns = {name: table[name].to_numpy() for name in work.COLUMNS}
    counts, keep = script("imports.checks").check(seconds(table), columns)
    assert counts == work.expected(ROWS)
    assert keep.sum() == counts["bars"]


@pytest.mark.parametrize(
    ("name", "value", "changed"),
    [
        ("low", -1.0, {"inconsistent": 1}),
        ("volume", -1.0, {"inconsistent": 1}),
        ("low", 101.0, {"inconsistent": 1}),
        ("open", np.nan, {"missing_prices": 1, "bars": 9, "gaps": 1, "missing_bars": 1}),
    ],
)
def test_numpy_checks_see_each_fault(script, name, value, changed):
    flat = dict.fromkeys(("open", "high", "low", "close", "volume"), 100.0)
    columns = {column: np.full(10, number) for column, number in flat.items()}
    columns[name][4] = value
    counts, _ = script("imports.checks").check(np.arange(10) * MINUTE_S, columns)
    sound = dict.fromkeys(counts, 0) | {"bars": 10}
    assert counts == sound | changed


@pytest.mark.parametrize(
    ("times", "changed"),
    [
        ([0, 60, 60, 120], {"bars": 3, "duplicates": 1}),
        ([0, 120, 60, 180], {"unsorted": 1, "gaps": 2, "missing_bars": 2}),
        ([0, 60, 300, 360], {"gaps": 1, "missing_bars": 3}),
    ],
)
def test_numpy_checks_see_what_is_wrong_with_times(script, times, changed):
    columns = dict.fromkeys(("open", "high", "low", "close", "volume"), np.full(4, 100.0))
    counts, _ = script("imports.checks").check(np.array(times), columns)
    assert counts == dict.fromkeys(counts, 0) | {"bars": 4} | changed


@pytest.mark.parametrize(("name", "change"), [("gaps", 1), ("duplicates", -1), ("bars", 1), ("unsorted", 1)])
def test_another_count_is_refused(work, script, name, change):
    equality = script("imports.equality")
    counts = work.expected(ROWS)
    equality.check_counts("a", counts, counts)
    with pytest.raises(script("equality").UnequalWorkError, match=f"a found .* {name}"):
        equality.check_counts("a", counts | {name: counts[name] + change}, counts)


def test_a_count_that_is_not_there_is_refused(work, script):
    with pytest.raises(script("equality").UnequalWorkError, match="a found no bars"):
        script("imports.equality").check_counts("a", {}, work.expected(ROWS))


def test_other_stored_numbers_are_refused(script):
    equality, error = script("imports.equality"), script("equality").UnequalWorkError
    ours = np.arange(60.0).reshape(6, 10)
    ours[5, 2] = np.nan
    equality.check_stored("a", ours * (1 + 1e-16), ours)
    other = ours.copy()
    other[4, 3] += 1e-6
    with pytest.raises(error, match="as row 3"):
        equality.check_stored("a", other, ours)
    with pytest.raises(error, match="shape"):
        equality.check_stored("a", ours[:, 1:], ours)


@pytest.mark.parametrize("store", ["parquet", "arrow"])
def test_this_project_and_peers_find_and_store_the_same(work, script, tmp_path, store):
    csv, stored = work.csv_file(ROWS), []
    for name in ("imports.ours", "imports.peer_pandas", "imports.peer_pyarrow"):
        imported = script(name).prepare(store, tmp_path)(csv)
        assert imported.counts == work.expected(ROWS)
        stored.append(script("imports.equality").read_stored(imported.path))
    assert stored[0].shape == (6, work.expected(ROWS)["bars"])
    for other in stored[1:]:
        script("imports.equality").check_stored("peer", other, stored[0])


def test_this_project_stores_the_rows_of_the_csv_that_can_be_bars(work, script, tmp_path):
    table = work.make_table(ROWS)
    kept = np.flatnonzero(np.diff(seconds(table), prepend=-1) != 0)
    sound = table.take(pa.array(kept)).drop_null()
    imported = script("imports.ours").prepare("arrow", tmp_path)(work.csv_file(ROWS))
    stored = script("imports.equality").read_stored(imported.path)
    assert np.array_equal(stored[0], seconds(sound))
    assert all(np.array_equal(row, sound[name].to_numpy()) for row, name in zip(stored[1:], work.COLUMNS, strict=True))


@pytest.mark.slow
def test_processes_take_turns_and_a_peer_that_fails_is_named(script, options, tmp_path, monkeypatch):
    module, environments = script("imports.compare"), script("environments")
    peers = [
        environments.Competitor("pyarrow, Arrow, not compressed", "imports.peer_pyarrow", engine="arrow"),
        environments.Competitor("none, Parquet, zstd", "imports.peer_of_none", engine="parquet"),
    ]
    monkeypatch.setattr(module, "PEERS", peers)
    results = script("results").Results(folder=tmp_path)
    module.compare(options("--rows", "10k", "--peers", "research_kit"), results)
    sheet = results.sheets["W5"]
    assert [(row.engine, len(row.runs)) for row in sheet.rows] == [
        ("research_kit, Arrow, not compressed", 1),
        ("pyarrow, Arrow, not compressed", 1),
    ]
    run = sheet.rows[0].runs[0]
    assert 0 < run["wall_s"] < run["cold_s"]
    assert 0 < run["cpu_s"] < run["cold_cpu_s"]
    assert run["stored_mb"] == pytest.approx(6 * 8 * 9_730 / 1e6, rel=0.01)
    page = module.section("W5", sheet, results)
    assert "9,730 bars, 100 duplicates, 0 unsorted" in page
    assert list(sheet.absent) == ["none, Parquet, zstd, 10,000 rows"]
    assert "No module named imports.peer_of_none" in page


def test_ratios_are_against_the_fastest_peer(script):
    module = script("imports.compare")
    sheet = script("sheet").Sheet()
    arrow, parquet = "Arrow, not compressed", "Parquet, zstd"
    times = {
        ("research_kit", arrow): (3.0, 4.0),
        ("a", arrow): (2.0, 8.0),
        ("b", arrow): (6.0, 5.0),
        ("b", parquet): (12.0, 16.0),
    }
    for (engine, store), (wall, cpu) in times.items():
        run = {measure.name: 1.0 for measure in module.MEASURES} | {"wall_s": wall, "cpu_s": cpu}
        sheet.row(f"{engine}, {store}", "1,000 rows").runs += [run, run]
    assert module.summary(sheet).splitlines() == [
        "- Parquet, zstd: wall time 3 s is 0.25 times that of b (12 s); "
        "processor time 4 s is 0.25 times that of b (16 s)",
        "- Arrow, not compressed: wall time 3 s is 1.5 times that of a (2 s); "
        "processor time 4 s is 0.8 times that of b (5 s)",
    ]
    sheet.facts = {"rows": 1_000, "csv_mb": 0.1, "counts": {"bars": 990}}
    page = module.section("W5", sheet, script("results").Results())
    assert "| b, Parquet, zstd | 12 (× 4) | 16 (× 4) | 1 |" in page
    sheet.rows = sheet.rows[:1]
    assert module.summary(sheet) == "- there is none"
