"""Arrays in files that are as large as the data is, and as small in memory as is wished."""

from __future__ import annotations

import mmap
import os
import tempfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.errors import DataError


class ScratchArray:
    """An array that grows in a nameless file: whatever ends the process, nothing is left behind.

    Examples
    --------
    >>> scratch = ScratchArray(np.dtype(np.int64))
    >>> scratch.append(np.array([1, 2]))
    >>> scratch.append(np.array([3]))
    >>> scratch.mapped().tolist()
    [1, 2, 3]
    """

    def __init__(self, dtype: np.dtype[Any], folder: Path | None = None) -> None:
        self.dtype = dtype
        self._folder = folder
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed with this object

    def __del__(self) -> None:
        self._file.close()

    def append(self, values: NDArray[Any]) -> None:
        """Add values at the end. Raises DataError where the disk is full."""
        try:
            self._file.write(np.ascontiguousarray(values, dtype=self.dtype).data)
            self._file.flush()
        except OSError as error:
            where = self._folder or tempfile.gettempdir()
            raise DataError(
                f"The disk of {where} has no room for the numbers of this import ({error.strerror or error}); make "
                "room, or use a workspace on another disk. Nothing was stored."
            ) from None

    def mapped(self) -> NDArray[Any]:
        """Return all values, read-only, mapped: pages are read when they are used."""
        if not self._file.tell():
            return np.empty(0, dtype=self.dtype)
        return np.frombuffer(mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ), dtype=self.dtype)

    def part(self, chosen: slice) -> NDArray[Any]:
        """Return some values, read-only, read without mapping: many small parts would map sixteen pages each."""
        size = self.dtype.itemsize
        self._file.seek(chosen.start * size)
        data = self._file.read((chosen.stop - chosen.start) * size)
        self._file.seek(0, os.SEEK_END)
        return np.frombuffer(data, dtype=self.dtype)


def forget(*arrays: NDArray[Any]) -> None:
    """Give back the memory of mapped arrays: their pages are read again from the file when they are used again.

    Arrays in memory are left alone.
    """
    for array in arrays:
        owner: Any = array
        while isinstance(owner, np.ndarray) and owner.base is not None:
            owner = owner.base
        if isinstance(owner, memoryview):
            owner = owner.obj
        if isinstance(owner, mmap.mmap) and hasattr(owner, "madvise"):
            owner.madvise(mmap.MADV_DONTNEED)
