"""Tables that can be sorted: each cell written for people, its key the number itself, all text escaped."""

import numpy as np
import pytest
from bs4 import BeautifulSoup

from research_kit.report.tables import Cell, Head, data_table, diff_card, metric_cell, text_table, value_cell

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def soup(card):
    return BeautifulSoup(card.html, "html.parser")


@pytest.mark.parametrize(
    "card",
    [
        data_table([Head(HOSTILE, HOSTILE)], [[Cell(HOSTILE, HOSTILE, note=HOSTILE)]], caption=HOSTILE),
        text_table({HOSTILE: [HOSTILE]}, (HOSTILE, HOSTILE)),
        diff_card(f"--- {HOSTILE}\n+{HOSTILE}\n {HOSTILE}"),
    ],
)
def test_text_from_outside_is_escaped(card):
    page = soup(card)
    assert page.find_all(["script", "img"]) == []
    assert all(not key.startswith("on") for tag in page.find_all(True) for key in tag.attrs)
    assert HOSTILE in page.text


@pytest.mark.parametrize(
    ("value", "text", "key"),
    [
        (10, "10", "10"),
        (1_234_567, "1,234,567", "1234567"),
        (0.1515506847964977, "0.151551", "0.1515506847964977"),
        (np.float64(0.05), "0.05", "0.05"),
        (12_345_678.5, "12,345,678.5", "12345678.5"),
        (1e300, "1e+300", "1e+300"),
        (True, "True", "True"),
        (None, "None", "None"),
        ("long", "long", "long"),
    ],
)
def test_values_are_written_short_and_sorted_in_full(value, text, key):
    cell = value_cell(value)
    assert (cell.text, cell.key) == (text, key)


@pytest.mark.parametrize("missing", [None, float("nan"), float("inf")])
def test_an_undefined_metric_has_no_key_to_be_sorted_by(missing):
    assert metric_cell("sharpe_ratio", missing) == Cell("–", "", number=True)


def test_a_metric_is_written_with_its_unit_and_sorted_by_its_number():
    assert metric_cell("win_rate", 0.4256) == Cell("42.6 %", "0.4256", number=True)


def test_keys_and_explanations_stand_in_the_markup():
    page = soup(data_table([Head("A", "what A is")], [[Cell("1,000", "1000")]]))
    assert page.td["data-key"] == "1000"
    assert page.th.span["title"] == "what A is"


def test_a_column_without_a_number_is_set_as_text_and_broken_into_lines():
    rows = [[Cell("a sentence of several words"), value_cell(3)], [Cell("–"), Cell("–")]]
    page = soup(data_table([Head("Words"), Head("Count")], rows))
    assert [head.get("class") for head in page("th")] == [["rk-text"], None]
    assert [cell.get("class") for cell in page("td")] == [["rk-text", "rk-words"], None, ["rk-text"], None]
    assert soup(data_table([Head("Words")], [])).th["class"] == ["rk-text"]


def test_of_a_long_text_its_beginning_is_shown():
    assert value_cell("x" * 300).text == "x" * 300
    assert value_cell("x" * 301).text == "x" * 299 + "…"


def test_short_texts_stay_on_a_line_long_ones_break_between_words_hashes_anywhere():
    wraps = [Cell(text).wrap.strip() for text in ("2024-01-02 09:30", "a sentence of several words", "f" * 64)]
    assert wraps == ["", "rk-words", "rk-codes"]


def test_lines_of_a_diff_keep_their_sign():
    lines = soup(diff_card("--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n same")).find_all("span")
    assert [line.text for line in lines] == ["--- a", "+++ b", "@@ -1 +1 @@", "-old", "+new", " same"]
    looks = [" ".join(line.get("class", [])) for line in lines]
    assert looks == ["rk-place", "rk-place", "rk-place", "rk-went", "rk-came", ""]
