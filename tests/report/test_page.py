"""The page in a real browser: contents, sorted tables, what titles tell; by pointer, by keyboard, without a network."""

import numpy as np
import plotly.graph_objects as go
import pytest

from research_kit.report.cards import metrics_table, trades_table
from research_kit.report.export import export_html
from research_kit.report.tables import Cell, Head, data_table

pytestmark = pytest.mark.browser

FIRST = "main table tbody tr td:first-child"


@pytest.fixture
def opened(browser, tmp_path):
    """Return a function that opens a page from disk: the tab, and what it complained of."""
    contexts = []

    def open_page(html, width=1280, scheme="light"):
        path = tmp_path / "page.html"
        path.write_text(html, encoding="utf-8")
        context = browser.new_context(offline=True, color_scheme=scheme, viewport={"width": width, "height": 700})
        contexts.append(context)
        tab, complaints = context.new_page(), []
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        tab.goto(path.as_uri())
        return tab, complaints

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def table(notebook, output):
    """Return the page of a table with numbers, words, and something undefined."""
    numbers = (("1,000", "1000", "b"), ("9", "9", "a"), ("–", "", "c"), ("-5", "-5", "d"))
    rows = [[Cell(text, key, number=True), Cell(word, word)] for text, key, word in numbers]
    card = data_table([Head("Value", "what <b>value</b> means"), Head("Word")], rows)
    return export_html(notebook([output(html=card._repr_html_())]), title="t")


def test_tables_are_sorted_by_number_up_down_and_back(opened, table):
    tab, complaints = opened(table)
    button = tab.get_by_role("button", name="Value")
    seen = [tab.locator(FIRST).all_inner_texts()]
    states = []
    for _ in range(3):
        button.click()
        seen.append(tab.locator(FIRST).all_inner_texts())
        states.append(tab.locator("th").first.get_attribute("aria-sort"))
    assert seen[0] == seen[3] == ["1,000", "9", "–", "-5"]
    assert seen[1] == ["-5", "9", "1,000", "–"]
    assert seen[2] == ["1,000", "9", "-5", "–"]
    assert states == ["ascending", "descending", None]
    assert complaints == []


def test_tables_are_sorted_and_explained_by_keyboard(opened, table):
    tab, complaints = opened(table)
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Value"
    tip = tab.get_by_role("tooltip")
    assert tip.inner_text() == "what <b>value</b> means"
    assert tab.evaluate("document.activeElement.getAttribute('aria-describedby')") == "tip"
    tab.keyboard.press("Escape")
    assert tip.count() == 0
    tab.keyboard.press("Enter")
    assert tab.locator(FIRST).all_inner_texts()[0] == "-5"
    tab.keyboard.press("Tab")
    tab.keyboard.press("Space")
    assert tab.locator(FIRST).all_inner_texts()[0] == "9"
    assert complaints == []


def test_metrics_tell_what_they_mean_on_focus_and_on_pointing(opened, notebook, output):
    card = metrics_table({"Risk": [("Sharpe ratio", "1.08", "Excess return for its deviation."), ("Beta", "1", "")]})
    tab, complaints = opened(export_html(notebook([output(html=card._repr_html_())]), title="t"), width=420)
    assert tab.locator("main [title]").count() == 0  # told once, not twice
    tab.get_by_text("Sharpe ratio").hover()
    assert tab.get_by_role("tooltip").inner_text() == "Excess return for its deviation."
    box = tab.get_by_role("tooltip").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 420
    tab.mouse.move(5, 600)
    tab.get_by_role("tooltip").wait_for(state="hidden")
    tab.keyboard.press("Tab")
    assert tab.get_by_role("tooltip").is_visible()
    assert complaints == []


def test_the_row_that_stands_for_others_stays_at_the_end(opened, notebook, output):
    trades = trades_table({"pnl": np.linspace(-3.0, 5.0, 60)}, limit=4)
    tab, _ = opened(export_html(notebook([output(html=trades._repr_html_())]), title="t"))
    tab.get_by_role("button", name="PnL").click()
    tab.get_by_role("button", name="PnL").click()
    assert tab.locator(FIRST).all_inner_texts()[0] == "+5.00"
    assert tab.locator(FIRST).all_inner_texts()[-1] == "⋮"


@pytest.mark.parametrize("width", [1280, 700, 420])
def test_contents_lead_to_their_sections_and_mark_the_one_that_is_read(opened, notebook, width):
    text = "\n\n".join(["words " * 60] * 8)
    page = export_html(notebook(*[f"## Section {name}\n\n{text}" for name in "ABCD"]), title="t" * 30)
    tab, complaints = opened(page, width)
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    for _ in range(3):
        tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.wait_for_function("() => document.querySelector('nav [aria-current]')?.textContent === 'Section C'")
    assert 0 <= tab.locator("h2").nth(2).bounding_box()["y"] < 100
    if width == 1280:
        assert tab.locator("nav.contents").bounding_box()["y"] == 0  # it goes along
    assert complaints == []


def test_a_hostile_page_stays_inert(opened, notebook, output):
    markup = (
        "<h2 onclick='alert(1)'><img src=x onerror=alert(2)>A</h2><h2>B</h2><h2>C</h2>"
        "<table class='dataframe'><thead><tr><th title='<img src=x onerror=alert(3)>'>x</th></tr></thead>"
        "<tbody><tr><td>=1+1</td></tr><tr><td data-key='<script>alert(4)</script>'>@SUM(A1)</td></tr></tbody></table>"
    )
    tab, complaints = opened(export_html(notebook([output(html=markup)]), title="=cmd|' /C calc'!A0"))
    tab.get_by_role("button", name="x").click()
    tab.locator("nav a").first.click()
    assert tab.locator("#tip img, nav img").count() == 0
    assert complaints == []


def test_nothing_of_the_screen_is_printed(opened, notebook, table):
    tab, _ = opened(table.replace("</main>", "<h2>a</h2></main>"))
    tab.emulate_media(media="print")
    assert tab.locator("#tip, nav.contents, .skip").filter(visible=True).count() == 0


def test_whoever_prints_can_wait_for_the_charts(opened, notebook, output):
    figure = go.Figure(go.Scatter(y=[1, 3, 2]))
    tab, complaints = opened(export_html(notebook([output(figure=figure)]), title="t"))
    tab.evaluate("async () => { dispatchEvent(new Event('beforeprint')); await window.reportReady; }")
    assert tab.locator(".main-svg").first.evaluate("svg => svg.clientWidth") == 680
    assert complaints == []
