"""The quality report: each check finds what was put there, and nothing in clean bars."""

import json
from dataclasses import replace

import numpy as np
import pytest

from research_kit.bars.checks import robust_scale
from research_kit.bars.findings import Finding
from research_kit.bars.frame import Bars
from research_kit.bars.quality import check_quality
from research_kit.bars.timeframe import DAY
from research_kit.errors import NotFoundError


def changed(bars: Bars, **cells: dict[int, float]) -> Bars:
    """Return bars with some cells changed: ``changed(bars, high={5: 1.0})``."""
    columns = {name: column.copy() for name, column in bars.columns.items()}
    for name, values in cells.items():
        for at, value in values.items():
            columns[name][at] = value
    return Bars(bars.time_ns, columns, timeframe=bars.timeframe, session=bars.session)


@pytest.fixture
def bars(make_bars) -> Bars:
    return make_bars(2_000)


def test_clean_bars_have_nothing_to_report(bars):
    report = check_quality(bars)
    assert report.findings == ()
    assert (report.data_quality_score, report.missing_data_pct, report.has_gaps) == (100.0, 0.0, False)
    assert "Nothing was found" in repr(report)


def test_high_below_low(bars):
    report = check_quality(changed(bars, high={7: bars.low[7] * 0.999}))
    assert (report["high_below_low"].count, report["high_below_low"].severity) == (1, "error")
    assert report["high_below_low"].examples[0].startswith("2024-01-01 00:07: high ")
    assert report.data_quality_score == 99.95


def test_close_outside_is_an_error_and_open_outside_a_note(bars):
    report = check_quality(changed(bars, close={3: bars.high[3] * 1.001}, open={9: bars.low[9] * 0.999}))
    assert (report["close_outside"].count, report["close_outside"].severity) == (1, "error")
    assert (report["open_outside"].count, report["open_outside"].severity) == (1, "note")


@pytest.mark.parametrize("scale", [1.0, 1e-8, 1e12])
def test_the_last_digit_of_a_float_is_no_fault(bars, scale):
    columns = {name: column * scale for name, column in bars.columns.items()}
    columns["low"] = np.minimum(columns["open"], columns["close"])
    columns["low"] = np.nextafter(columns["low"], np.inf)
    columns["high"] = np.nextafter(np.maximum(columns["open"], columns["close"]), -np.inf)
    assert check_quality(Bars(bars.time_ns, columns)).findings == ()
    columns["low"] = columns["low"] * (1 + 1e-8)
    assert "close_outside" in check_quality(Bars(bars.time_ns, columns))


def test_a_spike_is_found_and_its_way_back_is_not(bars):
    spike = {name: {500: bars[name][500] * 10} for name in ("open", "high", "low", "close")}
    report = check_quality(changed(bars, **spike))
    assert report["spikes"].count == 1
    assert report["spikes"].examples[0].startswith("2024-01-01 08:20: open ")
    assert "jumps" not in report


def test_a_wick_is_found(bars):
    report = check_quality(changed(bars, low={500: bars.low[500] * 0.01}))
    assert report["spikes"].count == 1


def test_a_split_is_a_jump(bars):
    columns = {name: column.copy() for name, column in bars.columns.items()}
    for name in ("open", "high", "low", "close"):
        columns[name][1000:] /= 2
    report = check_quality(Bars(bars.time_ns, columns))
    assert "spikes" not in report
    assert report["jumps"].examples[0].startswith("2024-01-01 16:40: -50")


def test_stale_bars(bars):
    flat = {name: dict.fromkeys(range(100, 161), bars.close[99]) for name in ("open", "high", "low", "close")}
    report = check_quality(changed(bars, **flat))
    assert (report["stale"].count, report["stale"].examples) == (61, ("2024-01-01 01:40: 61 bars",))
    assert "flat_fillers" not in report
    filled = check_quality(changed(bars, **flat, volume=dict.fromkeys(range(100, 161), 0.0)))
    assert filled["flat_fillers"].count == 61
    assert filled["volume_zero"].count == 61
    short = {name: dict.fromkeys(range(100, 120), bars.close[99]) for name in ("open", "high", "low", "close")}
    assert "stale" not in check_quality(changed(bars, **short))


def test_volumes(bars):
    report = check_quality(changed(bars, volume={1: -1.0, 2: np.nan, 3: 0.0}))
    assert (report["volume_negative"].count, report["volume_negative"].severity) == (1, "error")
    assert report["volume_missing"].count == 1
    assert report["volume_zero"].count == 1
    nothing = check_quality(changed(bars, volume=dict.fromkeys(range(len(bars)), 0.0)))
    assert nothing["volume_empty"].severity == "note"
    assert nothing.data_quality_score == 100


def test_extreme_and_nonpositive_prices(bars):
    assert check_quality(changed(bars, high={5: 1e300}))["extreme_price"].severity == "error"
    columns = {"close": np.array([1.0, -2.0, 3.0])}
    below = Bars(np.arange(3) * DAY, columns, allow_nonpositive=True)
    assert check_quality(below)["price_not_positive"].examples == ("1970-01-02: close -2",)


def test_gaps_show_the_longest_in_order_of_time(bars):
    keep = np.ones(len(bars), dtype=bool)
    for at in range(20, 1500, 100):
        keep[at] = False
    keep[1700:1800] = False
    holed = Bars(bars.time_ns[keep], {name: column[keep] for name, column in bars.columns.items()})
    report = check_quality(holed)
    assert (report.expected_bars, report.missing_bars, report.has_gaps) == (2000, 115, True)
    assert report.missing_data_pct == pytest.approx(5.75)
    assert report["gaps"].count == 16
    assert report["gaps"].examples[-1] == "2024-01-02 04:20: 100 bars until 2024-01-02 06:00"
    assert report.data_quality_score == pytest.approx(94.25)


def test_the_score_weighs_errors_and_warnings_and_forgives_what_was_undone():
    clean = Bars(np.arange(10) * DAY, {"close": np.linspace(1, 1.1, 10)})
    told = [Finding("unsorted", "warning", 5, ""), Finding("duplicate_exact", "warning", 5, "")]
    assert check_quality(clean, told).data_quality_score == 100
    assert check_quality(clean, [Finding("missing_price", "error", 1, "")]).data_quality_score == 90
    assert check_quality(clean, [Finding("strange", "warning", 1, "")]).data_quality_score == 99
    assert check_quality(clean, [Finding("missing_price", "error", 99, "")]).data_quality_score == 0


def test_the_worst_stands_first_and_names_are_looked_up(bars):
    report = check_quality(changed(bars, high={7: bars.low[7] * 0.999}, volume={3: 0.0}))
    assert [found.severity for found in report.findings] == ["error", "note"]
    with pytest.raises(NotFoundError, match="Did you mean 'volume_zero'"):
        report["volume_zeros"]


def test_the_report_is_json_and_html_without_markup_from_the_data(bars):
    hostile = Finding("x", "error", 1, "<script>alert(1)</script>", ("<img src=x>",))
    report = check_quality(replace(bars, session="24/7", check=False), [hostile])
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["findings"][0]["meaning"].startswith("<script>")
    html = report._repr_html_()
    assert "<script>" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_very_few_bars(n):
    bars = Bars(np.arange(n) * DAY, {name: np.ones(n) for name in ("open", "high", "low", "close", "volume")})
    assert check_quality(bars).bars == n


def test_closes_alone_are_enough():
    assert check_quality(Bars(np.arange(50) * DAY, {"close": np.linspace(1, 2, 50)})).findings == ()


def test_a_robust_scale_is_not_moved_by_spikes():
    returns = np.random.default_rng(0).normal(0, 0.01, 10_000)
    spiked = returns.copy()
    spiked[::100] = 5.0
    assert robust_scale(returns) == pytest.approx(0.01, rel=0.05)
    assert robust_scale(spiked) == pytest.approx(robust_scale(returns), rel=0.05)
    assert robust_scale(np.zeros(10)) == 0.0
