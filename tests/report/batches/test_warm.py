"""What kernels have imported from their first moment leaves no trace but the time that it saves."""

import os

import nbformat

from research_kit.report.batches.warm import SAYS_NOTHING, load

FRESH = """
import os, sys, threading
kernel = get_ipython().kernel
assert kernel.debugger is not None and not kernel.debugger.is_started
assert "PYDEVD_DISABLE_FILE_VALIDATION" not in os.environ
assert sys.gettrace() is None and threading.gettrace() is None
assert not [thread.name for thread in threading.enumerate() if "pydevd" in thread.name.lower()]
print("fresh", "rfc3987_syntax.syntax_helpers" in sys.modules)
"""


def test_the_debugger_is_there_and_asleep(ws, notebook):
    batch = ws.run_notebooks(notebook(FRESH), workers=1, progress=False)
    assert batch.ok, batch.table["error"].tolist()
    executed = nbformat.read(ws.folder / batch.table["notebook"][0], as_version=4)
    assert [output.text for cell in executed.cells for output in cell.get("outputs", [])] == ["fresh False\n"]


def test_importing_it_leaves_the_environment_as_it_was(monkeypatch):
    monkeypatch.delenv(SAYS_NOTHING, raising=False)
    load()
    assert SAYS_NOTHING not in os.environ
    monkeypatch.setenv(SAYS_NOTHING, "0")
    load()
    assert os.environ[SAYS_NOTHING] == "0"
