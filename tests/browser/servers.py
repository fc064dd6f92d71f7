"""Real notebook servers, each with everything of its own in a temporary folder: JupyterLab, Notebook 7, Voilà."""

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
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
OWN = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "run",  # short: the path of a socket may have 107 characters
    "IPYTHONDIR": "ipython",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "HOME": "home",
    "RESEARCH_KIT_WORKSPACE": "workspace",
}


class Server:
    """A server that serves copies of the project's notebooks."""

    module: ClassVar[str]
    alive: ClassVar[str] = "api/status"

    def __init__(self, folder: Path) -> None:
        self.folder, self.token = folder, secrets.token_hex(16)
        self.notebooks, self.workspace = folder / "notebooks", folder / "workspace"
        self.log = folder / "server.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        shutil.copytree(ROOT / "notebooks", self.notebooks)
        settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text(json.dumps({"fetchNews": "false"}), "utf-8")

    def start(self) -> None:
        options = [f"--{name}={value}" for name, value in self.options().items()]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module, *options],
                cwd=self.notebooks,
                env=self._environment(),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def wait(self, seconds: float = 120) -> None:
        """Wait until the server answers."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(self.url(self.alive), timeout=2):
                    return
            except OSError:
                time.sleep(0.2)
        pytest.fail(f"{self.module} did not start:\n{self.log.read_text('utf-8')[-3000:]}")

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

    def write(self, name: str, *cells: str) -> str:
        """Write a notebook of code cells and return its name."""
        made = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata={"kernelspec": KERNEL}
        )
        nbformat.write(made, self.notebooks / name)
        return name

    def url(self, path: str) -> str:
        mark = "&" if "?" in path else "?"
        return f"http://127.0.0.1:{self.port}/{path}{mark}token={self.token}"

    def options(self) -> dict[str, object]:
        return {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": self.port,
            "ServerApp.port_retries": 0,
            "ServerApp.open_browser": False,
            "ServerApp.root_dir": self.notebooks,
            "ServerApp.allow_root": True,
            "IdentityProvider.token": self.token,
            "KernelManager.transport": "ipc",
        }

    def _environment(self) -> dict[str, str]:
        for name in OWN.values():
            (self.folder / name).mkdir(exist_ok=True)
        return (
            os.environ | {name: str(self.folder / folder) for name, folder in OWN.items()} | {"PYTHONPATH": str(ROOT)}
        )


class Lab(Server):
    """JupyterLab 4."""

    module = "jupyterlab"

    def options(self) -> dict[str, object]:
        return super().options() | {"LabApp.expose_app_in_browser": True, "LabApp.news_url": ""}


class Notebook(Server):
    """Notebook 7."""

    module = "notebook"

    def options(self) -> dict[str, object]:
        return super().options() | {"JupyterNotebookApp.expose_app_in_browser": True}


class Voila(Server):
    """Voilà 0.5, which executes a notebook for each visitor and shows its outputs as a page."""

    module = "voila"
    alive = "voila/tree"

    def options(self) -> dict[str, object]:
        return {
            "Voila.ip": "127.0.0.1",
            "Voila.port": self.port,
            "Voila.port_retries": 0,
            "Voila.open_browser": False,
            "Voila.token": self.token,
            "VoilaConfiguration.show_tracebacks": True,
        }


@contextmanager
def running(kind: type[Server]):
    """Start a server of this kind, and end it."""
    with tempfile.TemporaryDirectory(prefix="lab", ignore_cleanup_errors=True) as folder:
        server = kind(Path(folder))
        server.start()
        try:
            server.wait()
            yield server
        finally:
            server.stop()
