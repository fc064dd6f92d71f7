"""Parallel coordinates of plain lines: each set once, the best on top, every axis with its values."""

import numpy as np
import pytest

from research_kit.charts.searches.sweep_lines import parallel_data
from research_kit.charts.searches.sweep_lines_plain import MOST, plain_parallel_figure

TABLE = {
    "fast": [5, 5, 10, 10, 20, 20],
    "stop": [None, 0.05, None, 0.05, None, 0.05],
    "sharpe_ratio": [0.1, 0.2, 0.3, 0.9, np.nan, -0.4],
}


def drawn(table=TABLE, best="highest", names=("fast", "stop")):
    return plain_parallel_figure(parallel_data(table, names, "sharpe_ratio", most=MOST, best=best))


def lines(trace, axes):
    return np.asarray(trace.y, dtype=float).reshape(-1, axes + 1)[:, :-1]


def test_every_set_with_a_value_is_one_line_and_the_best_is_alone():
    figure = drawn()
    assert sum(len(lines(trace, 3)) for trace in figure.data) == 5
    best = figure.data[-1]
    assert best.name == "Best"
    assert lines(best, 3).shape == (1, 3)
    assert lines(best, 3)[0, -1] == 1.0  # the best end of the metric is above
    assert figure.layout.xaxis.ticktext == ("fast", "stop", "Sharpe ratio")


def test_the_lowest_is_above_where_it_is_the_best():
    figure = drawn(best="lowest")
    assert lines(figure.data[-1], 3)[0, -1] == 1.0
    ticks = [note.text for note in figure.layout.annotations if note.x == 2]
    assert ticks[0] == "-0.40"
    assert next(note.y for note in figure.layout.annotations if note.x == 2) == 1.0


def test_lines_stay_between_the_ends_of_their_axes():
    for trace in drawn().data:
        values = lines(trace, 3)
        assert ((values >= 0) & (values <= 1)).all()


def test_it_needs_no_webgl_and_stays_small():
    count = 20_000
    rng = np.random.default_rng(2)
    table = {"a": rng.integers(1, 60, count), "b": rng.integers(1, 9, count), "sharpe_ratio": rng.normal(0, 1, count)}
    figure = drawn(table, names=("a", "b"))
    assert {trace.type for trace in figure.data} == {"scatter"}
    assert sum(len(lines(trace, 3)) for trace in figure.data) == MOST
    assert len(figure.to_json()) < 100_000


@pytest.mark.parametrize("values", [[np.nan, np.nan], [1.0, 1.0]])
def test_nothing_to_tell_apart_is_no_error(values):
    drawn({"fast": [5, 10], "sharpe_ratio": values}, names=("fast",))
    drawn({"fast": [5, 5], "sharpe_ratio": values}, names=("fast",))


def test_hostile_names_are_text():
    figure = drawn({"<b>": [5, 10], "sharpe_ratio": [1.0, 2.0]}, names=("<b>",))
    assert figure.layout.xaxis.ticktext[0] == "&lt;b&gt;"
