"""Imported by the process that kernels are forked from: what ipykernel and IPython import in each kernel by themselves.

Nothing of it starts a thread or traces anything before a client asks for the debugger; half of the time in which a
kernel began went into these imports.
"""

from __future__ import annotations

import importlib
import os
from contextlib import suppress

LATER = (
    "ipykernel.debugger",
    "IPython.core.completerlib",
    "IPython.core.logger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "encodings.idna",
    "tornado.platform.asyncio",
)
SAYS_NOTHING = "PYDEVD_DISABLE_FILE_VALIDATION"  # or it warns, at import, of breakpoints in Python's own modules


def load() -> None:
    """Import them; one that a version of ipykernel or IPython does not have is left to the kernel."""
    before = os.environ.get(SAYS_NOTHING)
    os.environ[SAYS_NOTHING] = "1"
    for module in LATER:
        with suppress(ImportError):
            importlib.import_module(module)
    del os.environ[SAYS_NOTHING]  # what is started from here is to hear it
    if before is not None:
        os.environ[SAYS_NOTHING] = before


load()
