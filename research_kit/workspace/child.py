"""What other processes run: the workspace opened, one job carried out."""

from __future__ import annotations

import sys
from pathlib import Path
from time import monotonic, sleep

from research_kit.errors import JobError, error_text
from research_kit.processes.identity import identity
from research_kit.runs.jobs.attempt import attempt_job
from research_kit.runs.jobs.pulse import GRACE, signs_of_life
from research_kit.runs.jobs.settling import settle
from research_kit.store.claims import Claim
from research_kit.store.jobs import LeaseLostError, claim_job
from research_kit.store.listings import get_job
from research_kit.workspace.base import OpenWorkspace


def run_job(folder: str, job_id: int, token: str) -> None:
    """Run a claimed job of the workspace in ``folder``; its database is the one that the environment names."""
    with OpenWorkspace(Path(folder)) as ws:
        try:
            attempt_job(ws, Claim(job_id, token))
        except KeyboardInterrupt:
            sys.exit(130)
        except Exception as error:  # it is recorded, and the worker's log tells it too
            print(error_text(error), file=sys.stderr)
            sys.exit(1)


def run_submitted(folder: str, database: str, job_id: int, grace: float = GRACE, files: str | None = None) -> str:
    """Claim a job and run it here, in a process that an executor chose; return the state that it came to.

    Where an earlier attempt still holds it, its worker was lost: the job is taken over when it has been silent for
    ``grace`` seconds. What fails is recorded, not raised: an executor that tries again would only fail again. Where the
    store failed, the job is begun again while attempts remain.
    """
    with OpenWorkspace(Path(folder), database, files) as ws:
        until = monotonic() + 2 * grace + 5
        while True:
            row = get_job(ws.database, job_id)
            if row.status not in ("pending", "running"):
                return row.status
            try:
                token = claim_job(ws.database, job_id, identity())
            except LeaseLostError:
                if monotonic() > until:
                    raise JobError(f"Job {job_id} is run by {row.worker_id}.") from None
                settle(ws.database, grace)
                sleep(min(1.0, grace / 10))
                continue
            with signs_of_life(ws.database, job_id, token):
                try:
                    attempt_job(ws, Claim(job_id, token))
                except Exception as error:
                    print(error_text(error), file=sys.stderr)
            until = monotonic() + 2 * grace + 5
