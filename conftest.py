"""Notebooks that pytest executes (nbval) work in a workspace of their own, thrown away at the end."""

import os
import shutil
import tempfile

collect_ignore = ["notebooks/templates"]  # executed with parameters by tests/report


def pytest_configure(config):
    """Say where the notebooks' workspace is: their kernels inherit it."""
    config.notebook_folder = tempfile.mkdtemp(prefix="rk-notebooks-")
    os.environ["RESEARCH_KIT_WORKSPACE"] = f"{config.notebook_folder}/workspace"


def pytest_unconfigure(config):
    """Remove it."""
    shutil.rmtree(config.notebook_folder, ignore_errors=True)
