"""Containers, the choice of a reader, and each reader of files."""

import gzip
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from research_kit.bars.readers.base import HEAD_BYTES, RawTable
from research_kit.bars.readers.containers import RATIO_FREE, open_source
from research_kit.bars.readers.memory import table_of_frame
from research_kit.bars.readers.registry import READERS, choose_reader
from research_kit.bars.readers.sniff import Hints
from research_kit.bars.readers.text import unique_names
from research_kit.errors import DataError, NotFoundError, UnknownFormatError

CSV = "Date,Open,Close\n2020-01-02,1,1.5\n2020-01-03,1.5,2\n"


def read(path, **hints) -> RawTable:
    source = open_source(path, Hints(**hints))
    reader, _ = choose_reader(source)
    tables = list(reader.read(source))
    whole = pa.concat_tables([raw.table for raw in tables], promote_options="default")
    return replace(tables[0], table=whole, ragged=sum(raw.ragged for raw in tables))


def zipped(path, **members: str | bytes):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_plain_gzip_and_zip_hold_the_same_table(text_file, tmp_path):
    plain = read(text_file(CSV)).table
    packed = read(text_file(gzip.compress(CSV.encode()), "looks-like.parquet")).table
    in_zip = read(zipped(tmp_path / "any.name", inside=CSV)).table
    assert plain.equals(packed)
    assert plain.equals(in_zip)
    assert plain.column_names == ["Date", "Open", "Close"]


def test_the_reader_is_chosen_by_content_not_by_name(text_file, tmp_path):
    table = pa.table({"time": [1_600_000_000], "close": [1.0]})
    pa.parquet.write_table(table, tmp_path / "bars.csv")
    assert choose_reader(open_source(tmp_path / "bars.csv"))[0].name == "Parquet"
    assert choose_reader(open_source(text_file(CSV, "bars.parquet")))[0].name == "delimited text"


def test_a_new_reader_comes_first_and_is_asked_first(text_file):
    class Shouting:
        name = "shouting"

        def recognise(self, source):
            return "a shout" if source.text and source.text.header == ("Date", "Open", "Close") else None

        def read(self, source):
            return RawTable(pa.table({"time": ["2020-01-01"], "close": [2.0]}), symbol="LOUD")

    reader, sentence = choose_reader(open_source(text_file(CSV)), (Shouting(), *READERS))
    assert (reader.name, sentence) == ("shouting", "a shout")


@pytest.mark.parametrize("form", ["parquet", "feather", "stream"])
def test_columnar_files_round_trip(form, tmp_path):
    table = pa.table({"time": pa.array([1, 2], pa.timestamp("ns", "UTC")), "close": [1.0, 2.0]})
    path = tmp_path / "bars.bin"
    if form == "parquet":
        pa.parquet.write_table(table, path)
    elif form == "feather":
        pa.feather.write_feather(table, path)
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    assert read(path).table.equals(table)


@pytest.mark.parametrize("form", ["parquet", "feather"])
def test_a_file_that_was_cut_short_is_refused(form, tmp_path):
    table = pa.table({"time": np.arange(10_000), "close": np.random.default_rng(0).random(10_000)})
    whole = tmp_path / "whole"
    (pa.parquet.write_table if form == "parquet" else pa.feather.write_feather)(table, whole)
    path = tmp_path / "cut"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    with pytest.raises(DataError, match="cut short or damaged"):
        read(path)


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        (b"", "an empty file"),
        (b" \n\n", "an empty file"),
        (b"<!DOCTYPE html><title>503 Service Unavailable</title>", "an HTML page .'503 Service Unavailable'"),
        (b"%PDF-1.7 ...", "a PDF"),
        (b"\x80\x04\x95\x10", "pickle"),
        (b"Date,Close\n2020-01-02,\x00 1\n", "a NUL byte at position 22"),
        (b"0" * 10_000, "no table"),
        (b"hello world", "no table"),
    ],
)
def test_what_nobody_recognises_is_refused_with_what_was_seen(content, seen, text_file):
    with pytest.raises(UnknownFormatError, match=seen):
        read(text_file(content))


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(NotFoundError, match="There is no file"):
        open_source(tmp_path / "nothing.csv")
    with pytest.raises(DataError, match="cannot be read"):
        open_source(tmp_path)


def test_a_zip_must_hold_one_file_and_its_names_are_never_used(tmp_path):
    two = zipped(tmp_path / "two.zip", **{"../../outside.csv": CSV, "a.csv": CSV})
    with pytest.raises(DataError, match="a zip of 2 files"):
        read(two)
    one = zipped(tmp_path / "one.zip", **{"../../outside.csv": CSV})
    assert read(one).table.num_rows == 2
    assert [path.name for path in tmp_path.parent.parent.glob("outside.csv")] == []
    with pytest.raises(DataError, match="a zip of 0 files"):
        read(zipped(tmp_path / "none.zip"))


def test_a_workbook_is_named_as_such(tmp_path):
    with pytest.raises(UnknownFormatError, match="Excel"):
        read(zipped(tmp_path / "a.csv", **{"[Content_Types].xml": "<x/>", "xl/workbook.xml": "<x/>"}))


def test_damaged_containers_are_refused(text_file, tmp_path):
    packed = gzip.compress(b"2020-01-01,1,1,1,1,1\n" * 100_000)
    with pytest.raises(DataError, match=r"damaged|cannot be read"):
        read(text_file(packed[: len(packed) // 2], "cut.gz"))
    path = zipped(tmp_path / "cut.zip", a=CSV * 1000)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match="zip"):
        read(path)


@pytest.mark.parametrize("packer", ["gzip", "zip"])
def test_a_bomb_that_looks_like_bars_is_stopped(packer, text_file, tmp_path):
    content = b"2020-01-01,1,1,1,1,1\n" * (2 * RATIO_FREE // 21)
    path = text_file(gzip.compress(content), "bomb") if packer == "gzip" else zipped(tmp_path / "bomb", a=content)
    with pytest.raises(DataError, match="unpacks to more than"):
        read(path)


def test_the_limit_of_size_is_stated(text_file):
    source = open_source(text_file(gzip.compress(b"2020-01-01,1,1,1,1,1\n" * 100_000)), limit=1 << 20)
    with pytest.raises(DataError, match="unpacks to more than 1,048,576 bytes, which is the limit"):
        source.load()


def test_times_keep_what_inference_would_lose(text_file):
    table = read(text_file("20150201,000000,1,2,0.5,1.5,0\n20150201,000100,1,2,0.5,1.5,0\n")).table
    assert table["column_1"].to_pylist() == ["20150201", "20150201"]


def test_ragged_lines_are_counted_and_left_out(text_file):
    raw = read(text_file(CSV + "2020-01-04,1\n2020-01-05,1,2,3\n2020-01-06,1,2\n"))
    assert (raw.table.num_rows, raw.ragged) == (3, 2)
    assert raw.first_ragged.startswith("2 cells instead of 3: 2020-01-04,1")


def test_an_open_quote_at_the_end_swallows_no_row(text_file):
    raw = read(text_file(CSV + '2020-01-04,"1,2\n'))
    assert raw.table.num_rows + raw.ragged == 3


def test_a_header_alone_is_refused(text_file):
    with pytest.raises(DataError, match=r"a header \(Date, Open, Close\) and no rows"):
        read(text_file("Date,Open,Close\n"))


def test_a_header_one_name_short_is_refused_until_named(text_file):
    path = text_file("Date,Open,Close\n2020-01-02,7.5,1,1.5\n2020-01-03,7.25,1.5,2\n")
    with pytest.raises(DataError, match=r"3 names in its header .* 4 cells"):
        read(path)
    raw = read(path, names=("date", "time", "open", "close"))
    assert raw.table.num_rows == 2
    assert raw.table.column_names == ["column_1", "column_2", "column_3", "column_4"]


def test_decimal_commas_become_numbers(text_file):
    assert read(text_file("d;close\n2020-01-02;1,5\n")).table["close"].to_pylist() == [1.5]


def test_repeated_names_stay_apart():
    assert unique_names(["a", "a", "a.2", "a"]) == ["a", "a.2", "a.2.2", "a.3"]


def test_a_frame_brings_its_index_of_times():
    frame = pd.DataFrame({"Close": [1.0, 2.0]}, index=pd.to_datetime(["2020-01-02", "2020-01-03"]))
    assert table_of_frame(frame).table.column_names == ["time", "Close"]
    assert table_of_frame(frame.reset_index()).table.column_names == ["index", "Close"]


def test_a_frame_with_two_levels_of_columns_is_taken_for_one_symbol_only():
    columns = pd.MultiIndex.from_tuples([("Close", "SPY"), ("Open", "SPY")])
    index = pd.to_datetime(["2020-01-02"])
    assert table_of_frame(pd.DataFrame([[1.0, 2.0]], index, columns)).table.column_names == ["time", "Close", "Open"]
    both = pd.MultiIndex.from_tuples([("Close", "SPY"), ("Open", "SPY"), ("Close", "QQQ")])
    with pytest.raises(DataError, match=r"2 symbols side by side .SPY, QQQ"):
        table_of_frame(pd.DataFrame([[1.0, 2.0, 3.0]], index, both))


def test_frames_that_mean_several_things_are_refused():
    with pytest.raises(DataError, match="more than one column 'close'"):
        table_of_frame(pd.DataFrame([[1.0, 2.0]], columns=["close", "close"]))


def test_bytes_that_are_no_utf8_after_the_head_are_still_read(text_file):
    line = b"2020-01-02,1.0,1.5,plain\n"
    content = (
        b"Date,Open,Close,Note\n" + line * (2 * HEAD_BYTES // len(line)) + b"2020-01-03,1,2,caf\xe9\n2020-01-04,\xe9\n"
    )
    raw = read(text_file(content))
    assert raw.table["Note"][-1].as_py() == "café"
    assert (raw.ragged, raw.table["Date"][-1].as_py()) == (1, "2020-01-03")
