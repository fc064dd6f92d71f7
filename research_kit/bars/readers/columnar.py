"""Readers of columnar files: Parquet, and Arrow IPC in its file form (Feather) and its stream form."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from research_kit.bars.columns.tick_names import recognise_ticks, tick_roles
from research_kit.bars.readers.base import RawTable, Source
from research_kit.bars.readers.wide import narrowed_blocks
from research_kit.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 1 << 19


class Parquet:
    """Parquet, recognised by ``PAR1``."""

    name = "Parquet"

    def recognise(self, source: Source) -> str | None:
        return "a Parquet file" if source.head.startswith(b"PAR1") else None

    def read(self, source: Source) -> Iterator[RawTable]:
        return narrowed_blocks(self.tables(source), source.hints.symbol, source.name)

    def tables(self, source: Source) -> Iterator[RawTable]:
        """Yield the file as it is, several instruments side by side included."""
        import pyarrow as pa
        from pyarrow import parquet

        try:
            file = parquet.ParquetFile(pa.BufferReader(source.load()))
            tables = (pa.Table.from_batches([batch]) for batch in file.iter_batches(batch_size=BATCH_ROWS))
            yield from _at_least_one(tables, file.schema_arrow)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise _damaged(source, self.name, error) from None


class ArrowFile:
    """Feather (versions 1 and 2) and Arrow IPC, recognised by ``ARROW1``, ``FEA1`` or a stream's first message."""

    name = "Arrow IPC"

    def recognise(self, source: Source) -> str | None:
        if source.head.startswith((b"ARROW1", b"FEA1")):
            return "a Feather (Arrow IPC) file"
        return "an Arrow IPC stream" if _is_stream(source.head) else None

    def read(self, source: Source) -> Iterator[RawTable]:
        return narrowed_blocks(self.tables(source), source.hints.symbol, source.name)

    def tables(self, source: Source) -> Iterator[RawTable]:
        """Yield the file as it is, several instruments side by side included."""
        import pyarrow as pa
        from pyarrow import feather

        content = pa.BufferReader(source.load())
        try:
            if source.head.startswith(b"FEA1"):
                table = feather.read_table(content)
                yield from _at_least_one([table], table.schema)
                return
            reader = pa.ipc.open_stream(content) if _is_stream(source.head) else pa.ipc.open_file(content)
            yield from _at_least_one(_joined(_batches(reader), reader.schema), reader.schema)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise _damaged(source, self.name, error) from None


def _at_least_one(tables: Iterable[pa.Table], schema: pa.Schema) -> Iterator[RawTable]:
    """Yield tables; an empty one, which names the columns, where there are none."""
    empty = True
    for table in tables:
        empty = False
        table.validate(full=True)  # a damaged file may hold text that is none, or offsets beyond its end
        yield RawTable(table, ticks=recognise_ticks(schema.names), roles=tick_roles(schema.names))
    if empty:
        yield RawTable(schema.empty_table())


def _batches(reader: Any) -> Iterator[pa.RecordBatch]:
    if hasattr(reader, "num_record_batches"):
        return (reader.get_batch(at) for at in range(reader.num_record_batches))
    return iter(reader)


def _joined(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield batches as tables of about ``BATCH_ROWS`` rows: files often come in many small ones."""
    import pyarrow as pa

    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(one.num_rows for one in waiting) >= BATCH_ROWS:
            yield pa.Table.from_batches(waiting, schema)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting, schema)


def _is_stream(head: bytes) -> bool:
    """Return whether the bytes begin as a message does: a continuation mark, then the length of its metadata."""
    return head[:4] == b"\xff\xff\xff\xff" and len(head) >= 8 and 0 < struct.unpack("<i", head[4:8])[0] < 1 << 24


def _damaged(source: Source, kind: str, error: Any) -> DataError:
    reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
    return DataError(
        f"{source.name} begins as {kind} but is cut short or damaged ({reason}); "
        "write it again from where it came from."
    )
