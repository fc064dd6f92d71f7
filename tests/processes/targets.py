"""What children of the tests run: small functions of an importable module."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path


def write(path, text):
    Path(path).write_text(text, encoding="utf-8")


def rest(seconds):
    time.sleep(seconds)


def describe(path):
    """Write who this process is and what it sees."""
    import numpy as np

    about = {
        "pid": os.getpid(),
        "group": os.getpgrp(),
        "session": os.getsid(0),
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "random": random.random(),
        "numpy": float(np.random.random()),
        "interrupt": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
        "terminate": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
        "open": sorted(int(file.name) for file in Path("/proc/self/fd").glob("*")),
        "marked": hasattr(sys, "marked"),
    }
    Path(path).write_text(json.dumps(about), encoding="utf-8")


def mark():
    """Leave marks that a later child must not see."""
    sys.marked = True
    os.environ["MARKED"] = "yes"
    os.chdir("/")


def leave(code):
    sys.exit(code)


def fail():
    raise ValueError("no good")


def say(path):
    """Say that this process is here, and stay."""
    Path(path).write_text(str(os.getpid()), encoding="utf-8")
    while True:
        time.sleep(60)


def refuse_to_end(path):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say(path)


def found_family(path):
    """Start a process of its own, say its number, and stay."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    say_other(path, child.pid)


def leave_family(path):
    """Start a process of its own, say its number, and leave it behind."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(path).write_text(str(child.pid), encoding="utf-8")


def say_other(path, pid):
    Path(path).write_text(f"{os.getpid()} {pid}", encoding="utf-8")
    time.sleep(600)


def own_nursery(path):
    """Start a nursery with a child, say both numbers, and stay: to be killed."""
    from research_kit.processes.children import WarmStart

    nursery = WarmStart()
    child = nursery.start("processes.targets:say", {"path": f"{path}.inner"})
    Path(path).write_text(f"{nursery._process.pid} {child.pid}", encoding="utf-8")
    time.sleep(600)


def take(size):
    """Take so many bytes."""
    bytearray(size)
