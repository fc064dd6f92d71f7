"""Every file that is written: whole or not at all, named by its content, opened without being read."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import IO, TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.canonical import bars_sha256, series_sha256
from research_kit.bars.frame import Bars
from research_kit.errors import ArtifactMissingError, StoreError
from research_kit.store.arrow import BARS, SERIES, Arrays, Kind, holds, plain, read_arrays, write_arrays

if TYPE_CHECKING:
    import pyarrow as pa

Whole = Callable[["pa.Buffer"], bool]


@dataclass(frozen=True)
class StoredFile:
    """What the database keeps of a file: its path in the place of files, the sha256 of its content, its bytes."""

    path: str
    sha256: str
    size: int


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; what was written there takes the place of ``path`` at the end.

    The bytes are on the disk before the name changes, so a reader sees the old file or the whole new one, also
    after a power cut. On an error the temporary file is removed and ``path`` is as it was.
    """
    temporary = path.with_name(f".{path.name[:80]}.{os.getpid()}-{token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _flush(temporary)
        temporary.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        raise StoreError(
            f"{path} could not be written: {error.strerror or error}. What was there is unchanged."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_atomic(path: Path, content: bytes | str | Callable[[IO[bytes]], object]) -> None:
    """Write a file whole or not at all: bytes, text as UTF-8, or whatever a function writes to the open file."""
    with replacing(path) as temporary, temporary.open("xb") as file:
        if callable(content):
            content(file)
        else:
            file.write(content.encode() if isinstance(content, str) else content)


def remove_leftovers(folder: Path, older_than: float = 86_400.0) -> list[Path]:
    """Remove and return the temporary files of writers that were killed: those untouched for so many seconds."""
    limit = time.time() - older_than
    removed = []
    for path in folder.rglob(".*.tmp"):
        with suppress(OSError):
            if path.is_file() and path.stat().st_mtime < limit:
                path.unlink()
                removed.append(path)
    return removed


class Place(Protocol):
    """Where stored files are: a folder, or storage elsewhere with copies on this machine.

    A file is named by its path relative to the workspace, and is written once. ``whole`` says of what a file holds
    whether it is what it should be.
    """

    where: str  # what opens the same place in another process

    def name(self, path: str) -> str:
        """Return what a file is called in a sentence."""

    def local(self, path: str) -> Path:
        """Return where the file, or the copy of it, is on this machine."""

    def map(self, file: StoredFile, whole: Whole) -> pa.Buffer:
        """Return the content of a file, mapped into memory, as it is there.

        Raises FileNotFoundError where it is missing, and ``DamagedError`` where what arrived is not what was stored.
        """

    def keep(self, path: str, whole: Whole, write: Callable[[IO[bytes]], object]) -> int:
        """Write a file unless it is there and whole; return its size in bytes."""

    def forget(self, path: str) -> bool:
        """Drop a copy that is not what it should be; False where there is none: no other file to look at."""

    def sizes(self, folder: str) -> dict[str, int]:
        """Return the files of a folder, by path, with their bytes."""


class DamagedError(Exception):
    """What arrived from elsewhere is not what was stored there; it has so many bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class Folder:
    """Files that are where they are used: under a folder of this machine, or of one that all machines see."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.where = folder, str(folder)

    def name(self, path: str) -> str:
        return str(self.local(path))

    def local(self, path: str) -> Path:
        return self.folder / path

    def map(self, file: StoredFile, whole: Whole) -> pa.Buffer:
        return map_file(self.local(file.path))

    def keep(self, path: str, whole: Whole, write: Callable[[IO[bytes]], object]) -> int:
        full = self.local(path)
        if not (full.is_file() and whole(map_file(full))):
            write_atomic(full, write)
        return full.stat().st_size

    def forget(self, path: str) -> bool:
        return False

    def sizes(self, folder: str) -> dict[str, int]:
        found = (self.folder / folder).glob("*.arrow")
        return {f"{folder}/{path.name}": path.stat().st_size for path in found}


def map_file(path: Path) -> pa.Buffer:
    """Return the content of a file, mapped into memory: no page is read until it is used; a folder has none."""
    import pyarrow as pa

    has_content = path.stat().st_size and path.is_file()
    return pa.memory_map(str(path), "r").read_buffer() if has_content else pa.py_buffer(b"")


class FileStore:
    """The files of a workspace: bars under ``data/``, series such as full equity curves under ``artifacts/``.

    Paths in the database are relative to the place that the files are in, the workspace's folder where no other is
    given, so that it can be moved.
    """

    def __init__(self, folder: Path | str, place: Place | None = None) -> None:
        self.folder = Path(folder)
        self.place: Place = place or Folder(self.folder)

    def __repr__(self) -> str:
        return f"FileStore({self.place.where!r})"

    @property
    def elsewhere(self) -> bool:
        """Whether the files are not in the workspace's folder."""
        return self.place.where != str(self.folder)

    @property
    def scratch(self) -> Path:
        """The folder for what an import needs for a moment: on the disk that the bars go to."""
        folder = self.place.local(BARS.folder)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def path(self, relative: str) -> Path:
        """Return where a stored file, or this machine's copy of it, is; an absolute path is taken as it is."""
        return self.place.local(relative)

    def save_bars(self, bars: Bars, sha256: str = "") -> StoredFile:
        """Write bars once under their sha256 (worked out when not given) and return what to remember of the file.

        A file that holds them already is left alone; one that was damaged is written again.
        """
        arrays: dict[str, NDArray[Any]] = {"time_ns": bars.time_ns, **bars.columns}
        if bars.synthetic is not None and bars.synthetic.any():
            arrays["synthetic"] = bars.synthetic.astype(np.uint8)  # Arrow packs booleans into bits: no zero copy
        return self._save(BARS, sha256 or bars_sha256(bars), arrays)

    def open_bars(self, path: str, sha256: str, size: int, **details: Any) -> Bars:
        """Return stored bars mapped into memory: no page is read until it is used, and processes share them.

        ``details`` are the other fields of ``Bars`` (symbol, timeframe, session); give the timeframe, otherwise it
        is worked out from the times.

        Raises
        ------
        ArtifactMissingError
            The file is not there, has another size, or holds other bars.
        StoreError
            The storage that it is on cannot be reached.
        """
        arrays = self._open(StoredFile(path, sha256, size), BARS)
        time_ns, synthetic = arrays.pop("time_ns"), arrays.pop("synthetic", None)
        if synthetic is not None:
            synthetic = synthetic.view(np.bool_)
        return Bars(time_ns, arrays, synthetic=synthetic, check=False, **details)

    def verify_bars(self, path: str, sha256: str, size: int) -> None:
        """Read a whole bars file (on other storage: this machine's copy) and compare its numbers with their sha256.

        A copy that was changed is fetched again.

        Raises
        ------
        ArtifactMissingError
            The file is not there, or its numbers were changed.
        """
        self.verify(StoredFile(path, sha256, size), BARS)

    def verify(self, file: StoredFile, kind: Kind) -> None:
        """Read a whole file and compare its numbers with their sha256, as ``verify_bars`` does."""
        found = kind.hash_of(self._open(file, kind))
        if found != file.sha256 and self.place.forget(file.path):
            found = kind.hash_of(self._open(file, kind))
        if found != file.sha256:
            raise ArtifactMissingError(
                f"The {kind.word} in {self.place.name(file.path)} were changed after they were stored (sha256 "
                f"{found[:12]}…, not {file.sha256[:12]}…). {kind.remedy} or restore the file from a backup."
            )

    def save_series(self, series: Mapping[str, NDArray[Any]]) -> StoredFile:
        """Write named series of one length (times as int64, values as float64) and return what to remember."""
        arrays = {name: plain(np.asarray(values)) for name, values in series.items()}
        return self._save(SERIES, series_sha256(arrays), arrays)

    def open_series(self, path: str, sha256: str, size: int) -> dict[str, NDArray[Any]]:
        """Return the series of a file by name, read-only.

        Raises
        ------
        ArtifactMissingError
            The file is not there, has another size, or holds another series.
        """
        return self._open(StoredFile(path, sha256, size), SERIES)

    def _save(self, kind: Kind, sha256: str, arrays: Arrays) -> StoredFile:
        path = f"{kind.folder}/{sha256}.arrow"
        write = partial(write_arrays, arrays, sha256, kind)
        size = self.place.keep(path, partial(holds, sha256=sha256, kind=kind), write)
        return StoredFile(path, sha256, size)

    def _open(self, file: StoredFile, kind: Kind) -> dict[str, NDArray[Any]]:
        found, arrays = self._look(file, kind)
        if arrays is None and self.place.forget(file.path):
            found, arrays = self._look(file, kind)
        if arrays is not None:
            return arrays
        name, back = self.place.name(file.path), f"{kind.remedy} or restore"
        if found is None:
            raise ArtifactMissingError(f"The {kind.word} file {name} is missing. {back} the file from a backup.")
        if found != file.size:
            raise ArtifactMissingError(
                f"The {kind.word} file {name} has {found:,} bytes, {file.size:,} were stored. {back} it from a backup."
            )
        raise ArtifactMissingError(
            f"The {kind.word} file {name} does not hold what was stored there. {back} it from a backup."
        )

    def _look(self, file: StoredFile, kind: Kind) -> tuple[int | None, dict[str, NDArray[Any]] | None]:
        """Return the size of a file, None where it is missing, and its arrays where it is what was stored."""
        try:
            content = self.place.map(file, partial(holds, sha256=file.sha256, kind=kind))
        except DamagedError as error:
            return error.size, None
        except OSError:
            return None, None
        return content.size, read_arrays(content, file.sha256) if content.size == file.size else None


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # Windows has no way to flush a folder
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
