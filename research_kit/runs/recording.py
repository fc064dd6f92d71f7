"""One run from beginning to end in this process: a job, its progress, and everything that it leaves."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

from research_kit.engine.backtest import FILLING, SIGNALLING, BacktestResult, simulation_of
from research_kit.engine.options import EngineOptions
from research_kit.errors import StoreError, error_text
from research_kit.processes.identity import identity
from research_kit.runs.importing import checked_bars
from research_kit.runs.jobs.pulse import signs_of_life
from research_kit.runs.outcome import outcome_of
from research_kit.runs.run import Run
from research_kit.runs.spec import RunSpec, current_versions
from research_kit.runs.strategies import keep_strategy
from research_kit.runs.trust.background import begin_check
from research_kit.store import jobs
from research_kit.store.batches import note_backtest
from research_kit.store.claims import Claim
from research_kit.store.records import NewJob
from research_kit.version import ENGINE_VERSION

if TYPE_CHECKING:
    from research_kit.runs.home import Home
    from research_kit.store.tables import Dataset, StrategyRow
    from research_kit.strategy.base import Strategy

Progress = Callable[[float, str], None]
REPORT_EVERY = 0.1  # seconds between two notes of progress in the database: a quick run needs one
NOTEBOOK_RUN = "RESEARCH_KIT_NOTEBOOK_RUN"  # in a kernel of a batch: the id of its row and the token that proves it
STEPS = ("opening the bars", SIGNALLING, FILLING, "measuring", "storing")


def record_run(
    home: Home, strategy: Strategy, dataset: Dataset, options: EngineOptions, progress: Progress | None = None
) -> Run:
    """Run a backtest and keep it: one job, and with its completion trades, metrics, backtest and trial at once.

    A strategy that raises leaves a failed job with the error's text and a failed trial; the error goes on to the
    caller. An interrupted run leaves a cancelled job.
    """
    row = keep_strategy(home, type(strategy))
    spec = spec_of(strategy, row, dataset, options)
    job_id, token = jobs.begin_job(home.database, new_job(spec, row, dataset), identity())
    _note_in_batch(home, job_id)
    with signs_of_life(home.database, job_id, token):
        return carry_out(home, Claim(job_id, token), strategy, dataset, spec, progress=progress)


def _note_in_batch(home: Home, job_id: int) -> None:
    """In a kernel of a batch, note the job with its notebook's run; of several jobs of one notebook the last counts."""
    run_id, _, token = os.environ.get(NOTEBOOK_RUN, "").partition(":")
    if run_id.isdecimal() and token:
        note_backtest(home.database, int(run_id), token, job_id)


def carry_out(
    home: Home,
    claim: Claim,
    strategy: Strategy,
    dataset: Dataset,
    spec: RunSpec,
    *,
    progress: Progress | None = None,
    words: Callable[[BaseException], str] = error_text,
    again: bool = False,
) -> Run:
    """Run a job that is ours and record how it ended: completed with all that it left, failed, or cancelled.

    ``progress`` is told how far it is, ``words`` makes the text that is recorded of an error. With ``again`` a store
    that could not be reached gives the job free, to be run again while attempts remain.
    """
    job_id, token = claim.job_id, claim.token
    try:
        report = _reporter(home, claim, progress)
        result = _compute(home, strategy, dataset, EngineOptions(**spec.options), report)
        report(STEPS[4])
        run_id = jobs.complete_job(home.database, job_id, token, outcome_of(result, spec, home.files, dataset.id))
    except (KeyboardInterrupt, GeneratorExit):
        with suppress(StoreError):
            jobs.cancel_job(home.database, job_id, token)
        raise
    except BaseException as error:  # SystemExit as well: a strategy has no right to leave
        with suppress(StoreError):  # what cannot be recorded must not hide the error itself
            if again and isinstance(error, StoreError):
                jobs.release_job(home.database, job_id, token, words(error))
            else:
                jobs.fail_job(home.database, job_id, token, words(error))
        error.add_note(f"The run is recorded as job {job_id}, failed.")
        raise
    if progress:
        progress(1.0, "completed")
    run = Run.load(home, run_id)
    begin_check(home, run, strategy)
    return run


def _compute(
    home: Home, strategy: Strategy, dataset: Dataset, options: EngineOptions, report: Callable[[str], None]
) -> BacktestResult:
    report(STEPS[0])
    bars = checked_bars(home, dataset)
    result = BacktestResult(bars, strategy, options, simulation_of(strategy, bars, options, report))
    report(STEPS[3])
    _ = result.metrics  # measured here, so that its cost is in its step
    return result


def _reporter(home: Home, claim: Claim, progress: Progress | None) -> Callable[[str], None]:
    told = monotonic()

    def report(step: str) -> None:
        nonlocal told
        done, is_own = STEPS.index(step) / len(STEPS), step == SIGNALLING  # the strategy's own code may take any time
        if progress and not is_own:  # who interrupts that code must know that it is over before anything is written
            progress(done, step)
        if is_own or monotonic() - told >= REPORT_EVERY:
            if jobs.report_progress(home.database, claim.job_id, claim.token, done, step):
                raise KeyboardInterrupt("The job was cancelled.")
            told = monotonic()
        if progress and is_own:
            progress(done, step)

    return report


def spec_of(strategy: Strategy, row: StrategyRow, dataset: Dataset, options: EngineOptions) -> RunSpec:
    """Return what identifies a run."""
    return RunSpec(
        dataset_sha256=dataset.sha256 or "",
        dataset_name=dataset.name,
        timeframe=dataset.timeframe or "",
        session=dataset.session or "",
        strategy_name=strategy.name,
        strategy_sha256=row.source_sha256 or "",
        strategy_class=f"{row.module_path}:{row.class_name}",
        parameters=strategy.parameters(),
        options=options.model_dump(mode="json"),
        engine_version=ENGINE_VERSION,
        seed=options.seed,
        versions=current_versions(),
    )


def new_job(
    spec: RunSpec, row: StrategyRow, dataset: Dataset, *, how: Mapping[str, Any] | None = None, **more: Any
) -> NewJob:
    """Return the job of a run; ``how`` is kept beside its specification, ``more`` are other fields of the job."""
    return NewJob(
        strategy=spec.strategy_name,
        spec=spec.to_dict() | dict(how or {}),
        spec_hash=spec.spec_hash,
        strategy_params=spec.parameters,
        engine_options=spec.options,
        dataset_path=dataset.file_path,
        dataset_id=dataset.id,
        strategy_id=row.id,
        dataset_sha256=spec.dataset_sha256,
        strategy_sha256=spec.strategy_sha256,
        engine_version=spec.engine_version,
        seed=spec.seed,
        total_steps=len(STEPS),
        **more,
    )
