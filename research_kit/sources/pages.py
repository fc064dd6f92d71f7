"""Pages of a fetch: asked for one after another, kept in a folder until the fetch is whole."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np

from research_kit.errors import StoreError
from research_kit.sources.fetching import FetchOptions, FetchProgress, Table, shown

FORGOTTEN_AFTER = 30 * 86_400.0  # seconds: pages of a fetch that nobody took up again


@dataclass(frozen=True)
class Page:
    """Rows of one answer, and the time in milliseconds from which the next page begins."""

    rows: Table
    following: int


class PageCache:
    """The pages that came before a fetch was interrupted, one file each; without a folder it keeps nothing.

    Parameters
    ----------
    request
        What was asked for: another request has other pages.
    width
        Columns of a page.
    max_age
        Seconds after which a page is asked for again: a vendor that adjusts its history makes old pages wrong.
    """

    def __init__(self, request: Mapping[str, Any], options: FetchOptions, *, width: int, max_age: float) -> None:
        self._width, self._max_age, self._now = width, max_age, options.now
        self.folder = None if options.cache is None else options.cache / _folder_name(request, options)
        if options.cache is not None:
            _forget_old(options.cache, options.now() - FORGOTTEN_AFTER)

    def read(self, cursor: int) -> Page | None:
        """Return the page that begins at a time, None when it is not there, too old or damaged."""
        if self.folder is None:
            return None
        for path in sorted(self.folder.glob(f"page-{cursor}-*.npy")):
            with suppress(OSError, ValueError, EOFError):
                rows = np.load(path, allow_pickle=False)
                if rows.ndim == 2 and rows.shape[1] == self._width and not self._is_old(path):
                    return Page(rows, int(path.stem.rsplit("-", 1)[1]))
        return None

    def write(self, cursor: int, page: Page) -> None:
        """Keep a page: whole or not at all."""
        if self.folder is None:
            return
        path = self.folder / f"page-{cursor}-{page.following}.npy"
        temporary = path.with_name(f".{path.name}.{os.getpid()}-{token_hex(4)}.tmp")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as file:
                np.save(file, page.rows)
            temporary.replace(path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise StoreError(
                f"{path} could not be written: {error.strerror or error}. What came so far is kept."
            ) from error

    def clear(self) -> None:
        """Remove the pages: the fetch is whole."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _is_old(self, path: Path) -> bool:
        return self._now() - path.stat().st_mtime > self._max_age


def collect(
    page: Callable[[int], Page], first: int, stop: int, cache: PageCache, tell: Callable[[int, int], object]
) -> Table:
    """Return the rows of all pages from a time up to but not including another, in milliseconds.

    Rows that lie before a page's beginning were in the page before it: they are dropped, as are rows of one time.

    Parameters
    ----------
    page
        Asks for the page that begins at a time; ``following`` must lie after it.
    tell
        Told of the time that was reached, and of the rows so far.
    """
    parts: list[Table] = []
    cursor, rows = first, 0
    while cursor < stop:
        found = cache.read(cursor)
        if found is None:
            found = page(cursor)
            if found.following < stop:  # the last page may hold a bar that has not ended: it is never kept
                cache.write(cursor, found)
        parts.append(_in_order(found.rows, cursor, stop))
        rows, cursor = rows + len(parts[-1]), max(found.following, cursor + 1)
        tell(cursor, rows)
    cache.clear()
    return np.concatenate(parts) if parts else np.empty((0, 1))


def _in_order(rows: Table, cursor: int, stop: int) -> Table:
    """Return rows by time, without those outside of a page; of several of one time the last."""
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    last_of_its_time = np.append(np.diff(rows[:, 0]) > 0, True)[: len(rows)]
    kept: Table = rows[last_of_its_time & (rows[:, 0] >= cursor) & (rows[:, 0] < stop)]
    return kept


def teller(options: FetchOptions, first: int, stop: int) -> tuple[Callable[[int, int], None], Callable[[str], None]]:
    """Return what is called after each page and at each pause, to tell the user's progress."""
    state = {"fraction": 0.0, "rows": 0}

    def tell(reached: int, rows: int) -> None:
        state.update(fraction=min(1.0, (reached - first) / max(1, stop - first)), rows=rows)
        if options.progress is not None:
            options.progress(FetchProgress("fetch", state["fraction"], rows, shown(min(reached, stop))))

    def waits(detail: str) -> None:
        if options.progress is not None:
            options.progress(FetchProgress("wait", state["fraction"], int(state["rows"]), detail))

    return tell, waits


def _folder_name(request: Mapping[str, Any], options: FetchOptions) -> str:
    """Return a name that is safe on every file system and that no other request has."""
    settings = json.dumps(options.settings, sort_keys=True, default=repr)
    digest = hashlib.sha256((json.dumps(request, sort_keys=True) + settings).encode()).hexdigest()[:16]
    words = re.sub(r"[^A-Za-z0-9]+", "-", f"{request.get('symbol', '')} {request.get('timeframe', '')}").strip("-")
    return f"fetch-{words[:60]}-{digest}"


def _forget_old(cache: Path, limit: float) -> None:
    for folder in cache.glob("fetch-*"):
        with suppress(OSError):
            if folder.stat().st_mtime < limit:
                shutil.rmtree(folder, ignore_errors=True)
