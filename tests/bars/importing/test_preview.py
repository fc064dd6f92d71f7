"""A look before the import: what it tells, what it asks, and that it stores and refuses nothing."""

import json

import numpy as np
import pytest

from research_kit.bars.importing import preview as previews
from research_kit.bars.importing.options import ImportOptions
from research_kit.bars.importing.preview import preview_bars
from research_kit.errors import NotFoundError, UnknownFormatError

LINES = [f"2020-01-{day:02d},{day},{day + 1},{day - 1}.5,{day}.5,{10 * day}" for day in range(2, 30)]
CSV = "Date,Open,High,Low,Last,Vol\n" + "\n".join(LINES) + "\n"


def test_it_tells_how_columns_times_and_rows_are_understood(text_file):
    seen = preview_bars(text_file(CSV), ImportOptions(symbol="X"))
    assert seen.layout.startswith("text with 6 columns separated by commas")
    assert seen.columns == {
        "time": "Date",
        "open": "Open",
        "high": "High",
        "low": "Low",
        "close": "Last",
        "volume": "Vol",
    }
    assert (seen.times, seen.timeframe, seen.session, seen.symbol) == ("dates", "1d", "24/7", "X")
    assert (seen.rows, seen.complete, seen.questions) == (28, True, ())
    assert seen.first[0] == {"time": "2020-01-02", "open": 2, "high": 3, "low": 1.5, "close": 2.5, "volume": 20}
    assert [row["time"] for row in seen.last] == ["2020-01-27", "2020-01-28", "2020-01-29"]


def test_what_an_import_would_stop_at_is_asked(text_file):
    minutes = CSV.replace("2020-01-", "2020-01-02 09:")
    seen = preview_bars(text_file(minutes))
    assert len(seen.questions) == 1
    assert "timezone=" in seen.questions[0]
    assert seen.first[0]["Date"].startswith("2020-01-02 09:02")
    answered = preview_bars(text_file(minutes), ImportOptions(timezone="America/New_York"))
    assert (answered.questions, answered.timezone) == ((), "America/New_York")
    assert answered.first[0]["time"] == "2020-01-02 14:02"


def test_bad_rows_and_duplicates_are_asked_about_and_the_rest_is_shown(text_file):
    seen = preview_bars(text_file(CSV + "2020-02-01,1,2,x,1,1\n2020-01-29,7,8,6,7,1\n2020-02-02,1\n"))
    assert len(seen.questions) == 3
    assert "wrong number of cells" in seen.questions[0]
    assert "whose 'low' is no number" in seen.questions[1]
    assert "contradicting another row" in seen.questions[2]
    assert len(seen.first) == 3
    assert not any("left out" in line or "conflicting" in line for line in seen.findings)  # nothing was, so far


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_large_files_are_looked_at_at_both_ends(encoding, text_file, monkeypatch):
    monkeypatch.setattr(previews, "ENOUGH", 1_000)
    times = np.datetime64("2020-01-01T00:00:00") + np.arange(60_000) * np.timedelta64(1, "m")
    content = "time,close\n" + "".join(f"{time},{at + 1}\n" for at, time in enumerate(times))
    path = text_file(content, encoding=encoding)
    monkeypatch.setattr(previews, "_TAIL_BYTES", 90)  # three lines and a piece of one
    monkeypatch.setattr("research_kit.bars.readers.containers._BLOCK", 1 << 16)
    seen = preview_bars(path, ImportOptions(timezone="UTC"))
    assert not seen.complete
    assert 1_000 < seen.rows < 10_000
    assert [row["close"] for row in seen.last] == [59_998, 59_999, 60_000]
    assert [row["time"] for row in seen.last] == [str(time).replace("T", " ")[:16] for time in times[-3:]]


def test_it_reads_as_text_as_html_and_as_json(text_file):
    seen = preview_bars(text_file(CSV.replace("Vol", "<b>x</b>")))
    text = repr(seen)
    assert "close = 'Last'" in text
    assert "2020-01-29" in text
    page = seen._repr_html_()
    assert "<b>x</b>" not in page
    assert "&lt;b&gt;" in page
    assert json.loads(json.dumps(seen.to_dict()))["timeframe"] == "1d"


def test_what_cannot_be_read_at_all_is_refused(text_file, tmp_path):
    with pytest.raises(UnknownFormatError):
        preview_bars(text_file("hello world\n"))
    with pytest.raises(NotFoundError):
        preview_bars(tmp_path / "none.csv")
