"""The worker of a workspace on one machine: claims jobs, runs each in a process of its own, and watches over them."""

from __future__ import annotations

import signal
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from research_kit.errors import JobError, NotFoundError, StoreError
from research_kit.processes.children import Child, WarmStart
from research_kit.processes.identity import identity, machine
from research_kit.processes.lock import HeldFile, hold
from research_kit.processes.words import last_words
from research_kit.runs.jobs.attempt import LIMITS
from research_kit.runs.jobs.pulse import BEAT
from research_kit.runs.jobs.settling import settle
from research_kit.store import jobs, listings
from research_kit.store.claims import Claim, claim_next, keep_alive, news_of
from research_kit.store.jobs import LeaseLostError

if TYPE_CHECKING:
    from research_kit.runs.home import Home

TARGET = "research_kit.workspace.child:run_job"
IMPORTED = ("research_kit.workspace.child", "research_kit.runs.jobs.warm", "pandas")
TURN = 0.1  # seconds of a turn while something runs
REST = 0.5  # and while nothing does
SETTLE_EVERY = 1.0
WITHOUT_DATABASE = 60.0  # seconds that a worker waits for a database that does not answer
PATIENCE = 1.5  # seconds for a cancelled job to end by itself, then after SIGTERM, before it is killed


def lock_file(folder: Path) -> Path:
    """Return the file that a workspace's worker on this machine holds."""
    return folder / "logs" / f"worker-{machine()}.lock"


@dataclass
class Attempt:
    """One process that runs one job."""

    claim: Claim
    child: Child
    log: Path
    begun: float
    time_limit: float | None
    memory_limit: int | None
    cancelled_at: float | None = None
    signals_sent: int = 0
    reason: str | None = None  # why the worker ends it
    lost: bool = False  # the job is another's now

    def is_overdue(self, now: float) -> bool:
        return self.time_limit is not None and now - self.begun > self.time_limit


@dataclass
class Worker:
    """The loop of a worker; ``run`` ends after ``idle`` seconds without work, or when it is ``stopping``."""

    home: Home
    slots: int
    idle: float | None = None
    beat: float = BEAT
    name: str = field(default_factory=identity)
    stopping: bool = False  # no Event: a signal that comes while its lock is held would wait for it for ever

    def __post_init__(self) -> None:
        self._attempts: dict[int, Attempt] = {}
        self._next_beat = self._next_settling = 0.0

    def run(self) -> None:
        """Work until there is nothing to do for a while; what still runs when it is stopped is given free."""
        with (
            TemporaryDirectory(prefix="research-kit-jobs-") as scratch,
            WarmStart(IMPORTED) as nursery,
        ):
            quiet_since = well_at = monotonic()
            try:
                while not self.stopping:
                    try:
                        self._turn(nursery, Path(scratch))
                        well_at = monotonic()
                    except StoreError:  # a database that is started again, say: what runs goes on meanwhile
                        if monotonic() - well_at > WITHOUT_DATABASE:
                            raise
                    if self._attempts:
                        quiet_since = monotonic()
                    elif self.idle is not None and monotonic() - quiet_since > self.idle:
                        return
                    self._pause()
            finally:
                self._give_up()

    def _pause(self) -> None:
        if len(self._attempts) == 1:
            next(iter(self._attempts.values())).child.wait(TURN)
        else:
            sleep(TURN if self._attempts else REST)

    def _turn(self, nursery: WarmStart, scratch: Path) -> None:
        now = monotonic()
        if now >= self._next_settling:
            settle(self.home.database)
            self._next_settling = now + SETTLE_EVERY
        self._hear_news(now)
        for attempt in list(self._attempts.values()):
            if attempt.child.code is None:
                self._watch(attempt, now)
            else:
                self._close(attempt)
        while len(self._attempts) < self.slots and not self.stopping:
            claim = claim_next(self.home.database, self.name)
            if claim is None:
                break
            self._begin(claim, nursery, scratch)

    def _begin(self, claim: Claim, nursery: WarmStart, scratch: Path) -> None:
        spec: dict[str, Any] = listings.get_job(self.home.database, claim.job_id).spec or {}
        limits = spec.get(LIMITS) or {}
        log = scratch / f"{claim.job_id}.log"
        arguments = {"folder": str(self.home.files.folder), "job_id": claim.job_id, "token": claim.token}
        try:
            child = nursery.start(
                TARGET, arguments, folder=self.home.files.folder, log=log, memory=limits.get("memory")
            )
        except JobError as error:
            jobs.release_job(self.home.database, claim.job_id, claim.token, str(error))
            raise
        self._attempts[claim.job_id] = Attempt(claim, child, log, monotonic(), limits.get("time"), limits.get("memory"))

    def _hear_news(self, now: float) -> None:
        """Say that we live, now and then, and hear what others did to our jobs."""
        tokens = {job_id: attempt.claim.token for job_id, attempt in self._attempts.items()}
        if now >= self._next_beat:
            news = keep_alive(self.home.database, tokens)
            self._next_beat = now + self.beat
        else:
            news = news_of(self.home.database, tokens)
        for job_id, state in news.items():
            attempt = self._attempts[job_id]
            if state == "cancel":
                attempt.cancelled_at = attempt.cancelled_at or now
            elif attempt.child.code is None and state not in ("completed", "failed"):
                attempt.lost = True
                attempt.child.send(signal.SIGKILL)

    def _watch(self, attempt: Attempt, now: float) -> None:
        if attempt.is_overdue(now) and attempt.reason is None:
            attempt.reason = f"It took longer than its time limit of {attempt.time_limit:g} seconds."
            attempt.child.send(signal.SIGKILL)
        elif attempt.cancelled_at is not None:
            due = int((now - attempt.cancelled_at) / PATIENCE)
            if due > attempt.signals_sent:
                attempt.signals_sent = due
                attempt.child.send(signal.SIGTERM if due == 1 else signal.SIGKILL)

    def _close(self, attempt: Attempt) -> None:
        """Record how a job ended whose process is over and did not record it itself."""
        claim, database = attempt.claim, self.home.database
        with suppress(LeaseLostError, NotFoundError):  # most often it has ended: the process has written what there was
            if attempt.lost:
                pass
            elif attempt.cancelled_at is not None and attempt.reason is None:
                jobs.cancel_job(database, claim.job_id, claim.token)
            elif attempt.reason is not None:
                jobs.fail_job(database, claim.job_id, claim.token, attempt.reason)
            else:
                jobs.release_job(database, claim.job_id, claim.token, _words_of(attempt))
        del self._attempts[claim.job_id]
        attempt.log.unlink(missing_ok=True)

    def _give_up(self) -> None:
        """End what still runs, and give the jobs free: another worker may take them where attempts remain."""
        for attempt in self._attempts.values():
            attempt.child.send(signal.SIGKILL)
        for attempt in self._attempts.values():
            attempt.child.wait(PATIENCE)
            with suppress(StoreError, NotFoundError):
                jobs.release_job(
                    self.home.database, attempt.claim.job_id, attempt.claim.token, "Its worker was stopped."
                )
        self._attempts.clear()


def work(home: Home, slots: int, idle: float | None = None, held: HeldFile | None = None) -> bool:
    """Be the worker of this workspace on this machine until there is no more work; False where there is one already.

    ``held`` is its lock, where whoever started it holds that already.
    """
    while True:
        held = held or hold(lock_file(home.files.folder))
        if held is None:
            return False
        worker = Worker(home, slots, idle)
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, partial(_stop, worker))
        try:
            worker.run()
        finally:
            held.release()
            held = None
        if worker.stopping or not len(listings.jobs_table(home.database, 1, status="pending")):
            return True


def _stop(worker: Worker, *_: object) -> None:
    worker.stopping = True


def _words_of(attempt: Attempt) -> str:
    """Return how a process ended that said nothing to the database."""
    code = attempt.child.code or 0
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        words = f"Its process was killed by {name}."
    else:
        words = f"Its process ended with exit code {code} before it was done."
    told = last_words(attempt.log)
    if told:
        words += f" It printed last: {told}"
    return words
