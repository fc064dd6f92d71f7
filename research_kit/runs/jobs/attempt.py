"""One attempt at a job that was submitted: the strategy found again as it was then, run, and recorded."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

from research_kit.errors import JobError, StoreError, error_text
from research_kit.runs.places import with_place
from research_kit.runs.recording import carry_out
from research_kit.runs.run import Run
from research_kit.runs.spec import RunSpec
from research_kit.store import jobs, listings
from research_kit.store.claims import Claim
from research_kit.store.datasets import find_dataset
from research_kit.strategy.source import strategy_source
from research_kit.strategy.submitted import load_submitted

if TYPE_CHECKING:
    from research_kit.runs.home import Home
    from research_kit.store.tables import BacktestJob
    from research_kit.strategy.base import Strategy

SUBMITTED, LIMITS = "submitted", "limits"
"""Beside its specification a submitted job keeps which file has its strategy, and what it may use."""


def attempt_job(home: Home, claim: Claim) -> Run:
    """Run a job that was claimed, and record how it ended.

    Raises
    ------
    JobError
        The strategy or the dataset is not what it was when the job was submitted; the job is recorded as failed.
    Exception
        What the strategy raised; the job is recorded as failed.
    """
    job = listings.get_job(home.database, claim.job_id)
    try:
        spec = _spec_of(job)
        strategy = _strategy_of(home, job, spec)
        dataset = find_dataset(home.database, job.dataset_id or 0)
        if dataset.sha256 != spec.dataset_sha256:
            raise JobError(f"The dataset {spec.dataset_name!r} is not what it was when the job was submitted.")
    except StoreError:  # the store cannot be reached: whoever watches gives the job free
        raise
    except Exception as error:
        try:
            jobs.fail_job(home.database, claim.job_id, claim.token, error_text(error))
        except StoreError:
            error.add_note("The job is not ours any more.")
        raise
    limit = ((job.spec or {}).get(LIMITS) or {}).get("memory")
    words = partial(_words, memory_limit=limit)
    return carry_out(home, claim, strategy, dataset, spec, words=words, again=job.max_attempts > 1)


def _words(error: BaseException, memory_limit: int | None) -> str:
    text = with_place(error)
    if memory_limit and isinstance(error, MemoryError):
        text = f"It needed more memory than its limit of {memory_limit / 2**20:,.0f} MiB. {text}"
    return text


def _spec_of(job: BacktestJob) -> RunSpec:
    kept: dict[str, Any] = job.spec or {}
    names = [item.name for item in fields(RunSpec)]
    if not {"strategy_class", "parameters", "options"} <= kept.keys():
        raise JobError(f"Job {job.id} does not say what is to be run; it was not submitted by this package.")
    return RunSpec(**{name: kept[name] for name in names if name in kept})


def _strategy_of(home: Home, job: BacktestJob, spec: RunSpec) -> Strategy:
    """Return the strategy of a job, from where it is trusted, and only as it was when the job was submitted."""
    digest = (job.spec or {}).get(SUBMITTED)
    if digest is not None:
        kind = load_submitted(home.files.folder / "strategies", digest, spec.strategy_class.rpartition(":")[2])
        return kind.with_parameters(spec.parameters)
    found = home.registry.resolve(spec.strategy_class)
    kind = found if isinstance(found, type) else type(found)
    if strategy_source(kind).sha256 != spec.strategy_sha256:
        raise JobError(f"The source of {spec.strategy_name} was edited after the job was submitted. Submit it again.")
    return kind.with_parameters(spec.parameters)
