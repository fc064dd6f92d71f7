"""Make the pictures of docs/images: each view of the dashboard in a real JupyterLab, always from the same data.

A picture that looks as before is left as it is, so that only what really changed shows up in git. Run it with
``.venv/bin/python scripts/screenshots.py``; names of pictures make only these. It needs what the browser tests need.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
LARGEST = 120_000  # bytes of one picture
SAME = 0.01  # of the pixels may differ in a picture that looks as before: a date, a number of seconds
WIDE, NARROW = 1400, 700

sys.path.insert(0, str(ROOT / "tests"))
from browser.board import Board  # noqa: E402 - the tests' own servers and pages
from browser.pages import LabPage, opened  # noqa: E402
from browser.servers import Lab, running  # noqa: E402

SOURCE = """
import os
import numpy as np, pandas as pd, research_kit as rk

os.environ["RESEARCH_KIT_BACKGROUND_CHECKS"] = "0"

class Patient(rk.Strategy):
    '''Never ends by itself.'''
    def signals(self, bars):
        while True:
            pass

ws = rk.open_workspace(os.environ["RESEARCH_KIT_WORKSPACE"])
days = pd.bdate_range("2014-01-01", periods=2600)
for number, (name, drift) in enumerate({"Copper": 1e-4, "Wheat": 0.0, "Index": 5e-4}.items()):
    rng = np.random.default_rng(number + 3)
    trend = np.repeat(rng.normal(drift, 0.0011, 26), 100)
    close = 100 * np.exp(np.cumsum(rng.normal(trend, 0.009)))
    start = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(start, close) * 1.003, np.minimum(start, close) * 0.997
    frame = pd.DataFrame(dict(open=start, high=high, low=low, close=close), index=days)
    frame = frame.drop(frame.index[700:712]) if name == "Wheat" else frame
    ws.import_dataset(frame, name=f"{name} daily", symbol=name.upper(), timezone="UTC")
sets = [dict(fast=10, slow=50), dict(fast=20, slow=100), dict(fast=40, slow=150)]
runs = [ws.run("sma_cross", "Index daily", one) for one in sets]
runs.append(ws.run("momentum", "Index daily"))
runs.append(ws.run("buy_and_hold", "Wheat daily"))
ws.pin(runs[1])
ws.tag(runs[1], "candidate")
ws.tag(runs[0], "candidate", "costly")
ws.note(runs[0], "turns over too often")
"""
DASHBOARD = "rk.widgets.Dashboard(ws, dataset='Index daily', strategy='sma_cross', strategies=[Patient])"


class Studio:
    """A dashboard in JupyterLab, and the pictures that are wanted of it."""

    def __init__(self, lab_page: LabPage, wanted: set[str]) -> None:
        self.lab_page, self.wanted = lab_page, wanted
        self.board: Board = lab_page.show(lab_page.server.write("dashboard.ipynb", SOURCE, DASHBOARD))
        self.page = lab_page.page
        self.page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
        self.page.evaluate("() => window.jupyterapp.commands.execute('notebook:hide-all-cell-code')")

    def picture(
        self, name: str, *, theme: str = "Light", width: int = WIDE, height: int = 1000, whole: Any = None
    ) -> None:
        """Take a picture of the window, or of the whole of one element."""
        if self.wanted and name not in self.wanted:
            return
        self.lab_page.set_theme(theme)
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.mouse.move(0, 0)
        self.board.root.scroll_into_view_if_needed()
        self.board.settle()
        keep(name, (whole or self.page).screenshot(animations="disabled", caret="hide"))


def keep(name: str, png: bytes) -> None:
    """Write a picture, unless the one that is there looks the same."""
    path = IMAGES / f"{name}.webp"
    made = Image.open(BytesIO(png)).convert("RGB")
    if path.exists() and looks_the_same(Image.open(path).convert("RGB"), made):
        print(f"{path.name}: as before", flush=True)
        return
    IMAGES.mkdir(exist_ok=True)
    made.save(path, quality=80, method=6)
    size = path.stat().st_size
    print(f"{path.name}: {made.width} x {made.height}, {size:,} bytes", flush=True)
    if size > LARGEST:
        sys.exit(f"{path.name} has {size:,} bytes; at most {LARGEST:,} are allowed.")


def looks_the_same(before: Image.Image, after: Image.Image) -> bool:
    """Return whether two pictures differ in few pixels only."""
    if before.size != after.size:
        return False
    apart = np.abs(np.asarray(before, dtype=np.int16) - np.asarray(after, dtype=np.int16)).max(axis=2)
    return bool((apart > 48).mean() < SAME)


def explore(studio: Studio) -> None:
    board = studio.board
    board.field("Fast").fill("20")
    board.field("Slow").fill("100")
    board.run()
    board.line()
    studio.picture("explore", height=1060)
    studio.picture("explore-dark", theme="Dark", height=1060)
    studio.picture("explore-narrow", width=NARROW, height=1300)


def trades(studio: Studio) -> None:
    board = studio.board
    board.seen(".rkg tbody tr").nth(2).click()
    board.text("Trade 3", exact=True).wait_for()
    table = board.seen(".rkw-folded").filter(has=studio.page.locator(".rkg tbody tr")).locator("visible=true")
    studio.picture("trades", height=2400, whole=table.first)


def metrics(studio: Studio) -> None:
    board = studio.board
    board.root.get_by_role("button", name="metrics").locator("visible=true").click()
    studio.page.get_by_role("columnheader", name="95 % interval").wait_for()
    board.seen(".rkw-metrics summary", has_text="Sharpe ratio").click()
    table = board.seen(".rkw-metrics")
    studio.picture("metrics", height=2400, whole=table.first)
    board.root.get_by_role("button", name="metrics").locator("visible=true").click()


def wrong(studio: Studio) -> None:
    board = studio.board
    board.field("Fast").fill("1")
    board.run("failed")
    studio.picture("wrong", whole=board.seen(".rkw-side").first)
    board.field("Fast").fill("20")


def running_run(studio: Studio) -> None:
    board = studio.board
    board.field("Strategy").select_option("patient")
    board.text("Never ends by itself.").wait_for()
    board.press("Run backtest")
    board.text("in another process").filter(has_text="%").wait_for()
    studio.picture("running", whole=board.seen(".rkw-side").first)
    board.press("Cancel")
    board.wait_for("cancelled")


def search(studio: Studio) -> None:
    board = studio.board
    board.open("Search")
    board.field("Strategy").select_option("sma_cross")
    board.field("Fast").wait_for()
    board.field("Fast").fill("5:60:5")
    board.field("Slow").fill("40:200:20")
    board.field("Slow").press("Tab")
    board.press("Run search")
    board.wait_for("completed")
    board.text("Judging how much of it is luck").wait_for(state="hidden", timeout=180_000)
    studio.picture("search", height=1060)


def history(studio: Studio) -> None:
    board = studio.board
    board.open("History")
    board.field("Choose run 2").check()
    board.field("Choose run 4").check()
    studio.picture("history", height=1000, whole=board.root)


def compare(studio: Studio) -> None:
    board = studio.board
    board.press("Compare")
    board.seen(".rkw-headline", has_text="The first order that differs").wait_for()
    board.line()
    studio.picture("compare", height=1400)


def data(studio: Studio) -> None:
    board = studio.board
    board.open("Data")
    board.field("Dataset").select_option(index=1)  # the one with a gap
    studio.picture("data", height=1300, whole=board.root)


VIEWS: dict[str, Callable[[Studio], None]] = {
    "explore": explore,
    "trades": trades,
    "metrics": metrics,
    "wrong": wrong,
    "running": running_run,
    "search": search,
    "history": history,
    "compare": compare,
    "data": data,
}


def main(wanted: set[str]) -> None:
    """Go through the dashboard once and take every picture on the way."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as driver, running(Lab) as server:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        with opened(server, browser, reduced_motion="reduce") as lab_page:
            studio = Studio(lab_page, wanted)
            for view in VIEWS.values():
                view(studio)
        browser.close()


if __name__ == "__main__":
    main(set(sys.argv[1:]))
