"""A notebook in a browser, as a user sees it: in JupyterLab, in Notebook 7, as a page of Voilà."""

import re
from contextlib import contextmanager

import pytest
from browser.board import Board
from browser.servers import Lab, Notebook, Voila

RUN_ALL = """async () => {
  const app = window.jupyterapp, panel = app.shell.currentWidget;
  await panel.context.ready; await panel.sessionContext.ready; await panel.sessionContext.session.kernel.info;
  return await app.commands.execute('notebook:run-all-cells');
}"""
RUN_CELL = """async index => {
  const panel = window.jupyterapp.shell.currentWidget;
  panel.content.activeCellIndex = index;
  return await window.jupyterapp.commands.execute('notebook:run-cell');
}"""
SAVE = """async () => {
  const context = window.jupyterapp.shell.currentWidget.context;
  await context.save();
  return true;
}"""
SHUT_DOWN = "() => window.jupyterapp && window.jupyterapp.serviceManager.sessions.shutdownAll()"
LOCAL = re.compile(r"(http://127\.0\.0\.1:|ws://127\.0\.0\.1:|data:|blob:|about:|file:)")


class Told:
    """What a page complained of: errors in its console, dialogs, and requests that leave the machine."""

    def __init__(self) -> None:
        self.complaints: list[str] = []

    def besides(self, *known: str) -> list[str]:
        """Return the complaints that none of these patterns describes."""
        return [one for one in self.complaints if not any(re.search(pattern, one) for pattern in known)]


@contextmanager
def watched(context):
    """Open a page, and write down what it complains of; no request leaves the machine."""
    told = Told()
    complaints = told.complaints

    def turn_away(route):
        complaints.append(f"asks {route.request.url}")
        route.abort()

    def answer(dialog):
        if dialog.type == "beforeunload":  # a notebook that was changed since it was saved
            dialog.accept()
            return
        complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    context.route(lambda url: not LOCAL.match(url), turn_away)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", answer)
    try:
        yield page, told
    finally:
        page.evaluate(SHUT_DOWN)
        context.close()


@contextmanager
def opened_from_disk(browser, path):
    """Open a file without any network; yield the page, what it complains of, and every address that it asks for."""
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    with watched(context) as (page, told):
        page.goto(path.as_uri())
        page.wait_for_function("() => document.readyState === 'complete'")
        yield page, told, asked


class LabPage:
    """A notebook in JupyterLab."""

    address = "lab/tree/{}?reset"
    known: tuple[str, ...] = ()
    """What the front end itself complains of."""

    def __init__(self, server, page, told) -> None:
        self.server, self.page, self.told = server, page, told

    @property
    def complaints(self) -> list[str]:
        return self.told.besides(*self.known)

    def open(self, name: str) -> None:
        self.page.goto(self.server.url(self.address.format(name)))
        self.page.wait_for_selector(".jp-NotebookPanel")

    def run_all(self) -> None:
        """Run every cell through the application's own promise, and fail with the first error that it left."""
        if not self.page.evaluate(RUN_ALL):
            left = self.page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']")
            pytest.fail("a cell failed: " + " ".join(left.all_inner_texts())[-2000:])

    def show(self, name: str) -> Board:
        """Open a notebook, run it, and return the dashboard in it."""
        self.open(name)
        self.run_all()
        return Board(self.page)

    def run_cell(self, index: int) -> None:
        assert self.page.evaluate(RUN_CELL, index)

    def save(self) -> None:
        assert self.page.evaluate(SAVE)

    def output(self, index: int) -> str:
        """Return what stands below a cell."""
        return self.page.locator(".jp-Cell").nth(index).locator(".jp-Cell-outputArea").inner_text()

    def end_kernels(self) -> None:
        self.page.evaluate(SHUT_DOWN)

    def set_theme(self, name: str) -> None:
        """Choose "Light" or "Dark" and wait until it is there."""
        self.page.evaluate(
            "name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})", f"JupyterLab {name}"
        )
        light = str(name == "Light").lower()
        self.page.wait_for_selector(f"body[data-jp-theme-light='{light}']", state="attached")


class NotebookPage(LabPage):
    """A notebook in Notebook 7: the same application in another shell."""

    address = "notebooks/{}"
    known = ("Cannot read properties of undefined \\(reading 'schema'\\)",)  # of its own settings, while it starts


class VoilaPage(LabPage):
    """A notebook as a page of Voilà: run when it is opened, without its code."""

    address = "voila/render/{}"
    known = (
        r"asks https://cdn\.jsdelivr\.net/npm/@fortawesome/",  # of its template, for the icons of ipywidgets
        r"Failed to load resource: net::ERR_FAILED",  # which are turned away
        r"The getter for the shared module is not a function",  # of Notebook 7's extension, where that is installed
    )

    def open(self, name: str) -> None:
        self.page.goto(self.server.url(self.address.format(name)))

    def run_all(self) -> None:
        """Nothing is left to be done."""


PAGES = {Lab: LabPage, Notebook: NotebookPage, Voila: VoilaPage}


@contextmanager
def opened(server, browser, **how):
    """Open a page on a server; the kernels that it started end with it."""
    with watched(browser.new_context(viewport={"width": 1400, "height": 1000}, **how)) as (page, told):
        yield PAGES[type(server)](server, page, told)
