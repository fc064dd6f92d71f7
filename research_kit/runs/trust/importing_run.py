"""A run from elsewhere: read as untrusted, checked in all its parts, recorded; its source is run only with consent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.canonical import bars_sha256, series_sha256
from research_kit.bars.frame import Bars
from research_kit.bars.quality.report import check_quality
from research_kit.engine.options import EngineOptions
from research_kit.errors import ResearchKitError, StoreError
from research_kit.metrics.registry import METRICS
from research_kit.processes.identity import identity
from research_kit.runs.facts import facts_of
from research_kit.runs.outcome import summary_of, trial_of
from research_kit.runs.run import Run
from research_kit.runs.spec import RunSpec
from research_kit.runs.stored_bars import StoredBars
from research_kit.runs.trust.exporting import SYNTHETIC
from research_kit.runs.trust.parcel import BARS, EQUITY, SOURCE, TRADES, Manifest, read_file, read_json, read_manifest
from research_kit.runs.trust.stored_source import IMPORTED
from research_kit.store import jobs
from research_kit.store.bulk import TEXTS, TIMES, trade_columns
from research_kit.store.datasets import add_dataset, dataset_with_bars
from research_kit.store.fingerprints import TRADE_COLUMNS, trades_sha256
from research_kit.store.records import JobOutcome, NewDataset, NewJob, NewStrategy, check_dataset_name, short_text
from research_kit.store.strategies import keep_source

if TYPE_CHECKING:
    from research_kit.bars.frame import FloatArray
    from research_kit.runs.home import Home
    from research_kit.store.tables import Dataset


class _Checked:
    """The parts of an export, each checked against the others."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.folder, self.manifest = folder, read_manifest(folder)
        self.spec = _spec(self.manifest)
        self.source = _source(folder, self.manifest, self.spec)
        self.dataset = dataset_with_bars(home.database, self.spec.dataset_sha256)
        self.bars = _bars(home, folder, self.manifest, self.spec, self.dataset)
        self.equity = _equity(folder, self.manifest, len(self.bars))
        self.trades = _trades(folder, self.manifest)
        result = self.manifest.result
        self.metrics = {name: result.metrics[name] for name in METRICS if name in result.metrics}
        self.reasons = {name: text for name, text in result.reasons.items() if name in METRICS}


def import_run(home: Home, folder: Path, *, trust: bool = False) -> Run:
    """Record a run from the folder of an export and return it.

    Its bars become a dataset of their own unless this workspace has them; its trial is counted. The source is stored
    as text. With ``trust`` it is run at once to verify the run, otherwise ``run.verify(trust=True)`` does that later.

    Raises
    ------
    StoreError
        A file is not what an export has, or not what the export says; nothing is kept.
    """
    folder = folder.expanduser().absolute()
    try:
        checked = _Checked(home, folder)
    except StoreError:
        raise
    except (ResearchKitError, ValueError, OverflowError, MemoryError) as error:
        raise StoreError(f"{folder} cannot be imported: {error}") from error
    run = _keep(home, checked, trust=trust)
    if trust:
        run.verify(trust=True)
    return run


def _spec(manifest: Manifest) -> RunSpec:
    names = {item.name for item in fields(RunSpec)}
    if not names - {"window"} <= set(manifest.spec) <= names:
        raise StoreError("The specification in run.json is not complete, or holds what none has.")
    spec = RunSpec(**manifest.spec)
    maps = (spec.parameters, spec.options, spec.versions)
    texts = [getattr(spec, item.name) for item in fields(RunSpec) if item.type == "str"]
    if not (all(isinstance(one, dict) for one in maps) and all(isinstance(one, str) for one in texts)):
        raise StoreError("The specification in run.json holds values of another kind.")
    if not all(isinstance(one, str) for one in spec.versions.values()) or type(spec.seed) is not int:
        raise StoreError("The specification in run.json holds values of another kind.")
    if spec.spec_hash != manifest.spec_hash:
        raise StoreError("The specification in run.json does not have its own hash: it was edited after the export.")
    EngineOptions(**spec.options)  # refuses options that no engine has
    return spec


def _source(folder: Path, manifest: Manifest, spec: RunSpec) -> str:
    content = read_file(folder, SOURCE, manifest)
    if sha256(content).hexdigest() != spec.strategy_sha256:
        raise StoreError(f"{SOURCE} is not the source of the specification: its sha256 differs.")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise StoreError(f"{SOURCE} is no text.") from None


def _bars(home: Home, folder: Path, manifest: Manifest, spec: RunSpec, dataset: Dataset | None) -> Bars:
    about = manifest.bars
    if BARS not in manifest.files:
        if dataset is None:
            raise StoreError(
                f"The export holds no bars, and no dataset here has them ({spec.dataset_name!r}, sha256 "
                f"{spec.dataset_sha256[:12]}…). Import that dataset first, or export the run with its data."
            )
        return StoredBars.of(home, dataset).load()
    content = read_file(folder, BARS, manifest)
    if len(set(about.columns)) != len(about.columns) or len(content) != 8 * about.rows * (1 + len(about.columns)):
        raise StoreError(f"{BARS} does not have the rows and columns that run.json names.")
    rows = np.frombuffer(content, "<f8").reshape(-1, about.rows)
    columns: dict[str, NDArray[Any]] = dict(zip(about.columns, rows[1:], strict=True))
    marks = columns.pop(SYNTHETIC, None)
    bars = Bars(
        rows[0].view("<i8"),
        columns,
        symbol=about.symbol,
        timeframe=spec.timeframe,
        session=spec.session or "24/7",
        allow_nonpositive=about.allow_nonpositive,
        synthetic=None if marks is None else marks != 0.0,
    )
    if bars_sha256(bars) != spec.dataset_sha256:
        raise StoreError(f"{BARS} does not hold the bars of the specification: their sha256 differs.")
    return bars


def _equity(folder: Path, manifest: Manifest, rows: int) -> FloatArray:
    content = read_file(folder, EQUITY, manifest)
    equity = np.frombuffer(content, "<f8") if len(content) == 8 * rows else None
    if equity is None or series_sha256({"equity": equity}) != manifest.result.equity_sha256:
        raise StoreError(f"{EQUITY} does not hold the equity that run.json names: its sha256 differs.")
    return equity


def _trades(folder: Path, manifest: Manifest) -> dict[str, NDArray[Any]]:
    values = read_json(folder, TRADES, manifest)
    if not isinstance(values, dict) or not set(values) <= set(TRADE_COLUMNS):
        raise StoreError(f"{TRADES} does not hold trades by column.")
    if not all(isinstance(column, list) for column in values.values()):
        raise StoreError(f"{TRADES} does not hold trades by column.")
    trades = trade_columns({name: _column(name, column) for name, column in values.items()})
    if trades_sha256(trades) != manifest.result.trades_sha256:
        raise StoreError(f"{TRADES} does not hold the trades that run.json names: their sha256 differs.")
    return trades


def _column(name: str, values: list[Any]) -> NDArray[Any]:
    kinds: tuple[type, ...] = (int,) if name in TIMES else (str,) if name in TEXTS else (int, float)
    if not all(value is None or (isinstance(value, kinds) and not isinstance(value, bool)) for value in values):
        raise StoreError(f"{TRADES} holds a value in {name} that none has.")
    if name in TIMES:
        gone = np.iinfo(np.int64).min
        return np.array([gone if value is None else value for value in values], np.int64).view("datetime64[us]")
    return np.array(values, dtype=object if name in TEXTS else np.float64)


def _keep(home: Home, checked: _Checked, *, trust: bool) -> Run:
    spec, about = checked.spec, checked.manifest.strategy
    dataset = checked.dataset or _keep_bars(home, checked)
    source = keep_source(
        home.database,
        NewStrategy(
            name=spec.strategy_name,
            source=checked.source,
            source_sha256=spec.strategy_sha256,
            origin=about.origin,
            module_path=about.module_path,
            class_name=about.class_name,
            description=about.description,
        ),
    )
    where = {"folder": checked.folder.name, "at": datetime.now(UTC), "title": checked.manifest.title, "trusted": trust}
    job = NewJob(
        strategy=spec.strategy_name,
        spec={**spec.to_dict(), IMPORTED: where},
        spec_hash=spec.spec_hash,
        strategy_params=spec.parameters,
        engine_options=spec.options,
        dataset_path=dataset.file_path,
        dataset_id=dataset.id,
        strategy_id=source.id,
        dataset_sha256=spec.dataset_sha256,
        strategy_sha256=spec.strategy_sha256,
        engine_version=spec.engine_version,
        seed=spec.seed,
    )
    job_id, token = jobs.begin_job(home.database, job, identity())
    try:
        run_id = jobs.complete_job(home.database, job_id, token, _outcome(home, checked, dataset.id))
    except BaseException:
        jobs.cancel_job(home.database, job_id, token)
        jobs.delete_job(home.database, job_id)
        raise
    return Run.load(home, run_id)


def _keep_bars(home: Home, checked: _Checked) -> Dataset:
    """Store the bars under a name of their own, so that no name of this workspace means them from now on."""
    bars, spec = checked.bars, checked.spec
    mark = f" (imported {spec.dataset_sha256[:8]})"
    name = check_dataset_name(short_text(spec.dataset_name, 200 - len(mark)).strip() + mark)
    stored = home.files.save_bars(bars, spec.dataset_sha256)
    options = {"allow_nonpositive": True} if bars.allow_nonpositive else {}
    return add_dataset(
        home.database,
        NewDataset(
            name=name,
            data_source="exported run",
            timezone=checked.manifest.bars.timezone,
            import_options=options,
            **facts_of(bars, check_quality(bars), stored),
        ),
    )


def _outcome(home: Home, checked: _Checked, dataset_id: int) -> JobOutcome:
    result, trades = checked.manifest.result, checked.trades
    cash = float(checked.spec.options["initial_cash"])
    counts: Mapping[str, Any] = result.counts
    summary = summary_of(checked.bars, checked.equity, trades, checked.metrics, counts)
    return JobOutcome(
        trades=trades,
        metrics=checked.metrics,
        reasons=checked.reasons,
        results=summary,
        result_data=summary,
        equity=home.files.save_series({"equity": checked.equity}),
        orders_sha256=result.orders_sha256,
        trial=trial_of(checked.bars, checked.equity, cash, checked.metrics, spec=checked.spec, dataset_id=dataset_id),
    )
