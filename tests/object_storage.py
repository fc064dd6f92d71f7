"""Storage that speaks S3, on this machine, for tests; and storage in memory that fails when it is told to."""

import logging
import os
from secrets import token_hex

import pytest

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIATESTTESTTEST",
    "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-tests",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="session")
def s3_server():
    """Return the address of a server that speaks S3: for this process and those that it starts."""
    server = pytest.importorskip("moto.server", reason="moto is not installed")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    thread = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    thread.start()
    host, port = thread.get_host_and_port()
    settings = KEYS | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"}
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    yield settings["AWS_ENDPOINT_URL"]
    thread.stop()
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture
def bucket(s3_server):
    """Return the URL of a new bucket."""
    import s3fs

    name = f"b{token_hex(6)}"
    s3fs.S3FileSystem().mkdir(name)
    return f"s3://{name}"


class Failures:
    """What storage in memory does wrong: for each of its verbs the errors that the next calls raise."""

    def __init__(self) -> None:
        self.next: dict[str, list[BaseException]] = {}
        self.calls: list[str] = []

    def meet(self, verb: str) -> None:
        self.calls.append(verb)
        waiting = self.next.get(verb) or []
        if waiting:
            raise waiting.pop(0)


@pytest.fixture
def failing():
    """Return the failures of ``failing://``, an empty storage in memory."""
    import fsspec
    from fsspec.implementations.memory import MemoryFileSystem

    failures = Failures()

    class FailingFileSystem(MemoryFileSystem):
        protocol = "failing"
        store: dict = {}  # noqa: RUF012 - a storage of its own, as in its parent
        pseudo_dirs = [""]  # noqa: RUF012

        @classmethod
        def _strip_protocol(cls, path):
            return MemoryFileSystem._strip_protocol(path.replace("failing://", "memory://"))

        def get_file(self, rpath, lpath, **kwargs):
            failures.meet("get")
            super().get_file(rpath, lpath, **kwargs)

        def put_file(self, lpath, rpath, **kwargs):
            super().put_file(lpath, rpath, **kwargs)
            failures.meet("put")

        def info(self, path, **kwargs):
            failures.meet("info")
            return super().info(path, **kwargs)

        def mv(self, path1, path2, **kwargs):
            failures.meet("mv")
            super().mv(path1, path2, **kwargs)

    fsspec.register_implementation("failing", FailingFileSystem, clobber=True)
    failures.store = FailingFileSystem.store
    return failures
