"""The layout of text: delimiter, decimal sign, header, banner, encoding."""

import pytest

from research_kit.bars.readers.sniff import Hints, is_number, is_time, sniff

ROWS = [["2020-01-02", "1.5", "2.5", "1.0", "2.0", "100"], ["2020-01-03", "2.0", "3.0", "1.5", "2.5", "110"]]
HEADER = ["Date", "Open", "High", "Low", "Close", "Volume"]


def table(delimiter: str, *, header: bool = True, decimal: str = ".", end: str = "\n") -> str:
    lines = [HEADER, *ROWS] if header else ROWS
    return end.join(delimiter.join(cell.replace(".", decimal) for cell in line) for line in lines) + end


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " "])
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_delimiter_is_seen(delimiter, header, end):
    layout = sniff(table(delimiter, header=header, end=end).encode(), whole=True)
    assert layout is not None
    assert (layout.delimiter, layout.decimal, layout.width) == (delimiter, ".", 6)
    assert layout.header == (tuple(HEADER) if header else None)
    assert layout.rows == tuple(map(tuple, ROWS))


def test_decimal_commas_are_seen_and_not_taken_for_delimiters():
    layout = sniff(table(";", decimal=",").encode(), whole=True)
    assert layout is not None
    assert (layout.delimiter, layout.decimal, layout.width) == (";", ",", 6)


def test_hints_win():
    layout = sniff(b"a;b,c\n2020-01-02;1,5\n", whole=True, hints=Hints(delimiter=",", decimal="."))
    assert layout is None or layout.delimiter == ","


def test_lines_above_the_header_are_a_banner():
    text = "Timestamps are UTC, https://example.org\n" + table(",")
    layout = sniff(text.encode(), whole=True)
    assert layout is not None
    assert (layout.banner, layout.header) == (1, tuple(HEADER))
    assert text[layout.data_at :].startswith("2020-01-02")


def test_text_columns_do_not_hide_the_delimiter():
    layout = sniff(
        b"Date,Symbol,Open,Close\n2019-07-04 01:00,BTCUSD,1.5,2.5\n2019-07-04 02:00,BTCUSD,1.5,2.5\n", whole=True
    )
    assert layout is not None
    assert (layout.delimiter, layout.width) == (",", 4)


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16"), ("latin-1", "latin-1")],
)
def test_encodings(encoding, expected):
    layout = sniff(table(",").replace("Open", "Eröffnung").encode(encoding), whole=True)
    assert layout is not None
    assert layout.encoding == expected
    assert layout.header is not None
    assert layout.header[1] == "Eröffnung"


def test_a_head_cut_inside_a_line_drops_that_line():
    layout = sniff(table(",").encode()[:-5], whole=False)
    assert layout is not None
    assert len(layout.rows) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"hello",
        b"a\0b,1\n2020-01-01,1\n",
        b"[[1600000000000, 1.0],\n[1600000060000, 1.5]]",
        b"<html><p>1,2",
    ],
)
def test_what_is_no_table_has_no_layout(content):
    assert sniff(content, whole=True) is None


@pytest.mark.parametrize("cell", ["1", "-1.5", "1e-5", "$183.67", "88.50M", "-0.62%", ".5", "96,007,400"])
def test_numbers(cell):
    assert is_number(cell)


@pytest.mark.parametrize("cell", ["", "1,2345", "1.2.3", "abc", "2020-01-02", "12:30", "1-2"])
def test_no_numbers(cell):
    assert not is_number(cell)


@pytest.mark.parametrize(
    "cell",
    ["2020-01-02", "01.02.2015 22:00:00.000", "1/31/2020 9:30", "20150201 170000", "2019-10-17 09-AM", "Dec 29, 2017",
     "29-Dec-2017", "2014-01-13T09:30:00-05:00", "2015-02-01T22:00:00Z", "22:00", "2020-01-02 10:00 UTC"],
)  # fmt: skip
def test_times(cell):
    assert is_time(cell)


@pytest.mark.parametrize("cell", ["", "1.5", "01:00,BTCUSD,1.5", "close", "170000;1.5", "2020"])
def test_no_times(cell):
    assert not is_time(cell)
