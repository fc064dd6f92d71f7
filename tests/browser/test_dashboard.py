"""The dashboard in a real JupyterLab: each tab looked at, runs found again, the keyboard alone."""

import json

import pytest
from browser.board import Board
from browser.samples import DASHBOARD, cells

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def notebook(lab):
    """Return the name of a notebook with the dashboard and one more cell."""
    return lab.write("again.ipynb", *cells("again", DASHBOARD, "print('six times seven is', 6 * 7)"))


def test_every_tab_fits_in_both_themes_wide_and_narrow(lab, lab_page, screenshots):
    board = lab_page.show(lab.write("tabs.ipynb", *cells("tabs", DASHBOARD)))
    page = lab_page.page
    page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    board.field("Strategy").select_option("sma_cross")
    board.run()
    board.line()
    look(lab_page, board, screenshots, "Explore")
    board.open("Search")
    board.press("Suggest")
    board.press("Run search")
    board.wait_for("completed")
    board.seen(".rkw-chart .main-svg").first.wait_for()
    look(lab_page, board, screenshots, "Search")
    for tab, words in {"History": "Tick runs to compare", "Compare": "Page 1", "Data": "Versions and lineage"}.items():
        board.open(tab)
        board.text(words).first.wait_for()
        look(lab_page, board, screenshots, tab)
    assert lab_page.complaints == []


def look(lab_page, board, screenshots, name):
    for theme in ("Dark", "Light"):
        lab_page.set_theme(theme)
        for width, height in ((1400, 1500), (700, 2400)):
            lab_page.page.set_viewport_size({"width": width, "height": height})
            board.look(screenshots / f"{name.lower()}-{theme.lower()}-{width}.png")
    lab_page.page.set_viewport_size({"width": 1400, "height": 1000})


def test_a_run_is_found_again_with_its_kernel_without_it_and_by_another(lab, lab_page, notebook, screenshots):
    page, go = lab_page.page, lab.workspace.with_name("workspace.go")
    go.unlink(missing_ok=True)
    board = lab_page.show(notebook)
    board.field("Strategy").select_option("sma_cross")
    board.run()
    assert page.locator(".rkw-static").locator("visible=true").count() == 0
    board.field("Strategy").select_option("waits")
    board.text("Goes on when a file is there.").wait_for()
    board.press("Run backtest")
    board.wait_for("running")
    lab_page.run_cell(2)  # the kernel is free
    assert "six times seven is 42" in lab_page.output(2)
    assert board.wait_for("running")

    lab_page.save()
    is_small_and_without_scripts(lab.notebooks / notebook)

    lab_page.open(notebook)  # the same kernel: the view comes back with its run
    board = Board(page)
    board.wait_for("running")
    assert board.title().startswith("Run 1: ")

    lab_page.end_kernels()
    lab_page.open(notebook)  # no kernel: the copy
    copy = page.locator(".rkw-static").locator("visible=true")
    copy.wait_for()
    assert "sma_cross(fast=10, slow=30, short=False) on Market 2" in copy.inner_text()
    assert copy.locator("svg").is_visible()
    page.screenshot(path=screenshots / "copy.png")
    assert "model not found" not in page.locator(".jp-Notebook").inner_text()

    lab_page.run_all()  # another kernel finds the run
    board = Board(page)
    board.wait_for("running")
    go.touch()
    assert board.wait_for("completed").startswith("Run 2 completed")
    assert board.title() == "Run 2: waits() on Market 2"
    board.line()


def is_small_and_without_scripts(path):
    text = path.read_text("utf-8")
    assert len(text) < 100_000
    assert "widgets" not in json.loads(text)["metadata"]
    assert "<script" not in text
    assert "application/javascript" not in text


def test_the_keyboard_alone_does_whole_runs(lab, lab_page):
    board, keys = lab_page.show(lab.write("keys.ipynb", *cells("keys", DASHBOARD))), lab_page.page.keyboard
    board.tab_to("Strategy")
    keys.type("sma")  # as in any list
    board.field("Fast").wait_for()
    board.tab_to("Fast")
    keys.press("Control+A")
    keys.type("1")
    board.tab_to("Run backtest")
    keys.press("Enter")
    board.wait_for("failed")
    board.tab_to("Fast", "Shift+Tab")
    keys.press("Control+A")
    keys.type("12")
    board.tab_to("Run backtest")
    keys.press("Space")
    board.wait_for("completed")
    assert board.title().startswith("Run 1: sma_cross(fast=12,")
    board.tab_to("Strategy", "Shift+Tab")
    keys.type("end")
    board.text("Never ends by itself.").wait_for()
    board.tab_to("Run backtest")
    keys.press("Enter")
    board.wait_for("running")
    board.tab_to("Cancel")
    keys.type("dda")  # in JupyterLab that would delete the cell, and insert another
    keys.press("Enter")
    board.wait_for("cancelled")
    board.tab_to("Explore", "Shift+Tab")
    for key in ("ArrowRight", "ArrowRight", "Enter"):
        keys.press(key)
    board.tab_to("Choose run 1")
    keys.press("Space")
    board.text("Ticked: 1.").wait_for()
    assert lab_page.page.locator(".jp-Cell").count() == 2
    assert lab_page.complaints == []
