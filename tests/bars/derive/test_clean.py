"""Bars left out on request: by hand, equal to what the quality report counts, and the faulty files."""

import json
from dataclasses import replace

import numpy as np
import pytest

from research_kit.bars.derive.clean import drop_bad
from research_kit.bars.derive.fill import fill_flat
from research_kit.bars.frame import Bars
from research_kit.bars.importing.options import ImportOptions
from research_kit.bars.importing.reading import read_bars
from research_kit.bars.quality.report import check_quality
from research_kit.bars.timeframe import MINUTE
from research_kit.bars.windows import WINDOW
from research_kit.errors import DataError, OptionError

NAMES = (
    *("spikes", "flat_fillers", "weekend_fillers", "outside_hours", "synthetic", "open_outside"),
    *("price_not_positive", "volume_missing", "volume_zero"),
)


@pytest.fixture
def faulty() -> Bars:
    """Return six bars: good, high below low, close above high, a huge price, a negative volume, good."""
    return Bars(
        np.arange(6) * MINUTE,
        {
            "open": np.array([10.0, 10, 10, 10, 10, 10]),
            "high": np.array([11.0, 9, 11, 1e16, 11, 11]),
            "low": np.array([9.0, 11, 9, 9, 9, 9]),
            "close": np.array([10.0, 10, 12, 10, 10, 10.5]),
            "volume": np.array([1.0, 1, 1, 1, -1, 0]),
        },
    )


def counts(findings) -> dict[str, int]:
    return {found.name: found.count for found in findings}


def test_errors_by_hand(faulty):
    good, left_out = drop_bad(faulty)
    assert (good.time_ns // MINUTE).tolist() == [0, 5]
    assert counts(left_out) == {"high_below_low": 1, "close_outside": 1, "extreme_price": 1, "volume_negative": 1}
    assert {found.severity for found in left_out} == {"error"}
    assert left_out[0].examples == ("1970-01-01 00:01: open 10, high 9, low 11, close 10",)
    assert all("left out on request" in found.meaning for found in left_out)
    assert {name: good[name].tolist() for name in good.columns}["close"] == [10, 10.5]


def test_more_by_name(faulty):
    good, left_out = drop_bad(faulty, ("volume_zero",))
    assert (good.time_ns // MINUTE).tolist() == [0]
    assert counts(left_out)["volume_zero"] == 1
    assert len(drop_bad(faulty, "volume_zero")[0]) == 1
    assert len(drop_bad(faulty, ("high_below_low",))[0]) == 2


def test_bars_without_a_fault_are_the_given_ones(make_bars):
    given = make_bars(1_000)
    assert drop_bad(given) == (given, ())


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_bars(make_bars, count):
    given = make_bars(count)
    assert drop_bad(given, NAMES) == (given, ())


def test_close_only():
    given = Bars(np.arange(3) * MINUTE, {"close": np.array([1.0, 1e16, 1.0])})
    good, left_out = drop_bad(given, NAMES)
    assert good.close.tolist() == [1, 1]
    assert counts(left_out) == {"extreme_price": 1}


def test_spikes_stay_unless_they_are_named(make_bars):
    made = make_bars(400)
    close = made.close.copy()
    close[200] *= 3
    given = Bars(made.time_ns, {"close": close}, timeframe="1min")
    assert drop_bad(given) == (given, ())
    good, left_out = drop_bad(given, ("spikes",))
    assert good.close.tolist() == np.delete(close, 200).tolist()
    assert [(found.name, found.severity, found.count) for found in left_out] == [("spikes", "warning", 1)]


def test_unknown_names_are_refused(faulty):
    with pytest.raises(OptionError, match=r"cannot be left out by 'spike'. Did you mean 'spikes'"):
        drop_bad(faulty, ("spike",))


def test_nothing_left_is_refused(faulty):
    with pytest.raises(DataError, match=r"Every one of the 4 bars would be left out \(1 high_below_low, 1 close_outs"):
        drop_bad(faulty.window(1, 5))


def test_zero_volumes_mean_nothing_where_none_is_told():
    given = Bars(np.arange(5) * MINUTE, {"close": np.ones(5), "volume": np.zeros(5)})
    assert drop_bad(given, ("flat_fillers",)) == (given, ())


def messy(make_bars, session: str) -> Bars:
    """Return windows of bars with every fault at random places."""
    made = make_bars(300_000, sigma=1e-4)
    columns = {name: column.copy() for name, column in made.columns.items()}
    rng = np.random.default_rng(11)

    def places(count: int) -> np.ndarray:
        return rng.choice(np.arange(1, 299_999), count, replace=False)

    columns["high"][places(7)] *= 0.5
    columns["close"][places(7)] *= 1.5
    columns["open"][places(7)] *= 0.99
    columns["high"][places(5)] = 1e16
    columns["volume"][places(9)] *= -1
    columns["volume"][places(9)] = np.nan
    columns["volume"][places(9)] = 0
    around = [(WINDOW - 15, WINDOW + 4), (2 * WINDOW - 4, 2 * WINDOW + 15), (WINDOW - 200, WINDOW - 140)]
    flat = np.concatenate([places(30), *(np.arange(*ends) for ends in around)])
    for name in ("close", "open", "high", "low"):
        for at in np.sort(flat):
            columns[name][at] = columns["close"][at - 1]
    columns["volume"][flat] = 0
    marks = np.zeros(300_000, dtype=bool)
    marks[places(8)] = True
    saturday = int(np.datetime64("2024-03-02T12:00", "ns").astype(np.int64))  # at the first window's end
    time_ns = saturday + (np.arange(300_000) - WINDOW) * MINUTE
    return Bars(time_ns, columns, timeframe="1min", session=session, synthetic=marks)


@pytest.mark.parametrize("session", ["24/7", "24/5"])
@pytest.mark.parametrize("name", ["", *NAMES])
def test_what_is_left_out_is_what_the_report_counts(make_bars, name, session):
    given = messy(make_bars, session)
    report = check_quality(given)
    reported = {found.name: 0 for found in report.findings}
    for found in report.findings:  # of extreme prices there is one for each column
        reported[found.name] += found.count
    good, left_out = drop_bad(given, (name,) if name else ())
    wanted = {"high_below_low", "close_outside", "extreme_price", "volume_negative", name} & set(reported)
    assert counts(left_out) == {found: reported[found] for found in wanted}
    assert len(good) >= len(given) - sum(counts(left_out).values())
    assert (good.session, good.timeframe) == (session, "1min")
    after = check_quality(good)
    assert not {"high_below_low", "close_outside", "extreme_price", "volume_negative"} & {
        found.name for found in after.findings
    }


def test_what_was_filled_in_goes_again(make_bars):
    made = make_bars(500)
    kept = np.random.default_rng(4).random(500) < 0.5
    given = Bars(made.time_ns[kept], {name: made[name][kept] for name in made.columns}, timeframe="1min")
    back, left_out = drop_bad(fill_flat(given), ("synthetic",))
    assert back.time_ns.tobytes() == given.time_ns.tobytes()
    assert back.close.tobytes() == given.close.tobytes()
    assert back.synthetic is None
    assert counts(left_out) == {"synthetic": len(fill_flat(given)) - len(given)}


def test_marks_stay_with_their_bars(faulty):
    marked = replace(faulty, synthetic=np.array([False, True, False, False, False, True]), check=False)
    assert drop_bad(marked)[0].synthetic.tolist() == [False, True]


@pytest.mark.real_data
def test_the_faulty_file_by_its_truth(shared_data):
    folder, name = shared_data / "vendor-formats", "faulty_eurusd_1m.csv"
    truth = json.loads((folder / f"{name}.truth.json").read_text())["events"]
    options = ImportOptions(drop_bad=True, drop_duplicates="first", session="24/5")
    given = read_bars(folder / name, options).bars
    good, _ = drop_bad(given, ("spikes",))
    gone = {str(time)[:16] for time in np.setdiff1d(given.time, good.time)}
    faults = {"high_below_low", "close_above_high", "negative_volume", "spike", "spike_x10"}
    expected = {event["time"][:16] for event in truth if event["fault"] in faults}
    assert gone == expected & {str(time)[:16] for time in given.time}
    assert gone
