"""What a stored run says of itself in several places, and where these do not agree with its hash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from research_kit.errors import StoreError
from research_kit.runs.spec import RunSpec
from research_kit.store.trials import find_trial

if TYPE_CHECKING:
    from research_kit.runs.run import Run
    from research_kit.store.tables import Trial

CAUSES = ("data", "code", "parameters", "options", "seed", "versions", "engine", "record", "unknown")
_CAUSE_OF = {"dataset_sha256": "data", "timeframe": "data", "session": "data", "strategy_sha256": "code"}
_CAUSE_OF |= {"strategy_name": "code", "parameters": "parameters", "options": "options"}
_MOST = 256  # combinations of copies that are tried


@dataclass(frozen=True)
class Finding:
    """One cause of a difference (a word of ``CAUSES``) and the sentence that says what is the matter."""

    cause: str
    sentence: str


@dataclass(frozen=True)
class Proof:
    """The specification that a run was made with, as far as its hash proves it, and what was edited since."""

    spec: RunSpec
    findings: tuple[Finding, ...]


def proof_of(run: Run) -> Proof:
    """Return what a run was made with.

    Its specification stands in several rows (job, backtest, trial), and its hash was recorded with it. Where one was
    edited, the copies that have the hash are what was run.

    Raises
    ------
    StoreError
        The run has no specification.
    """
    stated = stated_spec(run)
    copies = {name: list(_distinct(values)) for name, values in _copies(run, stated).items()}
    recorded = {run.job.spec_hash, run.backtest.spec_hash} - {None}
    proved = next((spec for spec in _candidates(stated, copies) if spec.spec_hash in recorded), None)
    if proved is None:
        sentence = "The specification was edited: it does not have its own hash, so what was run cannot be told."
        return Proof(stated, (Finding("record", sentence), *_odd_copies(stated, copies)))
    findings = list(_odd_copies(proved, copies))
    if len(recorded) > 1:
        findings.append(Finding("record", "One of the two hashes of the specification was edited."))
    return Proof(proved, tuple(findings))


def stated_spec(run: Run) -> RunSpec:
    """Return the specification as the row of the job states it."""
    kept = run.job.spec or {}
    names = [item.name for item in fields(RunSpec)]
    missing = [name for name in names if name not in kept and name != "window"]
    if missing:
        raise StoreError(f"Run {run.id} does not say what was run ({missing[0]} is missing); it cannot be verified.")
    return RunSpec(**{name: kept[name] for name in names if name in kept})


def _copies(run: Run, stated: RunSpec) -> dict[str, list[Any]]:
    job, trial = run.job, _trial(run)
    copies: dict[str, list[Any]] = {
        "dataset_sha256": [job.dataset_sha256],
        "strategy_sha256": [job.strategy_sha256],
        "strategy_name": [job.strategy, run.backtest.strategy_name],
        "parameters": [job.strategy_params, run.backtest.strategy_params],
        "options": [job.engine_options],
    }
    if trial is not None:
        copies["parameters"].append(trial.parameters)
        copies["options"].append(trial.options)
        copies["dataset_sha256"].append(trial.dataset_sha256)
        copies["strategy_sha256"].append(trial.strategy_sha256)
    copies["options"] += [
        {**options, "seed": seed}
        for options in [stated.options]
        for seed in (stated.seed, job.seed)
        if seed is not None
    ]
    return {name: [getattr(stated, name), *values] for name, values in copies.items()}


def _trial(run: Run) -> Trial | None:
    found = (find_trial(run.home.database, one) for one in {run.job.spec_hash, run.backtest.spec_hash} if one)
    return next((trial for trial in found if trial is not None), None)


def _distinct(values: list[Any]) -> Iterator[Any]:
    """Yield the values that are there, each once, the first one first."""
    seen: list[Any] = []
    for value in values:
        if value not in (None, "") and value not in seen:
            seen.append(value)
            yield value


def _candidates(stated: RunSpec, copies: Mapping[str, list[Any]]) -> Iterator[RunSpec]:
    """Yield the specifications that the copies can make, the stated one first."""
    for number, values in enumerate(product(*copies.values())):
        if number >= _MOST:
            return
        yield replace(stated, **dict(zip(copies, values, strict=True)))


def _odd_copies(proved: RunSpec, copies: Mapping[str, list[Any]]) -> Iterator[Finding]:
    for name, values in copies.items():
        true = getattr(proved, name)
        for value in values:
            if value != true:
                yield from _edited(name, true, value)


def _edited(name: str, true: Any, value: Any) -> Iterator[Finding]:
    if not isinstance(true, Mapping) or not isinstance(value, Mapping):
        word = name.replace("_", " ")
        yield Finding(_CAUSE_OF[name], f"{word} was edited: a row says {_short(value)}, the run had {_short(true)}.")
        return
    for key in sorted({*true, *value}):
        if true.get(key) != value.get(key):
            cause = "seed" if (name, key) == ("options", "seed") else _CAUSE_OF[name]
            word = {"parameters": "The parameter", "options": "The option"}[name]
            yield Finding(
                cause, f"{word} {key} was edited: a row says {value.get(key)!r}, the run had {true.get(key)!r}."
            )


def _short(value: Any) -> str:
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 else repr(text)
