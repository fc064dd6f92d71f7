"""What a user sees: the first notebook in a real JupyterLab, its dashboard, both themes, wide and narrow pages."""

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script> & Söhne"


def test_the_first_notebook_runs_and_its_dashboard_answers(lab_page, screenshots):
    page, board = lab_page.page, lab_page.show("01_first_backtest.ipynb")
    page.screenshot(path=screenshots / "1-notebook.png")

    board.field("Strategy").select_option("sma_cross")
    assert board.run().startswith("Run ")
    first = board.line()
    assert "sma_cross(fast=10, slow=30, short=False) on S&P 500 daily" in board.seen(".rkw-title").inner_text()
    page.screenshot(path=screenshots / "2-run.png")

    board.field("Fast").fill("40")
    board.field("Slow").fill("200")
    board.run()
    board.wait_for_other_line(first)
    assert "fast=40, slow=200" in board.seen(".rkw-title").inner_text()

    board.field("Fast").fill("1")
    board.press("Costs, fills, sizes and exits")
    board.field("Stop loss").fill("x")
    assert board.run("failed").startswith("Not started. fast=1: Input should be greater than or equal to 2.")
    beside = board.seen(".rkw-invalid").filter(has=page.get_by_label("Fast", exact=True)).get_by_role("alert")
    assert beside.inner_text().endswith("Input should be greater than or equal to 2.")
    page.screenshot(path=screenshots / "3-wrong.png")

    board.seen(".rkw-reset").first.click()
    page.wait_for_function("() => document.querySelectorAll('.rkw-invalid').length === 1")
    board.seen(".rkw-reset").last.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".rkw-invalid", state="detached")
    assert board.field("Fast").input_value() == "10"
    assert lab_page.complaints == []


def test_it_fits_both_themes_and_narrow_pages(lab_page, screenshots):
    page, board = lab_page.page, lab_page.show("01_first_backtest.ipynb")
    board.run()
    board.line()
    colours = set()
    for theme in ("Light", "Dark"):
        lab_page.set_theme(theme)
        colours.add(board.seen(".rkw-title").evaluate("e => getComputedStyle(e).color"))
        for width, height in ((1500, 1400), (1000, 1500), (700, 2400)):
            page.set_viewport_size({"width": width, "height": height})
            board.root.scroll_into_view_if_needed()
            board.look(screenshots / f"4-{theme.lower()}-{width}.png")
            assert page.locator(".rkw-chart").first.evaluate("e => e.offsetHeight") > 600, (theme, width)
    assert len(colours) == 2  # the ink follows the theme
    assert lab_page.complaints == []


def test_names_and_errors_full_of_markup_do_nothing(lab, lab_page, screenshots):
    source = f"""
import os
import numpy as np, pandas as pd, research_kit as rk

HOSTILE = {HOSTILE!r}

class Bad(rk.Strategy):
    '''Raises <img src=x onerror=alert(3)>.'''
    wrong: bool = False
    def signals(self, bars):
        if self.wrong:
            raise ValueError(HOSTILE)
        return rk.Signals.target(bars.close > 100)

ws = rk.open_workspace(os.environ["RESEARCH_KIT_WORKSPACE"] + "-hostile")
days = pd.date_range("2024-01-01", periods=200, freq="D")
frame = pd.DataFrame(dict(close=100 + np.sin(np.arange(200.0))), index=days)
frame = frame.assign(open=frame.close, high=frame.close, low=frame.close)
data = ws.import_dataset(frame, name=HOSTILE, timezone="UTC")
rk.widgets.Dashboard(ws, dataset=data.id, strategy=Bad)
"""
    board = lab_page.show(lab.write("hostile.ipynb", source))
    board.run()
    board.line()
    board.text("The same in code").click()
    assert HOSTILE in board.seen(".rkw-title").inner_text()
    assert "onerror=alert(1)" in board.seen("pre").inner_text()
    board.field("Wrong").check()
    assert HOSTILE in board.run("failed")
    board.seen("summary", has_text="Where it happened").click()
    lab_page.page.screenshot(path=screenshots / "5-hostile.png")
    assert (
        board.root.locator("img:not(.plot-img), script").evaluate_all("found => found.map(one => one.outerHTML)") == []
    )
    assert lab_page.complaints == []  # dialogs are complaints
