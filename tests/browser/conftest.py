"""A real JupyterLab server, with everything of its own in a temporary folder, and a browser to drive it."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN_ALL = """async () => {
  const app = window.jupyterapp, panel = app.shell.currentWidget;
  await panel.context.ready; await panel.sessionContext.ready; await panel.sessionContext.session.kernel.info;
  return await app.commands.execute('notebook:run-all-cells');
}"""


class Lab:
    """A JupyterLab server that serves copies of the project's notebooks."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.token = folder, secrets.token_hex(16)
        self.notebooks, self.workspace = folder / "notebooks", folder / "workspace"
        self.log = folder / "lab.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        shutil.copytree(ROOT / "notebooks", self.notebooks)
        settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text(json.dumps({"fetchNews": "false"}), "utf-8")

    def start(self) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self._command(),
                cwd=self.notebooks,
                env=self._environment(),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def wait(self, seconds: float = 60) -> None:
        """Wait until the server answers."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(self.url("api/status"), timeout=2):
                    return
            except OSError:
                time.sleep(0.2)
        pytest.fail(f"JupyterLab did not start:\n{self.log.read_text('utf-8')[-3000:]}")

    def stop(self) -> None:
        """End the server and its kernels, kindly at first; each kernel leads a process group of its own."""
        for kind, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
            if self.process.poll() is None:
                os.killpg(self.process.pid, kind)
                try:
                    self.process.wait(seconds)
                except subprocess.TimeoutExpired:
                    continue
        self.process.wait(5)

    def url(self, path: str) -> str:
        mark = "&" if "?" in path else "?"
        return f"http://127.0.0.1:{self.port}/{path}{mark}token={self.token}"

    def _command(self) -> list[str]:
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": self.port,
            "ServerApp.port_retries": 0,
            "ServerApp.open_browser": False,
            "ServerApp.root_dir": self.notebooks,
            "IdentityProvider.token": self.token,
            "KernelManager.transport": "ipc",
            "LabApp.expose_app_in_browser": True,
            "LabApp.news_url": "",
        }
        given = [f"--{name}={value}" for name, value in options.items()]
        return [sys.executable, "-m", "jupyterlab", "--allow-root", *given]

    def _environment(self) -> dict[str, str]:
        own = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "run",  # short: the path of a socket may have 107 characters
            "IPYTHONDIR": "ipython",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "HOME": "home",
            "RESEARCH_KIT_WORKSPACE": "workspace",
        }
        for name in own.values():
            (self.folder / name).mkdir(exist_ok=True)
        folders = {name: str(self.folder / folder) for name, folder in own.items()}
        return os.environ | folders | {"PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="session")
def lab():
    """Return a running JupyterLab server."""
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
    with tempfile.TemporaryDirectory(prefix="lab", ignore_cleanup_errors=True) as folder:
        server = Lab(Path(folder))
        server.start()
        try:
            server.wait()
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory):
    """Return the folder for screenshots: RESEARCH_KIT_SCREENSHOTS, or a temporary one."""
    given = os.environ.get("RESEARCH_KIT_SCREENSHOTS")
    folder = Path(given) if given else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class LabPage:
    """A notebook in JupyterLab, as a user sees it."""

    def __init__(self, lab: Lab, page) -> None:
        self.lab, self.page, self.complaints = lab, page, []
        page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def open(self, name: str) -> None:
        self.page.goto(self.lab.url(f"lab/tree/{name}?reset"))
        self.page.wait_for_selector(".jp-NotebookPanel", timeout=60_000)

    def run_all(self) -> None:
        """Run every cell through the application's own promise, and fail with the first error that it left."""
        if not self.page.evaluate(RUN_ALL):
            left = self.page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']")
            pytest.fail("a cell failed: " + " ".join(left.all_inner_texts())[-2000:])

    def set_theme(self, name: str) -> None:
        """Choose "JupyterLab Light" or "JupyterLab Dark" and wait until it is there."""
        self.page.evaluate("name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})", name)
        light = str(name.endswith("Light")).lower()
        self.page.wait_for_selector(f"body[data-jp-theme-light='{light}']", state="attached")


@pytest.fixture
def lab_page(lab, browser):
    """Return a page of the browser on the server; its kernels end with it."""
    context = browser.new_context(viewport={"width": 1500, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield LabPage(lab, page)
    page.evaluate("() => window.jupyterapp && window.jupyterapp.serviceManager.sessions.shutdownAll()")
    context.close()
