import pytest

from research_kit.charts.captions import cut, heading, pairs


def test_notes_that_are_empty_leave_no_dot():
    assert heading("T", ["a", "", "b"], plot=100)["title"]["subtitle"]["text"] == "a · b"


def test_room_is_made_for_each_line():
    one, many = (heading("T", ["word " * count], plot=300) for count in (3, 80))
    lines = many["title"]["subtitle"]["text"].count("<br>")
    assert lines >= 2
    assert many["margin"]["t"] - one["margin"]["t"] == many["height"] - one["height"] == 17 * lines


def test_a_figure_without_title_and_notes_keeps_its_place_for_the_buttons():
    layout = heading("", [], plot=100, bottom=50)
    assert layout["title"]["text"] == " "
    assert layout["height"] == layout["margin"]["t"] + 150


@pytest.mark.parametrize("length", [50, 100])
def test_a_name_and_its_value_stand_on_one_line(length):
    text = heading("", ["x" * length, pairs({"name": "value of it"}), "12.5 %"], plot=100)["title"]["subtitle"]["text"]
    assert "name value of it" in text
    assert "12.5 %" in text


def test_all_text_is_escaped():
    layout = heading("<b>", ["<i>&"], plot=100)
    assert layout["title"]["text"] == "&lt;b&gt;"
    assert layout["title"]["subtitle"]["text"] == "&lt;i&gt;&amp;"


def test_many_pairs_and_long_words_end_in_an_ellipsis():
    assert pairs({str(number): "1" for number in range(9)}).endswith(" …")
    assert cut("x" * 50) == "x" * 39 + "…"
    assert cut("x" * 40) == "x" * 40
