"""Running notebook servers, and pages of a browser on them."""

import os
from pathlib import Path

import pytest
from browser.pages import opened
from browser.servers import Lab, Notebook, Voila, running

NAMES = {"jupyterlab": Lab, "notebook": Notebook, "voila": Voila}


@pytest.fixture(scope="session")
def lab():
    """Return a running JupyterLab server."""
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
    with running(Lab) as server:
        yield server


@pytest.fixture(scope="session", params=NAMES)
def front_end(request):
    """Return each of the servers in turn."""
    pytest.importorskip(request.param, reason=f"{request.param} is not installed")
    if request.param == "jupyterlab":
        yield request.getfixturevalue("lab")
        return
    with running(NAMES[request.param]) as server:
        yield server


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory):
    """Return the folder for screenshots: RESEARCH_KIT_SCREENSHOTS, or a temporary one."""
    given = os.environ.get("RESEARCH_KIT_SCREENSHOTS")
    folder = Path(given) if given else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def lab_page(lab, browser):
    """Return a page of the browser on JupyterLab."""
    with opened(lab, browser) as page:
        yield page


@pytest.fixture
def page_of(front_end, browser):
    """Return a page of the browser on each of the servers."""
    with opened(front_end, browser) as page:
        yield page
