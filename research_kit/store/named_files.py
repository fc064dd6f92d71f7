"""The files that rows name, all of them: looked at, and copied to another place."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import IO, TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from research_kit.errors import ArtifactMissingError, StoreError
from research_kit.store.arrow import BARS, SERIES, Kind, holds
from research_kit.store.database import Database
from research_kit.store.files import FileStore, StoredFile
from research_kit.store.tables import columns_of

if TYPE_CHECKING:
    import pyarrow as pa


class CopiedFiles(NamedTuple):
    """What was copied to another place: files and bytes that are there now, and what could not be copied."""

    files: int
    bytes: int
    problems: list[str]


def named_files(database: Database) -> list[tuple[Kind, StoredFile]]:
    """Return each file that a dataset or a backtest names, once."""
    datasets, backtests = columns_of("datasets"), columns_of("backtests")
    bars = sa.select(datasets.c.file_path, datasets.c.sha256, datasets.c.file_size).distinct()
    curves = sa.select(backtests.c.equity_path, backtests.c.equity_sha256, backtests.c.equity_size).distinct()
    found = []
    with database.read() as session:
        for kind, query in ((BARS, bars), (SERIES, curves)):
            rows = session.execute(query).all()
            found += [(kind, StoredFile(path, sha256, size or 0)) for path, sha256, size in rows if path and sha256]
    return sorted(found, key=lambda one: one[1].path)


def check_files(database: Database, files: FileStore, *, read: bool = False) -> list[str]:
    """Return what is wrong with the files that rows name, one sentence each: missing, of another size.

    With ``read`` each is read whole, fetched where there is no copy here, and compared with its sha256.
    """
    named = named_files(database)
    if read:
        return list(_failures(files, named))
    sizes = {path: size for kind in (BARS, SERIES) for path, size in files.place.sizes(kind.folder).items()}
    return [problem for kind, file in named for problem in _difference(files, kind, file, sizes.get(file.path))]


def copy_files(database: Database, source: FileStore, target: FileStore) -> CopiedFiles:
    """Copy each file that a row names to another place, unless it is there; each is compared with its sha256 before."""
    if source.place.where == target.place.where:
        raise StoreError(f"The files are at {source.place.where} already; give another place.")
    copied, bytes_, problems = 0, 0, []
    for kind, file in named_files(database):
        whole = partial(holds, sha256=file.sha256, kind=kind)
        try:
            source.verify(file, kind)
            size = target.place.keep(file.path, whole, partial(_write, source.place.map(file, whole)))
        except ArtifactMissingError as error:
            problems.append(str(error))
            continue
        copied, bytes_ = copied + 1, bytes_ + size
        problems += _difference(target, kind, file, size)
    return CopiedFiles(copied, bytes_, problems)


def _write(content: pa.Buffer, out: IO[bytes]) -> None:
    out.write(memoryview(content))


def _failures(files: FileStore, named: list[tuple[Kind, StoredFile]]) -> Iterator[str]:
    for kind, file in named:
        try:
            files.verify(file, kind)
        except ArtifactMissingError as error:
            yield str(error)


def _difference(files: FileStore, kind: Kind, file: StoredFile, size: int | None) -> list[str]:
    """Return the sentence about a file that is not as it was stored, if it is not."""
    name = f"The {kind.word} file {files.place.name(file.path)}"
    if size is None:
        return [f"{name} is missing."]
    return [] if size == file.size else [f"{name} has {size:,} bytes, {file.size:,} were stored."]
