"""The chart of a quality report: its calendar, its gaps, its outliers."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from research_kit.bars.frame import PRICE_COLUMNS, Bars
from research_kit.bars.quality.report import check_quality
from research_kit.charts.quality import GRADES, QualitySeries, coverage_grid, quality_figure
from research_kit.errors import DataError

HOSTILE = "<script>alert(1)</script><b>$x$ %{y}"


def series(unit: str = "day", first: str = "2024-01-03", count: int = 10, **fields) -> QualitySeries:
    """Return periods of 100 expected bars, of which each has one fewer than that before."""
    code = {"day": "D", "week": "W", "month": "M", "year": "Y"}[unit]
    starts = np.datetime64(first, "D").astype(f"datetime64[{code}]") + np.arange(count)
    values = {"bars": tuple(range(100, 100 - count, -1)), "expected": (100,) * count}
    if unit == "week":
        starts = np.datetime64(first, "D") + 7 * np.arange(count)
    return QualitySeries(**{"unit": unit, "starts": starts.astype("datetime64[D]"), **values, **fields})


def named(figure) -> dict:
    return {trace.name: trace for trace in figure.data if trace.name}


def test_days_stand_under_their_weeks():
    grid = coverage_grid(series(first="2024-01-03"))  # a Wednesday
    assert grid.y == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert grid.x == ["2024-01-01", "2024-01-08"]
    assert np.isnan(grid.grade[:2, 0]).all()
    assert grid.hover[2][0] == "Wed 2024-01-03: 100 of 100 bars (100 %)"
    assert grid.hover[4][1] == "Fri 2024-01-12: 91 of 100 bars (91 %)"


def test_weeks_stand_in_the_year_of_their_thursday():
    grid = coverage_grid(series("week", "2024-12-23", 4))
    assert grid.y == ["2024", "2025"]
    assert [grid.hover[0][51], grid.hover[1][0]] == [
        "week of Mon 2024-12-23: 100 of 100 bars (100 %)",
        "week of Mon 2024-12-30: 99 of 100 bars (99 %)",
    ]
    assert coverage_grid(series("week", "2020-12-28", 1)).hover[0][52] != ""  # 2020 has 53 weeks


def test_months_stand_under_their_years_and_state_their_share():
    grid = coverage_grid(series("month", "2023-11-01", 4))
    assert grid.y == ["2023", "2024"]
    assert (grid.text[0][10], grid.text[1][0], grid.text[1][5]) == ("100", "98", "")
    assert grid.hover[1][1] == "2024-02: 97 of 100 bars (97 %)"


def test_years_stand_in_a_row():
    grid = coverage_grid(series("year", "1999-01-01", 3))
    assert (grid.x, grid.y, grid.text) == (["1999", "2000", "2001"], [""], [["100", "99", "98"]])


@pytest.mark.parametrize(
    ("bars", "expected", "grade", "text"),
    [
        (1_000_000, 1_000_000, "complete", "100"),
        (999_999, 1_000_000, "99 % or more", "99.9"),
        (99, 100, "99 % or more", "99"),
        (98, 100, "90 to 99 %", "98"),
        (90, 100, "90 to 99 %", "90"),
        (50, 100, "50 to 90 %", "50"),
        (1, 1_000_000, "under 50 %", "0"),
        (0, 5, "none", "0"),
    ],
)
def test_grades(bars, expected, grade, text):
    grid = coverage_grid(series("year", count=1, bars=(bars,), expected=(expected,)))
    assert (GRADES[int(grid.grade[0, 0])], grid.text[0][0]) == (grade, text)


def test_a_period_in_which_nothing_is_expected_is_blank():
    grid = coverage_grid(series("year", count=1, bars=(0,), expected=(0,)))
    assert np.isnan(grid.grade).all()
    assert grid.hover == [[""]]


def test_the_legend_names_the_grades_that_are_seen():
    figure = quality_figure(series("year", count=3, bars=(5, 4, 0), expected=(5, 5, 5)))
    assert [name for name in named(figure) if name in GRADES] == ["complete", "50 to 90 %", "none"]
    colours = figure.data[0].colorscale
    assert named(figure)["none"].marker.color == colours[-1][1]
    assert named(figure)["complete"].marker.color == colours[0][1]


GAPS = [("2024-01-04 05:00", "2024-01-04 07:00", 2), ("2024-01-06", "2024-01-07 06:00", 30)]
OUTLIERS = [("2024-01-05", "spike", 9.0), ("2024-01-08 12:00", "split", -0.5), ("2024-01-09", "jump", 0.3)]


def test_gaps_and_outliers_stand_over_one_time_axis():
    figure = quality_figure(series(gaps=GAPS, outliers=OUTLIERS, gap_count=2))
    found = named(figure)
    assert found["Gap"].y.tolist() == [2, 30]
    assert found["Gap"].text[0] == "2 missing<br>2024-01-04 05:00<br>to 2024-01-04 07:00"
    ways = found["From start to end"]
    assert ways.x[1] - ways.x[0] == 2 * 3_600_000
    assert np.isnan(ways.x[2])
    assert found["Spike"].y.tolist() == [10.0]
    assert found["Looks like a split"].text[0] == "2024-01-08 12:00<br>-50 %"
    assert len({found[name].marker.symbol for name in ("Spike", "Looks like a split", "Jump", "Gap")}) == 4
    assert {found[name].xaxis for name in ("Gap", "Spike", "Jump")} == {"x2"}
    domains = [figure.layout[name].domain for name in ("yaxis", "yaxis2", "yaxis3")]
    assert all(above[0] > below[1] for above, below in pairwise(domains))
    assert domains[-1][0] == pytest.approx(0, abs=1e-9)
    low, high = figure.layout.xaxis2.range
    assert low < found["Gap"].x[0]
    assert found["Jump"].x[0] < high


def test_rows_without_anything_to_show_are_left_out():
    assert "xaxis2" not in quality_figure(series()).layout.to_plotly_json()
    only = quality_figure(series(outliers=OUTLIERS))
    assert only.layout.yaxis2.title.text == "Change"
    assert "yaxis3" not in only.layout.to_plotly_json()
    assert quality_figure(series(count=0)).to_json()


def test_what_was_left_out_is_said():
    assert "Gaps shown: 2 of 9,000" in quality_figure(series(gaps=GAPS, gap_count=9_000)).layout.title.subtitle.text
    assert "shown" not in quality_figure(series(gaps=GAPS, gap_count=2)).layout.title.subtitle.text


def test_text_is_escaped():
    hostile = series(title=HOSTILE, subtitle=HOSTILE)
    assert "<script>" not in quality_figure(hostile).to_json()
    assert "%{y}" not in quality_figure(hostile).layout.title.text


@pytest.mark.parametrize("theme", ["notebook", "light", "dark"])
def test_a_report_draws_itself_in_every_theme(theme, make_bars):
    bars = make_bars(3_000)
    figure = check_quality(bars).plot(theme)
    assert figure.layout.template.layout.meta == {"research_kit": theme}
    assert figure.layout.title.text == "Quality 100 of 100"
    assert "3,000 bars of 1min" in figure.layout.title.subtitle.text
    assert figure.data[0].hovertext[0][0] == "Mon 2024-01-01: 1,440 of 1,440 bars (100 %)"


def test_the_largest_report_makes_a_small_figure(make_bars):
    bars = make_bars(400 * 1440)
    rng = np.random.default_rng(9)
    columns = {name: column.copy() for name, column in bars.columns.items()}
    for at in rng.integers(0, len(bars), 500):
        for name in PRICE_COLUMNS:
            columns[name][at] *= 5
    keep = rng.random(len(bars)) > 0.01
    report = check_quality(Bars(bars.time_ns[keep], {name: column[keep] for name, column in columns.items()}))
    figure = report.plot()
    assert len(figure.to_json()) < 300_000
    found = named(figure)
    assert len(found["Gap"].x) == len(found["Spike"].x) == 200
    assert report.coverage.to_dict() == json.loads(json.dumps(report.coverage.to_dict()))


def test_a_report_without_coverage_says_what_to_do(make_bars):
    with pytest.raises(DataError, match="earlier version"):
        replace(check_quality(make_bars(10)), coverage=None).plot()
