"""The chart of a walk-forward: joined curve, windows, choices."""

import json

import numpy as np
import pytest

from research_kit.charts.searches.walk_forward import Window, walk_forward_data
from research_kit.charts.searches.walk_forward_figure import walk_forward_figure
from research_kit.errors import OptionError

HOSTILE = "<script>alert(1)</script><b>$x$ %{y}"
DAYS = np.arange("2024-01-01", "2024-01-11", dtype="datetime64[D]").astype("datetime64[ns]")
EQUITY = np.array([100.0, 110, 121, 100, 90, 99, 120, 130, 125, 140])
DAY_MS = 86_400_000


def step(first, last, **changes):
    """Return the window that tests the days from `first` to before `last`, trained on the eight days before."""
    times = [np.datetime64("2024-01-01") + day for day in (first - 8, first, first, last)]
    names = ("train_start", "train_end", "test_start", "test_end")
    values = {"parameters": {"fast": first + 5}, "in_sample": 2.0, "out_of_sample": 1.0}
    return dict(zip(names, times, strict=True)) | values | changes


def walk(windows=None, **options):
    windows = [step(0, 5), step(5, 10, out_of_sample=-0.5)] if windows is None else windows
    return walk_forward_data(DAYS, EQUITY, 100.0, windows, **options)


def traces(figure):
    return {trace.name: trace for trace in figure.data}


def long_walk(count, parameters, bars=50):
    rng = np.random.default_rng(9)
    time = np.datetime64("2015-01-01", "ns") + np.arange(count * bars) * np.timedelta64(1, "h")
    equity = 10_000 * np.exp(np.cumsum(rng.normal(0, 0.001, len(time))))
    windows = [
        {
            "train_start": time[0] - np.timedelta64(9, "D"),
            "train_end": time[at * bars],
            "test_start": time[at * bars],
            "test_end": time[at * bars] + np.timedelta64(bars, "h"),
            "parameters": {f"parameter {number}": float(rng.normal()) for number in range(parameters)},
            "in_sample": float(rng.normal(1)),
            "out_of_sample": float(rng.normal()),
        }
        for at in range(count)
    ]
    return walk_forward_data(time, equity, 10_000.0, windows, benchmark=equity[::-1])


def test_drawdown_and_windows_by_hand():
    data = walk()
    np.testing.assert_allclose(data.drawdown.y[:5], [0, 0, 0, 100 / 121 - 1, 90 / 121 - 1])
    start = 1_704_067_200_000  # 2024-01-01
    assert data.starts.tolist() == [start, start + 5 * DAY_MS]
    assert data.ends.tolist() == [start + 5 * DAY_MS, start + 10 * DAY_MS]
    assert data.training == ["2023-12-24 to 2023-12-31", "2023-12-29 to 2024-01-05"]
    assert (data.in_sample.tolist(), data.out_of_sample.tolist()) == ([2.0, 2.0], [1.0, -0.5])
    assert data.parameters[0].labels == ["5", "10"]
    assert data.benchmark is None
    assert not data.is_intraday


def test_windows_may_be_dicts_or_values():
    one, other = walk([step(0, 5)]), walk([Window(**step(0, 5))])
    assert (one.starts, one.training, one.constant) == (other.starts, other.training, {"fast": "5"})


def test_a_parameter_that_a_window_lacks_is_none():
    data = walk([step(0, 5, parameters={"fast": 5, "kind": "a"}), step(5, 10, parameters={"fast": 5})])
    assert data.parameters[0].labels == ["a", "none"]
    assert data.constant == {"fast": "5"}


def test_undefined_metrics_leave_a_gap():
    data = walk([step(0, 5, in_sample=None), step(5, 10, out_of_sample=float("inf"))])
    assert np.isnan([data.in_sample[0], data.out_of_sample[1]]).all()
    json.loads(walk_forward_figure(data).to_json(), parse_constant=lambda name: pytest.fail(f"{name} is in the JSON"))


def test_rows_stand_under_each_other_over_one_time_axis():
    windows = [step(0, 5, parameters={"fast": 5, "kind": "a"}), step(5, 10, parameters={"fast": 9, "kind": "b"})]
    figure = walk_forward_figure(walk(windows), currency="USD")
    assert {trace.xaxis for trace in figure.data} == {"x"}
    domains = [figure.layout[f"yaxis{number}"].domain for number in ("", 2, 3, 4, 5)]
    assert all(domains[row][0] > domains[row + 1][1] for row in range(4))
    assert figure.layout.xaxis.anchor == "y5"
    names = [note.text for note in figure.layout.annotations]
    assert names == [
        "Equity, out of sample (USD)",
        "Drawdown",
        "Sharpe ratio, in sample and out of sample",
        "fast",
        "kind",
    ]
    assert list(figure.layout.yaxis5.ticktext) == ["a", "b"]


def test_bars_lie_inside_their_windows_side_by_side_and_differ_in_more_than_colour():
    figure = walk_forward_figure(walk())
    bars = {trace.name: trace for trace in figure.data if trace.type == "bar"}
    inside, outside = bars["In sample"], bars["Out of sample"]
    assert inside.offset[0] + inside.width[0] <= outside.offset[0] * (1 + 1e-6)
    assert outside.offset[0] + outside.width[0] < 5 * DAY_MS
    assert inside.marker.pattern.shape == "/"
    assert outside.marker.pattern.shape is None


def test_the_hover_box_finds_each_window_from_everywhere_in_it():
    figure = walk_forward_figure(walk())
    told = next(trace for trace in figure.data if trace.name == "In sample" and trace.type == "scatter")
    for day in range(10):
        nearest = int(np.argmin(np.abs(np.asarray(told.x) - (told.x[0] + (day + 0.5) * DAY_MS))))
        trained = "2023-12-24 to 2023-12-31" if day < 5 else "2023-12-29 to 2024-01-05"
        assert told.text[nearest] == f"2.00, trained {trained}"
    chosen = traces(figure)["fast"]
    assert chosen.text[0] == "5"
    assert chosen.text[-1] == "10"


def test_every_second_window_is_shaded_and_all_have_seams():
    shapes = walk_forward_figure(walk()).layout.shapes
    stripes = [shape for shape in shapes if shape.type == "rect"]
    seams = {shape.x0 for shape in shapes if shape.type == "line"}
    data = walk()
    assert [(stripe.x0, stripe.x1) for stripe in stripes] == [(data.starts[0], data.ends[0])]
    assert seams == set(data.starts)


def test_the_line_under_the_title_tells_the_result():
    text = walk_forward_figure(walk()).layout.title.subtitle.text
    assert "2 windows · median Sharpe ratio 2.00 in sample, 0.25 out of sample" in text
    assert "out of sample above 0 in 1 of 2" in text
    assert "Points shown" not in text
    many = walk_forward_figure(long_walk(50, 10)).layout.title.subtitle.text.replace("<br>", " ")
    assert "not shown: parameter 8, parameter 9" in many
    assert "of 2,500 for each line" in many


@pytest.mark.parametrize(("count", "parameters"), [(12, 12), (40, 8), (120, 8), (1000, 4)])
def test_long_walks_make_small_figures(count, parameters):
    data = long_walk(count, parameters)
    figure = walk_forward_figure(data)
    assert len(figure.to_json()) < 300_000
    assert max(traces(figure)["Equity"].y) == data.equity.y.max()


def test_benchmark_is_dashed_and_may_be_missing():
    assert traces(walk_forward_figure(walk(benchmark=EQUITY)))["Buy and hold"].line.dash == "5px,3px"
    assert "Buy and hold" not in traces(walk_forward_figure(walk()))


def test_no_windows_and_no_bars_are_drawn():
    assert len(walk_forward_figure(walk([])).data) == 2
    assert walk_forward_figure(walk_forward_data(DAYS[:0], EQUITY[:0], 100.0, [])).to_json()


def test_wrong_windows_are_answered():
    with pytest.raises(OptionError, match=r"no field 'out_sample'. Did you mean 'out_of_sample'"):
        walk([step(0, 5) | {"out_sample": 1.0}])
    with pytest.raises(OptionError, match="lacks 'test_end'"):
        walk([{name: value for name, value in step(0, 5).items() if name != "test_end"}])
    with pytest.raises(OptionError, match=r"window 1 begins at .* it must end later"):
        walk([step(5, 5)])
    with pytest.raises(OptionError, match=r"window 2 begins at .* before that of window 1 ends"):
        walk([step(0, 5), step(4, 9)])
    with pytest.raises(OptionError, match="benchmark has 3 values for 10 times"):
        walk(benchmark=EQUITY[:3])


def test_names_from_outside_are_escaped():
    windows = [step(0, 5, parameters={HOSTILE: HOSTILE}), step(5, 10, parameters={HOSTILE: "b"})]
    text = walk_forward_figure(walk(windows, metric="<b>m"), title=HOSTILE, currency="<b>").to_json()
    assert "alert" in text
    for harmful in ("\\u003cscript", "\\u003cb\\u003e", "$x$"):
        assert harmful not in text
