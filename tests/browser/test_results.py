"""What a user does with results, in a real JupyterLab: trades by keys, zoom, checks, history, comparison, deleting."""

import re

import pytest
from browser.board import LINE, Board

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOSTILE = "<img src=x onerror=alert(1)> & Söhne"
SET_UP = f"""
import os
import numpy as np, pandas as pd, research_kit as rk

os.environ["RESEARCH_KIT_BACKGROUND_CHECKS"] = "0"
ws = rk.open_workspace(os.environ["RESEARCH_KIT_WORKSPACE"] + "-{{name}}")
days = pd.date_range("2015-01-01", periods=3000, freq="D")
close = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.01, 3000)))
frame = pd.DataFrame(dict(open=close, high=close * 1.01, low=close * 0.99, close=close), index=days)
data = ws.import_dataset(frame, name={HOSTILE!r}, timezone="UTC")
runs = [ws.run("sma_cross", data.id, {{{{"fast": fast, "slow": 50}}}}) for fast in (5, 10, 20)]
ws.note(runs[0], {HOSTILE!r})
ws.tag(runs[0], {HOSTILE!r})
"""


@pytest.fixture
def notebook(lab, lab_page):
    """Return the function that runs a notebook: three runs on a dataset full of markup, and then one more cell."""

    def run(name, cell):
        lab_page.show(lab.write(f"{name}.ipynb", SET_UP.format(name=name), cell))
        return lab_page.page

    return run


def button(page, name):
    """Return a button by its words; an icon before them is a sign of its own."""
    return page.locator(".rkw-root").get_by_role("button", name=re.compile(rf"^\W*{re.escape(name)}$"))


def test_a_run_is_looked_at_from_all_sides(notebook, lab_page, screenshots):
    page = notebook("run", "rk.widgets.RunView(runs[0])")
    page.wait_for_selector(LINE)
    page.wait_for_selector("[data-testid=headline]")
    page.set_viewport_size({"width": 1400, "height": 2400})
    whole = page.locator(LINE).first.get_attribute("d")
    changed = "([s, d]) => document.querySelector(s) && document.querySelector(s).getAttribute('d') !== d"

    box = page.locator(".rkw-chart .nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 30, steps=4)
    page.mouse.up()
    page.get_by_text("of 3,000 bars").wait_for()  # drawn anew with all its points
    page.wait_for_function(changed, arg=[LINE, whole])
    button(page, "Whole run").click()
    page.get_by_text("2015-01-01 to 2023-03-19: 3,000 bars").wait_for()

    page.locator(".rkg tbody tr").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_text("Trade 2", exact=True).wait_for()
    assert page.evaluate("() => document.activeElement.dataset.focus") == "row-2"  # the keys stay in the table
    page.get_by_role("button", name="P&L", exact=True).click()
    page.wait_for_selector(".rkg th[aria-sort=ascending]")

    button(page, "All 49 metrics").focus()
    page.keyboard.press("Enter")
    page.get_by_role("columnheader", name="95 % interval").wait_for()
    page.locator(".rkw-metrics summary", has_text="Sharpe ratio").focus()
    page.keyboard.press("Enter")
    page.locator(".rkw-about:visible").wait_for()

    button(page, "Verify").click()
    page.get_by_text("the same, byte for byte").first.wait_for(timeout=60_000)
    button(page, "Make report").click()
    with page.expect_download(timeout=120_000) as told:
        button(page, "Download").click(timeout=120_000)
    assert told.value.suggested_filename == "run-1.html"
    assert told.value.path().stat().st_size > 1_000_000
    page.screenshot(path=screenshots / "6-run.png")
    fits(lab_page, screenshots, "7-run")


def test_the_history_is_searched_marked_compared_and_cleared(notebook, lab_page, screenshots):
    page = notebook("history", "rk.widgets.History(ws)")
    rows = page.locator(".rkg").first.locator("tbody tr")
    rows.nth(2).wait_for()
    assert HOSTILE in rows.nth(2).inner_text()

    page.get_by_label("Metrics", exact=True).fill("sharpe >> 1")
    page.keyboard.press("Tab")
    page.locator(".rkw-alert", has_text="compares no metric with a number").wait_for()
    button(page, "Clear").click()

    for number in (0, 1):
        page.get_by_label(f"Choose run {3 - number}").check()
    page.get_by_label("Tags", exact=True).fill("kept")
    button(page, "Add").click()
    rows.filter(has_text="kept").nth(1).wait_for()
    button(page, "Compare").click()
    page.wait_for_selector(LINE)
    page.locator(".rkw-headline", has_text="The first order that differs").wait_for()
    assert page.locator(".rkw-best").count() > 3
    page.screenshot(path=screenshots / "8-history.png")
    fits(lab_page, screenshots, "9-history")

    button(page, "Delete …").click()
    button(page, "Keep").click()
    page.get_by_label("Choose run 3").uncheck()
    page.get_by_text("Ticked: 2.").wait_for()
    button(page, "Delete …").click()
    page.get_by_text("Delete run 2, with trades").wait_for()
    button(page, "Delete").click()
    page.wait_for_function("() => document.querySelectorAll('.rkg tbody tr').length === 2")
    rows.nth(1).click()
    page.locator(".rkw-title", has_text="Run 1: sma_cross").wait_for()
    assert page.locator(".rkw-root img:not(.plot-img), .rkw-root script").count() == 0
    assert lab_page.complaints == []  # dialogs are complaints


def fits(lab_page, screenshots, name):
    """Look at both themes, wide and narrow; nothing may run over its place."""
    page = lab_page.page
    colours = set()
    for theme in ("Dark", "Light"):
        lab_page.set_theme(theme)
        colours.add(page.locator(".rkg td").first.evaluate("e => getComputedStyle(e).color"))
        for width in (700, 1400):
            page.set_viewport_size({"width": width, "height": 2400})
            Board(page).look(screenshots / f"{name}-{theme.lower()}-{width}.png")
    assert len(colours) == 2  # the ink follows the theme
    assert lab_page.complaints == []
