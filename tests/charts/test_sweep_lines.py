"""Parallel coordinates of a search."""

import numpy as np
import pytest

from research_kit.charts.searches.sweep_lines import parallel_data, parallel_figure
from research_kit.charts.template import PALETTE
from research_kit.errors import NotFoundError, OptionError

HOSTILE = "<script>alert(1)</script><b>$x$ %{y}"
NAN = float("nan")
TABLE = {
    "fast": [5, 10, 20, 5],
    "kind": ["sma", "ema", "sma", "ema"],
    "size": [1, 1, 1, 1],
    "sharpe_ratio": [0.5, 2.0, NAN, -1.0],
}


def words(figure):
    return figure.layout.title.subtitle.text


def test_lines_are_drawn_from_worst_to_best_without_the_undefined():
    data = parallel_data(TABLE, ["fast", "kind", "size"], "sharpe_ratio")
    assert data.rows.tolist() == [3, 0, 1]
    assert data.values.tolist() == [-1.0, 0.5, 2.0]
    assert (data.total, data.undefined) == (4, 1)
    assert [levels.name for levels in data.parameters] == ["fast", "kind"]
    assert data.constant == {"size": "1"}
    assert parallel_data(TABLE, ["fast"], "sharpe_ratio", best="lowest").rows.tolist() == [1, 0, 3]


def test_text_has_ticks_and_numbers_stand_at_their_distance():
    figure = parallel_figure(parallel_data(TABLE, ["fast", "kind"], "sharpe_ratio"))
    fast, kind, metric = figure.data[0].dimensions
    assert list(kind.ticktext) == ["ema", "sma"]
    assert list(kind.tickvals) == [0.0, 1.0]
    assert list(fast.tickvals) == [5.0, 10.0, 20.0]
    assert metric.label == "Sharpe ratio"
    np.testing.assert_allclose(metric.values, [-1.0, 0.5, 2.0])


def test_lines_of_one_value_are_spread_about_it_the_best_on_top():
    table = {"fast": [5, 5, 5, 15], "sharpe_ratio": [3.0, 1.0, 2.0, 0.0]}
    data = parallel_data(table, ["fast"], "sharpe_ratio")
    places = np.asarray(parallel_figure(data).data[0].dimensions[0].values)
    assert data.values.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert places[0] == 15
    assert (np.diff(places[1:]) > 0).all()
    assert places[1:].mean() == pytest.approx(5)
    assert np.abs(places[1:] - 5).max() < 2.5


def test_colour_is_the_metric_and_parts_at_zero():
    line = parallel_figure(parallel_data(TABLE, ["fast"], "sharpe_ratio")).data[0].line
    assert (line.cmin, line.cmax) == (-2.0, 2.0)
    assert {colour for _, colour in line.colorscale} <= set(PALETTE)


def test_what_is_left_out_is_said():
    rng = np.random.default_rng(5)
    table = {"fast": rng.integers(0, 9, 5000), "kind": rng.integers(0, 3, 5000), "sharpe_ratio": rng.normal(size=5000)}
    data = parallel_data(table, ["fast", "kind"], "sharpe_ratio", most=400)
    assert len(data.rows) == 400
    best = np.sort(table["sharpe_ratio"])[-100:]
    np.testing.assert_array_equal(data.values[-100:], best)
    assert "400 are drawn: the best 100 and an even sample of the others" in words(parallel_figure(data))
    some = words(parallel_figure(parallel_data(TABLE, ["fast", "size"], "sharpe_ratio")))
    assert "drawn" not in some
    assert "1 without a value are left out" in some
    assert "the same in all: size 1" in some
    assert "best: fast 10: 2.00" in some


def test_many_parameters_make_a_small_figure():
    rng = np.random.default_rng(6)
    table = {f"p{number}": rng.uniform(size=20_000) for number in range(30)} | {"sharpe_ratio": rng.normal(size=20_000)}
    data = parallel_data(table, [name for name in table if name[0] == "p"], "sharpe_ratio")
    assert len(parallel_figure(data).to_json()) < 300_000
    few = parallel_data(table, ["p1", "p2"], "sharpe_ratio")
    assert len(few.rows) == 2000
    assert len(parallel_figure(few).to_json()) < 300_000


def test_names_side_by_side_do_not_touch():
    table = {f"a_rather_long_name_{number}": [1, 2] for number in range(8)} | {"sharpe_ratio": [0.0, 1.0]}
    names = [name for name in table if name != "sharpe_ratio"]
    assert parallel_figure(parallel_data(table, names, "sharpe_ratio")).data[0].labelangle == -20
    assert parallel_figure(parallel_data(table, names[:2], "sharpe_ratio")).data[0].labelangle == 0


@pytest.mark.parametrize("rows", [0, 1])
def test_no_set_and_one_set_make_no_lines(rows):
    table = {name: values[:rows] for name, values in TABLE.items()}
    figure = parallel_figure(parallel_data(table, ["fast", "kind"], "sharpe_ratio"))
    assert len(figure.data) == 0
    assert "Sharpe ratio of" in words(figure)


def test_wrong_names_are_answered():
    with pytest.raises(NotFoundError, match="Did you mean 'kind'"):
        parallel_data(TABLE, ["fast", "kin"], "sharpe_ratio")
    with pytest.raises(OptionError, match="at least 10"):
        parallel_data(TABLE, ["fast"], "sharpe_ratio", most=2)
    with pytest.raises(OptionError, match="Did you mean 'highest'"):
        parallel_data(TABLE, ["fast"], "sharpe_ratio", best="high")  # type: ignore[arg-type]


def test_names_from_outside_are_escaped_and_ticks_hold_no_tags():
    table = {HOSTILE: ["<b>&", "x"], "sharpe_ratio": [0.0, 1.0]}
    figure = parallel_figure(parallel_data(table, [HOSTILE], "sharpe_ratio"), title=HOSTILE)
    assert list(figure.data[0].dimensions[0].ticktext) == ["‹b›&", "x"]  # plotly.js writes these letter by letter
    for harmful in ("\\u003cscript", "\\u003cb\\u003e"):
        assert harmful not in figure.to_json()
