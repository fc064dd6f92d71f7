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
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.canonical import bars_sha256, canonical_sha256, series_sha256
from research_kit.bars.frame import Bars
from research_kit.bars.mapped import forget
from research_kit.errors import ArtifactMissingError, StoreError

if TYPE_CHECKING:
    import pyarrow as pa

DATA, ARTIFACTS = "data", "artifacts"
_SHA_KEY = b"sha256"
_STEP = 1 << 25


@dataclass(frozen=True)
class StoredFile:
    """What the database keeps of a file: its path relative to the workspace, the sha256 of its content, its bytes."""

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


def remove_leftovers(folder: Path, older_than: float = 3600.0) -> list[Path]:
    """Remove and return the temporary files of writers that were killed: those untouched for so many seconds."""
    limit = time.time() - older_than
    removed = []
    for path in folder.rglob(".*.tmp"):
        with suppress(OSError):
            if path.is_file() and path.stat().st_mtime < limit:
                path.unlink()
                removed.append(path)
    return removed


class FileStore:
    """The files of a workspace: bars under ``data/``, series such as full equity curves under ``artifacts/``.

    Paths in the database are relative to the workspace's folder, so that the folder can be moved.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    def __repr__(self) -> str:
        return f"FileStore({str(self.folder)!r})"

    @property
    def scratch(self) -> Path:
        """The folder for what an import needs for a moment: on the disk that the bars go to."""
        folder = self.folder / DATA
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def path(self, relative: str) -> Path:
        """Return where a stored file is; an absolute path is taken as it is."""
        return self.folder / relative

    def save_bars(self, bars: Bars, sha256: str = "") -> StoredFile:
        """Write bars once under their sha256 (worked out when not given) and return what to remember of the file.

        A file that holds them already is left alone; one that was damaged is written again.
        """
        arrays: dict[str, NDArray[Any]] = {"time_ns": bars.time_ns, **bars.columns}
        if bars.synthetic is not None and bars.synthetic.any():
            arrays["synthetic"] = bars.synthetic.astype(np.uint8)  # Arrow packs booleans into bits: no zero copy
        return self._save(DATA, sha256 or bars_sha256(bars), arrays, _hash_of_bars)

    def open_bars(self, path: str, sha256: str, size: int, **details: Any) -> Bars:
        """Return stored bars mapped into memory: no page is read until it is used, and processes share them.

        ``details`` are the other fields of ``Bars`` (symbol, timeframe, session); give the timeframe, otherwise it
        is worked out from the times.

        Raises
        ------
        ArtifactMissingError
            The file is not there, has another size, or holds other bars.
        """
        arrays = self._open(path, sha256, size, "bars", "Import the dataset again")
        time_ns, synthetic = arrays.pop("time_ns"), arrays.pop("synthetic", None)
        if synthetic is not None:
            synthetic = synthetic.view(np.bool_)
        return Bars(time_ns, arrays, synthetic=synthetic, check=False, **details)

    def verify_bars(self, path: str, sha256: str, size: int) -> None:
        """Read a whole bars file and compare its numbers with their sha256.

        Raises
        ------
        ArtifactMissingError
            The file is not there, or its numbers were changed.
        """
        found = _hash_of_bars(self._open(path, sha256, size, "bars", "Import the dataset again"))
        if found != sha256:
            raise ArtifactMissingError(
                f"The bars in {self.path(path)} were changed after they were stored (sha256 {found[:12]}…, "
                f"not {sha256[:12]}…). Import the dataset again or restore the file from a backup."
            )

    def save_series(self, series: Mapping[str, NDArray[Any]]) -> StoredFile:
        """Write named series of one length (times as int64, values as float64) and return what to remember."""
        arrays = {name: _plain(np.asarray(values)) for name, values in series.items()}
        return self._save(ARTIFACTS, series_sha256(arrays), arrays, series_sha256, compression="lz4")

    def open_series(self, path: str, sha256: str, size: int) -> dict[str, NDArray[Any]]:
        """Return the series of a file by name, read-only.

        Raises
        ------
        ArtifactMissingError
            The file is not there, has another size, or holds another series.
        """
        return self._open(path, sha256, size, "series", "Run the backtest again")

    def _save(
        self,
        folder: str,
        sha256: str,
        arrays: Mapping[str, NDArray[Any]],
        hash_of: Callable[[Mapping[str, NDArray[Any]]], str],
        *,
        compression: str | None = None,
    ) -> StoredFile:
        relative = f"{folder}/{sha256}.arrow"
        path = self.path(relative)
        there = _read_batch(path) if path.is_file() else None
        if there is None or _sha_of(there) != sha256 or hash_of(_arrays(there)) != sha256:
            batch = _batch(arrays, sha256)
            mapped = partial(forget, *arrays.values())
            write_atomic(path, lambda file: _write_batch(batch, file, compression, mapped))
        return StoredFile(relative, sha256, path.stat().st_size)

    def _open(self, path: str, sha256: str, size: int, what: str, remedy: str) -> dict[str, NDArray[Any]]:
        full = self.path(path)
        try:
            found = full.stat().st_size
        except OSError:
            raise ArtifactMissingError(
                f"The {what} file {full} is missing. {remedy} or restore the file from a backup."
            ) from None
        if found != size:
            raise ArtifactMissingError(
                f"The {what} file {full} has {found:,} bytes, {size:,} were stored. "
                f"{remedy} or restore it from a backup."
            )
        batch = _read_batch(full)
        if batch is None or _sha_of(batch) != sha256:
            raise ArtifactMissingError(
                f"The {what} file {full} does not hold what was stored there. {remedy} or restore it from a backup."
            )
        return _arrays(batch)


def _batch(arrays: Mapping[str, NDArray[Any]], sha256: str) -> pa.RecordBatch:
    import pyarrow as pa

    columns = [pa.array(np.ascontiguousarray(array)) for array in arrays.values()]
    schema = pa.schema(
        [(name, column.type) for name, column in zip(arrays, columns, strict=True)], metadata={_SHA_KEY: sha256}
    )
    return pa.record_batch(columns, schema=schema)


def _write_batch(batch: pa.RecordBatch, file: IO[bytes], compression: str | None, forgets: Callable[[], None]) -> None:
    import pyarrow as pa

    options = pa.ipc.IpcWriteOptions(compression=compression)
    sink = pa.PythonFile(_InSteps(file, forgets), mode="w")
    with pa.ipc.new_file(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)


class _InSteps:
    """A file that is written a few megabytes at a time, so that a mapped column is never in memory whole."""

    def __init__(self, file: IO[bytes], after_each: Callable[[], None]) -> None:
        self._file, self._after_each = file, after_each
        self.closed = False

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        for start in range(0, len(view), _STEP):
            self._file.write(view[start : start + _STEP])
            if len(view) > _STEP:
                self._after_each()
        return len(view)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        self._file.flush()

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


def _read_batch(path: Path) -> pa.RecordBatch | None:
    """Return the one batch of an Arrow file, mapped; None when it is not one."""
    import pyarrow as pa

    try:
        reader = pa.ipc.open_file(pa.memory_map(str(path), "r"))
        return reader.get_batch(0) if reader.num_record_batches == 1 else None
    except (OSError, ValueError, pa.ArrowException):
        return None


def _sha_of(batch: pa.RecordBatch) -> str:
    found: bytes = (batch.schema.metadata or {}).get(_SHA_KEY, b"")
    return found.decode("ascii", "replace")


def _arrays(batch: pa.RecordBatch) -> dict[str, NDArray[Any]]:
    pairs = zip(batch.schema.names, batch.columns, strict=True)
    return {name: column.to_numpy(zero_copy_only=True) for name, column in pairs}


def _hash_of_bars(arrays: Mapping[str, NDArray[Any]]) -> str:
    return canonical_sha256(arrays["time_ns"], {name: array for name, array in arrays.items() if name != "time_ns"})


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(np.int64 if values.dtype.kind in "iu" else np.float64, copy=False)


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
