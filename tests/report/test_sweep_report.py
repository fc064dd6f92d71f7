"""The report of a sweep: its figures plain, its sections made of them, and one offline file."""

import re
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from bs4 import BeautifulSoup

import research_kit as rk
from research_kit.errors import OptionError
from research_kit.report.about import sweep_sections as sections
from research_kit.report.about.sweep import TOP, SweepStats
from research_kit.report.stats_file import read_stats, write_stats

DAY = 86_400_000_000_000
HOSTILE = '<script>alert("x")</script>'
EVERY = (
    *("lead_of", "warnings_of", "key_figures_of", "card_of", "best_of"),
    *("maps_of", "slices_of", "parallel_of", "distribution_of", "luck_of", "trials_of"),
)


class Trend(rk.Strategy):
    """Long above an average; one length fails, and one way is refused."""

    length: int = rk.Param(20, ge=2, le=60)
    way: str = "plain"

    def signals(self, bars):
        if self.length == 13:
            raise ValueError(HOSTILE)
        return rk.Signals.target(bars.close > rk.indicators.sma(bars.close, self.length))


class Since(rk.Strategy):
    """Long above an average from a day on."""

    since: date = date(2024, 1, 1)
    spans: tuple[int, int] = (5, 10)

    def signals(self, bars):
        fast, slow = (rk.indicators.sma(bars.close, span) for span in self.spans)
        return rk.Signals.target((fast > slow) & (bars.time >= np.datetime64(self.since)))


@pytest.fixture(scope="module")
def bars(make_bars):
    return make_bars(500, seed=3, sigma=0.01, step_ns=DAY)


@pytest.fixture(scope="module")
def sweep(bars):
    """Return a sweep that was not recorded: 36 sets, three of them fail, nine are refused."""
    grid = {"length": [*range(3, 25, 2), 70], "way": ["plain", HOSTILE, "x"]}
    return rk.run_sweep(bars, Trend, grid, commission=0.001)


@pytest.fixture(scope="module")
def stats(sweep):
    return SweepStats.of(sweep)


def texts(card):
    return BeautifulSoup(card.html, "html.parser")


def test_the_figures_are_those_of_the_sweep(sweep, stats):
    best = sweep.best
    assert stats.winner["parameters"] == best.parameters
    assert stats.winner["value"] == best.value
    assert stats.best["sharpe_ratio"][0] == best.value
    assert len(stats.best["plateau"]) == min(TOP, sweep.ranking.size)
    np.testing.assert_array_equal(stats.columns["sharpe_ratio"], sweep.metrics["sharpe_ratio"])
    assert stats.luck["deflated"] == sweep.overfitting().deflated
    assert stats.luck["pbo"] == sweep.overfitting().pbo


def test_every_trial_is_counted(sweep, stats):
    assert stats.counts == {"asked": 33, "ran": 33, "with_value": 30, "failed": 3, "refused": 3, "trials": 33}
    assert [count for _, count in stats.failures] == [3]
    told = " ".join(card.text for card in sections.trials_of(stats))
    assert "Failed, Sets: 3" in told
    assert HOSTILE in told


def test_what_went_through_the_file_makes_the_same_sections(stats, tmp_path):
    back = SweepStats(**read_stats(write_stats(tmp_path / "s.npz", stats)))
    for name in EVERY:
        one, other = (getattr(sections, name)(each) for each in (stats, back))
        assert repr(one) == repr(other), name


def test_hostile_values_are_text(stats):
    for name in EVERY:
        made = getattr(sections, name)(stats)
        for part in made if isinstance(made, list) else [made]:
            if hasattr(part, "html"):
                assert texts(part).find("script") is None, name
            else:
                assert "<script>" not in part.to_json().replace("\\u003c", "<"), name


def test_the_best_come_first_with_their_plateau(stats):
    table = texts(sections.best_of(stats))
    heads = [head.text for head in table.find_all("th")]
    assert heads[:5] == ["Rank", "length", "way", "Sharpe ratio", "Plateau"]
    values = [float(row.find_all("td")[3]["data-key"]) for row in table.tbody.find_all("tr")]
    assert values == sorted(values, reverse=True)
    assert texts(sections.best_of(stats)).find("span", title=re.compile("lonely peak"))


def test_parameters_that_are_words_are_set_as_text(stats):
    heads = texts(sections.best_of(stats))("th")
    assert [head.text for head in heads if "rk-text" in head.get("class", [])] == ["way"]


def test_days_and_tuples_as_parameters_are_told(bars, tmp_path):
    grid = {"since": [date(2024, 1, 1), date(2024, 6, 1)], "spans": [(3, 5), (7, 9)]}
    found = SweepStats.of(rk.run_sweep(bars, Since, grid))
    back = SweepStats(**read_stats(write_stats(tmp_path / "s.npz", found)))
    for name in EVERY:
        assert repr(getattr(sections, name)(found)) == repr(getattr(sections, name)(back)), name
    assert "since=2024-" in sections.key_figures_of(back).html
    assert "spans: (7, 9)" in sections.best_of(back).text


def test_a_sweep_that_did_not_end_is_warned_of(stats):
    unfinished = replace(stats, counts=stats.counts | {"asked": 40})
    assert "7 of 40 sets were not run" in " ".join(card.text for card in sections.warnings_of(unfinished))
    assert "were not run" not in " ".join(card.text for card in sections.warnings_of(stats))


def test_the_trials_are_all_on_the_data_not_those_of_the_sweep(ws, make_bars):
    ws.import_dataset(make_bars(300, sigma=0.01, step_ns=DAY).frame, name="walk", symbol="W")
    ws.run("sma_cross", "walk", {"fast": 2, "slow": 7})
    found = SweepStats.of(ws.sweep("sma_cross", "walk", {"fast": [3, 5], "slow": [10, 20]}, progress=False))
    assert (found.counts["ran"], found.counts["trials"]) == (4, 5)
    assert "after 5 trials" in sections.key_figures_of(found).html


def test_of_many_pairs_the_ones_that_matter_are_drawn(stats):
    names = ["a", "b", "c", "d"]
    count = 81
    rng = np.random.default_rng(1)
    columns = {name: np.tile(np.repeat([1, 2, 3], 3**at), 27 // 3**at * 1)[:count] for at, name in enumerate(names)}
    values = 10.0 * columns["a"] + 5.0 * columns["b"] + columns["c"] + rng.normal(0, 0.01, count)
    every = replace(stats, parameters=names, columns={**columns, "sharpe_ratio": values, "plateau": values})
    drawn = [figure.layout.title.text for figure in sections.maps_of(every)]
    assert drawn == [f"Sharpe ratio over {pair}" for pair in ("a and b", "a and c", "a and d")]


def test_one_parameter_has_no_map_and_no_set_no_best(bars):
    one = SweepStats.of(rk.run_sweep(bars, Trend, {"length": [5, 10, 20]}))
    assert sections.maps_of(one) == []
    assert sections.parallel_of(one).data
    nothing = SweepStats.of(rk.run_sweep(bars, Trend, {"length": [13], "way": ["a", "b"]}))
    assert nothing.winner is None
    assert "no best one" in " ".join(card.text for card in sections.warnings_of(nothing))
    for name in EVERY:
        getattr(sections, name)(nothing)


def test_a_sweep_that_was_not_recorded_says_where_it_must_go(sweep):
    with pytest.raises(OptionError, match="was not recorded"):
        rk.write_report(sweep)
    with pytest.raises(OptionError, match="There is no report of int"):
        rk.write_report(3, "x.html")


@pytest.mark.slow
def test_a_recorded_sweep_writes_one_offline_file_with_the_same_bytes(ws, make_bars, tmp_path):
    ws.import_dataset(make_bars(400, seed=3, sigma=0.01, step_ns=DAY).frame, name=HOSTILE, symbol="D")
    sweep = ws.sweep("sma_cross", HOSTILE, {"fast": [3, 5, 8], "slow": [10, 20, 30]}, progress=False)
    path = sweep.report()
    assert path == ws.folder / "reports" / "sweep-1.html"
    page = path.read_text("utf-8")
    assert ws.load_sweep(1).report(tmp_path / "again.html").read_text("utf-8") == page
    assert len(page.encode()) < 6_000_000
    assert "unsafe-eval" not in page.split("</head>")[0][:3_000]
    assert HOSTILE not in page
    shown = BeautifulSoup(re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL), "html.parser")
    assert shown.find_all(["link", "img", "iframe"]) == []
    heads = [heading.text for heading in shown.find_all("h2")]
    assert heads == [
        *("What was searched", "The best sets", "Where the good sets lie", "All sets at a glance"),
        *("How much of it is luck", "Every trial"),
    ]
    assert len(shown.select("figure.chart")) == 7
    assert sweep.row.dataset_sha256 in shown.text
