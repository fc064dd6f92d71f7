"""What one notebook does to its process, none of the others sees, nor does whoever runs the batch."""

import os
import signal
import sys

import pytest
from notebook_files import texts

POLLUTE = """
import atexit, builtins, gc, os, random, signal, sys, threading, warnings, decimal, locale, socket, tempfile, time
from pathlib import Path
import numpy as np, pandas as pd, research_kit as rk
import plotly.io as pio

if role == "pollute":
    left = 1
    builtins.left_in_builtins = 1
    os.environ["LEFT"] = "1"
    os.environ["TZ"] = "Asia/Tokyo"; time.tzset()
    random.seed(1); np.random.seed(1)
    sys.modules["left_module"] = sys
    sys.path.insert(0, "/left")
    rk.left = np.left = 1
    del sys.modules["research_kit.version"]
    Path("left.txt").write_text("left")
    os.chdir("/")
    os.umask(0)
    pd.set_option("display.max_rows", 3)
    np.seterr(all="raise")
    decimal.getcontext().prec = 3
    warnings.simplefilter("error")
    pio.templates.default = "plotly_dark"
    sys.setrecursionlimit(300_000)
    signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGALRM, lambda *_: None); signal.alarm(1000)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
    import subprocess
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    print("child", child.pid)
"""
LOOK = """
import json
look = {
    "globals": "left" in globals(),
    "builtins": hasattr(builtins, "left_in_builtins"),
    "environment": os.environ.get("LEFT"),
    "zone": time.tzname[0],
    "modules": "left_module" in sys.modules,
    "package": "research_kit.version" in sys.modules,
    "path": "/left" in sys.path,
    "attributes": hasattr(rk, "left") or hasattr(np, "left"),
    "files": os.listdir("."),
    "folder": Path.cwd().parent.name,
    "rows": pd.get_option("display.max_rows"),
    "errors": np.geterr()["over"],
    "digits": decimal.getcontext().prec,
    "template": pio.templates.default,
    "terminate": str(signal.getsignal(signal.SIGTERM)),
    "alarm": signal.alarm(0),
    "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "group": os.getpgrp() == os.getpid(),
    "history": get_ipython().history_manager.enabled,
    "count": get_ipython().execution_count,
}
print(json.dumps(look))
print(random.random(), np.random.rand())
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """Return what notebooks saw: one that pollutes comes between two that look, with one kernel at a time."""
    import json

    from notebook_files import write_notebook

    import research_kit as rk

    folder = tmp_path_factory.mktemp("isolation")
    source = write_notebook(folder / "work.ipynb", POLLUTE, LOOK, parameters='role: str = ""\nn: int = 0')
    sets = [{"role": role, "n": number} for number, role in enumerate(["look", "pollute", "look", "pollute", "look"])]
    before = dict(os.environ), os.getcwd(), list(sys.path), signal.getsignal(signal.SIGTERM)  # noqa: PTH109
    with rk.open_workspace(folder / "ws") as ws:
        batch = ws.run_notebooks(source, sets, name="b", workers=1)
        assert batch.ok, batch.table["error"].tolist()
        told = [texts(ws.folder / row.run.output_path) for row in batch.rows]
    after = dict(os.environ), os.getcwd(), list(sys.path), signal.getsignal(signal.SIGTERM)  # noqa: PTH109
    looked = [json.loads(one[-1].split("\n")[0]) for one in told]
    randoms = [one[-1].split("\n")[1] for one in told]
    children = [int(one[0].split()[1]) for one in told if one[0].startswith("child")]
    return looked, randoms, children, before == after


def test_one_that_looks_sees_nothing_of_the_others(lines):
    first, polluted, second, _, third = lines[0]
    assert first == second == third
    assert polluted != first
    assert (polluted["globals"], polluted["environment"], polluted["alarm"] > 0) == (True, "1", True)


def test_it_is_as_good_as_a_fresh_process(lines):
    seen = lines[0][0]
    assert not any(seen[name] for name in ("globals", "builtins", "environment", "modules", "path", "attributes"))
    assert (seen["files"], seen["folder"]) == ([], "files")
    assert (seen["package"], seen["group"], seen["history"]) == (True, True, False)
    assert (seen["alarm"], seen["blocked"], seen["terminate"]) == (0, 0, "0")
    assert seen["rows"] == 60


def test_random_numbers_differ_unless_a_notebook_seeds_them(lines):
    looking = lines[1][0::2]
    assert len(set(looking)) == 3
    assert lines[1][1] == lines[1][3]


def test_what_a_notebook_started_ends_with_it(lines):
    from waiting import is_gone

    assert len(lines[2]) == 2
    assert all(is_gone(pid) for pid in lines[2])


def test_whoever_runs_the_batch_is_as_before(lines):
    assert lines[3]


WHERE = """
import logging, sys
import numpy as np, pandas as pd
import plotly.io as pio
import research_kit as rk
from tqdm.auto import tqdm

print(pio.renderers.default, pio.templates.default, tqdm.__module__, type(get_ipython()).__name__)
print(sorted(name for name in globals() if not name.startswith("_")))
print(pd.get_option("display.max_rows"), pd.get_option("display.width"), np.get_printoptions())
print(logging.getLogger().handlers, sys.getrecursionlimit())
print(__name__, sys.modules["__main__"].__dict__ is globals(), sys.stdin is None, sys.stdout.isatty())
"""


def test_it_is_like_the_kernel_that_jupyter_starts(tmp_path):
    """What looks round when it is imported (renderers, progress bars) finds a notebook, as in an ordinary kernel."""
    from notebook_files import write_notebook

    import research_kit as rk
    from research_kit.report.execution import execute_notebook

    source = write_notebook(tmp_path / "work.ipynb", WHERE)
    execute_notebook(source, tmp_path / "ordinary.ipynb", {}, cwd=tmp_path)
    with rk.open_workspace(tmp_path / "ws") as ws:
        batch = ws.run_notebooks(source, name="b")
        warm = texts(ws.folder / batch.rows[0].run.output_path)
    assert warm == texts(tmp_path / "ordinary.ipynb")
    assert warm[0].startswith("plotly_mimetype")
