"""A Chromium without a window that opens one page and prints it: it is spoken to through a pipe, no port is open."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from research_kit.errors import ReportError
from research_kit.processes.words import last_words

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
PATIENCE = 180.0  # seconds in which a page must be drawn and printed
_FLAGS = (
    *("--headless", "--disable-gpu", "--remote-debugging-pipe", "--hide-scrollbars", "--force-color-profile=srgb"),
    *("--no-first-run", "--disable-extensions", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    "--host-resolver-rules=MAP * ~NOTFOUND",  # nothing is asked of any network
)
_DRAWN = """(async () => {
  dispatchEvent(new Event('beforeprint'));
  await window.reportReady;
  await document.fonts.ready;
})()"""


def find_chromium() -> str:
    """Return the path of the Chromium that is first found on the PATH.

    Raises
    ------
    ReportError
        There is none.
    """
    found = next((path for path in map(shutil.which, PROGRAMS) if path), None)
    if found is None or os.name != "posix":
        raise ReportError(
            "A PDF is printed by Chromium, and there is none on the PATH (chromium, google-chrome or microsoft-edge). "
            "Install one, or write the report as .html and print that."
        )
    return found


def print_page(page: Path, paper: Mapping[str, Any]) -> bytes:
    """Return the PDF of a page in a file, printed when its charts are drawn.

    ``paper`` are parameters of ``Page.printToPDF``: width, height and margins in inches.

    Raises
    ------
    ReportError
        There is no Chromium, it ended, or it did not print in time.
    """
    with _started(find_chromium()) as browser:
        target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
        browser.session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        browser.ask("Page.enable")
        browser.ask("Page.setLifecycleEventsEnabled", enabled=True)
        browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "light"}])
        browser.wait_for(browser.ask("Page.navigate", url=page.absolute().as_uri())["loaderId"])
        browser.ask("Runtime.evaluate", expression=_DRAWN, awaitPromise=True)
        printed = browser.ask("Page.printToPDF", **paper)
    return base64.b64decode(printed["data"])


class _Browser:
    """One process of Chromium, asked for one thing at a time."""

    def __init__(self, process: subprocess.Popen[bytes], ask: int, hear: int, log: Path) -> None:
        self.session: str | None = None
        self._process, self._log = process, log
        self._ask, self._hear = ask, hear
        self._deadline = monotonic() + PATIENCE
        self._number = 0
        self._rest = b""
        self._loaded: set[str] = set()  # their loaders

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return what a command of the DevTools protocol answers."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        text = json.dumps(message | ({"sessionId": self.session} if self.session else {}))
        try:
            os.write(self._ask, text.encode() + b"\0")
        except BrokenPipeError:
            raise self._lost() from None
        answer = next(one for one in self._messages() if one.get("id") == self._number)
        if "error" in answer:
            raise ReportError(f"Chromium did not print the report: {answer['error'].get('message')} ({method}).")
        return dict(answer["result"])

    def wait_for(self, loader: str) -> None:
        """Wait until what this loader brings is loaded, if it is not already; about:blank has another loader."""
        if loader not in self._loaded:
            next(one for one in self._messages() if loader in self._loaded)

    def _messages(self) -> Iterator[dict[str, Any]]:
        while True:
            while b"\0" not in self._rest:
                self._rest += self._more()
            text, _, self._rest = self._rest.partition(b"\0")
            message = json.loads(text)
            if message.get("method") == "Page.lifecycleEvent" and message["params"]["name"] == "load":
                self._loaded.add(message["params"]["loaderId"])
            yield message

    def _more(self) -> bytes:
        ready, _, _ = select.select([self._hear], [], [], max(0.0, self._deadline - monotonic()))
        if not ready:
            raise ReportError(f"Chromium did not print the report within {PATIENCE:.0f} seconds.")
        found = os.read(self._hear, 1 << 20)
        if not found:
            raise self._lost()
        return found

    def _lost(self) -> ReportError:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        told = last_words(self._log)
        return ReportError(f"Chromium ended before it printed the report.{f' It said last: {told}' if told else ''}")


@contextmanager
def _started(program: str) -> Iterator[_Browser]:
    """Start Chromium with a profile of its own, and end it with all that it started."""
    with ExitStack() as stack:
        profile = Path(stack.enter_context(TemporaryDirectory(prefix="research-kit-", ignore_cleanup_errors=True)))
        (hears, ask), (hear, tells) = _pipe(), _pipe()
        for end in (ask, hear):
            stack.callback(os.close, end)
        log = profile / "log.txt"
        own = [f"--user-data-dir={profile / 'profile'}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        # Chromium reads from 3 and writes to 4; the shell puts them there.
        command = ["/bin/sh", "-c", f'exec "$@" 3</dev/fd/{hears} 4>/dev/fd/{tells}', "sh", program, *_FLAGS, *own]
        with log.open("wb") as words:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=words,
                pass_fds=(hears, tells),
                start_new_session=True,
            )
        stack.callback(_end, process)
        os.close(hears)
        os.close(tells)
        yield _Browser(process, ask, hear, log)


def _pipe() -> tuple[int, int]:
    """Return the ends of a pipe, their numbers above those that the shell gives away."""
    import fcntl  # not on Windows

    ends = os.pipe()
    above = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return above[0], above[1]


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
