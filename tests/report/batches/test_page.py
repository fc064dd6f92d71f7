"""The index of a batch: one offline page, hostile names are text, and it can be sorted."""

import re

import pytest

from research_kit.report.batches.page import index_page, sparkline
from research_kit.store.batches import BatchRow
from research_kit.store.listings import HEADLINE_METRICS
from research_kit.store.tables import NotebookRun

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


def row(position, status="completed", parameters=None, error=None, **metrics):
    run = NotebookRun(
        notebook="a.ipynb",
        status=status,
        parameters=parameters or {},
        position=position,
        error=error,
        actual_duration=float(position),
        html_path=f"reports/batches/b/html/{position:03d}.html",
        output_path="/elsewhere/x.ipynb",
    )
    return BatchRow(run, None, dict.fromkeys(HEADLINE_METRICS) | metrics)


@pytest.fixture
def page(ws):
    rows = [
        row(1, parameters={"fast": 10, "name": HOSTILE}, sharpe_ratio=0.5),
        row(2, parameters={"fast": 9, "on": True}, sharpe_ratio=-1.0),
        row(3, status="failed", parameters={"fast": 100}, error=HOSTILE),
    ]
    return index_page(ws, ws.folder / "reports" / "batches" / "b", HOSTILE, rows)


def test_hostile_texts_are_texts(page):
    assert "<script>alert" not in page
    assert "<img" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 3


def test_it_needs_nothing_from_outside_and_names_its_own_script(page):
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
    assert "default-src &#39;none&#39;" in policy or "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert " style=" not in page
    assert " onclick=" not in page


def test_sent_alone_it_has_no_links(ws):
    rows = [row(1, parameters={"fast": 10}, sharpe_ratio=0.5)]
    page = index_page(ws, ws.folder / "reports" / "batches" / "b", "x", rows, has_links=False)
    assert "href=" not in page
    assert "Open</th>" not in page
    assert "0.50" in page


def test_it_links_to_what_is_in_its_folder_alone(page):
    assert re.findall(r'href="([^"]*)"', page) == ["html/001.html", "html/002.html", "html/003.html"]


def test_metrics_that_no_run_has_are_left_out(page):
    assert "Sharpe ratio" in page
    assert "Profit factor" not in page
    assert "Equity</th>" not in page


def test_columns_of_numbers_are_set_as_such_and_those_of_words_are_not(page):
    heads = {name: look for look, name in re.findall(r'<th scope="col"([^>]*)>(?:<span[^>]*>)?([^<]+)', page)}
    numbers = {name for name, look in heads.items() if "number" in look}
    assert numbers == {"#", "fast", "Sharpe ratio", "Seconds"}
    assert {"name", "on"} <= set(heads)


def test_the_same_rows_give_the_same_bytes(page, ws):
    again = index_page(ws, ws.folder / "reports" / "batches" / "b", "x", [])
    assert again == index_page(ws, ws.folder / "reports" / "batches" / "b", "x", [])
    assert "0 runs" in again


def test_a_sparkline_keeps_first_and_last_value():
    points = sparkline([float(n % 7) for n in range(1_000)] + [100.0])
    assert points.startswith("M0,27 ")
    assert points.endswith(" L120,1")
    assert points.count("L") <= 60
    assert sparkline([1.0]) == sparkline([]) == ""
    assert sparkline([2.0, 2.0]) == "M0,27 L120,27"


@pytest.mark.browser
def test_it_is_sorted_by_a_click(page, browser, tmp_path):
    path = tmp_path / "index.html"
    path.write_text(page, encoding="utf-8")
    context = browser.new_context(offline=True)
    try:
        tab = context.new_page()
        said = []
        tab.on("dialog", lambda dialog: said.append(dialog.message) or dialog.dismiss())
        tab.on("console", lambda message: said.append(message.text))
        tab.goto(path.as_uri())
        first = "#runs tbody tr td:first-child"
        assert tab.locator(first).all_inner_texts() == ["1", "2", "3"]
        tab.get_by_role("button", name="fast").click()
        assert tab.locator(first).all_inner_texts() == ["2", "1", "3"]
        tab.get_by_role("button", name="fast").click()
        assert tab.locator(first).all_inner_texts() == ["3", "1", "2"]
        tab.get_by_role("button", name="Sharpe ratio").click()
        assert tab.locator(first).all_inner_texts() == ["2", "1", "3"]
        tab.get_by_role("button", name="Sharpe ratio").press("Enter")
        assert tab.locator(first).all_inner_texts() == ["1", "2", "3"]  # what has no value stays at the end
        assert tab.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
        assert said == []
        assert tab.locator("img").count() == 0
    finally:
        context.close()
