"""A stored run again: from its stored source and data, compared byte for byte, the cause of a difference named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.canonical import series_sha256
from research_kit.checks.divergence import fills_of, first_divergence, first_row, stamp
from research_kit.engine.backtest import BacktestResult, simulation_of
from research_kit.engine.options import EngineOptions
from research_kit.errors import ArtifactMissingError, NotFoundError, OptionError, ParameterError, StoreError, error_text
from research_kit.runs.outcome import orders_sha256
from research_kit.runs.spec import RunSpec, current_versions
from research_kit.runs.stored_bars import StoredBars
from research_kit.runs.trust.proof import Finding, Proof, proof_of
from research_kit.runs.trust.stored_source import (
    UntrustedSourceError,
    class_today,
    is_intact,
    source_of,
    strategy_class_of,
)
from research_kit.runs.trust.verification import Verification
from research_kit.store.bulk import trade_columns
from research_kit.store.datasets import dataset_with_bars, find_dataset, version_of
from research_kit.store.fingerprints import trades_sha256
from research_kit.store.verdicts import NewVerdict, record_verdict
from research_kit.version import ENGINE_VERSION

if TYPE_CHECKING:
    from research_kit.bars.frame import Bars, FloatArray
    from research_kit.runs.run import Run
    from research_kit.store.tables import Dataset

CLOSE = 1e-6  # relative: how near the result of an older engine must be to agree
_METRICS = "metrics: "


@dataclass(frozen=True)
class _Stored:
    """The result of a run as the store has it; what is not there any more is None."""

    equity: FloatArray | None
    trades: dict[str, NDArray[Any]]
    metrics: Mapping[str, Any]


@dataclass(frozen=True)
class _Again:
    """The result of the run, made again."""

    result: BacktestResult
    trades: dict[str, NDArray[Any]]
    equity_sha256: str
    trades_sha256: str
    orders_sha256: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Again) and self._hashes == other._hashes

    __hash__ = None  # type: ignore[assignment]

    @property
    def _hashes(self) -> tuple[str, str, str]:
        return self.equity_sha256, self.trades_sha256, self.orders_sha256


def verify_run(run: Run, *, trust: bool = False, keep: bool = True) -> Verification:
    """Run a stored run again, compare, and keep the verdict.

    Parameters
    ----------
    trust
        Whether the stored source may be run although it came from elsewhere.
    keep
        Whether the verdict is recorded; one that says ``untrusted`` is none, and never is.

    Raises
    ------
    StoreError
        The run has no specification: this package did not make it.
    """
    proof = proof_of(run)
    found = _verified(run, proof, trust)
    if keep:
        keep_verdict(run, proof.spec, found)
    return found


def keep_verdict(run: Run, spec: RunSpec, found: Verification) -> None:
    """Record what a verification found; that a source is not trusted is no verdict."""
    if found.outcome == "untrusted":
        return
    verdict = NewVerdict(
        kind="verify",
        source_sha256=spec.strategy_sha256,
        dataset_sha256=spec.dataset_sha256,
        outcome=found.outcome,
        summary=found.summary,
        engine_version=ENGINE_VERSION,
        details=found.to_dict(),
        backtest_id=run.id,
        spec_hash=spec.spec_hash,
        strategy_name=spec.strategy_name,
        parameters=spec.parameters,
    )
    record_verdict(run.home.database, verdict)


def _verified(run: Run, proof: Proof, trust: bool) -> Verification:
    spec, causes = proof.spec, list(proof.findings)
    bars, about_data = _bars_of(run, spec)
    causes += about_data
    causes += _about_stored_source(run, spec)
    stored = _stored_result(run, causes)
    notes = list(_since(run, spec))

    def verdict(outcome: str, differences: tuple[str, ...] = (), result: BacktestResult | None = None) -> Verification:
        compared = {} if result is None else {"bars": len(result.bars), "trades": len(result.simulation.trades)}
        return Verification(run.id, run.title, outcome, tuple(causes), differences, tuple(notes), compared)

    if bars is None:
        return verdict("failed")
    try:
        with strategy_class_of(run, spec.strategy_sha256, trust=trust) as kind:
            again = _run_again(kind, bars, spec)
            differences = tuple(_differences(run, stored, again))
            second = _run_again(kind, bars, spec) if differences else again
    except (Exception, SystemExit) as error:  # whatever the strategy raises: it has no right to leave
        return verdict(_outcome_of(error, causes))
    if not differences:
        return verdict("differs" if causes else "verified", (), again.result)
    if second != again:
        causes.append(
            Finding(
                "seed", "Two runs of it differ: the strategy draws random numbers without a seed, or keeps a state."
            )
        )
    if not causes:
        causes += _changed_since(spec, notes, only_metrics=all(line.startswith(_METRICS) for line in differences))
    if [found.cause for found in causes][:1] == ["engine"] and _agrees(stored, again):
        causes.clear()
        notes.insert(0, f"made by engine {spec.engine_version}, run again by engine {ENGINE_VERSION}")
        return verdict("agrees", differences, again.result)
    return verdict("differs", differences, again.result)


def _run_again(kind: Any, bars: Bars, spec: RunSpec) -> _Again:
    strategy, options = kind.with_parameters(spec.parameters), EngineOptions(**spec.options)
    result = BacktestResult(bars, strategy, options, simulation_of(strategy, bars, options))
    trades = trade_columns(result.trade_columns)
    equity = series_sha256({"equity": result.simulation.equity})
    return _Again(result, trades, equity, trades_sha256(trades), orders_sha256(result))


def _bars_of(run: Run, spec: RunSpec) -> tuple[Bars | None, list[Finding]]:
    """Return the bars that a run was made with, or what is in their place now, and what is wrong with them."""
    home, findings, dataset = run.home, list[Finding](), _dataset_of(run)
    if dataset is not None and dataset.sha256 != spec.dataset_sha256:
        named = (dataset.sha256 or "none")[:12]
        findings.append(Finding("data", f"The dataset of the run names other bars now ({named}…) than it had."))
        dataset = None
    dataset = dataset or dataset_with_bars(home.database, spec.dataset_sha256)
    if dataset is None:
        return None, [
            *findings,
            Finding("data", f"The bars of the run ({spec.dataset_name!r}) are in no dataset any more."),
        ]
    stored = StoredBars.of(home, dataset)
    try:
        home.files.verify_bars(stored.file_path, stored.sha256, stored.size)
    except ArtifactMissingError as error:
        findings.append(Finding("data", str(error)))
    try:
        bars = stored.load()
    except ArtifactMissingError:
        return None, findings
    return replace(bars, timeframe=spec.timeframe, session=spec.session or "24/7", check=False), findings


def _dataset_of(run: Run) -> Dataset | None:
    try:
        return find_dataset(run.home.database, run.backtest.dataset_id or 0)
    except NotFoundError:
        return None


def _about_stored_source(run: Run, spec: RunSpec) -> Iterator[Finding]:
    source = source_of(run)
    if source is None:
        yield Finding("code", "The source of its strategy is not stored any more.")
    elif source.sha256 == spec.strategy_sha256 and not is_intact(source):
        yield Finding("code", "The stored source of its strategy was edited: it does not have its sha256 any more.")


def _stored_result(run: Run, causes: list[Finding]) -> _Stored:
    """Return the stored result; a part of it that was edited after the run is noted as a cause."""
    row, equity = run.backtest, None
    try:
        equity = run._equity
        if series_sha256({"equity": equity}) != row.equity_sha256:
            causes.append(Finding("record", "The stored equity curve was edited after the run."))
    except StoreError as error:
        causes.append(Finding("record", str(error)))
    trades = trade_columns(run.trade_columns)
    if row.trades_sha256 is not None and trades_sha256(trades) != row.trades_sha256:
        causes.append(Finding("record", "The stored trades were edited after the run."))
    return _Stored(equity, trades, dict(run.summary))


def _since(run: Run, spec: RunSpec) -> Iterator[str]:
    """Yield what has changed since a run, none of which need change its result."""
    if spec.engine_version != ENGINE_VERSION:
        yield f"made by engine {spec.engine_version}, run again by engine {ENGINE_VERSION}"
    changed = changed_versions(spec)
    if changed:
        yield f"versions have changed since: {changed}"
    kind, today = class_today(run.home, run.job.spec or {})
    if kind is not None and today != spec.strategy_sha256:
        yield "the strategy has changed since: the file of today has another source"
    dataset = _dataset_of(run)
    if dataset is not None and (place := version_of(run.home.database, dataset))[0] < place[1]:
        yield f"the dataset has newer versions since (this is {place[0]} of {place[1]})"


def changed_versions(spec: RunSpec) -> str:
    """Return which packages have another version now than a run had, as text; the engine is told of by itself."""
    now = current_versions()
    names = [name for name in dict.fromkeys([*spec.versions, *now]) if name != "engine"]
    pairs = [(name, spec.versions.get(name, "none"), now.get(name, "none")) for name in names]
    return ", ".join(f"{name} {then} to {today}" for name, then, today in pairs if then != today)


def _changed_since(spec: RunSpec, notes: list[str], *, only_metrics: bool) -> Iterator[Finding]:
    """Yield what can be the cause of a difference that nothing which was edited explains."""
    if spec.engine_version != ENGINE_VERSION:
        sentence = f"It was made by engine {spec.engine_version}; this is engine {ENGINE_VERSION}."
        notes[:] = [note for note in notes if not note.startswith("made by engine")]
        yield Finding("engine", sentence)
    changed = changed_versions(spec)
    if changed:
        notes[:] = [note for note in notes if not note.startswith("versions")]
        yield Finding("versions", f"Packages have another version now: {changed}.")
    if spec.engine_version == ENGINE_VERSION and not changed and only_metrics:
        yield Finding(
            "record", "The stored metrics are not those of its equity and trades: they were edited after the run."
        )
    elif spec.engine_version == ENGINE_VERSION and not changed:
        yield Finding(
            "unknown",
            "Data, source, parameters, options, versions and engine are the same, and two runs agree: something "
            "outside of it has changed (a file that it reads, a value of another cell), or its hashes were edited.",
        )


def _differences(run: Run, stored: _Stored, again: _Again) -> Iterator[str]:
    """Yield what is different between a stored result and the one that was made again."""
    row = run.backtest
    if again.trades_sha256 != (row.trades_sha256 or trades_sha256(stored.trades)):
        yield _trade_difference(stored.trades, again.trades)
    if row.orders_sha256 is not None and again.orders_sha256 != row.orders_sha256:
        yield "the orders that were made, or rejected, are others"
    if again.equity_sha256 != row.equity_sha256:
        yield _equity_difference(stored.equity, again.result)
    if not again.result.bars.time_ns.size:
        return
    found = {name: (stored.metrics.get(name), value) for name, value in again.result.metrics.items()}
    other = {name: pair for name, pair in found.items() if pair[0] != pair[1]}
    if other:
        name, (then, now) = next(iter(other.items()))
        yield f"{_METRICS}{name} was {then}, is {now}" + (f" (and {len(other) - 1} more)" if len(other) > 1 else "")


def _trade_difference(then: dict[str, NDArray[Any]], now: dict[str, NDArray[Any]]) -> str:
    parting = first_divergence(fills_of(then), fills_of(now))
    if parting is not None:
        return f"stored / now: {parting}"
    row = first_row(then, now)
    return "the hash of its trades" if row is None else f"trade {row[0] + 1:,} differs in {', '.join(row[1])}"


def _equity_difference(then: FloatArray | None, result: BacktestResult) -> str:
    now = result.simulation.equity
    if then is None or len(then) != len(now):
        return (
            "equity: the stored curve is not there" if then is None else f"equity: {len(then):,} bars, now {len(now):,}"
        )
    differs = then != now
    if not differs.any():
        return "the hash of its equity"
    at = int(np.argmax(differs))
    return f"equity from bar {at:,} ({stamp(result.bars.time[at])}) on: {then[at]:,.10g} stored, {now[at]:,.10g} now"


def _agrees(stored: _Stored, again: _Again) -> bool:
    """Return whether two results are the same trades, and the same money within ``CLOSE``."""
    then, now, equity = stored.trades, again.trades, again.result.simulation.equity
    if stored.equity is None or len(stored.equity) != len(equity) or len(then["side"]) != len(now["side"]):
        return False
    same = first_row({name: then[name] for name in _EXACT}, {name: now[name] for name in _EXACT}) is None
    numbers = [(stored.equity, equity), *((then[name], now[name]) for name in _NEAR)]
    return same and all(np.allclose(a, b, rtol=CLOSE, atol=CLOSE, equal_nan=True) for a, b in numbers)


_EXACT = ("entry_time", "exit_time", "side")
_NEAR = ("entry_price", "exit_price", "quantity", "pnl")


def _outcome_of(error: BaseException, causes: list[Finding]) -> str:
    """Return the outcome of a run that ended with an error, and add the cause."""
    if isinstance(error, StoreError):  # the store cannot be reached: that says nothing of the run
        raise error
    if isinstance(error, UntrustedSourceError):
        causes.append(Finding("code", str(error)))
        return "untrusted"
    outcome, cause = "differs" if causes else "failed", _cause_of(error)
    if cause not in [found.cause for found in causes]:
        causes.append(Finding(cause, f"It raised {error_text(error, 500)}"))
    return outcome


def _cause_of(error: BaseException) -> str:
    if isinstance(error, ParameterError):
        return "parameters"
    return "options" if isinstance(error, OptionError) else "code"
