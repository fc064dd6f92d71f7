"""Files on storage elsewhere, such as ``s3://bucket/prefix``, through fsspec: written once, read through a cache."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import Path, PurePosixPath
from random import uniform
from secrets import token_hex
from time import monotonic, sleep
from typing import IO, TYPE_CHECKING, Any, TypeVar

from research_kit.errors import OptionError, StoreError
from research_kit.store.cache import Cache
from research_kit.store.files import DamagedError, StoredFile, Whole, map_file, replacing

if TYPE_CHECKING:
    import pyarrow as pa

Result = TypeVar("Result")
TRIES, PATIENCE, PAUSE = 3, 60.0, 0.3  # how often; for how many seconds another try is begun; before the first of them
CONNECT, READ = 5, 30  # seconds
FETCHES = 3  # of a file that other processes' files push out of a small cache as soon as it is there
OBJECTS = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss", "oci")  # an object appears when it is whole
ONCE = ("s3", "s3a", "gs", "gcs")  # an object can be written on condition that there is none
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
SECRET = re.compile(r"key|secret|token|passw|credential|sas|signature", re.IGNORECASE)


class RemoteFiles:
    """Files under a URL that fsspec knows, with copies on this machine that are checked when they arrive.

    Credentials are never part of the URL: each library of fsspec finds them in its own places.
    """

    def __init__(self, url: str, cache: Cache | None = None) -> None:
        self.where = url.rstrip("/")
        self.protocol = _checked_protocol(self.where)
        self.cache = cache or Cache.of_machine(sha256(self.where.encode()).hexdigest()[:16])

    def __repr__(self) -> str:
        return f"RemoteFiles({self.where!r})"

    def name(self, path: str) -> str:
        return f"{self.where}/{path}"

    def local(self, path: str) -> Path:
        return self.cache.path(path)

    def map(self, file: StoredFile, whole: Whole) -> pa.Buffer:
        for _ in range(FETCHES):
            content = self.cache.map(file.path)
            if content is not None and content.size == file.size:
                return content
            found = self._size(file.path)
            if found is None:
                raise FileNotFoundError(self.name(file.path))
            if found != file.size:
                raise DamagedError(found)
            self.cache.bring(file.path, file.size, partial(self._fetch, file, whole))
        raise StoreError(
            f"The copy of {self.name(file.path)} was removed again before it was opened: the cache {self.cache.root} "
            "is too small for what uses it."
        )

    def keep(self, path: str, whole: Whole, write: Callable[[IO[bytes]], object]) -> int:
        found = self._size(path)
        if found is not None and self._holds(StoredFile(path, "", found), whole):
            return found
        with replacing(self.cache.path(path)) as temporary:
            with temporary.open("xb") as out:
                write(out)
            self._upload(temporary, path, again=found is not None)
            size = temporary.stat().st_size
        self.cache.make_room()
        return size

    def forget(self, path: str) -> bool:
        return self.cache.forget(path)

    def sizes(self, folder: str) -> dict[str, int]:
        try:
            found = self._do("listed", lambda storage, root: storage.find(f"{root}/{folder}", detail=True))
        except FileNotFoundError:
            return {}
        names = {PurePosixPath(key).name: int(about["size"] or 0) for key, about in found.items()}
        return {f"{folder}/{name}": size for name, size in names.items() if name.endswith(".arrow")}

    def _holds(self, file: StoredFile, whole: Whole) -> bool:
        """Return whether what is there is what it should be, looked at through the cache."""
        try:
            self.map(file, whole)
        except (DamagedError, FileNotFoundError):
            return False
        return True

    def _size(self, path: str) -> int | None:
        try:
            return int(self._do("read", lambda storage, root: storage.info(f"{root}/{path}")["size"]))
        except FileNotFoundError:
            return None

    def _fetch(self, file: StoredFile, whole: Whole, to: Path) -> None:
        """Fetch a file; once more where it arrived damaged. It is compared with its sha256 before anybody sees it."""
        found = 0
        for _ in range(2):
            try:
                self._do("read", lambda storage, root: storage.get_file(f"{root}/{file.path}", str(to)))
            except FileNotFoundError:
                break  # removed since it was looked for
            content = map_file(to)
            found = content.size
            if found == file.size and whole(content):
                return
            to.unlink()
        raise DamagedError(found)

    def _upload(self, copy: Path, path: str, *, again: bool) -> None:
        """Write a file that nobody sees before it is whole; ``again``: what is there is damaged."""
        with suppress(FileExistsError):  # another machine was first, with the same content
            try:
                self._do("written", partial(self._put, str(copy), path, again))
            except FileNotFoundError as error:
                raise StoreError(f"{self.where} cannot be written: {_words(error)}. Make it first.") from None
        sent, found = copy.stat().st_size, self._size(path)
        if found != sent:
            raise StoreError(f"{self.name(path)} has {found or 0:,} bytes there, {sent:,} were sent; try again.")

    def _put(self, copy: str, path: str, again: bool, storage: Any, root: str) -> None:
        key = f"{root}/{path}"
        if self.protocol in ONCE and not again:
            try:
                storage.put_file(copy, key, mode="create")
                return
            except OSError as error:
                if error.errno != errno.ENOSYS:  # a server without conditions: the same content may be written twice
                    raise
        if self.protocol in OBJECTS:
            storage.put_file(copy, key)
            return
        folder, _, name = key.rpartition("/")
        part = f"{folder}/.{name}.{token_hex(4)}.tmp"
        storage.makedirs(folder, exist_ok=True)
        try:
            storage.put_file(copy, part)
            storage.mv(part, key)
        except BaseException:
            with suppress(Exception):
                storage.rm_file(part)
            raise

    def _do(self, done: str, call: Callable[[Any, str], Result]) -> Result:
        """Return what a call to the storage returns, tried a few times; every failure is one sentence."""
        until, reason = monotonic() + PATIENCE, ""
        for attempt in range(TRIES):
            if attempt:
                sleep(PAUSE * 2**attempt * uniform(0.5, 1.0))  # not all machines at once
            try:
                return call(*self._storage())
            except (FileNotFoundError, FileExistsError, StoreError):
                raise
            except PermissionError as error:
                raise self._denied(error) from None
            except Exception as error:  # each library has errors of its own
                if done == "read" and isinstance(error, OSError) and error.errno in DISK:
                    raise  # the disk of this machine
                if "Credentials" in type(error).__name__:
                    raise self._denied(error) from None
                reason = f"{type(error).__name__}: {_words(error)}"
            if monotonic() > until:
                break
        raise StoreError(
            f"{self.where} could not be {done}, tried {attempt + 1} times: {reason}. Look at its address, the network "
            "and the service, and try again; what was there is unchanged."
        )

    def _denied(self, error: Exception) -> StoreError:
        return StoreError(
            f"{self.where} refuses access: {_words(error)}. Look at the credentials of this machine, and at what they "
            "allow."
        )

    def _storage(self) -> tuple[Any, str]:
        """Return fsspec's file system (its own for each process and thread) and the path of the URL in it."""
        try:
            from fsspec.config import conf
            from fsspec.core import url_to_fs

            storage, root = url_to_fs(self.where, **_options(self.protocol, conf))
        except ImportError as error:
            extra = "pip install 'research_kit[s3]'" if self.protocol in ("s3", "s3a") else _words(error)
            raise StoreError(f"Files at {self.where} need a package that is not installed: {extra}.") from None
        except ValueError as error:
            raise StoreError(f"Files cannot be at {self.where}: {_words(error)}.") from None
        return storage, str(root).rstrip("/")


def _checked_protocol(url: str) -> str:
    protocol, _, rest = url.partition("://")
    host = rest.partition("/")[0]
    if "@" in host or "?" in url:
        raise OptionError(
            f"The address of the files, {protocol}://…, has a user, password or query in it, which would be kept; give "
            "it without: credentials come from this machine's own settings."
        )
    if not rest.strip("/") or "::" in url:
        raise OptionError(f"{url!r} is no address of files; write s3://bucket/prefix.")
    return protocol


def _options(protocol: str, conf: dict[str, Any]) -> dict[str, Any]:
    """Return what makes a storage answer in bounded time and from itself, not from what it once listed."""
    if protocol not in OBJECTS:
        return {}
    options: dict[str, Any] = {"use_listings_cache": False}
    if protocol in ("s3", "s3a") and "config_kwargs" not in conf.get(protocol, {}):
        limits = {"connect_timeout": CONNECT, "read_timeout": READ, "retries": {"total_max_attempts": 1}}
        options["config_kwargs"] = limits
    return options


def _words(error: Exception) -> str:
    """Return the first line of an error without any secret of this machine's environment or of fsspec's settings."""
    text = (str(error).strip().split("\n")[0] or type(error).__name__)[:300].rstrip(".")
    for secret in sorted(_secrets(), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _secrets() -> set[str]:
    from fsspec.config import conf

    named = [*os.environ.items(), *(pair for options in conf.values() for pair in options.items())]
    return {str(value) for name, value in named if SECRET.search(name) and len(str(value)) >= 6}
