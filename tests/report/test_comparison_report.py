"""The report of a comparison: what differs in what was run, where both part, and both in numbers."""

import re
from dataclasses import replace

import numpy as np
import pytest
from bs4 import BeautifulSoup

import research_kit as rk
from research_kit.errors import OptionError
from research_kit.report.about import comparison_sections as sections
from research_kit.report.about.comparison import ComparisonStats
from research_kit.report.stats_file import read_stats, write_stats

HOSTILE = '<script>alert("x")</script>'
EVERY = (
    *("lead_of", "verdict_of", "sides_of", "spec_of", "source_of"),
    *("order_of", "contexts_of", "equity_of", "metrics_of"),
)


@pytest.fixture(scope="module")
def results(make_bars):
    bars = make_bars(300)
    return [rk.run_backtest(bars, rk.strategies.SmaCross(fast=3, slow=slow)) for slow in (10, 12)]


@pytest.fixture(scope="module")
def stats(results):
    return ComparisonStats.of(rk.compare(*results))


def test_the_figures_are_those_of_the_comparison(results, stats):
    found = rk.compare(*results)
    assert stats.spec == [("parameters.slow", "10", "12")]
    assert stats.order["position"] == found.first_order.position
    assert stats.order["differs"] == found.first_order.differs
    assert [len(context["time"]) for context in stats.contexts] == [len(found.context.xs("first"))] * 2
    np.testing.assert_array_equal(stats.contexts[0]["close"], found.context.xs("first")["close"])
    assert stats.metrics["sharpe_ratio"] == [one.metrics["sharpe_ratio"] for one in results]


def test_what_went_through_the_file_makes_the_same_sections(stats, tmp_path):
    back = ComparisonStats(**read_stats(write_stats(tmp_path / "s.npz", stats)))
    for name in EVERY:
        assert repr(getattr(sections, name)(stats)) == repr(getattr(sections, name)(back)), name


@pytest.mark.parametrize(
    ("first", "second", "told", "key"),
    [(5, 3, "-2", "-2.0"), (3, 5, "+2", "2.0"), (4, 4, "0", "0"), (4, None, "–", "")],
)
def test_the_difference_is_second_minus_first_with_its_sign(stats, first, second, told, key):
    stats = replace(stats, metrics=stats.metrics | {"total_trades": [first, second]})
    row = next(
        row
        for row in BeautifulSoup(sections.metrics_of(stats).html, "html.parser").tbody("tr")
        if row.td.text == "Trades"
    )
    assert row("td")[4].text == told
    assert row("td")[4]["data-key"] == key


class Turns(rk.Strategy):
    """In and out where two averages cross: an exposure, NaN in between, or events, of which entries are a bar late."""

    as_events: bool = False

    def signals(self, bars):
        above = rk.indicators.sma(bars.close, 3) > rk.indicators.sma(bars.close, 10)
        turned = np.diff(above, prepend=False)
        if self.as_events:
            return rk.Signals(enter_long=np.roll(above & turned, 1), exit_long=~above & turned)
        return rk.Signals.target(np.where(turned, above, np.nan))


def test_a_signal_of_one_side_alone_is_shown_of_that_side_even_where_it_has_gaps(make_bars):
    sides = [rk.run_backtest(make_bars(300), Turns(as_events=each)) for each in (False, True)]
    first, second = ComparisonStats.of(rk.compare(*sides)).contexts
    assert 0 < np.isnan(first["signal exposure"].astype(float)).sum() < len(first["time"])
    assert "signal enter_long" not in first
    assert "signal enter_long" in second
    assert "signal exposure" not in second


def test_the_same_is_the_same(results):
    same = ComparisonStats.of(rk.compare(results[0], results[0]))
    assert same.is_same
    assert same.order is None
    assert sections.contexts_of(same) == []
    assert "same at every bar" in sections.order_of(same).text
    assert "The same was run" in sections.spec_of(same).text
    assert set(re.findall(r"Difference: (\S+)", sections.metrics_of(same).text)) <= {"0", "–"}


def test_one_that_stops_ordering_has_no_more_orders(results, make_bars):
    short = rk.run_backtest(make_bars(300), rk.strategies.SmaCross(fast=2, slow=200))
    card = sections.order_of(ComparisonStats.of(rk.compare(results[0], short)))
    assert "order" in card.text.lower()


def test_results_that_were_not_recorded_are_written_with_a_path(results):
    with pytest.raises(OptionError, match=r"rk\.write_report\(comparison, path\)"):
        rk.compare(*results).report()


@pytest.mark.slow
def test_a_comparison_writes_one_offline_file_with_the_same_bytes(ws, make_bars, tmp_path):
    ws.import_dataset(make_bars(300).frame, name=HOSTILE, symbol="D")
    runs = [ws.run("sma_cross", HOSTILE, {"fast": 3, "slow": slow}) for slow in (10, 12)]
    found = rk.compare(*runs)
    assert rk.compare(rk.run_backtest(ws.bars(HOSTILE), rk.strategies.SmaCross(fast=3)), runs[0]).home is ws
    path = found.report()
    assert path == ws.folder / "reports" / "run-1-and-run-2.html"
    page = path.read_text("utf-8")
    assert found.report(tmp_path / "again.html").read_text("utf-8") == page
    assert len(page.encode()) < 6_000_000
    assert HOSTILE not in page
    for words in ("What was run differently", "Where they part", "Metrics side by side", "parameters.slow"):
        assert words in page
