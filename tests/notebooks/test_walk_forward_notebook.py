"""The notebook on walk-forward as papermill runs it: what it concludes is what its numbers say."""

import re

import pytest

import research_kit as rk

pytestmark = pytest.mark.slow

WAYS = ("a year", "half a year", "a quarter", "anchored", "plateau", "purge, embargo")
COLUMNS = ("folds", "trades", "at_seams", "paid", "sharpe_ratio", "drawdown", "efficiency", "stability")
GRID = {"fast": range(10, 105, 10), "slow": range(20, 310, 20)}


@pytest.fixture(scope="module")
def notebook(execute):
    return execute("05_walk_forward")


@pytest.fixture(scope="module")
def ways(notebook):
    """Return the last table of all ways to walk, by way and column."""
    row = len(COLUMNS) * r" (-?\d+(?:\.\d+)?)"
    found = {way: re.findall("(?<!half )" + re.escape(way) + row, notebook.shown)[-1] for way in WAYS}
    return {way: dict(zip(COLUMNS, map(float, values), strict=True)) for way, values in found.items()}


@pytest.fixture(scope="module")
def rolling(notebook):
    """Return the notebook's first walk-forward, walked again with nothing stored."""
    with rk.open_workspace(notebook.workspace) as ws:
        bars = ws.bars("S&P 500 daily")
    how = {"train": "1825d", "test": "365d", "where": "fast < slow"}
    return rk.run_walk_forward(bars, rk.strategies.SmaCross, GRID, commission=0.0005, **how)


def test_its_reading_of_the_windows_is_right(notebook, rolling):
    assert str(rolling) in notebook.shown
    table = rolling.table
    assert (len(table), (table["sharpe_ratio_out_of_sample"] < table["sharpe_ratio_in_sample"]).sum()) == (15, 10)
    years = table.loc[table["sharpe_ratio_out_of_sample"] < 0, "test_start"].dt.year.tolist()
    assert (len(years), 2008 in years) == (3, True)
    assert "They are lower in ten of fifteen windows, and below zero in three, 2008 among them" in notebook.words
    assert table.set_index(table["test_start"].dt.year).loc[2008, "slow"] == 80


def test_a_seam_closes_and_opens_the_same_position(rolling):
    before, after = rolling.trades.iloc[2], rolling.trades.iloc[3]
    assert (str(before["exit_time"].date()), before["exit_signal"]) == ("2006-01-03", "end_of_data")
    assert str(after["entry_time"].date()) == "2006-01-04"


def test_choosing_more_often_pays_more_at_the_seams(notebook, ways):
    paid = [ways[way]["paid"] for way in WAYS[:3]]
    assert paid == sorted(paid)
    assert f"it pays {paid[2] / paid[0]:.1f} times the commission" in notebook.words
    assert ways["a quarter"]["at_seams"] > 3 * ways["a year"]["at_seams"]


def test_its_conclusion_is_what_the_ways_say(notebook, ways):
    ratios = {way: row["sharpe_ratio"] for way, row in ways.items()}
    assert f"Six ways that differ only in taste give {min(ratios.values()):.2f} to {max(ratios.values()):.2f}." in (
        notebook.words
    )
    assert ratios["purge, embargo"] - ratios["a year"] == pytest.approx(0.05, abs=0.01)
    assert max(ratios, key=ratios.get) == "a quarter"
    assert f"Of what training promised, {ways['a year']['efficiency']:.2f} was kept" in notebook.words
    falls = [-row["drawdown"] for row in ways.values()]
    assert f"All six fell less, {min(falls):.0f} to {max(falls):.0f} % instead of 57 %" in notebook.words
    held = re.search(r"held over the same days: Sharpe ratio (\S+) drawdown: \S+ %, held -57 %", notebook.shown)
    assert f"has a Sharpe ratio of {max(ratios.values()):.2f}, the index, held, {held[1]}" in notebook.words


def test_tries_are_counted(notebook):
    alone, counted = re.findall(r"deflated (\d\.\d\d)", notebook.shown)[:2]
    assert f"above 0 with a probability of **{alone}**; after six tries {counted} is left" in notebook.words
    assert "6 trials walked forward" in notebook.shown
    with rk.open_workspace(notebook.workspace) as ws:
        assert ws.sweeps()["kind"].tolist() == ["walk_forward"] * 6


def test_noise_is_seen_through_and_a_leak_is_not(notebook):
    trained, tested = re.search(r"in training (\S+)", notebook.shown), re.search(r"in the tests (\S+),", notebook.shown)
    low, high = re.search(r"from (-\d\.\d\d) to (\d\.\d\d); the best is", notebook.shown).groups()
    words = notebook.words.replace("−", "-")
    assert f"Training promises {trained[1]}, and the tests give {tested[1]}:" in words
    assert f"twelve schemes reach from {low} to {high}" in words
    ratio, kept = re.search(
        r"smoothed, 16 folds, out of sample Sharpe ratio (\S+), efficiency (\S+)\)", notebook.shown
    ).groups()
    assert f"A Sharpe ratio of {ratio} out of sample, and an efficiency of {kept}" in words
    assert "Look-ahead in smoothed(length=5)" in notebook.shown


def test_its_report_is_there_and_it_stays_small(notebook):
    (report,) = (notebook.workspace / "reports").glob("walk-forward-*.html")
    assert report.name in notebook.shown
    assert len(notebook.figures) == 1
    assert notebook.path.stat().st_size < 2_000_000
