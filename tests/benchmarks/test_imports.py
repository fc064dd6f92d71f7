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
    return script("import_work")


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
    counts, keep = script("import_checks").check(seconds(table), columns)
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
    counts, _ = script("import_checks").check(np.arange(10) * MINUTE_S, columns)
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
    counts, _ = script("import_checks").check(np.array(times), columns)
    assert counts == dict.fromkeys(counts, 0) | {"bars": 4} | changed


@pytest.mark.parametrize(("name", "change"), [("gaps", 1), ("duplicates", -1), ("bars", 1), ("unsorted", 1)])
def test_another_count_is_refused(work, script, name, change):
    equality = script("import_equality")
    counts = work.expected(ROWS)
    equality.check_counts("a", counts, counts)
    with pytest.raises(script("equality").UnequalWorkError, match=f"a found .* {name}"):
        equality.check_counts("a", counts | {name: counts[name] + change}, counts)


def test_a_count_that_is_not_there_is_refused(work, script):
    with pytest.raises(script("equality").UnequalWorkError, match="a found no bars"):
        script("import_equality").check_counts("a", {}, work.expected(ROWS))


def test_other_stored_numbers_are_refused(script):
    equality, error = script("import_equality"), script("equality").UnequalWorkError
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
    for name in ("import_ours", "import_peer_pandas", "import_peer_pyarrow"):
        imported = script(name).prepare(store, tmp_path)(csv)
        assert imported.counts == work.expected(ROWS)
        stored.append(script("import_equality").read_stored(imported.path))
    assert stored[0].shape == (6, work.expected(ROWS)["bars"])
    for other in stored[1:]:
        script("import_equality").check_stored("peer", other, stored[0])


def test_this_project_stores_the_rows_of_the_csv_that_can_be_bars(work, script, tmp_path):
    table = work.make_table(ROWS)
    kept = np.flatnonzero(np.diff(seconds(table), prepend=-1) != 0)
    sound = table.take(pa.array(kept)).drop_null()
    imported = script("import_ours").prepare("arrow", tmp_path)(work.csv_file(ROWS))
    stored = script("import_equality").read_stored(imported.path)
    assert np.array_equal(stored[0], seconds(sound))
    assert all(np.array_equal(row, sound[name].to_numpy()) for row, name in zip(stored[1:], work.COLUMNS, strict=True))


@pytest.mark.slow
def test_processes_take_turns_and_a_peer_that_fails_is_named(work, script):
    runner, competitor = script("import_run"), script("environments").Competitor
    peers = [competitor("pyarrow", "import_peer_pyarrow.py"), competitor("none", "import_peer_of_none.py")]
    results = runner.compare_imports(ROWS, 1, peers)
    assert [(row.title, len(row.runs)) for row in results.rows] == [
        ("research_kit, Arrow, not compressed", 1),
        ("pyarrow, Parquet, zstd", 1),
        ("pyarrow, Arrow, not compressed", 1),
    ]
    run = results.rows[0].runs[0]
    assert 0 < run["wall_s"] < run["cold_s"]
    assert 0 < run["cpu_s"] < run["cold_cpu_s"]
    assert run["stored_mb"] == pytest.approx(6 * 8 * 19_730 / 1e6, rel=0.01)
    page = results.markdown()
    assert "19,730 bars, 100 duplicates, 0 unsorted" in page
    assert list(results.absent) == ["none, parquet", "none, arrow"]
    assert "**none, arrow** is missing: none: " in page


def test_ratios_are_against_the_fastest_peer(script):
    module = script("import_results")
    results = module.ImportResults(1_000, 0.1, {"bars": 990})
    times = {
        ("research_kit", "arrow"): (3.0, 4.0),
        ("a", "arrow"): (2.0, 8.0),
        ("b", "arrow"): (6.0, 5.0),
        ("b", "parquet"): (12.0, 16.0),
    }
    for (engine, store), (wall, cpu) in times.items():
        run = dict.fromkeys(module.MEASURES.values(), 1.0) | {"wall_s": wall, "cpu_s": cpu, "load": 0.5, "versions": {}}
        results.rows.append(module.ImportRow(engine, store, [run, run]))
    assert results.summary().splitlines() == [
        "- Parquet, zstd: wall time 3 s is 0.25 times that of b (12 s); "
        "processor time 4 s is 0.25 times that of b (16 s)",
        "- Arrow, not compressed: wall time 3 s is 1.5 times that of a (2 s); "
        "processor time 4 s is 0.8 times that of b (5 s)",
    ]
    assert "| b, Parquet, zstd | 12 (× 4) | 16 (× 4) | 1 |" in results.markdown()
    results.rows = results.rows[:1]
    assert results.summary() == "- there is none"


def test_timing_one_kind_anew_keeps_the_other(script, tmp_path):
    module, imports = script("results"), script("import_results")
    case = script("workloads").Case("W1", "10k")
    first = module.Results(date="2020-01-02", machine="a machine")
    names = [name for _, name, _ in module.MEASURES]
    first.row("research_kit", case).runs.append(dict.fromkeys(names, 1.0) | {"load": 0.5, "versions": {"numpy": "2"}})
    first.write(tmp_path)
    again = module.Results.read(tmp_path)
    assert again == first
    run = dict.fromkeys(imports.MEASURES.values(), 2.0) | {"load": 0.5, "versions": {}}
    rows = [imports.ImportRow("research_kit", "arrow", [run])]
    again.imports = imports.ImportResults(1_000, 0.1, {"bars": 990}, rows)
    again.write(tmp_path)
    assert module.Results.read(tmp_path) == again
    page = (tmp_path / "RESULTS.md").read_text()
    assert "Made by `make bench` on 2020-01-02: a machine; numpy 2." in page
    assert "## W5: a CSV of 1,000 one-minute rows" in page
    assert module.Results.read(tmp_path / "nowhere") == module.Results()
