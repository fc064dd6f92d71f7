"""Coverage: bars by period add up to the report, gaps over several periods are shared out, the largest are kept."""

import json

import numpy as np
import pytest

from research_kit.bars.frame import Bars
from research_kit.bars.quality.coverage import Coverage, Outliers, choose_unit, period_starts
from research_kit.bars.quality.report import QualityReport, check_quality
from research_kit.bars.timeframe import DAY, HOUR, MINUTE

JANUARY = int(np.datetime64("2024-01-01", "ns").astype(np.int64))  # a Monday


def bars_at(time_ns, session="24/7", timeframe="") -> Bars:
    time_ns = np.asarray(time_ns, dtype=np.int64)
    return Bars(time_ns, {"close": 100 + np.sin(np.arange(len(time_ns)))}, session=session, timeframe=timeframe)


def day(text: str) -> np.datetime64:
    return np.datetime64(text, "D")


@pytest.mark.parametrize(
    ("last", "unit", "count"),
    [
        ("2024-01-01", "day", 1),
        ("2025-02-03", "day", 400),
        ("2025-02-04", "week", 58),
        ("2031-08-31", "week", 400),
        ("2031-09-01", "month", 93),
        ("2057-04-30", "month", 400),
        ("2057-05-01", "year", 34),
        ("2260-01-01", "year", 237),
    ],
)
def test_the_shortest_period_is_chosen_that_is_seldom_enough(last, unit, count):
    assert choose_unit(day("2024-01-01"), day(last)) == (unit, count)
    assert period_starts(day("2024-01-01"), count, unit)[-1] <= day(last)
    assert period_starts(day("2024-01-01"), count + 1, unit)[-1] > day(last)


def test_weeks_begin_on_monday():
    assert period_starts(day("2024-01-07"), 2, "week").astype(str).tolist() == ["2024-01-01", "2024-01-08"]
    assert period_starts(day("1969-12-31"), 1, "week").astype(str).tolist() == ["1969-12-29"]


def test_hours_of_days_by_hand():
    hours = JANUARY + np.delete(np.arange(72), [5, 6, *range(20, 50)]) * HOUR
    coverage = check_quality(bars_at(hours)).coverage
    assert (coverage.unit, coverage.start) == ("day", "2024-01-01")
    assert (coverage.bars, coverage.expected) == ((18, 0, 22), (24, 24, 24))
    assert [tuple(gap) for gap in coverage.gaps] == [
        ("2024-01-01 05:00", "2024-01-01 07:00", 2),
        ("2024-01-01 20:00", "2024-01-03 02:00", 30),
    ]


def test_a_gap_over_a_weekend_is_shared_out_by_open_time():
    week = np.arange(5 * 24)
    open_hours = np.concatenate([week + offset for offset in (-26, 142)])  # from Sunday 22:00 UTC
    time_ns = JANUARY + 24 * HOUR + np.sort(open_hours)[30:] * HOUR
    kept = np.delete(time_ns, slice(80, 110))  # Friday 12:00 to Sunday 22:00 and on
    coverage = check_quality(bars_at(kept, "24/5")).coverage
    friday, sunday = day("2024-01-05") - day(coverage.start), day("2024-01-07") - day(coverage.start)
    missing = np.array(coverage.expected) - np.array(coverage.bars)
    assert missing.sum() == 30
    assert missing[friday.astype(int) + 1] == 0  # nothing is expected on Saturday
    assert missing[sunday.astype(int)] == 2


@pytest.mark.parametrize("session", ["24/7", "24/5", "weekdays", "XNYS"])
@pytest.mark.parametrize("step", [MINUTE, HOUR, DAY])
def test_periods_add_up_to_the_report(session, step):
    rng = np.random.default_rng(5)
    time_ns = JANUARY + 14 * HOUR + np.cumsum(rng.choice([1, 1, 1, 2, 30, 400], 90 if step == DAY else 3_000)) * step
    report = check_quality(bars_at(time_ns, session))
    coverage = report.coverage
    assert sum(coverage.bars) == report.bars
    assert sum(coverage.expected) == report.expected_bars
    assert all(there <= should for there, should in zip(coverage.bars, coverage.expected, strict=True))
    assert len(coverage.bars) <= 400
    assert len(coverage.gaps) <= 200


def test_the_longest_gaps_of_all_are_kept():
    rng = np.random.default_rng(6)
    widths = np.where(rng.random(20_000) < 0.05, rng.integers(2, 500, 20_000), 1)
    report = check_quality(bars_at(JANUARY + np.cumsum(widths) * MINUTE), window=1_000)
    longest = np.sort(widths[1:][widths[1:] > 1] - 1)[::-1][:200]
    assert sorted((gap.missing for gap in report.coverage.gaps), reverse=True) == longest.tolist()
    starts = [gap.start for gap in report.coverage.gaps]
    assert starts == sorted(starts)
    assert report["gaps"].count == int((widths[1:] > 1).sum())


def test_the_largest_outliers_are_kept_whatever_the_order():
    rng = np.random.default_rng(7)
    moves, times = rng.normal(0, 1, 1_000), np.arange(1_000) * MINUTE
    together, apart = Outliers(), Outliers()
    together.add("jump", times, moves)
    for at in rng.permutation(1_000):
        apart.add("jump", times[at : at + 1], moves[at : at + 1])
    assert together.kept() == apart.kept()
    kept = np.sort(np.abs(np.log1p([outlier.change for outlier in together.kept()])))
    np.testing.assert_allclose(kept, np.sort(np.abs(moves))[-200:], rtol=1e-2)
    assert [outlier.time for outlier in together.kept()] == sorted(outlier.time for outlier in together.kept())


def test_a_report_survives_json_and_stays_small(make_bars):
    bars = make_bars(400_000)
    rng = np.random.default_rng(8)
    columns = {name: column.copy() for name, column in bars.columns.items()}
    for at in rng.integers(0, 400_000, 600):
        for name in ("open", "high", "low", "close"):
            columns[name][at] *= 3
    columns["high"][::7] *= 0.99
    columns["volume"][::5] = -1.0
    keep = rng.random(400_000) > 0.02
    report = check_quality(Bars(bars.time_ns[keep], {name: column[keep] for name, column in columns.items()}))
    text = json.dumps(report.to_dict(), allow_nan=False)
    assert QualityReport.from_dict(json.loads(text)) == report
    assert len(report.coverage.gaps) == len(report.coverage.outliers) == 200
    assert len(text) < 60_000


def test_reports_of_earlier_versions_have_no_coverage(make_bars):
    report = check_quality(make_bars(100))
    old = {name: value for name, value in report.to_dict().items() if name != "coverage"}
    assert QualityReport.from_dict(old).coverage is None
    assert QualityReport.from_dict(QualityReport.from_dict(old).to_dict()).coverage is None
    assert isinstance(report.coverage, Coverage)


def test_no_bars_have_no_coverage():
    assert check_quality(bars_at([])).coverage is None


@pytest.mark.parametrize("years", [(1678, 1700), (1990, 2261), (1678, 2261)])
def test_times_at_the_ends_of_what_can_be_counted(years):
    days = np.arange(f"{years[0]}-01-01", f"{years[1]}-01-01", 30, dtype="datetime64[D]").astype(np.int64) * DAY
    report = check_quality(bars_at(days, timeframe="1mo"))
    assert sum(report.coverage.bars) == len(days)
