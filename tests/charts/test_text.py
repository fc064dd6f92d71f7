import pytest
from hypothesis import given
from hypothesis import strategies as st

from research_kit.charts.text import escape_text

HOSTILE = ["<script>alert(1)</script>", '<a href="javascript:x">y</a>', "$\\alpha$", "%{x}", "<b>", "&lt;b&gt;"]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_plotly_reads_as_markup_is_left(text):
    assert not set("<>${}\"'") & set(escape_text(text))


def test_entities_are_shown_as_they_were_written():
    assert escape_text("&lt;b&gt;") == "&amp;lt;b&amp;gt;"


def test_hidden_signs_become_spaces_and_other_scripts_stay():
    assert escape_text("a\x00b\u202ec\nd") == "a b c d"
    assert escape_text("日経 225 · Ações 🙂") == "日経 225 · Ações 🙂"
    assert escape_text("a\ud800b").encode() == b"a b"


def test_long_text_ends_in_an_ellipsis():
    assert escape_text("x" * 1_000_000, limit=10) == "x" * 9 + "…"
    assert escape_text("x" * 10, limit=10) == "x" * 10


@given(st.text())
def test_any_text_becomes_one_line_that_can_be_written(text):
    shown = escape_text(text)
    assert len(shown.splitlines()) <= 1
    assert "<" not in shown
    shown.encode()
