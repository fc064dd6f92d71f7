"""One virtual environment for each peer, made once under ``environments/``; a peer that cannot be had is named."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

HERE = Path(__file__).parent
FOLDER = HERE / "environments"


@dataclass(frozen=True)
class Competitor:
    """One engine of the comparison: its script, what it needs, and how far it goes."""

    name: str
    script: str
    requirement: str = ""  # packages of its environment; "": runs in that of this project
    engine: str = ""  # of vectorbt, which has two
    largest: int = 5_000_000  # bars; more would take minutes
    tolerance: float = 1e-9  # of final equity, relative
    same_stops: bool = True  # False: other rules where stop and signal, or stop and entry, share a bar

    @property
    def python(self) -> Path:
        return FOLDER / self.name / "bin" / "python" if self.requirement else Path(sys.executable)


OURS = Competitor("research_kit", "ours.py")
LIMIT = Competitor("limit", "limit.py")
PEERS = (
    Competitor("vectorbt-rust", "peer_vectorbt.py", "vectorbt[rust]==1.2.0", engine="rust", same_stops=False),
    Competitor("vectorbt-numba", "peer_vectorbt.py", "vectorbt==1.2.0", engine="numba", same_stops=False),
    Competitor("backtesting.py", "peer_backtesting.py", "backtesting==0.6.6", largest=100_000, tolerance=1e-6),
)
OUR_IMPORT = Competitor("research_kit", "import_ours.py")
IMPORT_PEERS = (
    Competitor("duckdb", "import_peer_duckdb.py", "duckdb==2.0.0 pyarrow==26.0.1"),
    Competitor("polars", "import_peer_polars.py", "polars==2.1.0"),
    Competitor("pandas", "import_peer_pandas.py", "pandas==3.1.1 pyarrow==26.0.1"),
    Competitor("pyarrow", "import_peer_pyarrow.py", "pyarrow==26.0.1 numpy==2.4.6"),
)


def make(peer: Competitor) -> str:
    """Make the peer's environment unless it exists; return why it cannot be had, or an empty text."""
    ready = FOLDER / peer.name / "ready"
    if not peer.requirement or (ready.exists() and ready.read_text() == peer.requirement):
        return ""
    print(f"making the environment of {peer.name} ({peer.requirement}) …", flush=True)
    rmtree(ready.parent, ignore_errors=True)
    for command in (
        [sys.executable, "-m", "venv", str(ready.parent)],
        [str(peer.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.requirement.split()],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"not installed: {(done.stderr.strip() or 'no message').splitlines()[-1]}"
    ready.write_text(peer.requirement)
    return ""
