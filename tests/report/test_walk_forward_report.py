"""The report of a walk-forward: its windows, what was chosen in them, and the account that came of it."""

from datetime import date

import numpy as np
import pytest
from bs4 import BeautifulSoup

import research_kit as rk
from research_kit.report.about import walk_forward_sections as sections
from research_kit.report.about.walk_forward import WalkForwardStats
from research_kit.report.stats_file import read_stats, write_stats
from research_kit.search.walk_forward import WalkForward

DAY = 86_400_000_000_000
HOSTILE = '<script>alert("x")</script>'
SPANS = {"train": 120, "test": 50}
EVERY = (
    *("lead_of", "verdict_of", "key_figures_of", "card_of", "chart_of", "windows_of"),
    *("parameters_of", "monthly_of", "metrics_of", "trades_of"),
)


class Since(rk.Strategy):
    """Long while one average is above another, from a day on."""

    since: date = date(2024, 1, 1)
    spans: tuple[int, int] = (5, 10)

    def signals(self, bars):
        fast, slow = (rk.indicators.sma(bars.close, span) for span in self.spans)
        return rk.Signals.target((fast > slow) & (bars.time >= np.datetime64(self.since)))


@pytest.fixture(scope="module")
def walk(make_bars):
    bars = make_bars(320, seed=18, sigma=0.01, step_ns=DAY)
    return rk.run_walk_forward(bars, rk.strategies.SmaCross, {"fast": [3, 5], "slow": [10, 20, 30]}, **SPANS)


@pytest.fixture(scope="module")
def stats(walk):
    return WalkForwardStats.of(walk)


def test_the_figures_are_those_of_the_walk_forward(walk, stats):
    assert stats.efficiency == walk.efficiency
    assert stats.stability == walk.stability
    assert stats.counts == {"folds": 4, "sets": 24, "trials": 24}
    assert stats.metrics["sharpe_ratio"] == walk.metrics["sharpe_ratio"]
    np.testing.assert_array_equal(stats.equity, walk.equity.to_numpy())
    assert len(stats.trades["pnl"]) == len(walk.trades)


def test_each_fold_chose_one_value_of_each_parameter(stats):
    for name in stats.parameters:
        assert sum(count for parameter, _, count in stats.choices if parameter == name) == 4


def test_the_share_of_a_value_is_that_of_the_folds(stats):
    table = BeautifulSoup(sections.parameters_of(stats).html, "html.parser")
    rows = [[cell.text for cell in row("td")] for row in table.tbody("tr")]
    assert [row[3] for row in rows] == [f"{100 * int(row[2]) // 4}%" for row in rows]
    assert sum(int(row[3].rstrip("%")) for row in rows if row[0] == "fast") == 100


def test_days_and_tuples_as_parameters_are_told(make_bars, tmp_path):
    bars = make_bars(320, seed=18, sigma=0.01, step_ns=DAY)
    grid = {"since": [date(2024, 1, 1), date(2024, 3, 1)], "spans": [(3, 10), (5, 20)]}
    found = WalkForwardStats.of(rk.run_walk_forward(bars, Since, grid, **SPANS))
    back = WalkForwardStats(**read_stats(write_stats(tmp_path / "s.npz", found)))
    for name in EVERY:
        assert getattr(sections, name)(back) is not None
    heads = BeautifulSoup(sections.windows_of(back).html, "html.parser")("th")
    assert {"since", "spans"} <= {head.text for head in heads if "rk-text" in head.get("class", [])}
    assert "Value: 2024-0" in sections.parameters_of(back).text


def test_the_trials_are_all_on_the_data_not_those_of_the_walk_forward(ws, make_bars):
    ws.import_dataset(make_bars(320, seed=18, sigma=0.01, step_ns=DAY).frame, name="walk", symbol="W")
    ws.run("sma_cross", "walk", {"fast": 2, "slow": 7})
    grid = {"fast": [3], "slow": [10, 20]}
    found = WalkForwardStats.of(ws.walk_forward("sma_cross", "walk", grid, **SPANS, progress=False))
    assert found.counts == {"folds": 4, "sets": 8, "trials": 9}
    assert "9 trials on this data" in sections.lead_of(found).text


def test_a_parameter_that_never_changes_is_steady(walk, make_bars):
    bars = make_bars(320, seed=18, sigma=0.01, step_ns=DAY)
    fixed = WalkForwardStats.of(rk.run_walk_forward(bars, rk.strategies.SmaCross, {"fast": [3], "slow": [10]}, **SPANS))
    assert fixed.steady == [1.0, 1.0]
    assert fixed.choices == [("fast", 3, 4), ("slow", 10, 4)]


def test_what_went_through_the_file_makes_the_same_sections(stats, tmp_path):
    back = WalkForwardStats(**read_stats(write_stats(tmp_path / "s.npz", stats)))
    for name in EVERY:
        assert repr(getattr(sections, name)(stats)) == repr(getattr(sections, name)(back)), name


def test_windows_are_a_row_each(walk, stats):
    table = BeautifulSoup(sections.windows_of(stats).html, "html.parser")
    rows = table.tbody.find_all("tr")
    assert len(rows) == 4
    first = [cell.text for cell in rows[0].find_all("td")]
    assert first[1] == str(walk.table["train_start"].iloc[0])[:10]
    assert first[5:7] == [str(walk.steps[0].parameters[name]) for name in ("fast", "slow")]


@pytest.mark.parametrize(
    ("efficiency", "stability", "words"),
    [
        (0.5, 1.0, "kept 50% of what was earned in training. 100% of the folds"),
        (-0.2, 0.2, "the choice followed noise. 20% of the folds"),
        (None, None, "no promise to be kept."),
    ],
)
def test_efficiency_and_stability_are_said_in_words(stats, efficiency, stability, words):
    changed = WalkForwardStats(**(vars(stats) | {"efficiency": efficiency, "stability": stability}))
    assert words in sections.verdict_of(changed).text


@pytest.mark.slow
def test_a_recorded_walk_forward_writes_one_offline_file_with_the_same_bytes(ws, make_bars, tmp_path):
    ws.import_dataset(make_bars(320, seed=18, sigma=0.01, step_ns=DAY).frame, name=HOSTILE, symbol="D")
    walk = ws.walk_forward("sma_cross", HOSTILE, {"fast": [3, 5], "slow": [10, 20]}, **SPANS, progress=False)
    assert isinstance(walk, WalkForward)
    path = walk.report()
    assert path == ws.folder / "reports" / "walk-forward-1.html"
    page = path.read_text("utf-8")
    assert walk.report(tmp_path / "again.html").read_text("utf-8") == page
    assert len(page.encode()) < 6_000_000
    assert HOSTILE not in page
    assert walk.trials == 16
    assert "16 trials on this data" in page
    for words in ("Out of sample", "Windows", "Parameters over time", "Efficiency", "Stability"):
        assert words in page
