"""The wheel is complete: installed outside the clone, it makes a workspace, a run and a report."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = """
import sys
import numpy as np
import pandas as pd
import research_kit as rk
assert {clone!r} not in rk.__file__, rk.__file__
close = 100 + np.cumsum(np.random.default_rng(1).normal(size=400))
index = pd.date_range("2020-01-01", periods=400, freq="D", tz="UTC")
with rk.open_workspace("ws") as ws:
    ws.import_dataset(pd.DataFrame({{"open": close, "close": close}}, index=index), name="walk")
    print(ws.run("sma_cross", "walk").report())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(target.glob("*.whl"))


def test_the_wheel_holds_notebooks_templates_and_migrations(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "research_kit/_notebooks/01_first_backtest.ipynb",
        "research_kit/_notebooks/templates/backtest.ipynb",
        "research_kit/report/templates/page/index.html.j2",
        "research_kit/py.typed",
    ):
        assert wanted in names
    assert any(name.startswith("research_kit/store/migrations/") for name in names)
    assert not any("/tests/" in f"/{name}" or "checkpoint" in name for name in names)


@pytest.mark.slow
def test_an_installed_wheel_makes_a_report(wheel, tmp_path):
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = environment / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", str(wheel)], check=True, capture_output=True)
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.check_output([python, "-c", where], text=True).strip())
    # the dependencies are those of this environment; its editable install of the clone is not followed from here
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    code = SCRIPT.format(clone=str(ROOT))
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))}
    clean["JUPYTER_PATH"] = str(Path(sys.prefix) / "share" / "jupyter")  # where nbconvert keeps its templates
    done = subprocess.run([python, "-c", code], cwd=tmp_path, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).stat().st_size > 1_000_000
