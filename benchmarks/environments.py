"""One virtual environment for each peer, made once under ``environments/``; a peer that cannot be had is named."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from sheet import Sheet

HERE = Path(__file__).parent
FOLDER = HERE / "environments"


@dataclass(frozen=True)
class Environment:
    """The packages of a virtual environment; none: the environment of this project."""

    name: str
    requirement: str = ""

    @property
    def python(self) -> Path:
        return FOLDER / self.name / "bin" / "python" if self.requirement else Path(sys.executable)


PROJECT = Environment("research_kit")
VECTORBT_RUST = Environment("vectorbt-rust", "vectorbt[rust]==1.2.0")
VECTORBT_NUMBA = Environment("vectorbt-numba", "vectorbt==1.2.0")
BACKTESTING = Environment("backtesting.py", "backtesting==0.6.6")
BACKTRADER = Environment("backtrader", "backtrader==1.9.78.123 pandas==3.1.1")
EMPYRICAL = Environment("empyrical", "empyrical-reloaded==0.7.1")
QUANTSTATS = Environment("quantstats", "quantstats==0.0.86")
FFN = Environment("ffn", "ffn==1.4.1")
DUCKDB = Environment("duckdb", "duckdb==2.0.0 pyarrow==26.0.1")
POLARS = Environment("polars", "polars==2.1.0")
PANDAS = Environment("pandas", "pandas==3.1.1 pyarrow==26.0.1")
PYARROW = Environment("pyarrow", "pyarrow==26.0.1 numpy==2.4.6")
ADBC = Environment("adbc", "adbc-driver-sqlite==1.13.0 adbc-driver-postgresql==1.13.0 pyarrow==26.0.1 pandas==3.1.1")
SQLMODEL = Environment("sqlmodel", "sqlmodel==0.0.50 pandas==3.1.1 psycopg[binary]==3.3.9")
CONNECTORX = Environment("connectorx", "connectorx==0.4.5 polars==2.1.0 pandas==3.1.1 pyarrow==26.0.1")


@dataclass(frozen=True)
class Competitor:
    """One engine of a comparison: the module that runs it, where, and how far it goes."""

    name: str
    module: str  # run in this folder with ``python -m``
    environment: Environment = PROJECT
    engine: str = ""  # which of its ways, where the module knows several
    largest: int = 5_000_000  # bars or rows; more would take minutes
    tolerance: float = 1e-9  # of final equity and the like, relative
    same_stops: bool = True  # False: other rules where stop and signal, or stop and entry, share a bar


def make(environment: Environment) -> str:
    """Make an environment unless it exists; return why it cannot be had, or an empty text."""
    ready = FOLDER / environment.name / "ready"
    if not environment.requirement or (ready.exists() and ready.read_text() == environment.requirement):
        return ""
    print(f"making the environment of {environment.name} ({environment.requirement}) …", flush=True)
    rmtree(ready.parent, ignore_errors=True)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", *environment.requirement.split()]
    for command in ([sys.executable, "-m", "venv", str(ready.parent)], [str(environment.python), *install]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"not installed: {(done.stderr.strip() or 'no message').splitlines()[-1]}"
    ready.write_text(environment.requirement)
    return ""


def available(peers: Iterable[Competitor], sheet: Sheet) -> list[Competitor]:
    """Return the peers whose environments are there or can be made; the sheet says why others are missing."""
    found: list[Competitor] = []
    for peer in peers:
        if problem := make(peer.environment):
            sheet.miss(peer.name, problem)
        else:
            found.append(peer)
    return found
