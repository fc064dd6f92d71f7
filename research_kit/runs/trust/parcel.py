"""The folder that an exported run is: which files it has, and how they are read without believing any of them.

::

    run.json        what was run, what came of it, and the size and sha256 of every other file
    source.txt      the strategy's source with its local modules, as it was stored
    bars.bin        int64 nanoseconds UTC, then each column as float64, all little-endian; may be left out
    equity.bin      float64, little-endian, one for each bar
    trades.json     the trades, column by column
    versions.txt    the packages of that time, one a line, as pip reads them
    README.md       what it is and how to verify it

There is no pickle, no archive and no file format that a library would have to parse, apart from JSON and plain text.
"""

from __future__ import annotations

import json
import os
import stat
from hashlib import sha256
from pathlib import Path
from typing import IO, Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, ValidationError

from research_kit.errors import OptionError, StoreError, listed
from research_kit.validation import CheckedModel, complaints

MANIFEST, SOURCE, BARS, EQUITY, TRADES = "run.json", "source.txt", "bars.bin", "equity.bin", "trades.json"
VERSIONS, README = "versions.txt", "README.md"
NEEDED = (SOURCE, EQUITY, TRADES)
FILES = (*NEEDED, BARS, VERSIONS, README)
MOST_TEXT = 256 << 20  # bytes of a file that is read whole: text and JSON
_BLOCK = 1 << 20

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Word = Annotated[str, Field(max_length=500)]


class _Part(CheckedModel):
    _subject: ClassVar[str] = f"{MANIFEST}"
    _noun: ClassVar[str] = "entry"
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ListedFile(_Part):
    """A file of the folder."""

    size: Annotated[int, Field(ge=0)]
    sha256: Sha256


class ExportedStrategy(_Part):
    """How the strategy was stored."""

    origin: Literal["builtin", "workspace", "module", "notebook"]
    module_path: Word
    class_name: Annotated[str, Field(pattern=r"^[^\W\d]\w*(\.[^\W\d]\w*)*$", max_length=200)]
    description: Annotated[str, Field(max_length=10_000)] = ""


class ExportedBars(_Part):
    """What the bars are, apart from their numbers."""

    symbol: Annotated[str, Field(max_length=20)] = ""
    timezone: Annotated[str, Field(max_length=50)] = "UTC"
    allow_nonpositive: bool = False
    rows: Annotated[int, Field(ge=1)]
    columns: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(max_length=200)


class ExportedResult(_Part):
    """What came of the run, apart from equity and trades."""

    equity_sha256: Sha256
    trades_sha256: Sha256
    orders_sha256: Sha256 | None = None
    metrics: dict[Word, int | float | None] = Field(max_length=500)
    reasons: dict[Word, Word] = Field(max_length=500)
    counts: dict[Word, int | bool | None] = Field(max_length=20)


class Manifest(_Part):
    """All that ``run.json`` says."""

    format: Literal["research_kit run 1"] = "research_kit run 1"
    title: Word
    completed_at: Word
    spec: dict[str, Any]
    spec_hash: Sha256
    strategy: ExportedStrategy
    bars: ExportedBars
    result: ExportedResult
    files: dict[str, ListedFile]


def read_manifest(folder: Path) -> Manifest:
    """Return what the folder of an export says of itself; nothing but its form has been checked.

    Raises
    ------
    StoreError
        It is no such folder, a file in it is not one of an export's or no plain file, or ``run.json`` cannot be read.
    """
    found = _plain_files(folder)
    if MANIFEST not in found:
        raise StoreError(f"{folder} is no exported run: it has no {MANIFEST}.")
    try:
        values = json.loads(_read(folder, MANIFEST, found[MANIFEST], None))
        if not isinstance(values, dict):
            raise StoreError(f"{MANIFEST} holds no object.")
        manifest = Manifest(**values)
    except (ValueError, RecursionError, TypeError, ValidationError, OptionError) as error:
        said = complaints(error) if isinstance(error, ValidationError) else str(error)
        raise StoreError(f"{MANIFEST} cannot be read: {said:.500}") from None
    listed_too = set(manifest.files) | {MANIFEST}
    odd = sorted(set(found) ^ listed_too)
    if odd:
        word = "is not listed in" if odd[0] in found else "is missing, but listed in"
        raise StoreError(f"{odd[0]!r} {word} {MANIFEST}: the folder is not as it was exported.")
    missing = [name for name in NEEDED if name not in found]
    if missing:
        raise StoreError(f"The export has no {listed(missing)}.")
    return manifest


def read_file(folder: Path, name: str, manifest: Manifest) -> bytes:
    """Return the content of a file of the folder, its size and sha256 compared with the manifest.

    Raises
    ------
    StoreError
        It is not what the manifest says.
    """
    known = manifest.files[name]
    return _read(folder, name, known.size, known.sha256)


def read_json(folder: Path, name: str, manifest: Manifest) -> Any:
    """Return what a JSON file of the folder holds."""
    try:
        return json.loads(read_file(folder, name, manifest))
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{name} cannot be read: {error!s:.200}") from None


def _plain_files(folder: Path) -> dict[str, int]:
    """Return the files of a folder with their sizes; only plain files under the names of an export are let through."""
    try:
        if folder.is_symlink() or not folder.is_dir():
            raise StoreError(f"{folder} is no folder that can be read (a link is not followed).")
        found = {}
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name not in (*FILES, MANIFEST):
                    raise StoreError(
                        f"{entry.name!r} is no file of an export; remove it from {folder} if you put it there."
                    )
                if entry.is_symlink() or not entry.is_file(follow_symlinks=False):
                    raise StoreError(f"{entry.name!r} is no plain file; nothing was read.")
                found[entry.name] = entry.stat(follow_symlinks=False).st_size
        return found
    except OSError as error:
        raise StoreError(f"{folder} cannot be read: {error.strerror or error}.") from error


def _read(folder: Path, name: str, size: int, digest: str | None) -> bytes:
    if name not in (BARS, EQUITY) and size > MOST_TEXT:
        raise StoreError(f"{name} has {size:,} bytes, at most {MOST_TEXT:,} are read.")
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        with os.fdopen(os.open(folder / name, flags), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode) or about.st_size != size:
                raise StoreError(f"{name} has {about.st_size:,} bytes, {size:,} were exported.")
            content = _whole(file, size)
    except OSError as error:
        raise StoreError(f"{name} cannot be read: {error.strerror or error}.") from error
    if len(content) != size or (digest is not None and sha256(content).hexdigest() != digest):
        raise StoreError(f"{name} is not the file that was exported: its sha256 differs.")
    return content


def _whole(file: IO[bytes], size: int) -> bytes:
    blocks = []
    while size > 0 and (block := file.read(min(_BLOCK, size))):
        blocks.append(block)
        size -= len(block)
    return b"".join(blocks)
