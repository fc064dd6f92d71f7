"""Make or renew the project's virtual environment in .venv, from the lock file; needs Python's standard library only.

It does nothing when the environment already fits the lock file and pyproject.toml.
"""

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
STAMP = VENV / ".ready"
LOWEST, HIGHEST = (3, 11), (3, 13)


def main() -> None:
    """Create the environment and install what the lock file names, then this project in editable form."""
    _check_python()
    wanted = _fingerprint()
    if STAMP.is_file() and STAMP.read_text() == wanted:
        STAMP.touch()  # make compares times
        return
    if not _python().exists():
        print("making .venv …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    _pip("-r", "requirements.lock")
    _pip("--no-deps", "-e", ".")
    STAMP.write_text(wanted)


def _check_python() -> None:
    if not LOWEST <= sys.version_info[:2] <= HIGHEST:
        sys.exit(
            f"research_kit needs Python 3.11 to 3.13; this is {sys.version.split()[0]} ({sys.executable}). "
            "Say which to use: make PYTHON=python3.12 …"
        )
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        sys.exit("This Python has no ensurepip, which venv needs. On Debian or Ubuntu: sudo apt install python3-venv")


def _fingerprint() -> str:
    digest = sha256(f"{sys.version_info[:2]} {VENV}".encode())
    for name in ("requirements.lock", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def _python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _pip(*arguments: str) -> None:
    print("installing", *arguments, "…", flush=True)
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    subprocess.run([str(_python()), "-m", "pip", "install", *quiet, *arguments], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
