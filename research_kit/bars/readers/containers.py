"""Opening a file: plain, gzip or zip, unpacked as it is read and never written to disk, with limits against bombs."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from research_kit.bars.readers.base import HEAD_BYTES, Source
from research_kit.bars.readers.sniff import Hints
from research_kit.errors import DataError, NotFoundError, UnknownFormatError

if TYPE_CHECKING:
    import pyarrow as pa

MAX_UNPACKED = 8 << 30
"""Most bytes that a file may unpack to where its reader needs it whole: 8 GiB. What is read in blocks has no limit."""

MAX_RATIO = 200
"""Most bytes that one packed byte may become, once ``RATIO_FREE`` have come out; price files reach 5 to 20."""

RATIO_FREE = 32 << 20

_STEP = 1 << 22
_BLOCK = 1 << 23  # larger ones are mapped into memory and out again, which costs more than the parsing gains
_DAMAGED = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError)


def open_source(path: Path, hints: Hints | None = None, *, limit: int = MAX_UNPACKED) -> Source:
    """Return a file opened for the readers: its head now, the rest when a reader asks.

    Packed files are recognised by their first bytes. A zip must hold exactly one file, or one CSV beside others; the
    names inside it are never used as paths.

    Raises
    ------
    NotFoundError
        There is no such file.
    DataError
        It cannot be read, is damaged, or unpacks to more than ``MAX_RATIO`` times its size, or to more than ``limit``
        bytes where it is loaded whole.
    """
    hints = hints or Hints()
    try:
        with path.open("rb") as file:
            magic = file.read(4)
        container = _container(magic)
        with _content(path, container) as (content, member, _):
            head = _read_up_to(content, HEAD_BYTES + 1)
    except FileNotFoundError:
        raise NotFoundError(f"There is no file {str(path)!r}.") from None
    except DataError:
        raise
    except _DAMAGED as error:
        raise DataError(f"{path.name} cannot be read: {_reason(error)}.") from None
    return Source(
        name=path.name,
        head=head[:HEAD_BYTES],
        whole=len(head) <= HEAD_BYTES,
        container=container,
        load=partial(_load, path, container, limit),
        chunks=partial(_chunks, path, container),
        hints=hints,
        member=member,
    )


def _container(magic: bytes) -> str:
    if magic.startswith(b"\x1f\x8b"):
        return "gzip"
    return "zip" if magic.startswith((b"PK\x03\x04", b"PK\x05\x06")) else ""


@contextmanager
def _content(path: Path, container: str) -> Iterator[tuple[IO[bytes], str, IO[bytes]]]:
    """Open the content of a file, unpacked as it is read; with the name inside a zip, and the file itself."""
    with path.open("rb") as file:
        if container == "gzip":
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield cast(IO[bytes], unpacked), "", file
        elif container == "zip":
            with zipfile.ZipFile(file) as archive:
                member = _only_member(path, archive)
                with archive.open(member) as content:
                    yield content, member.filename, file
        else:
            yield file, "", file


def _only_member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [member for member in archive.infolist() if not member.is_dir()]
    names = [member.filename for member in members]
    if "[Content_Types].xml" in names:
        raise UnknownFormatError(f"{path.name} is an Excel or Office file; save the sheet as CSV and import that.")
    members = [member for member in members if not member.filename.startswith("__MACOSX/")]
    tables = [member for member in members if member.filename.lower().endswith(".csv")]
    if len(tables) == 1:  # vendors put a licence or a report on gaps beside it
        members = tables
    if len(members) != 1:
        shown = ", ".join(map(repr, names[:3])) + (" ..." if len(names) > 3 else "")
        raise DataError(
            f"{path.name} is a zip of {len(members)} files{f' ({shown})' if names else ''}; "
            "unpack it and import them one by one."
        )
    if members[0].flag_bits & 1:
        raise DataError(f"{path.name} is a zip with a password; unpack it and import the file inside.")
    return members[0]


def _load(path: Path, container: str, limit: int) -> pa.Buffer:
    import pyarrow as pa

    if not container:
        return pa.memory_map(str(path)).read_buffer() if path.stat().st_size else pa.py_buffer(b"")
    out = io.BytesIO()
    for block, _ in _chunks(path, container):
        out.write(block)
        if out.tell() > limit:
            raise DataError(
                f"{path.name} unpacks to more than {limit:,} bytes, which is the limit for files that are read whole; "
                "unpack it, and import it as Parquet or CSV."
            )
    return pa.py_buffer(out.getbuffer())


def _chunks(path: Path, container: str) -> Iterator[tuple[bytes, int]]:
    """Yield the unpacked content in pieces, each with how many bytes of the file were read by then."""
    packed, unpacked = path.stat().st_size, 0
    most = max(RATIO_FREE, MAX_RATIO * packed)
    step = _STEP if container else _BLOCK
    try:
        with _content(path, container) as (content, _, file):
            while block := content.read(step):
                unpacked += len(block)
                if container and unpacked > most:
                    raise DataError(
                        f"{path.name} has {packed:,} bytes and unpacks to more than {most:,}; the limit is {MAX_RATIO} "
                        "times its size. If it is what it should be, unpack it and import the plain file."
                    )
                yield block, file.tell()
    except DataError:
        raise
    except _DAMAGED as error:
        raise DataError(f"{path.name} is damaged: {_reason(error)}.") from None


def _read_up_to(content: IO[bytes], size: int) -> bytes:
    parts = []
    while size > 0 and (part := content.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error).rstrip(".") or type(error).__name__
