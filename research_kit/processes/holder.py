"""A process that goes on by itself and holds a file, so that there is one of its kind; it inherits the file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Thread

from research_kit.processes.lock import hold


def start_holder(
    lock: Path, module: str, folder: Path, arguments: Sequence[str] = (), *, log: Path, environment: Mapping[str, str]
) -> None:
    """Start a module as a process of its own session that holds ``lock``, unless one does.

    The module is told ``folder``, where it works, the number of the file that it holds, and ``arguments``; what it
    prints goes to the end of ``log``. ``environment`` is what it has besides that of this process.
    """
    held = hold(lock, tries=1)
    if held is None:
        return
    try:
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, str(folder), str(held.number), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[held.number],
                start_new_session=True,
                cwd=folder,
                env=os.environ | environment,
            )
    finally:
        held.release()  # the other process has it now
    Thread(target=process.wait, name=f"end of {module}", daemon=True).start()
