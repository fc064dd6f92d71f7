import json
import pickle

import pytest

from research_kit.errors import NotFoundError
from research_kit.metrics.registry import HEADLINE
from research_kit.metrics.result import Metrics
from research_kit.metrics.summary import compute_metrics


@pytest.fixture
def metrics(make_inputs):
    return compute_metrics(make_inputs([100.0, 110.0, 99.0], trade_pnl=[10.0, 5.0]))


def test_it_is_a_mapping(metrics):
    assert dict(metrics) == {name: metrics[name] for name in metrics}
    assert "sharpe_ratio" in metrics
    assert metrics.get("nothing") is None
    assert json.loads(json.dumps(dict(metrics))) == dict(metrics)


def test_a_wrong_name_gets_the_nearest(metrics):
    with pytest.raises(NotFoundError, match="Did you mean 'win_rate'"):
        metrics["winrate"]


def test_it_cannot_be_changed(metrics):
    with pytest.raises(TypeError):
        metrics["win_rate"] = 1.0
    metrics.reasons.clear()
    metrics.flags.clear()
    assert metrics.reasons
    assert metrics.flags


def test_it_survives_a_process_boundary(metrics):
    other = pickle.loads(pickle.dumps(metrics))
    assert other == metrics
    assert (other.reasons, other.flags) == (metrics.reasons, metrics.flags)


def test_headline_is_in_the_order_of_the_registry(metrics):
    assert tuple(metrics.headline()) == HEADLINE


def test_series_keeps_counts_whole_and_undefined_none(metrics):
    series = metrics.to_series()
    assert series["total_trades"] == 2
    assert isinstance(series["total_trades"], int)
    assert series["profit_factor"] is None
    assert list(series.index) == list(metrics)


def test_html_shows_titles_units_and_reasons(metrics):
    html = metrics._repr_html_()
    assert "Max drawdown</td><td>-10.0 %</td>" in html
    assert "there was no losing trade" in html
    assert "Return for risk" in html
    assert html.count("<tr") == html.count("</tr>")


def test_html_is_escaped():
    html = Metrics({"win_rate": None}, reasons={"win_rate": "<script>alert(1)</script>"})._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_repr_is_one_line(metrics):
    text = repr(metrics)
    assert text.startswith("Metrics(Total return -1.00 %")
    assert "\n" not in text
