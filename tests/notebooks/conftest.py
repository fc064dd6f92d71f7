"""How the tests of this folder execute a notebook, and read what it printed and drew."""

import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
import papermill
import pytest
from jupyter_client.manager import AsyncKernelManager

import research_kit as rk

FOLDER = Path(__file__).parents[2] / "notebooks"
PLOTLY = "application/vnd.plotly.v1+json"


class IpcKernelManager(AsyncKernelManager):
    transport = "ipc"  # no port that somebody else may take


@dataclass
class Executed:
    """A notebook as papermill left it, and its workspace."""

    path: Path
    workspace: Path

    @property
    def cells(self):
        return nbformat.read(self.path, as_version=4).cells

    @property
    def words(self) -> str:
        """What it says: its markdown, lines joined."""
        return " ".join(" ".join(cell.source.split()) for cell in self.cells if cell.cell_type == "markdown")

    @property
    def outputs(self):
        return [output for cell in self.cells if cell.cell_type == "code" for output in cell.outputs]

    @property
    def figures(self):
        return [output["data"][PLOTLY] for output in self.outputs if PLOTLY in output.get("data", {})]

    @property
    def shown(self) -> str:
        """What it printed, and its tables row by row, with single spaces."""
        texts = []
        for output in self.outputs:
            data = output.get("data", {})
            table = re.sub(r"<style.*?</style>|<[^>]+>", " ", data.get("text/html", ""), flags=re.DOTALL)
            texts.append(output.get("text", "") or table or data.get("text/plain", ""))
        return " ".join(" ".join(texts).split())


@pytest.fixture(scope="module")
def execute(tmp_path_factory):
    """Return what executes a notebook of the course in an empty folder: ``execute("02_data", fast=10)``."""

    def executed(name: str, **parameters) -> Executed:
        folder = tmp_path_factory.mktemp("n")
        found = Executed(folder / "out.ipynb", folder / "workspace")
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("RESEARCH_KIT_CACHE", str(folder / "cache"))
            papermill.execute_notebook(
                FOLDER / f"{name}.ipynb",
                found.path,
                parameters={"workspace": str(found.workspace), **parameters},
                kernel_name="python3",
                kernel_manager_class=IpcKernelManager,
                progress_bar=False,
                iopub_timeout=60,  # a dashboard is a thousand messages, and the machine may be busy
                cwd=folder,
            )
        return found

    return executed


@pytest.fixture(scope="module")
def ws(notebook):
    """Return the workspace that a test module's own ``notebook`` left."""
    with rk.open_workspace(notebook.workspace) as opened:
        yield opened
