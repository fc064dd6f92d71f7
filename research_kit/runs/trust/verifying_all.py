"""Every run of a workspace, verified side by side in processes of their own."""

from __future__ import annotations

import json
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from research_kit.errors import ResearchKitError
from research_kit.processes.children import Child, WarmStart
from research_kit.runs.jobs.submitting import DATABASE
from research_kit.runs.run import Run
from research_kit.runs.trust.proof import Finding, stated_spec
from research_kit.runs.trust.verification import Verification
from research_kit.runs.trust.verifying import keep_verdict, verify_run
from research_kit.store import listings

if TYPE_CHECKING:
    import pandas as pd

    from research_kit.runs.home import Home

TARGET = "research_kit.workspace.verifier:verify_runs"
WARM = ("research_kit.runs.jobs.warm", "research_kit.workspace.verifier")
_FEW = 2  # as many are verified here: processes take longer to begin
_MOST = 16  # runs that one process verifies
_PAUSE = 0.02  # seconds between two looks at what is running

OnVerified = Callable[[Verification], object]


def verify_all(
    home: Home,
    *,
    workers: int | None = None,
    trust: bool = False,
    time_limit: float | None = None,
    on_each: OnVerified | None = None,
) -> list[Verification]:
    """Verify every run of a workspace and return what was found, by id.

    Parameters
    ----------
    workers
        How many processes; one for each core when not given.
    trust
        As in ``verify_run``, for all of them.
    time_limit
        Seconds for each run, after which it failed.
    on_each
        Called with each as it is found.
    """
    table = listings.backtests_table(home.database, None)
    ids = sorted(int(one) for one in table["id"][table["job_id"].notna()])
    count = min(workers or os.cpu_count() or 1, len(ids))
    there = os.name == "posix" and len(ids) > _FEW
    found = _elsewhere(home, ids, count, trust, time_limit) if there else _here(home, ids, trust)
    done = []
    for one in found:
        done.append(one)
        if on_each is not None:
            on_each(one)
    return sorted(done, key=lambda one: one.run_id)


def verifications_table(found: Iterable[Verification]) -> pd.DataFrame:
    """Return verifications as a table: one row for each run."""
    import pandas as pd

    rows = [(one.run_id, one.title, one.outcome, ", ".join(one.cause_names), one.summary) for one in found]
    return pd.DataFrame(rows, columns=["run", "title", "outcome", "causes", "summary"])


def write_verifications(home: Home, ids: Iterable[int], results: Path, *, trust: bool) -> None:
    """Verify runs one after another and add what was found to a file, a line of JSON for each: what a process does.

    A line ``null`` says that one has begun, so that its time is counted from then on.
    """
    with results.open("a", encoding="utf-8") as file:
        for run_id in ids:
            print("null", file=file, flush=True)
            for one in _here(home, [run_id], trust):
                print(json.dumps(one.to_dict()), file=file, flush=True)


def _here(home: Home, ids: Iterable[int], trust: bool) -> Iterator[Verification]:
    for run_id in ids:
        run = Run.load(home, run_id)
        try:
            yield verify_run(run, trust=trust)
        except ResearchKitError as error:
            yield Verification(run_id, run.title, "failed", (Finding("record", str(error)),))


@dataclass
class _Share:
    """Some runs, and the process that verifies them."""

    child: Child
    ids: list[int]
    results: Path
    read: int = 0
    since: float = field(default_factory=monotonic)
    done: list[int] = field(default_factory=list)

    def news(self) -> Iterator[Verification]:
        """Yield what was found since the last look."""
        with suppress(FileNotFoundError), self.results.open("rb") as file:
            file.seek(self.read)
            whole, end, _ = file.read().rpartition(b"\n")
            self.read += len(whole) + len(end)
            for line in whole.splitlines():
                values = json.loads(line)
                self.since = monotonic()
                if values is not None:
                    found = Verification.from_dict(values)
                    self.done.append(found.run_id)
                    yield found

    @property
    def has_begun(self) -> bool:
        return self.read > 0

    @property
    def left(self) -> list[int]:
        return [one for one in self.ids if one not in self.done]


def _elsewhere(home: Home, ids: list[int], workers: int, trust: bool, limit: float | None) -> Iterator[Verification]:
    size = max(1, min(_MOST, len(ids) // (4 * workers)))
    waiting = deque(ids[at : at + size] for at in range(0, len(ids), size))
    running: list[_Share] = []
    with TemporaryDirectory(prefix="rk-verify-") as folder, WarmStart(WARM) as nursery:
        while waiting or running:
            while waiting and len(running) < workers:
                running.append(_start(home, nursery, waiting.popleft(), Path(folder), trust))
            for share in list(running):
                over = share.child.code  # before the last look at what it wrote
                yield from share.news()
                late = limit is not None and bool(share.left) and share.has_begun and monotonic() - share.since > limit
                if over is None and not late:
                    continue
                code = share.child.stop() if over is None else over
                running.remove(share)
                yield from share.news()
                if share.left:
                    first, *rest = share.left
                    yield _lost(home, first, f"It took more than {limit:g} seconds." if late else _ending(code))
                    waiting.extend([rest] if rest else [])
            sleep(_PAUSE)


def _start(home: Home, nursery: WarmStart, ids: list[int], folder: Path, trust: bool) -> _Share:
    results = folder / f"{ids[0]}-{len(ids)}.jsonl"
    arguments: dict[str, Any] = {"folder": str(home.files.folder), "ids": ids, "results": str(results), "trust": trust}
    environment = os.environ | {DATABASE: home.database.url}
    child = nursery.start(TARGET, arguments, environment=environment, folder=home.files.folder)
    return _Share(child, ids, results)


def _lost(home: Home, run_id: int, why: str) -> Verification:
    run = Run.load(home, run_id)
    found = Verification(run_id, run.title, "failed", (Finding("code", why),))
    with suppress(ResearchKitError):
        keep_verdict(run, stated_spec(run), found)
    return found


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"Its process was killed by {signal.Signals(-code).name}."
    return f"Its process ended with exit code {code}."
