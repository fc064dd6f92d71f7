"""Where a page goes: into an HTML file, or, printed by Chromium, into a PDF."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from research_kit.errors import OptionError, did_you_mean
from research_kit.runs.home import Paper
from research_kit.store.files import write_atomic

_SIZES: Mapping[str, tuple[float, float]] = {"A4": (8.27, 11.69), "letter": (8.5, 11.0)}  # inches
_MARGIN = 0.55  # 14 mm
_TIMES = re.compile(rb"/(CreationDate|ModDate) ?\(D:\d{14}[^)]*\)")


def check_target(target: Path, paper: str) -> None:
    """Refuse what could not be written in the end, before anything is executed.

    Raises
    ------
    OptionError
        There is no such paper.
    ReportError
        A PDF is wanted, and there is no Chromium.
    """
    if paper not in _SIZES:
        raise OptionError(f"There is no paper {paper!r}. {did_you_mean(str(paper), _SIZES)}")
    if _is_pdf(target):
        from research_kit.report.chromium import find_chromium

        find_chromium()


def deliver(page: str, target: Path, *, paper: Paper = "A4") -> Path:
    """Write a page where it is wanted, whole or not at all, and return the path; a name ending in .pdf is printed.

    `check_target` says before whether that can be done.
    """
    write_atomic(target, print_pdf(page, paper) if _is_pdf(target) else page)
    return target.absolute()


def print_pdf(page: str, paper: Paper = "A4") -> bytes:
    """Return a page as a PDF with bookmarks and page numbers; it says of no time when it was printed."""
    from research_kit.report.chromium import print_page

    with TemporaryDirectory(prefix="research-kit-") as scratch:
        file = Path(scratch) / "report.html"
        file.write_text(page, encoding="utf-8")
        return _TIMES.sub(_timeless, print_page(file, _settings(page, paper)))


def _timeless(found: re.Match[bytes]) -> bytes:
    """Keep the length: a PDF finds its parts by counting bytes."""
    return re.sub(rb"\d", b"0", found[0])


def _settings(page: str, paper: Paper) -> dict[str, Any]:
    width, height = _SIZES[paper]
    margins = {f"margin{side}": _MARGIN for side in ("Top", "Bottom", "Left", "Right")}
    return margins | {
        "paperWidth": width,
        "paperHeight": height,
        "printBackground": True,
        "landscape": "@page { size: landscape; }" in page,
        "generateTaggedPDF": True,
        "generateDocumentOutline": True,
    }


def _is_pdf(target: Path) -> bool:
    return target.suffix.lower() == ".pdf"
