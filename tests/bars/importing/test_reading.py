"""Bringing bars in, from the file to the report."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from research_kit.bars.frame import Bars
from research_kit.bars.importing.reading import ImportOptions, bars_from_frame, read_bars
from research_kit.errors import DataError, MissingColumnError, NotFoundError, OptionError

CSV = "Date,Open,High,Low,Close,Volume\n2020-01-02,1,2,0.5,1.5,10\n2020-01-03,1.5,2.5,1,2,11\n"


def read(source, **options):
    return read_bars(source, ImportOptions(**options))


def same(one: Bars, other: Bars) -> bool:
    return (
        np.array_equal(one.time_ns, other.time_ns)
        and list(one.columns) == list(other.columns)
        and all(np.array_equal(one[name], other[name], equal_nan=True) for name in one.columns)
    )


def test_a_reading_says_what_was_read(text_file):
    path = text_file(CSV)
    reading = read(path, symbol="X")
    assert reading.layout == "text with 6 columns separated by commas, a header, utf-8; dates"
    assert (reading.source_name, reading.source_size) == ("bars.csv", len(CSV))
    assert reading.source_sha256 == hashlib.sha256(CSV.encode()).hexdigest()
    assert reading.columns == ("Date", "Open", "High", "Low", "Close", "Volume")
    assert (reading.bars.symbol, reading.bars.timeframe, reading.bars.session) == ("X", "1d", "weekdays")
    assert reading.quality.bars == 2
    assert same(read(str(path)).bars, reading.bars)


def test_times_without_a_zone_are_asked_for(text_file):
    path = text_file(CSV.replace("-02,", "-02 09:30,").replace("-03,", "-03 09:30,"))
    with pytest.raises(DataError, match="timezone='UTC'"):
        read(path)
    reading = read(path, timezone="America/New_York")
    assert reading.timezone == "America/New_York"
    assert str(reading.bars.time[0]).startswith("2020-01-02T14:30")


def test_frames_tables_and_files_give_the_same_bars(minute_frame, tmp_path):
    bars = read(minute_frame).bars
    assert len(bars) == 300
    assert bars.close[-1] == minute_frame["close"].iloc[-1]
    table = pa.Table.from_pandas(minute_frame)
    pa.parquet.write_table(table, tmp_path / "a")
    pa.feather.write_feather(table, tmp_path / "b")
    minute_frame.to_csv(tmp_path / "c", index=False)
    minute_frame.to_csv(tmp_path / "d", index=False, sep=";", decimal=",", compression="gzip")
    minute_frame.iloc[::-1].to_csv(tmp_path / "e", sep="\t", encoding="utf-16")
    minute_frame.set_index("time").to_parquet(tmp_path / "f")
    for source in (table, *(tmp_path / name for name in "abcdf")):
        assert same(read(source).bars, bars), source
    assert same(read(tmp_path / "e", columns=["", *minute_frame.columns]).bars, bars)
    assert read(table).source_name == "Table"


prices = st.floats(1e-8, 1e12, allow_subnormal=False)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    times=st.lists(st.integers(200_000_000_000_000, 4_000_000_000_000_000), min_size=1, max_size=40, unique=True),
    closes=st.data(),
    form=st.sampled_from(["csv", "csv;", "parquet", "feather"]),
)
def test_bars_survive_a_round_trip_through_every_form(tmp_path, times, closes, form):
    n = len(times)
    columns = {name: np.array(closes.draw(st.lists(prices, min_size=n, max_size=n))) for name in ("open", "close")}
    columns["vwap"] = np.array(closes.draw(st.lists(st.one_of(prices, st.just(0.1)), min_size=n, max_size=n)))
    bars = Bars(np.sort(np.array(times, dtype=np.int64)) * 1000, columns)
    path = tmp_path / "bars"
    frame = bars.frame.reset_index()
    if form.startswith("csv"):
        frame.to_csv(path, index=False, sep=form[3:] or ",", decimal="," if form[3:] else ".")
    else:
        (frame.to_parquet if form == "parquet" else frame.to_feather)(path)
    assert same(read(path).bars, bars)
    assert same(Bars.from_frame(bars.frame), bars)


def test_unsorted_rows_and_exact_duplicates_are_settled_and_reported(text_file):
    lines = CSV.splitlines()
    reading = read(text_file("\n".join([lines[0], lines[2], lines[1], lines[2]])))
    assert reading.bars.close.tolist() == [1.5, 2.0]
    assert {found.name for found in reading.quality.findings} == {"unsorted", "duplicate_exact"}


def test_rows_that_cannot_be_bars_are_refused_or_left_out(text_file):
    path = text_file(
        CSV + "2020-01-06,1,2,0.5,null,12\n2020-01-07,1,2,0.5,oops,12\n2020-01-08,1\n2020-01-09,2,2,2,2,2\n"
    )
    with pytest.raises(DataError, match="1 line with the wrong number of cells"):
        read(path)
    reading = read(path, drop_bad=True)
    assert len(reading.bars) == 3
    counts = {found.name: found.count for found in reading.quality.findings}
    assert counts == {"ragged_lines": 1, "missing_price": 1, "price_not_a_number": 1, "gaps": 1}
    with pytest.raises(DataError, match=r"whose 'close' is no number \(first: row 3 at 2020-01-06, 'oops'\)"):
        read(text_file(CSV + "2020-01-06,1,2,0.5,oops,12\n"))


def test_prices_are_never_changed(minute_frame):
    minute_frame.loc[5, "high"] = minute_frame.loc[5, "low"] * 0.5
    minute_frame.loc[9, "volume"] = -1
    reading = read(minute_frame)
    for name in ("open", "high", "low", "close", "volume"):
        assert np.array_equal(reading.bars[name], minute_frame[name])
    assert "high_below_low" in reading.quality
    assert reading.bars.high.flags.writeable is False


def test_columns_can_be_named(text_file):
    path = text_file("Day;Settled;Other\n2020-01-02;1,5;x\n2020-01-03;2;y\n")
    with pytest.raises(MissingColumnError, match="no 'close' among Day, Settled, Other"):
        read(path)
    reading = read(path, columns={"close": "Settled"})
    assert reading.bars.close.tolist() == [1.5, 2.0]
    assert reading.quality["columns_left_out"].examples == ("'Other'",)
    assert read(path, columns=["date", "close", ""]).bars.close.tolist() == [1.5, 2.0]


def test_a_column_of_symbols_names_the_symbol_and_several_are_refused(text_file):
    one = "date,ticker,close\n2020-01-02,SPY,1\n2020-01-03,SPY,2\n"
    assert read(text_file(one)).bars.symbol == "SPY"
    assert read(text_file(one), symbol="MINE").bars.symbol == "MINE"
    with pytest.raises(DataError, match=r"holds several instruments in its column 'ticker' .SPY, QQQ.; say symbol="):
        read(text_file(one.replace("03,SPY", "03,QQQ")))
    both = read(text_file(one.replace("03,SPY", "03,QQQ")), symbol="QQQ").bars
    assert (both.symbol, both.close.tolist()) == ("QQQ", [2.0])


def test_session_and_timeframe_are_given_or_learnt(minute_frame):
    assert read(minute_frame, session="XNYS").bars.session == "XNYS"
    assert read(minute_frame, exchange="NYSE").bars.session == "XNYS"
    assert read(minute_frame, exchange="Binance").bars.session == "weekdays"
    assert read(minute_frame, timeframe="1h").bars.timeframe == "1h"
    with pytest.raises(DataError, match="no session"):
        read(minute_frame, session="XNYZ")
    with pytest.raises(DataError, match="not a timeframe"):
        read(minute_frame, timeframe="soon")


def test_weekends_that_a_vendor_filled_in_teach_no_session():
    time = pd.date_range("2015-02-01", "2015-03-01", freq="h", tz="UTC", inclusive="left")
    close = np.where(time.day_of_week == 5, 1.0, 1 + 0.001 * np.arange(len(time)))
    volume = np.where(time.day_of_week == 5, 0.0, 5.0)
    frame = pd.DataFrame({"time": time, "open": close, "high": close, "low": close, "close": close, "volume": volume})
    assert read(frame).bars.session == "24/5"
    assert read(frame.assign(volume=5.0)).bars.session == "24/7"


def test_wrong_sources_and_options_answer_with_a_sentence(tmp_path):
    with pytest.raises(NotFoundError, match="There is no file"):
        read(tmp_path / "nothing.csv")
    with pytest.raises(DataError, match="cannot be read from a list"):
        read([1, 2, 3])
    with pytest.raises(DataError, match="no rows"):
        read(pd.DataFrame({"time": [], "close": []}))
    with pytest.raises(OptionError, match="Did you mean 'drop_bad'"):
        ImportOptions(drop_bat=True)
    with pytest.raises(OptionError, match="drop_duplicates='some'"):
        ImportOptions(drop_duplicates="some")


def test_options_are_json_both_ways():
    options = ImportOptions(timezone="UTC", columns=["time", "close"], drop_bad=True)
    assert ImportOptions.model_validate_json(options.model_dump_json()) == options
    named = ImportOptions(columns={"close": "Last"})
    assert ImportOptions.model_validate_json(named.model_dump_json()) == named


def test_bars_from_a_frame():
    index = pd.DatetimeIndex(["2020-01-03 10:00", "2020-01-02 10:00"])
    frame = pd.DataFrame({"Close": [2.0, 1.0], "Adj Close": [1.8, 0.9], "Note": ["a", "b"]}, index)
    with pytest.raises(DataError, match="carry no zone"):
        Bars.from_frame(frame)
    bars = Bars.from_frame(frame, timezone="Europe/Berlin", symbol="X", session="XNYS", timeframe="1d")
    assert bars.close.tolist() == [1.0, 2.0]
    assert bars["adj_close"].tolist() == [0.9, 1.8]
    assert (bars.symbol, bars.session, str(bars.time[0])[:16]) == ("X", "XNYS", "2020-01-02T09:00")
    with pytest.raises(OptionError, match="Did you mean 'symbol'"):
        Bars.from_frame(frame, timezone="UTC", symbl="X")
    with pytest.raises(DataError, match="the time of another"):
        Bars.from_frame(pd.concat([frame, frame]), timezone="UTC")


def test_marks_of_synthetic_bars_follow_their_rows():
    frame = pd.DataFrame({"close": [2.0, 1.0]}, pd.to_datetime(["2020-01-03", "2020-01-02"]))
    assert bars_from_frame(frame, synthetic=[True, False]).synthetic.tolist() == [False, True]
    with pytest.raises(DataError, match="3 marks, the frame has 2 rows"):
        bars_from_frame(frame, synthetic=[True, False, True])


def test_categories_and_decimals_are_read():
    table = pa.table(
        {
            "time": pa.array(["2020-01-02", "2020-01-03"]).dictionary_encode(),
            "close": pa.array(["1.10", "2.20"]).cast(pa.decimal128(10, 2)),
        }
    )
    assert read(table).bars.close.tolist() == [1.1, 2.2]


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(
        st.binary(max_size=300),
        st.text("0123456789.,;-/: \n\r\t\"'abcdeTZ", max_size=300).map(str.encode),
        st.lists(
            st.sampled_from([*CSV.splitlines(), "2020-01-02,1", '"', ",,,,,", "x,y", "2020-13-01,1,1,1,1,1"]),
            max_size=12,
        ).map(lambda lines: "\n".join(lines).encode()),
    ),
    drop=st.booleans(),
)
def test_no_content_makes_anything_but_bars_or_a_sentence(tmp_path: Path, content, drop):
    from research_kit.errors import ResearchKitError

    path = tmp_path / "fuzz"
    path.write_bytes(content)
    try:
        reading = read(path, timezone="UTC", drop_bad=drop, drop_duplicates="first")
    except ResearchKitError as error:
        assert str(error).endswith((".", "?")), error  # noqa: PT017 - either outcome is right
    else:
        assert len(reading.bars) == reading.quality.bars > 0


@pytest.mark.parametrize("timeframe", ["0min", "00d", "min5", "-1h", "1.5h"])
def test_what_is_no_timeframe_is_refused(timeframe, text_file):
    with pytest.raises(DataError, match="is not a timeframe; write a count above 0"):
        read(text_file(CSV), timeframe=timeframe)


@pytest.mark.parametrize(
    "content",
    [
        b",Open,High,Low,Close,Volume\n,0,0,0,0,0\n\x01,\x01,0,0\n\x01,\x01,0,0",  # the header is wider than the rows
        b",,C\n,0,0",  # not one time
    ],
)
def test_what_was_found_once_gets_its_sentence(content, text_file):
    with pytest.raises(DataError, match=r"\.$"):
        read(text_file(content))
