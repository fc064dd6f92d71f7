"""Readers of columnar files: Parquet, and Arrow IPC in its file form (Feather) and its stream form."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from research_kit.bars.readers.base import RawTable, Source
from research_kit.bars.readers.containers import MAX_UNPACKED
from research_kit.errors import DataError


class Parquet:
    """Parquet, recognised by ``PAR1``."""

    name = "Parquet"

    def recognise(self, source: Source) -> str | None:
        return "a Parquet file" if source.head.startswith(b"PAR1") else None

    def read(self, source: Source) -> Iterator[RawTable]:
        import pyarrow as pa
        from pyarrow import parquet

        try:
            file = parquet.ParquetFile(pa.BufferReader(source.load()))
            metadata = file.metadata
            size = sum(metadata.row_group(at).total_byte_size for at in range(metadata.num_row_groups))
            if size > MAX_UNPACKED:
                raise DataError(f"{source.name} unpacks to {size:,} bytes; the limit is {MAX_UNPACKED:,}.")
            yield RawTable(file.read())
        except (pa.ArrowException, OSError) as error:
            raise _damaged(source, self.name, error) from None


class ArrowFile:
    """Feather (versions 1 and 2) and Arrow IPC, recognised by ``ARROW1``, ``FEA1`` or a stream's first message."""

    name = "Arrow IPC"

    def recognise(self, source: Source) -> str | None:
        if source.head.startswith((b"ARROW1", b"FEA1")):
            return "a Feather (Arrow IPC) file"
        return "an Arrow IPC stream" if _is_stream(source.head) else None

    def read(self, source: Source) -> Iterator[RawTable]:
        import pyarrow as pa
        from pyarrow import feather

        reader = pa.BufferReader(source.load())
        try:
            if _is_stream(source.head):
                yield RawTable(pa.ipc.open_stream(reader).read_all())
            else:
                yield RawTable(feather.read_table(reader))
        except (pa.ArrowException, OSError) as error:
            raise _damaged(source, self.name, error) from None


def _is_stream(head: bytes) -> bool:
    """Return whether the bytes begin as a message does: a continuation mark, then the length of its metadata."""
    return head[:4] == b"\xff\xff\xff\xff" and len(head) >= 8 and 0 < struct.unpack("<i", head[4:8])[0] < 1 << 24


def _damaged(source: Source, kind: str, error: Any) -> DataError:
    reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
    return DataError(
        f"{source.name} begins as {kind} but is cut short or damaged ({reason}); "
        "write it again from where it came from."
    )
