"""What a warm process becomes when a notebook is to run in it: a Jupyter kernel."""

from __future__ import annotations

import sys
from typing import Any

LOOKED_ROUND = ("plotly.io._renderers", "tqdm.auto", "tqdm.autonotebook")  # at import: are we in a notebook?
PATIENCE = 2.0  # seconds in which a kernel's thread must have answered that it ends


def run_kernel(connection_file: str, beside: str) -> None:
    """Serve as a kernel until it is told to end; ``beside`` is the folder whose modules notebooks may import.

    IPython's history is off: it is one file for all kernels of a user, and a batch would fill it.
    """
    from ipykernel.kernelapp import IPKernelApp

    for name in LOOKED_ROUND:  # they were imported before there was a kernel: let them look again
        sys.modules.pop(name, None)
    kernel: Any = IPKernelApp
    sys.path.insert(0, beside)
    app = kernel.instance()
    app.initialize(["-f", connection_file, "--HistoryManager.enabled=False", "--IPKernelApp.log_level=ERROR"])
    app.start()
    # ipykernel stops the thread that sends output while the one that answers may still wait for it: then it hangs until
    # somebody kills it (that is why some plain kernels take seconds to end). Here that one is waited for first.
    if app.control_thread is not None:
        app.control_thread.join(PATIENCE)
