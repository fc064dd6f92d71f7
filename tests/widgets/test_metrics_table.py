"""The table of metrics: in groups, explained without a mouse, with ranges, and with the benchmark beside."""

import re

import pytest

from research_kit.metrics.registry import GROUPS, METRICS, format_value
from research_kit.metrics.result import Metrics
from research_kit.widgets.results.metrics_table import MetricsTable, metrics_html


@pytest.fixture(scope="module")
def run(ws):
    return ws.run("sma_cross", "Calm", {"fast": 5, "slow": 20})


def row(html, name):
    """Return the texts of a metric's cells."""
    [found] = re.findall(rf'<tr data-metric="{name}">(.*?)</tr>', html)
    return [re.sub(r"<[^>]+>", " ", cell).strip() for cell in re.findall(r"<td>(.*?)</td>", found)]


def test_metrics_alone_have_neither_intervals_nor_benchmark():
    html = metrics_html(Metrics({"win_rate": 0.4, "sharpe_ratio": None}, {"sharpe_ratio": "no <b>days</b>"}), {}, None)
    assert row(html, "win_rate") == ["40.0 %"]
    assert row(html, "sharpe_ratio") == ["– no &lt;b&gt;days&lt;/b&gt;"]
    assert "interval" not in html
    assert "Buy and hold" not in html


def test_every_metric_of_a_run_is_there_once_with_its_meaning_and_formula(run):
    table = MetricsTable(run)
    assert table.wait(60)
    html = table.table.value
    assert re.findall(r'data-metric="(\w+)"', html) == [
        name for group in GROUPS for name, about in METRICS.items() if about.group == group and name in run.summary
    ]
    for name in run.summary:
        assert row(html, name)[0].startswith(format_value(name, run.summary[name]).replace(">", "&gt;"))
    assert html.count("<summary") == len(run.summary)  # a button for the keyboard
    assert "std(r, n − 1) × √q" in html
    table.close()


def test_intervals_and_benchmark_come_in_the_background(run):
    table = MetricsTable(run)
    assert table.wait(60)
    assert set(table.intervals) >= {"sharpe_ratio", "max_drawdown_percent", "win_rate", "profit_factor"}
    sharpe = table.intervals["sharpe_ratio"]
    low, high = (format_value("sharpe_ratio", bound) for bound in (sharpe.low, sharpe.high))
    assert row(table.table.value, "sharpe_ratio")[1] == f"{low} … {high}"
    held = run.bars.close[-1] / run.bars.close[0] - 1
    assert table.benchmark["total_return_percent"] == pytest.approx(100 * held)
    assert row(table.table.value, "total_return_percent")[2] == format_value("total_return_percent", 100 * held)
    assert row(table.table.value, "win_rate")[2] == ""  # holding has no trades to win
    table.close()


def test_what_cannot_be_computed_is_said(run, monkeypatch):
    monkeypatch.setattr("research_kit.widgets.results.metrics_table.intervals_of", lambda run: 1 / 0)
    table = MetricsTable(run)
    assert table.wait(60)
    assert "There are no intervals. ZeroDivisionError" in table.told.value
    assert row(table.table.value, "win_rate")
    table.close()


def test_closing_frees_every_widget(run, living):
    before = living()
    table = MetricsTable(run)
    assert table.wait(60)
    table.close()
    assert living() == before
