"""The layout of text: delimiter, decimal sign, header, banner, encoding."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research_kit.bars.readers.encodings import decode_head
from research_kit.bars.readers.sniff import Hints, is_number, is_time, plain_block, sniff, without_footer

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


def test_a_row_that_only_one_decimal_sign_explains_decides():
    layout = sniff(b"Day;Settled;Other\n2020-01-02;1,5;x\n2020-01-03;2;y\n", whole=True)
    assert layout is not None
    assert (layout.decimal, layout.header, len(layout.rows)) == (",", ("Day", "Settled", "Other"), 2)


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


@pytest.mark.parametrize(
    "cell",
    ["1", "-1.5", "1e-5", "$183.67", "88.50M", "-0.62%", ".5", "96,007,400", "1,234.50", "(1.5)", "1.5 EUR", "inf"],
)
def test_numbers(cell):
    assert is_number(cell)


@pytest.mark.parametrize(
    "cell", ["", "1,2345", "1,234", "1.2.3", "abc", "2020-01-02", "12:30", "1-2", "110-16", "AAPL"]
)
def test_no_numbers(cell):
    assert not is_number(cell)


@pytest.mark.parametrize(
    "cell",
    ["2020-01-02", "01.02.2015 22:00:00.000", "1/31/2020 9:30", "20150201 170000", "2019-10-17 09-AM", "Dec 29, 2017",
     "29-Dec-2017", "2014-01-13T09:30:00-05:00", "2015-02-01T22:00:00Z", "22:00", "2020-01-02 10:00 UTC",
     "Fri, 31 Jan 2020 09:30:00 +0000", "2020年1月31日", "2020-01", "5 März 2020", "20200102 09:30:00 US/Eastern"],
)  # fmt: skip
def test_times(cell):
    assert is_time(cell)


@pytest.mark.parametrize("cell", ["", "1.5", "01:00,BTCUSD,1.5", "close", "170000;1.5", "2020"])
def test_no_times(cell):
    assert not is_time(cell)


def seen(text, encoding="utf-8", **hints):
    layout = sniff(text if isinstance(text, bytes) else text.encode(encoding), whole=True, hints=Hints(**hints))
    assert layout is not None
    return layout


PLAIN = table(",")
DATA = table(",", header=False)
CHINESE = "日期,开盘,最高,最低,收盘,成交量\n" + DATA
JAPANESE = "日付,始値,高値,安値,終値,出来高\n" + DATA


@pytest.mark.parametrize(
    ("text", "written", "expected"),
    [
        *((CHINESE, written, "gb18030") for written in ("gbk", "gb18030")),
        *((CHINESE, written, written) for written in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")),
        *((CHINESE, written, written) for written in ("utf-16", "utf-32")),
        (JAPANESE, "shift_jis", "cp932"),
        ("일자,시가,고가,저가,종가,거래량\n" + DATA, "euc_kr", "cp949"),
        ("日期,開盤,最高,最低,收盤,成交量\n" + DATA, "big5", "big5"),
        ("Kurse in €;\n" + PLAIN, "cp1252", "cp1252"),
        ("Año,Último\n" + DATA, "latin-1", "latin-1"),
        ("平安银行\n" + PLAIN, "gbk", "gb18030"),
        ("トヨタ自動車\n" + PLAIN, "cp932", "cp932"),
    ],
)
def test_encodings_of_the_world(text, written, expected):
    layout = seen(text, written)
    assert layout.encoding == expected
    assert layout.rows == tuple(map(tuple, ROWS))
    decoded = decode_head(text.encode(written))
    assert decoded == (text, expected)
    assert decoded[0][layout.data_at :].startswith("2020-01-02")


def test_a_head_cut_inside_a_character_is_no_other_encoding():
    for encoding in ("utf-8", "gb18030", "cp932", "utf-16"):
        text = (JAPANESE if encoding == "cp932" else CHINESE) + "銘柄"
        assert decode_head(text.encode(encoding)[:-1])[1] == encoding


@pytest.mark.parametrize("lines", [1, 3, 50])
def test_a_banner_of_any_length(lines):
    text = "".join(f'Line {at}, of a "banner: with, commas\n' for at in range(lines)) + "\n" + PLAIN
    layout = seen(text)
    assert (layout.banner, layout.header) == (lines, tuple(HEADER))
    assert text[layout.data_at :].startswith("2020-01-02")


def test_remarks_are_no_rows_and_may_hold_the_names():
    layout = seen("# of a broker, who knows\n" + PLAIN)
    assert (layout.banner, layout.header, layout.comment) == (1, tuple(HEADER), "")
    assert seen("#" + PLAIN).header == tuple(HEADER)
    assert seen("# " + PLAIN).header == tuple(HEADER)
    layout = seen(PLAIN + "# half a day\n" + DATA)
    assert (layout.comment, len(layout.rows)) == ("#", 4)
    assert plain_block(b"#x\r\n1,2\r\n#y\r\n3,#4\r\n#z", layout) == b"1,2\r\n3,#4\r\n"


@pytest.mark.parametrize("first", ["sep=;\n", '"sep=;"\r\n', "SEP=;\n"])
def test_excel_says_its_delimiter(first):
    layout = seen(first + table(";", decimal=","))
    assert (layout.delimiter, layout.decimal, layout.header, layout.banner) == (";", ",", tuple(HEADER), 1)


def test_carets_and_runs_of_blanks_are_delimiters():
    assert seen(table("^")).delimiter == "^"
    layout = seen("Date        Open  Close\n2020-01-02   1.5    2.0\n2020-01-03  11.5   12.0\n")
    assert (layout.delimiter, layout.runs, layout.header) == (" ", True, ("Date", "Open", "Close"))
    assert layout.rows[1] == ("2020-01-03", "11.5", "12.0")
    assert plain_block(b"  2020-01-03  11.5   12.0 \r\n1 2\n", layout) == b"2020-01-03 11.5 12.0\r\n1 2\n"
    assert not seen(PLAIN).runs


def test_a_delimiter_at_the_end_of_rows_makes_no_column():
    for text in (PLAIN.replace("\n", ",\n"), PLAIN.replace("0\n", "0,\n")):
        layout = seen(text)
        assert (layout.header, layout.width, layout.trailing) == ((*HEADER, ""), 7, True)
    layout = seen(PLAIN.replace("Volume\n", "Volume,\n"))
    assert (layout.header, layout.width, layout.trailing) == (tuple(HEADER), 6, False)


@pytest.mark.parametrize(
    "above",
    [
        "Date,Price,Price,Price,Price,Size\n,Open,High,Low,Close,Volume\n,USD,USD,USD,USD,lots\n",
        "Date,Open,High,Low,Close,Volume\n,USD,USD,USD,USD,lots\n",
        "Date,Price,Price,Price,Price,Size\n,Open,High,Low,Close,Volume\n",
    ],
)
def test_several_lines_may_share_the_names(above):
    layout = seen(above + DATA)
    assert (layout.header, layout.banner) == (tuple(HEADER), 0)
    assert seen("A banner, 2020\n\n" + above + DATA).banner == 1


def test_names_that_a_header_leaves_out():
    layout = seen("Date,Open,Close\n2020-01-02,09:30,1,2\n2020-01-02,09:31,1,2\n")
    assert layout.header == ("Date", "Time", "Open", "Close")
    assert layout.doubts == ("The header has no name for the time of day, which stands behind 'Date' in the rows.",)
    assert seen('Open,Close\n"2020-01-02",1,2\n"2020-01-03",1,2\n').header == ("Time", "Open", "Close")
    assert seen("Date,Close\n1,2020-01-02,2\n2,2020-01-03,2\n").header == ("row", "Date", "Close")
    unclear = seen("Date,Open,Close\n2020-01-02,1,2,3\n2020-01-03,1,2,3\n")
    assert (unclear.header, unclear.width, unclear.doubts) == (("Date", "Open", "Close"), 4, ())


def test_names_are_not_made_up_where_another_one_is_missing():
    for header, row in (
        ("Date,Time,Open,Close", "2020-01-02,09:30,1,2,3"),
        ("open_time,open,close", "1577957400,1,2,3"),
        ("Date,Open,Close", "2020-01-02,1,2,3"),
    ):
        assert seen(f"{header}\n{row}\n{row}\n").header == tuple(header.split(","))


def test_the_columns_of_pandas_levels_are_left_to_their_readers():
    layout = seen("Price,Open,Close\nTicker,SPY,SPY\nDate,,\n2020-01-02,1,2\n")
    assert (layout.header, layout.banner) == (("Date", "", ""), 2)


def test_numbers_may_be_names_of_columns():
    assert seen("Date,600000,000001\n2020-01-02,1.5,2.5\n2020-01-03,1.5,2.5\n").header == ("Date", "600000", "000001")
    assert seen("timestamp,1. open,4. close\n2020-01-02,1.5,2.5\n").header == ("timestamp", "1. open", "4. close")


def test_symbols_that_are_also_names_of_columns_are_data():
    layout = seen("T,2020-01-02,1,2\nT,2020-01-03,1,2\n")
    assert (layout.header, len(layout.rows)) == (None, 2)


@pytest.mark.parametrize(
    ("text", "delimiter", "decimal"),
    [
        ('"Datum","Schluss"\n"02.01.2020","1.234,56"\n"03.01.2020","1.235,56"\n', ",", ","),
        ("Date;Close\n2020-01-02;1 234,5\n2020-01-03;1\u00a0235,5\n", ";", ","),
        ("Date;Close\n2020-01-02;1\u202f234,5\n2020-01-03;235,5\n", ";", ","),
        ("Date;Close\n2020-01-02;1'234.5\n2020-01-03;1'235.5\n", ";", "."),
        ("Date\tClose\n31.01.2020 09:30\t$1,234.50\n01.02.2020 09:30\t$234.50\n", "\t", "."),
        ('"Date","Close"\n"Jan 31, 2020","1,234.50"\n"Feb 03, 2020","1,234.50"\n', ",", "."),
    ],
)
def test_signs_of_thousands_do_not_hide_the_decimal_sign(text, delimiter, decimal):
    layout = seen(text)
    assert (layout.delimiter, layout.decimal, layout.width, len(layout.rows)) == (delimiter, decimal, 2, 2)


@pytest.mark.parametrize(
    ("end", "remarks"),
    [
        ("", ()),
        ("\nSource: example.org, who else\n\n", ("Source: example.org, who else",)),
        ("Downloaded from A\nas of today", ("Downloaded from A", "as of today")),
        ("2020-01-06,1.5", None),
        (",1.5\n", None),
    ],
)
def test_remarks_below_the_table_are_told_from_rows_that_were_cut(end, remarks):
    text = (PLAIN + end).encode()
    left, found = without_footer(text, seen(PLAIN))
    assert (left, found) == ((text, ()) if remarks is None else (PLAIN.encode(), remarks))


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=80) | st.text("0123456789,;.\t -:#'\"\naäé年", max_size=80).map(str.encode), st.booleans())
def test_whatever_a_file_holds_has_a_layout_or_none(content, whole):
    layout = sniff(content, whole=whole)
    if layout is not None:
        assert layout.sentence()
        assert all(len(row) == layout.width for row in layout.rows)
        left, remarks = without_footer(plain_block(content, layout), layout)
        assert len(left) <= len(content)
        assert all(remarks)
