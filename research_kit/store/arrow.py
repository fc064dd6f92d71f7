"""Arrow files of named arrays: written a few megabytes at a time, mapped without copying, known by their numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.canonical import canonical_sha256, series_sha256
from research_kit.bars.mapped import forget

if TYPE_CHECKING:
    import pyarrow as pa

Arrays = Mapping[str, NDArray[Any]]
_SHA_KEY = b"sha256"
_STEP = 1 << 25


@dataclass(frozen=True)
class Kind:
    """What a file can hold: the folder of such files, how numbers become their sha256, what to do when it is lost."""

    folder: str
    word: str
    remedy: str
    hash_of: Callable[[Arrays], str]
    compression: str | None = None


def _hash_of_bars(arrays: Arrays) -> str:
    return canonical_sha256(arrays["time_ns"], {name: array for name, array in arrays.items() if name != "time_ns"})


BARS = Kind("data", "bars", "Import the dataset again", _hash_of_bars)
SERIES = Kind("artifacts", "series", "Run the backtest again", series_sha256, compression="lz4")


def write_arrays(arrays: Arrays, sha256: str, kind: Kind, file: IO[bytes]) -> None:
    """Write arrays of one length as one batch, with the sha256 of their numbers beside them."""
    import pyarrow as pa

    batch = _batch(arrays, sha256)
    options = pa.ipc.IpcWriteOptions(compression=kind.compression)
    sink = pa.PythonFile(_InSteps(file, partial(forget, *arrays.values())), mode="w")
    with pa.ipc.new_file(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)


def read_arrays(content: pa.Buffer, sha256: str) -> dict[str, NDArray[Any]] | None:
    """Return the arrays of a file that says it holds this sha256, without reading them; None where it does not."""
    import pyarrow as pa

    try:
        reader = pa.ipc.open_file(pa.BufferReader(content))
        batch = reader.get_batch(0) if reader.num_record_batches == 1 else None
    except (OSError, ValueError, pa.ArrowException):
        return None
    if batch is None or (batch.schema.metadata or {}).get(_SHA_KEY) != sha256.encode():
        return None
    pairs = zip(batch.schema.names, batch.columns, strict=True)
    return {name: column.to_numpy(zero_copy_only=True) for name, column in pairs}


def holds(content: pa.Buffer, sha256: str, kind: Kind) -> bool:
    """Return whether a file holds the numbers of this sha256: it is read whole."""
    arrays = read_arrays(content, sha256)
    return arrays is not None and kind.hash_of(arrays) == sha256


def plain(values: NDArray[Any]) -> NDArray[Any]:
    """Return values as a file has them: whole numbers as int64, others as float64."""
    return values.astype(np.int64 if values.dtype.kind in "iu" else np.float64, copy=False)


def _batch(arrays: Arrays, sha256: str) -> pa.RecordBatch:
    import pyarrow as pa

    columns = [pa.array(np.ascontiguousarray(array)) for array in arrays.values()]
    schema = pa.schema(
        [(name, column.type) for name, column in zip(arrays, columns, strict=True)], metadata={_SHA_KEY: sha256}
    )
    return pa.record_batch(columns, schema=schema)


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
