"""The sections of a run's report: their figures are those of the run, of its market, and of the metrics."""

import json
from datetime import date

import numpy as np
import pytest
from bs4 import BeautifulSoup

import research_kit as rk
from research_kit.metrics.registry import METRICS, format_value
from research_kit.report import sections
from research_kit.report.notebooks import template

DAY = 86_400_000_000_000


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, make_bars):
    with rk.open_workspace(tmp_path_factory.mktemp("ws")) as ws:
        ws.import_dataset(make_bars(900, step_ns=DAY, sigma=0.01).frame, name="walk", symbol="WALK", session="24/7")
        ws.run("sma_cross", "walk", {"fast": 5, "slow": 20, "short": True}, slippage=0.001)
        ws.run("buy_and_hold", "walk", commission=0, close_at_end=False)
        yield ws


@pytest.fixture(scope="module")
def run(workspace):
    return workspace.load_run(1)


@pytest.fixture(scope="module")
def holding(workspace):
    return workspace.load_run(2)


def rows(card):
    page = BeautifulSoup(card.html, "html.parser")
    return [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in page.select("tbody tr")]


def test_every_metric_has_its_value_and_those_of_returns_also_the_markets(run):
    table = {row[0]: row[1:] for row in rows(sections.metrics_of(run))}
    assert set(table) >= {metric.title for metric in METRICS.values()}
    held = run.market
    for name, metric in METRICS.items():
        expected = [format_value(name, run.summary[name])]
        if metric.group in sections.HELD:
            expected.append(format_value(name, held[name]))
        if metric.title in ("Sharpe ratio", "Volatility", "Win rate", "Beta"):
            assert table[metric.title] == expected


def test_the_market_is_measured_as_the_benchmark_is(run):
    held = run.market
    assert held["total_return_percent"] == pytest.approx(run.summary["benchmark_return_percent"])


def test_holding_without_costs_is_the_market(holding):
    """It buys at the open of the second bar, the market at the close of the first: next to nothing apart."""
    held = holding.market
    for name in ("volatility", "max_drawdown_percent", "skew"):
        assert holding.summary[name] == pytest.approx(held[name], rel=0.02)


def test_every_metric_says_what_it_means(run):
    page = BeautifulSoup(sections.metrics_of(run).html, "html.parser")
    told = {tag.get_text(): tag["title"] for tag in page.find_all(title=True)}
    assert all(METRICS[name].meaning in told[METRICS[name].title] for name in METRICS)
    tiles = BeautifulSoup(sections.key_figures_of(run).html, "html.parser")
    assert len(tiles.select("dt [title]")) == len(tiles.select("dt"))


def test_the_deepest_fall_is_the_maximum_drawdown(run):
    table = rows(sections.drawdowns_of(run))
    assert len(table) == 10
    assert table[0][1] == f"{run.summary['max_drawdown_percent']:+,.2f} %"
    assert table[0][3] == str(run.drawdown.idxmin().date())
    assert all(date.fromisoformat(row[2]) <= date.fromisoformat(row[3]) for row in table)
    depths = [float(row[1].removesuffix(" %")) for row in table]
    assert depths == sorted(depths)
    for _, _, *days, lasted, down, up in (row for row in table if row[4] != "–"):
        peak, trough, recovered = map(date.fromisoformat, days)
        assert [int(lasted), int(down), int(up)] == [
            (late - early).days for early, late in ((peak, recovered), (peak, trough), (trough, recovered))
        ]
    assert any(row[6] != row[7] for row in table)


def test_years_are_those_of_the_months(run):
    months = {row[0]: float(row[-1]) for row in rows(sections.monthly_of(run))}
    years = {row[0]: row for row in rows(sections.years_of(run))}
    assert set(months) == set(years)
    for year, row in years.items():
        own, market, apart = (float(cell.removesuffix(" %")) for cell in row[1:4])
        assert own == pytest.approx(months[year], abs=0.06)
        assert apart == pytest.approx(own - market, abs=0.011)


def test_the_best_and_the_worst_day_are_those_of_the_metrics(run):
    table = rows(sections.days_of_extremes(run))
    assert table[0][1] == f"{100 * run.summary['best_day']:+.2f} %"
    assert table[0][3] == f"{100 * run.summary['worst_day']:+.2f} %"


def test_of_weeks_the_best_and_the_worst_bar_are_told(workspace, make_bars):
    weeks = make_bars(120, step_ns=7 * DAY, sigma=0.02).frame
    workspace.import_dataset(weeks, name="weeks", symbol="WEEK", session="24/7")
    card = sections.days_of_extremes(workspace.run("sma_cross", "weeks", {"fast": 5, "slow": 20}))
    heads = [head.text for head in BeautifulSoup(card.html, "html.parser")("th")]
    assert heads == ["Best bar", "Return", "Worst bar", "Return"]
    assert card.text.endswith("The best and the worst bars.")


def test_a_run_without_gains_has_days_of_losses_alone(holding):
    table = rows(sections.days_of_extremes(holding, count=2_000))
    returns = holding.equity.pct_change().fillna(0.0).to_numpy()
    assert sum(bool(row[0]) for row in table) == (returns > 0).sum()
    assert sum(bool(row[2]) for row in table) == (returns < 0).sum()


def test_the_template_is_short_and_holds_no_function():
    cells = [
        cell for cell in json.loads(template("backtest").read_text("utf-8"))["cells"] if cell["cell_type"] == "code"
    ]
    assert len(cells) <= 15
    assert not any(word in "".join(cell["source"]) for cell in cells for word in ("def ", "lambda "))
    assert all(len(cell["source"]) <= 9 for cell in cells)


def test_every_chart_is_one_call_away(run):
    assert run.plot() == run.plot("backtest")
    assert np.isfinite(run.plot("rolling", window=30).data[0].y).all()
    with pytest.raises(rk.errors.OptionError, match=r"no chart 'candle'\. Did you mean 'candles'"):
        run.plot("candle")
