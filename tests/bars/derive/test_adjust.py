"""Prices adjusted for splits and dividends: by hand, laws, and Apple's and SPY's published adjustments."""

from dataclasses import replace
from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research_kit.bars.derive.adjust import adjust
from research_kit.bars.derive.factors import Factors, read_factors
from research_kit.bars.derive.join import slice_bars
from research_kit.bars.derive.resample import resample
from research_kit.bars.frame import Bars
from research_kit.bars.timeframe import DAY, MINUTE
from research_kit.errors import DataError, MissingColumnError, NotFoundError, OptionError

DATES = ["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07"]


@pytest.fixture
def four(make_daily) -> Bars:
    """Return four days: a dividend of 2 is without on the 3rd, a split of 4:1 on the 7th."""
    return make_daily(
        DATES,
        open=[99, 97, 100, 25],
        close=[100, 98, 100, 25],
        volume=[10, 20, 30, 160],
        quote_volume=[1000, 1960, 3000, 4000],
        trades=[1, 2, 3, 4],
        adj_close=[24.5, 24.5, 25, 25],
    )


ACTIONS = {"splits": [("2020-01-07", 4)], "dividends": [("2020-01-03", 2.0)]}
FACTORS = [("2020-01-02", 0.98, 0.25), ("2020-01-06", 1.0, 0.25)]


@pytest.mark.parametrize("factors", [FACTORS, ACTIONS])
def test_backward_by_hand(four, factors):
    out = adjust(four, factors)
    np.testing.assert_allclose(out.close, [24.5, 24.5, 25, 25])
    np.testing.assert_allclose(out.open, [99 * 0.245, 97 / 4, 25, 25])
    assert out.volume.tolist() == [40, 80, 120, 160]
    for name in ("quote_volume", "trades", "adj_close"):
        assert out[name].tobytes() == four[name].tobytes()
    assert (out.close[-1], out.timeframe, out.session) == (25, "1d", "XNYS")


def test_forward_by_hand(four):
    out = adjust(four, ACTIONS, method="forward")
    np.testing.assert_allclose(out.close, [100, 100, 100 / 0.98, 100 / 0.98])
    assert out.volume.tolist() == [10, 20, 30, 40]


def test_by_the_adjusted_close(four):
    out = adjust(four, "adj_close")
    assert out.close.tobytes() == four["adj_close"].tobytes()
    np.testing.assert_allclose(out.open, four.open * four["adj_close"] / four.close)
    assert out.volume.tobytes() == four.volume.tobytes()
    forward = adjust(four, "adj_close", method="forward")
    np.testing.assert_allclose(forward.close, four["adj_close"] / 0.245)
    assert adjust(out, "adj_close").close.tobytes() == out.close.tobytes()


def test_dates_in_every_form(four, tmp_path):
    expected = adjust(four, FACTORS)
    days = [row[0] for row in FACTORS]
    rest = [row[1:] for row in FACTORS]
    forms = [
        [day.replace("-", "") for day in days],
        [int(day.replace("-", "")) for day in days],
        [date.fromisoformat(day) for day in days],
        [datetime.fromisoformat(day) for day in days],
        [pd.Timestamp(day) for day in days],
        [np.datetime64(day) for day in days],
    ]
    for form in forms:
        assert_equal(adjust(four, [(day, *values) for day, values in zip(form, rest, strict=True)]), expected)
    frame = pd.DataFrame(rest, columns=["price_factor", "split_factor"])
    for made in (
        frame.assign(Date=days),
        frame.set_index(pd.to_datetime(days)),
        frame.assign(reference_price=1.0, date=pd.to_datetime(days)),
        pd.DataFrame([(day, *values) for day, values in zip(days, rest, strict=True)]),
    ):
        assert_equal(adjust(four, made), expected)
    for head in ("", "date,price_factor,split_factor,reference_price\n"):
        path = tmp_path / "factors.csv"
        path.write_text(head + "20200102,0.98,0.25,100\n20200106,1,0.25,100\n20501231,1,1,0")
        assert_equal(adjust(four, path), expected)
        assert_equal(adjust(four, str(path)), expected)


def test_without_split_factors(four):
    out = adjust(four, [("2020-01-03", 0.5)])
    assert out.close.tolist() == [50, 49, 100, 25]
    assert out.volume.tobytes() == four.volume.tobytes()


def test_intraday_bars_go_by_the_date_of_their_session(four):
    # the split is without on 7 January; 23:00 UTC on the 6th is the 6th in New York and the 7th for foreign exchange
    time_ns = np.array(["2020-01-06T21:59", "2020-01-06T23:00"], dtype="datetime64[ns]").view(np.int64)
    made = Bars(time_ns, {"close": np.array([100.0, 100.0])}, timeframe="1min", session="XNYS")
    assert adjust(made, [("2020-01-06", 1, 0.25)]).close.tolist() == [25, 25]
    assert adjust(replace(made, session="24/5"), [("2020-01-06", 1, 0.25)]).close.tolist() == [25, 100]


def test_actions_outside_of_the_bars(four):
    assert_equal(adjust(four, {"splits": [("2020-01-02", 2)], "dividends": [("2019-12-30", 1)]}), four)
    assert_equal(adjust(four, {"dividends": [("2020-02-01", 1)]}), four)
    # a later split changes all, as in the published series
    assert adjust(four, {"splits": [("2020-02-01", 2)]}).close.tolist() == [50, 49, 50, 12.5]
    assert_equal(adjust(four, {}), four)


def test_bars_that_were_filled_in_stay_marked(four):
    marked = replace(four, synthetic=np.array([False, True, False, False]), check=False)
    assert adjust(marked, FACTORS).synthetic.tolist() == [False, True, False, False]


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("method", ["backward", "forward"])
def test_few_bars(four, count, method):
    for factors in (FACTORS, ACTIONS, "adj_close"):
        assert len(adjust(four.window(0, count), factors, method=method)) == count


# ---- refusals


@pytest.mark.parametrize(
    ("factors", "sentence"),
    [
        ([("2020-01-02", 0.0)], "price factor of 2020-01-02 is 0.0"),
        ([("2020-01-02", 1, -0.5)], "split factor of 2020-01-02 is -0.5"),
        ([("2020-01-02", float("nan"))], "must be a positive number; the price factor of 2020-01-02 is nan"),
        ([("2020-01-02", float("inf"))], "is inf"),
        ([("2020-01-03", 1), ("2020-01-02", 1)], "2020-01-02 comes after 2020-01-03: sort the rows"),
        ([("2020-01-03", 1), ("2020-01-03", 1)], "dates of factors must increase"),
        ([], "There are no factors"),
        ([("soon", 1)], "Row 1 of the factors is .*'soon'.*it must be a date"),
        ([("2020-01-02", 1), ("2020-13-02", 1)], "Row 2 of the factors"),
        ([("2020-01-02",)], "Row 1 of the factors"),
        ({"splits": [("2020-01-03", 0)]}, "ratio of a split must be positive; that of 2020-01-03 is 0"),
        ({"splits": [("2020-01-03", float("nan"))]}, "ratio of a split must be positive"),
        ({"splits": ["4:1"]}, r"Row 1 of the splits is '4:1'; it must be \(date, ratio\)"),
        ({"dividends": [("2020-01-03", 100.0)]}, "dividend of 2020-01-03 is 100, the close before it 100"),
        ({"dividends": [("2020-01-03", -1)]}, "cash must be at least 0"),
    ],
)
def test_wrong_factors_are_refused(four, factors, sentence):
    with pytest.raises(DataError, match=sentence):
        adjust(four, factors)


def test_wrong_arguments_are_refused(four, tmp_path):
    with pytest.raises(OptionError, match="Did you mean 'splits'"):
        adjust(four, {"split": [("2020-01-03", 2)]})
    with pytest.raises(OptionError, match="Did you mean 'backward'"):
        adjust(four, FACTORS, method="backwards")
    with pytest.raises(NotFoundError, match="There is no file of factors"):
        adjust(four, tmp_path / "none.csv")
    with pytest.raises(MissingColumnError, match="adj_close"):
        adjust(Bars(four.time_ns, {"close": four.close}, timeframe="1d"), "adj_close")
    with pytest.raises(DataError, match="Bars of 1w hold prices from before and after a split"):
        adjust(resample(four, "1w"), FACTORS)
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read"):
        adjust(four, tmp_path / "binary.csv")


def test_an_adjusted_close_that_is_missing_is_refused(four):
    broken = Bars(four.time_ns, {"close": four.close, "adj_close": np.array([1.0, np.nan, 1, 1])}, timeframe="1d")
    with pytest.raises(DataError, match="the bar of 2020-01-03 has nan beside 98"):
        adjust(broken, "adj_close")


def test_prices_that_would_vanish_are_refused(four):
    with pytest.raises(DataError, match="Prices must be positive"):
        adjust(four, [("2020-01-02", 1e-200, 1e-200)])


# ---- laws


@settings(max_examples=40, deadline=None)
@given(
    closes=st.lists(st.floats(1, 1e4), min_size=2, max_size=40),
    splits=st.dictionaries(st.integers(1, 39), st.sampled_from([2, 3, 0.1, 1.5, 7]), max_size=4),
    dividends=st.dictionaries(st.integers(1, 39), st.floats(0, 0.9), max_size=4),
)
def test_total_return_is_that_of_who_holds_and_reinvests(closes, splits, dividends):
    """Hold one share; a split multiplies the shares, cash buys at the close before, as the factor supposes."""
    close = np.array(closes)
    given = Bars(np.arange(len(close)) * DAY, {"close": close, "volume": np.ones(len(close))}, timeframe="1d")
    cash = {day: share * close[day - 1] for day, share in dividends.items() if day < len(close)}
    shares = np.ones(len(close))
    for day in range(1, len(close)):
        shares[day] = shares[day - 1] * splits.get(day, 1) / (1 - cash.get(day, 0) / close[day - 1])
    name = {day: str(np.datetime64(day, "D")) for day in range(40)}
    actions = {
        "splits": [(name[day], ratio) for day, ratio in splits.items() if day < len(close)],
        "dividends": [(name[day], value) for day, value in cash.items()],
    }
    backward, forward = adjust(given, actions), adjust(given, actions, method="forward")
    np.testing.assert_allclose(forward.close, close * shares, rtol=1e-9)
    np.testing.assert_allclose(backward.close, close * shares / shares[-1], rtol=1e-9)
    assert (backward.close[-1], forward.close[0]) == (close[-1], close[0])
    np.testing.assert_allclose(backward.volume / backward.volume[-1], forward.volume / forward.volume[-1])


def test_adjusting_and_slicing_go_in_any_order(four):
    assert_equal(adjust(slice_bars(four, "2020-01-03"), FACTORS), slice_bars(adjust(four, FACTORS), "2020-01-03"))


def test_longer_than_a_window(make_bars):
    minutes = make_bars(2_200_000)
    half = np.datetime64(minutes.time[1_100_000], "D")
    out = adjust(minutes, [(half, 0.5, 0.5)])
    changed = minutes.time < half + 1
    np.testing.assert_allclose(out.close, np.where(changed, 0.25, 1.0) * minutes.close)
    np.testing.assert_allclose(out.volume, np.where(changed, 2.0, 1.0) * minutes.volume)
    forward = adjust(minutes, [(half, 0.5, 0.5)], method="forward")
    np.testing.assert_allclose(forward.close, 4 * out.close)


def test_the_given_bars_stay_as_they_are(four):
    before = {name: column.tobytes() for name, column in four.columns.items()}
    adjust(four, ACTIONS)
    assert {name: column.tobytes() for name, column in four.columns.items()} == before


def test_minutes_and_days_agree(make_bars):
    minutes = make_bars(5 * 1440, step_ns=MINUTE)
    factors = [(minutes.time[2 * 1440].astype("datetime64[D]"), 0.9, 0.5)]
    one, two = adjust(resample(minutes, "1d"), factors), resample(adjust(minutes, factors), "1d")
    for name in one.columns:
        np.testing.assert_allclose(one[name], two[name])


def test_factors_hold_up_to_their_dates():
    factors = read_factors([("1970-01-03", 0.5), ("1970-01-05", 0.8, 0.25)])
    assert isinstance(factors, Factors)
    price, split = factors.at(np.arange(6))
    assert price.tolist() == [0.5, 0.5, 0.5, 0.8, 0.8, 1.0]
    assert split.tolist() == [1, 1, 1, 0.25, 0.25, 1]


# ---- real data

SPLITS = [("2000-06-21", 2), ("2005-02-28", 2), ("2014-06-09", 7), ("2020-08-31", 4)]
"""Apple's, by the first day without."""
DIVIDENDS = [
    *(("2012-08-09", 2.65), ("2012-11-07", 2.65), ("2013-02-07", 2.65), ("2013-05-09", 3.05), ("2013-08-08", 3.05)),
    *(("2013-11-06", 3.05), ("2014-02-06", 3.05), ("2014-05-08", 3.29), ("2014-08-07", 0.47), ("2014-11-06", 0.47)),
    *(("2015-02-05", 0.47), ("2015-05-07", 0.52), ("2015-08-06", 0.52), ("2015-11-05", 0.52), ("2016-02-04", 0.52)),
    *(("2016-05-05", 0.57), ("2016-08-04", 0.57), ("2016-11-03", 0.57), ("2017-02-09", 0.57), ("2017-05-11", 0.63)),
    *(("2017-08-10", 0.63), ("2017-11-10", 0.63), ("2018-02-09", 0.63), ("2018-05-11", 0.73), ("2018-08-10", 0.73)),
    *(("2018-11-08", 0.73), ("2019-02-08", 0.73), ("2019-05-10", 0.77), ("2019-08-09", 0.77), ("2019-11-07", 0.77)),
    *(("2020-02-07", 0.77), ("2020-05-08", 0.82), ("2020-08-07", 0.82), ("2020-11-06", 0.205), ("2021-02-05", 0.205)),
]
"""Apple's in dollars a share, as it announced them."""


@pytest.mark.real_data
def test_apple_by_its_factor_file(lean_equity, shared_data):
    raw = lean_equity("daily__aapl", "1d")
    out = adjust(raw, shared_data / "lean" / "equity__usa__factor_files__aapl.csv")
    returns = dict(
        zip(raw.time.astype("datetime64[D]").astype(str).tolist()[1:], np.diff(np.log(out.close)), strict=True)
    )
    crude = dict(zip(returns, np.diff(np.log(raw.close)), strict=True))
    for day, ratio in SPLITS:
        assert abs(returns[day]) < 0.1 < abs(crude[day])
        np.testing.assert_allclose(returns[day] - crude[day], np.log(ratio), rtol=1e-3)
    # the one fall beyond 30 % that is left is no split: the profit warning of September 2000
    assert [day for day, move in returns.items() if abs(np.expm1(move)) > 0.3] == ["2000-09-29"]
    assert out.close[-1] == raw.close[-1]
    assert out.volume[0] == pytest.approx(raw.volume[0] * 112, rel=1e-4)


@pytest.mark.real_data
def test_apples_factors_and_its_announced_dividends_agree(lean_equity, shared_data):
    raw = lean_equity("daily__aapl", "1d")
    by_file = adjust(raw, shared_data / "lean" / "equity__usa__factor_files__aapl.csv")
    by_actions = adjust(raw, {"splits": SPLITS, "dividends": DIVIDENDS})
    np.testing.assert_allclose(by_actions.close, by_file.close, rtol=2e-3)
    # splits round to six digits in the file, and cents of dividends too
    np.testing.assert_allclose(
        by_actions.close[-1] / by_actions.close[0], by_file.close[-1] / by_file.close[0], rtol=1e-3
    )


@pytest.mark.real_data
def test_hours_of_apple_adjusted_make_its_adjusted_days(lean_equity, shared_data):
    path = shared_data / "lean" / "equity__usa__factor_files__aapl.csv"
    hours = resample(adjust(lean_equity("hour__aapl", "1h"), path), "1d")
    days = adjust(lean_equity("daily__aapl", "1d"), path)
    for name in days.columns:
        np.testing.assert_allclose(hours[name], days[name], rtol=1e-12)


@pytest.mark.real_data
def test_spy_by_its_adjusted_close(shared_data):
    frame = pd.read_csv(shared_data / "mplfinance" / "yahoofinance-SPY-20080101-20180101.csv", parse_dates=["Date"])
    time_ns = frame["Date"].dt.as_unit("ns").astype("int64").to_numpy()
    names = {
        "open": "Open",
        "high": "High",
        "low": "Low",
        "close": "Close",
        "adj_close": "Adj Close",
        "volume": "Volume",
    }
    raw = Bars(time_ns, {name: frame[column].to_numpy(float) for name, column in names.items()}, timeframe="1d")
    out = adjust(raw, "adj_close")
    assert out.close.tobytes() == raw["adj_close"].tobytes()
    np.testing.assert_allclose(out.high / out.close, raw.high / raw.close)


def assert_equal(one: Bars, other: Bars) -> None:
    assert one.time_ns.tolist() == other.time_ns.tolist()
    for name in other.columns:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-15, err_msg=name)
