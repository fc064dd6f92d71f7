"""Runs side by side: which is better, what differs, where two part; by hand, and as a view."""

import pandas as pd
import pytest

from research_kit.errors import OptionError
from research_kit.metrics.registry import METRICS
from research_kit.widgets.history.compare import CompareView, differences_of
from research_kit.widgets.history.compare_tables import (
    LESS_IS_BETTER,
    MORE_IS_BETTER,
    best_of,
    context_html,
    differences_html,
    metrics_side_by_side,
)


@pytest.fixture(scope="module")
def runs(ws):
    name = str(ws.datasets()["name"].iloc[0])  # full of markup
    return [ws.run("sma_cross", name, {"fast": fast, "slow": slow}) for fast, slow in ((5, 20), (5, 40), (10, 20))]


def test_every_judged_metric_is_one_and_none_is_judged_twice():
    assert set(METRICS) >= MORE_IS_BETTER | LESS_IS_BETTER
    assert not MORE_IS_BETTER & LESS_IS_BETTER


@pytest.mark.parametrize(
    ("name", "values", "best"),
    [
        ("sharpe_ratio", [1.0, 2.0], [False, True]),
        ("volatility", [0.1, 0.2], [True, False]),
        ("max_drawdown_percent", [-10.0, -5.0], [False, True]),
        ("largest_loss", [-10.0, -5.0], [False, True]),
        ("sharpe_ratio", [None, -1.0, -2.0], [False, True, False]),
        ("sharpe_ratio", [None, 1.0], [False, False]),  # nothing to be better than
        ("sharpe_ratio", [1.0, 1.0], [False, False]),
        ("sharpe_ratio", [1.0, 1.0, 0.5], [True, True, False]),
        ("exposure", [0.1, 0.9], [False, False]),
    ],
)
def test_the_best_is_marked(name, values, best):
    assert best_of(name, values) == best


def test_the_best_is_marked_by_more_than_colour():
    html = metrics_side_by_side(["Run 1", "Run <2>"], [{"sharpe_ratio": 1.0}, {"sharpe_ratio": 2.0}])
    assert '<td>1.00</td><td class="rkw-best"><span aria-hidden="true">★ </span>2.00' in html
    assert "(best)" in html
    assert "Run &lt;2&gt;" in html


def test_differences_of_three_are_held_against_the_first():
    assert differences_of([{"fast": (5, 10)}, {"slow": (20, 50), "fast": (5, 7)}]) == {
        "fast": [5, 10, 7],
        "slow": [20, 20, 50],
    }
    assert "The same was run" in differences_html(["a", "b"], {})
    html = differences_html(["a", "b"], {"options.<b>": [None, "x" * 60]})
    assert "options.&lt;b&gt;" in html
    assert f">{'x' * 24}…</td>" in html
    assert '<td title="–">–</td>' in html


def test_the_bars_around_are_a_table_for_each_side():
    times = pd.DatetimeIndex(["2024-01-01", "2024-01-02"], tz="UTC", name="time")
    side = pd.DataFrame(
        {"close": [1.0, float("nan")], "position": [0.0, 1234.5678], "unknown": [None, None]}, index=times
    )
    html = context_html(pd.concat({"run 1": side, "run 2": side}, names=["side", "time"]))
    assert html.count("<table>") == 2
    assert html.count('<th scope="row" class="rkw-text">2024-01-02</th><td>–</td><td>1,234.57</td>') == 2
    assert "unknown" not in html
    assert context_html(pd.DataFrame()) == ""


def test_two_runs_with_the_order_in_which_they_part(ws, runs):
    view = CompareView(ws)
    view.show(runs[0], runs[1].id)
    assert view.wait(60)
    assert view.note.value == ""
    assert [run.id for run in view.runs] == [runs[0].id, runs[1].id]
    assert "parameters.slow" in view.differences.value
    assert "parameters.fast" not in view.differences.value
    assert "The first order that differs: order 1" in view.parting.value
    assert view.parting.value.count("<table>") == 2
    assert [trace.name for trace in view.chart.figure.data][::2] == [f"Run {runs[0].id}", f"Run {runs[1].id}"]
    assert "<img" not in view.static()
    view.close()


def test_three_runs_have_no_one_order(ws, runs):
    view = CompareView(ws)
    view.show(*runs)
    assert view.wait(60)
    assert view.parting.value == ""
    for name in ("parameters.slow", "parameters.fast"):
        assert name in view.differences.value
    assert view.heading.value.count("<li>") == 3
    view.close()


@pytest.mark.parametrize("pick", [[], [0], [0, 0], [0, 1, 2, 0]])
def test_what_cannot_be_compared_is_refused(ws, runs, pick):
    with pytest.raises(OptionError, match="2 to 6 different runs can be compared; given: "):
        CompareView(ws).show(*(runs[at] for at in pick))


def test_ids_need_a_workspace(runs):
    with pytest.raises(OptionError, match="cannot be found without a workspace"):
        CompareView().show(runs[0], runs[1].id)


def test_an_error_is_shown(ws, runs, monkeypatch):
    monkeypatch.setattr("research_kit.widgets.history.compare.compared", lambda runs: 1 / 0)
    view = CompareView(ws)
    view.show(*runs)
    assert view.wait(60)
    assert "They could not be compared. ZeroDivisionError" in view.note.value
    view.close()
