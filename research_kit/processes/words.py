"""What a process that died said last."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

MOST_WORDS = 1_500  # characters


def last_words(log: Path, most: int = MOST_WORDS) -> str:
    """Return what a process printed last into its log, or of a crash the fault and the lines that it happened in."""
    with suppress(OSError):
        told = log.read_text(encoding="utf-8", errors="replace")
        crash = told.rfind("Fatal Python error")
        told = told[-most:] if crash < 0 else told[crash:].partition("Extension modules")[0][:most]
        return told.strip()
    return ""
