"""What a sweep found: the best, the broadest, ties, tables and charts, from results that are made here."""

from hashlib import sha256

import numpy as np
import plotly.graph_objects as go
import pytest

from research_kit.errors import NotFoundError, OptionError
from research_kit.metrics.registry import METRICS
from research_kit.search.objective import Objective
from research_kit.search.result import SweepResult
from research_kit.search.space import Space
from research_kit.strategy.library import SmaCross

NAN = np.nan


def result(values, objective="sharpe_ratio", grid=None, **given) -> SweepResult:
    """Return a sweep over one parameter, or a grid, whose objective came to these values."""
    sets = Space(SmaCross, grid or {"fast": range(10, 10 + len(values))}).grid()
    wanted = Objective.of(objective)
    metrics = {name: np.arange(len(sets), dtype=float) for name in METRICS}
    metrics[wanted.metric] = np.array(values, dtype=float)
    return SweepResult("sma_cross", sets, metrics, wanted, **given)


def test_the_best_is_the_highest():
    best = result([1.0, 3.0, NAN, 2.0]).best
    assert (best.parameters, best.value, best.position) == ({"fast": 11}, 3.0, 1)
    assert best.plateau == 2.0  # of 1 and 3
    assert best.metrics["total_trades"] == 1.0
    assert best.metrics["sharpe_ratio"] == 3.0


def test_with_a_minus_the_best_is_the_lowest():
    found = result([0.2, 0.5, NAN, 0.1, 0.9], objective="-volatility")
    assert found.ranking.tolist() == [3, 0, 1, 4]
    assert (found.best.parameters, found.best.value) == ({"fast": 13}, 0.1)
    assert found.scores.tolist() == pytest.approx([-0.2, -0.5, NAN, -0.1, -0.9], nan_ok=True)
    assert found.plateau.tolist() == pytest.approx([0.35, 0.35, 0.3, 0.5, 0.5])  # in the metric's own sign
    assert found.broadest.position == 0


def test_undefined_metrics_are_none():
    found = result([1.0, NAN])
    assert found.value("sharpe_ratio", 1) is None
    assert found.value("sharpe_ratio", 0) == 1.0
    found.metrics["win_rate"][0] = NAN
    assert found.best.metrics["win_rate"] is None


@pytest.mark.parametrize(
    ("objective", "error", "sentence"),
    [
        ("sharp_ratio", NotFoundError, "There is no metric 'sharp_ratio' to search by. Did you mean 'sharpe_ratio'?"),
        ("-sharp_ratio", NotFoundError, "There is no metric 'sharp_ratio' to search by. Did you mean 'sharpe_ratio'?"),
        ("--volatility", NotFoundError, "There is no metric '-volatility' to search by. Did you mean 'volatility'?"),
        ("", NotFoundError, "There is no metric '' to search by. Known: alpha, "),
        (3, OptionError, "An objective is the name of a metric, such as 'sharpe_ratio'; given was 3."),
    ],
)
def test_objectives_that_are_refused(objective, error, sentence):
    with pytest.raises(error) as caught:
        Objective.of(objective)
    assert str(caught.value).startswith(sentence)


def test_an_objective_in_words():
    assert (str(Objective.of("-volatility")), Objective.of("-volatility").best) == ("-volatility", "lowest")
    assert (str(Objective.of("cagr")), Objective.of("cagr").best) == ("cagr", "highest")
    assert Objective.of(Objective("cagr")) == Objective("cagr")


# ties


def key(parameters: str) -> str:
    return sha256(parameters.encode()).hexdigest()


def test_of_equal_sets_that_with_the_smallest_hash_of_its_parameters_is_the_best():
    found = result([2.0, 1.0, 2.0, 2.0, 1.0])
    keys = {at: key(f'{{"fast": {10 + at}}}') for at in range(5)}
    assert found.key(3) == keys[3]
    assert found.ranking.tolist() == sorted([0, 2, 3], key=keys.get) + sorted([1, 4], key=keys.get)


def test_keys_that_are_given_decide():
    assert result([2.0, 2.0, 2.0], keys=["c", "a", "b"]).ranking.tolist() == [1, 2, 0]


def test_the_order_of_the_grid_makes_no_difference():
    """The same sets in another order: the same best, although all of them are equal."""
    values = range(10, 60)
    bests = {
        result([1.0] * 50, grid={"fast": list(order)}).best.parameters["fast"] for order in (values, reversed(values))
    }
    assert len(bests) == 1
    names = [{"fast": [5, 6], "slow": [20, 30]}, {"slow": [20, 30], "fast": [5, 6]}]
    one, other = (result([1.0] * 4, grid=grid).best.parameters for grid in names)
    assert one == other


# the broadest


def test_the_broadest_stands_on_the_best_plateau():
    found = result([0.0, 0.0, 9.0, 0.0, 0.0, 4.0, 5.0, 4.0, 0.0])
    assert found.best.position == 2
    assert found.broadest.position == 6
    assert (found.broadest.value, found.broadest.plateau) == (5.0, 4.0)
    assert found.best.plateau == 0.0


def test_of_equal_plateaus_the_better_set_is_the_broadest():
    assert result([1.0, 2.0, 2.0, 2.0, 2.5, 2.0, 0.0]).broadest.position == 4


def test_a_set_without_a_value_is_never_the_broadest():
    found = result([0.0, 5.0, NAN, 5.0, 0.0], grid={"fast": range(5)})
    assert found.plateau[2] == 5.0
    assert found.broadest.position in (1, 3)


@pytest.mark.parametrize("which", ["best", "broadest"])
def test_where_no_set_has_a_value_it_says_why(which):
    with pytest.raises(NotFoundError, match=r"^No set of 2 has a sharpe_ratio\.$"):
        getattr(result([NAN, NAN]), which)
    with pytest.raises(NotFoundError, match=r"^No set of 2 has a sharpe_ratio\. The first failed with: KeyError: 'x'$"):
        getattr(result([NAN, NAN], errors={0: "KeyError: 'x'", 1: "another"}), which)


# tables


def test_the_table_has_a_row_for_each_set_in_the_order_of_the_grid():
    found = result([1.0, NAN, 2.0, 3.0], grid={"slow": [50, 30], "fast": [9, 5]}, errors={1: "KeyError: 'x'"})
    table = found.table
    assert table["slow"].tolist() == [50, 50, 30, 30]
    assert table["fast"].tolist() == [9, 5, 9, 5]
    assert table["sharpe_ratio"].tolist() == pytest.approx([1.0, NAN, 2.0, 3.0], nan_ok=True)
    assert table["error"].tolist() == ["", "KeyError: 'x'", "", ""]
    assert table["plateau"].tolist() == found.plateau.tolist()
    assert set(METRICS) <= set(table.columns)
    assert len(found) == 4


def test_the_top_are_the_best_first():
    top = result([1.0, 5.0, NAN, 2.0, 4.0]).top(3)
    assert top["fast"].tolist() == [11, 14, 13]
    assert top.columns[:3].tolist() == ["fast", "sharpe_ratio", "plateau"]
    assert "total_return_percent" in top.columns
    assert len(result([1.0, NAN]).top(10)) == 1
    assert result([0.5, 0.1], objective="-volatility").top(1)["fast"].tolist() == [11]


def test_refusals_are_told_with_their_reason():
    found = result([1.0], refused=[({"fast": 40}, "fast must be below slow"), ({"fast": 50}, "and here as well")])
    assert found.refusals["fast"].tolist() == [40, 50]
    assert found.refusals["reason"].tolist() == ["fast must be below slow", "and here as well"]
    assert result([1.0]).refusals.empty


def test_what_is_seen_of_it():
    found = result([1.0, 2.0])
    assert repr(found) == "SweepResult(sma_cross, 2 sets, Best(fast=11: Sharpe ratio 2.00, plateau 1.50))"
    assert repr(result([NAN])) == "SweepResult(sma_cross, 1 sets, no set has a value)"
    lowest = result([0.25, 0.5], objective="-volatility").best
    assert repr(lowest) == "Best(fast=10: Volatility 25.0 %, plateau 37.5 %)"


# charts


@pytest.fixture
def square():
    values = [1.0, 2.0, 3.0, 4.0, 5.0, NAN]
    return result(values, grid={"fast": [5, 6], "slow": [20, 30, 40]})


def test_charts_of_every_kind(square):
    drawn = [square.heatmap("fast", "slow")]
    drawn += [draw() for draw in (square.parallel_coordinates, square.slice, square.distribution)]
    assert all(isinstance(figure, go.Figure) and figure.data for figure in drawn)
    for draw in (square.parallel_coordinates, square.slice, square.distribution):
        assert "Win rate" in draw("win_rate").to_json()


def test_the_heat_map_shows_each_pair(square):
    drawn = next(trace for trace in square.heatmap("fast", "slow").data if trace.type == "heatmap")
    assert np.shape(drawn.z) == (3, 2)
    assert drawn.z[0][0] == 1.0
    other = next(trace for trace in square.heatmap("fast", "slow", "cagr").data if trace.type == "heatmap")
    assert sorted(np.ravel(other.z)) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


@pytest.mark.parametrize("chart", ["parallel_coordinates", "slice", "distribution"])
def test_a_chart_of_an_unknown_metric_is_refused(chart, square):
    with pytest.raises(NotFoundError, match="Did you mean 'win_rate'"):
        getattr(square, chart)("win_rat")
    with pytest.raises(NotFoundError, match="Did you mean 'win_rate'"):
        square.heatmap("fast", "slow", "win_rat")


def test_charts_of_one_set():
    single = result([1.5])
    for draw in (single.parallel_coordinates, single.slice, single.distribution):
        assert isinstance(draw(), go.Figure)
