"""One way through everything, wherever notebooks are shown: pick, set, run, cancel, fail, compare, export."""

import pytest
from browser.pages import opened_from_disk
from browser.samples import DASHBOARD, cells

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_researcher_goes_through_everything(page_of, front_end, browser, screenshots):
    board = page_of.show(front_end.write("journey.ipynb", *cells("journey", DASHBOARD)))
    pick(board)
    correct_a_wrong_parameter(board)
    watch_and_cancel(board)
    see_why_it_failed(board)
    compare(board)
    report = export(board)
    board.page.screenshot(path=screenshots / f"journey-{type(front_end).__name__.lower()}.png")
    with opened_from_disk(browser, report) as (page, told, asked):
        assert page.locator("h1").first.inner_text()
        assert page.locator("figure.chart .main-svg").count() > 3
        assert page.locator("meta[http-equiv='Content-Security-Policy']").count() == 1
        assert told.complaints == []
        assert {url.split(":")[0] for url in asked} == {"file"}
    assert page_of.complaints == []


def pick(board):
    board.field("Dataset").select_option("Market 1 · M1 · 1d · 1,500 bars")
    board.text("M1 · 1d · 1,500 bars · 2018-01-01").wait_for()
    board.field("Strategy").select_option("sma_cross")
    board.field("Fast").wait_for()


def correct_a_wrong_parameter(board):
    board.field("Fast").fill("1")
    assert board.run("failed").startswith("Not started. fast=1: Input should be greater than or equal to 2.")
    beside = board.seen(".rkw-invalid").filter(has=board.page.get_by_label("Fast", exact=True)).get_by_role("alert")
    assert beside.inner_text().endswith("Input should be greater than or equal to 2.")
    board.field("Fast").fill("15")
    board.field("Fast").press("Tab")
    board.root.locator(".rkw-invalid").wait_for(state="detached")
    assert board.run().startswith("Run 1 completed in ")
    assert board.title() == "Run 1: sma_cross(fast=15, slow=30, short=False) on Market 1"
    first = board.line()
    board.field("Fast").fill("40")
    board.field("Slow").fill("200")
    assert board.run().startswith("Run 2 completed in ")
    board.wait_for_other_line(first)


def watch_and_cancel(board):
    board.field("Strategy").select_option("endless")
    board.text("Never ends by itself.").wait_for()
    board.press("Run backtest")
    board.wait_for("running")
    board.text("%").filter(has_text="in another process").wait_for()
    assert board.seen(".rkw-progress").is_visible()
    board.field("Strategy").select_option("momentum")  # answered by the kernel, which is free
    board.field("Length").wait_for()
    assert "running" in board.seen("[data-testid=status]").first.get_attribute("data-state")
    board.press("Cancel")
    assert board.wait_for("cancelled").startswith("Cancelled after ")


def see_why_it_failed(board):
    board.field("Strategy").select_option("raises")
    board.text("Fails for a reason.").wait_for()
    told = board.run("failed")
    assert "no such <i>column</i>" in told
    assert "KeyError" in told  # the cause
    board.seen("summary", has_text="Where it happened").click()
    assert "in signals" in board.seen(".rkw-status pre").inner_text()
    assert board.title().startswith("Run 2: ")  # what was there stays


def compare(board):
    board.open("Compare")
    for number in (1, 2):
        board.field(f"Choose run {number}").check()
    board.press("Compare")
    board.seen(".rkw-headline", has_text="The first order that differs").wait_for()
    board.line()


def export(board):
    board.open("Explore")
    board.press("Make report")
    button = board.button("Download")
    button.wait_for(timeout=180_000)
    with board.page.expect_download() as told:
        button.click()
    assert told.value.suggested_filename == "run-2.html"
    return told.value.path().rename(told.value.path().with_name("run #2.html"))
