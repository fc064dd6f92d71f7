"""Files on storage elsewhere: written whole or not at all, checked when they arrive, every failure one sentence."""

import subprocess
import sys
import threading

import fsspec
import numpy as np
import pytest

from research_kit.errors import ArtifactMissingError, OptionError, StoreError
from research_kit.store import remote
from research_kit.store.cache import Cache
from research_kit.store.files import FileStore
from research_kit.store.places import files_at
from research_kit.store.remote import RemoteFiles

pytestmark = pytest.mark.faults


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RESEARCH_KIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(remote, "PAUSE", 0.01)


@pytest.fixture(params=["memory", "file", "s3"])
def url(request, tmp_path):
    if request.param == "s3":
        return f"{request.getfixturevalue('bucket')}/team a/research"
    return f"memory://{tmp_path.name}/files" if request.param == "memory" else f"file://{tmp_path}/far away"


class Machine(FileStore):
    """A machine: its own workspace folder and its own cache."""

    def __init__(self, url, folder, limit=10**9):
        super().__init__(folder, RemoteFiles(url, Cache(folder / "cache", "x", limit)))


def content_of(url, path):
    storage, root = fsspec.core.url_to_fs(url)
    return storage.cat_file(f"{root}/{path}")


def put(url, path, content):
    storage, root = fsspec.core.url_to_fs(url)
    storage.pipe_file(f"{root}/{path}", content)


def remove(url, path):
    storage, root = fsspec.core.url_to_fs(url)
    storage.rm_file(f"{root}/{path}")


def everything(url):
    storage, root = fsspec.core.url_to_fs(url)
    storage.invalidate_cache()
    return sorted(name.removeprefix(f"{root}/") for name in storage.find(root))


def copies(store):
    return sorted(path.name for path in store.place.cache.root.rglob("*") if path.is_file())


def test_bars_and_series_come_back_on_another_machine(url, tmp_path, make_bars):
    here, there = Machine(url, tmp_path / "here"), Machine(url, tmp_path / "there")
    bars = make_bars(500)
    stored = here.save_bars(bars)
    curve = here.save_series({"equity": bars.close})
    assert everything(url) == sorted([stored.path, curve.path])
    again = there.open_bars(stored.path, stored.sha256, stored.size, symbol="TEST", timeframe="1min")
    assert {name: again[name].tobytes() for name in again.columns} == {
        name: bars[name].tobytes() for name in bars.columns
    }
    assert not any(array.flags.writeable for array in (again.time_ns, *again.columns.values()))
    assert there.open_series(curve.path, curve.sha256, curve.size)["equity"].tobytes() == bars.close.tobytes()
    there.verify_bars(stored.path, stored.sha256, stored.size)
    assert there.place.sizes("data") == {stored.path: stored.size}
    remove(url, stored.path)
    there.open_bars(stored.path, stored.sha256, stored.size)  # it has its copy
    assert not list((tmp_path / "here").glob("data"))


def test_what_is_there_is_not_written_again(url, tmp_path, make_bars):
    first = Machine(url, tmp_path / "a").save_bars(make_bars(50))
    storage, root = fsspec.core.url_to_fs(url)
    before = storage.ukey(f"{root}/{first.path}")
    assert Machine(url, tmp_path / "b").save_bars(make_bars(50)) == first
    assert Machine(url, tmp_path / "a").save_bars(make_bars(50)) == first
    storage.invalidate_cache()
    assert storage.ukey(f"{root}/{first.path}") == before


def test_a_file_that_is_gone_is_named_in_a_sentence(url, tmp_path, make_bars):
    stored = Machine(url, tmp_path / "a").save_bars(make_bars(50))
    remove(url, stored.path)
    with pytest.raises(ArtifactMissingError) as caught:
        Machine(url, tmp_path / "b").open_bars(stored.path, stored.sha256, stored.size)
    assert str(caught.value) == (
        f"The bars file {url}/{stored.path} is missing. Import the dataset again or restore the file from a backup."
    )


@pytest.mark.parametrize("harm", ["cut", "edited", "swapped", "rubbish"])
def test_a_damaged_file_is_refused_and_leaves_no_copy(url, tmp_path, make_bars, harm):
    store = Machine(url, tmp_path / "a")
    stored, other = store.save_bars(make_bars(50)), store.save_bars(make_bars(50, seed=2))
    content = content_of(url, stored.path)
    price = make_bars(50).close[7].tobytes()
    damage = {
        "cut": content[:100],
        "edited": content.replace(price, np.float64(1.0).tobytes()),
        "swapped": content_of(url, other.path),
        "rubbish": b"x" * len(content),
    }
    put(url, stored.path, damage[harm])
    far = Machine(url, tmp_path / "b")
    with pytest.raises(ArtifactMissingError, match="100 bytes" if harm == "cut" else "does not hold what was stored"):
        far.open_bars(stored.path, stored.sha256, stored.size)
    assert copies(far) == []
    assert far.save_bars(make_bars(50)) == stored  # importing it again mends it
    assert content_of(url, stored.path) == content


def test_a_copy_that_was_changed_is_fetched_again(url, tmp_path, make_bars):
    store = Machine(url, tmp_path / "a")
    bars = make_bars(50)
    stored = store.save_bars(bars)
    copy = store.path(stored.path)
    content = copy.read_bytes()
    for harm in (content[:100], b"", b"x" * len(content)):
        copy.write_bytes(harm)
        assert store.open_bars(stored.path, stored.sha256, stored.size).close.tolist() == bars.close.tolist()
        assert copy.read_bytes() == content
    copy.write_bytes(content.replace(bars.close[7].tobytes(), np.float64(1.0).tobytes()))
    store.verify_bars(stored.path, stored.sha256, stored.size)
    assert copy.read_bytes() == content


@pytest.mark.parametrize("verb", ["put", "mv"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("connection reset")])
def test_an_upload_that_stops_leaves_nothing_visible(failing, tmp_path, make_bars, verb, error):
    store = Machine("failing://files", tmp_path / "a")
    failing.next[verb] = [error] * 3
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else StoreError):
        store.save_bars(make_bars(50))
    failing.next.clear()
    assert (everything("failing://files"), copies(store)) == ([], [])
    stored = store.save_bars(make_bars(50))
    assert everything("failing://files") == [stored.path]


KILLED = """
import os, signal, sys
import fsspec, numpy as np
from fsspec.implementations.local import LocalFileSystem
from research_kit.store.places import files_at
def killed(self, *paths, **_):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(LocalFileSystem, sys.argv[2], killed)
files_at(".", sys.argv[1]).save_series({"equity": np.arange(9.0)})
"""


@pytest.mark.parametrize("verb", ["put_file", "mv"])
def test_an_upload_that_is_killed_leaves_nothing_visible(tmp_path, verb):
    url = f"file://{tmp_path}/far"
    command = [sys.executable, "-c", KILLED, url, verb]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == -9
    assert list((tmp_path / "far").rglob("*.arrow")) == []
    files = files_at(tmp_path, url)
    stored = files.save_series({"equity": np.arange(9.0)})
    assert files.place.sizes("artifacts") == {stored.path: stored.size}


def test_what_fails_for_a_moment_is_tried_again(failing, tmp_path, make_bars):
    a, b = Machine("failing://files", tmp_path / "a"), Machine("failing://files", tmp_path / "b")
    failing.next = {verb: [TimeoutError(), ConnectionResetError("reset")] for verb in ("info", "put", "get")}
    stored = a.save_bars(make_bars(50))
    b.open_bars(stored.path, stored.sha256, stored.size)
    assert failing.calls.count("get") == 3


def test_tries_are_bounded_and_the_reason_is_told_without_secrets(failing, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2hunter2")
    failing.next = {"info": [RuntimeError("cannot sign with hunter2hunter2\nand so on")] * 9}
    with pytest.raises(StoreError) as caught:
        Machine("failing://files", tmp_path / "a").save_series({"equity": np.arange(3.0)})
    assert str(caught.value) == (
        "failing://files could not be read, tried 3 times: RuntimeError: cannot sign with ***. Look at its address, "
        "the network and the service, and try again; what was there is unchanged."
    )
    assert failing.calls == ["info"] * 3


def test_refused_access_is_said_at_once(failing, tmp_path):
    failing.next = {"info": [PermissionError("Forbidden")]}
    with pytest.raises(StoreError, match=r"^failing://files refuses access: Forbidden\. Look at the credentials"):
        Machine("failing://files", tmp_path / "a").save_series({"equity": np.arange(3.0)})
    assert failing.calls == ["info"]


def test_a_full_disk_of_this_machine_is_no_fault_of_the_storage(failing, tmp_path):
    store = Machine("failing://files", tmp_path / "a")
    stored = store.save_series({"equity": np.arange(3.0)})
    store.place.cache.forget(stored.path)
    failing.next = {"get": [OSError(28, "No space left on device")]}
    with pytest.raises(StoreError, match=r"cache/x/artifacts/.*could not be written: No space left on device"):
        store.open_series(stored.path, stored.sha256, stored.size)


def test_one_of_many_fetches_it_and_the_others_wait(failing, tmp_path, make_bars):
    stored = Machine("failing://files", tmp_path / "a").save_bars(make_bars(5_000))
    failing.calls.clear()
    far = Machine("failing://files", tmp_path / "b")
    found = []

    def read():
        found.append(far.open_bars(stored.path, stored.sha256, stored.size).close.sum())

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [make_bars(5_000).close.sum()] * 8
    assert failing.calls.count("get") == 1
    assert copies(far) == [f"{stored.sha256}.arrow"]


def test_a_copy_that_came_meanwhile_is_not_taken_away(failing, tmp_path, make_bars, monkeypatch):
    stored = Machine("failing://files", tmp_path / "a").save_bars(make_bars(5_000))
    one, other = (Machine("failing://files", tmp_path / "b") for _ in range(2))
    asked = one.place._size

    def meanwhile(path):
        other.open_bars(stored.path, stored.sha256, stored.size)
        return asked(path)

    failing.calls.clear()
    monkeypatch.setattr(one.place, "_size", meanwhile)
    one.open_bars(stored.path, stored.sha256, stored.size)
    assert failing.calls.count("get") == 1


READER = """
import sys
from research_kit.store.places import files_at
url, path, sha256, size = sys.argv[1:]
print(repr(float(files_at(".", url).open_bars(path, sha256, int(size)).close.sum())))
"""


def test_processes_that_read_at_once_share_one_copy(bucket, tmp_path, make_bars):
    stored = Machine(bucket, tmp_path / "a").save_bars(make_bars(200_000))
    command = [sys.executable, "-c", READER, bucket, stored.path, stored.sha256, str(stored.size)]
    readers = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [reader.communicate(timeout=120)[0].strip() for reader in readers]
    assert told == [repr(float(make_bars(200_000).close.sum()))] * 2
    files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert [path.name for path in files] == [f"{stored.sha256}.arrow"]


def test_processes_that_write_the_same_at_once_all_succeed(bucket, tmp_path):
    code = "import sys, numpy as np; from research_kit.store.places import files_at\n"
    code += 'print(files_at(".", sys.argv[1]).save_series({"equity": np.arange(9.0)}).path)'
    command = [sys.executable, "-c", code, bucket]
    writers = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = {writer.communicate(timeout=120)[0].strip() for writer in writers}
    assert [writer.returncode for writer in writers] == [0] * 2
    assert everything(bucket) == sorted(told)


FORKED = """
import os, sys
import numpy as np
from research_kit.store.places import files_at
files = files_at(".", sys.argv[1])
stored = files.save_series({"equity": np.arange(9.0)})  # the storage's own thread runs now
files.place.forget(stored.path)
child = os.fork()
if not child:
    found = files.open_series(stored.path, stored.sha256, stored.size)["equity"]
    os._exit(int(found.sum()))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_process_reaches_the_storage_on_its_own(bucket, tmp_path):
    command = [sys.executable, "-c", FORKED, bucket]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "36\n", done.stderr


def test_a_storage_that_cannot_be_reached_is_said_in_bounded_time(s3_server, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(StoreError, match=r"^s3://nowhere/x could not be read, tried 3 times: EndpointConnectionError"):
        Machine("s3://nowhere/x", tmp_path / "a").save_series({"equity": np.arange(3.0)})
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def test_without_credentials_access_is_refused(s3_server, tmp_path, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(StoreError, match=r"refuses access: Unable to locate credentials\. Look at the credentials"):
        Machine("s3://nowhere/x", tmp_path / "a").save_series({"equity": np.arange(3.0)})
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def test_a_bucket_that_is_not_there_is_said(s3_server, tmp_path):
    with pytest.raises(StoreError, match=r"^s3://nothere/x cannot be written: .*bucket does not exist.*Make it first"):
        Machine("s3://nothere/x", tmp_path / "a").save_series({"equity": np.arange(3.0)})


@pytest.mark.parametrize("url", ["ftp://me:secret@host/files", "s3://bucket/files?key=secret", "s3://", "a::s3://b/c"])
def test_an_address_with_credentials_or_without_a_place_is_refused(url, tmp_path):
    with pytest.raises(OptionError) as caught:
        RemoteFiles(url)
    assert "secret" not in str(caught.value)


def test_what_is_not_installed_is_named(tmp_path, monkeypatch):
    with pytest.raises(StoreError, match=r"^Files cannot be at xyz://b/c: Protocol not known: xyz\.$"):
        Machine("xyz://b/c", tmp_path).save_series({"equity": np.arange(3.0)})
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(StoreError, match=r"not installed: pip install 'research_kit\[s3\]'\.$"):
        Machine("s3://b/c", tmp_path).save_series({"equity": np.arange(3.0)})
