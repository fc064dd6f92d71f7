"""A run as a folder that another machine can verify: what was run, with which source and data, and what came of it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.canonical import series_sha256
from research_kit.errors import StoreError
from research_kit.runs.importing import checked_bars
from research_kit.runs.trust.parcel import BARS, EQUITY, MANIFEST, README, SOURCE, TRADES, VERSIONS
from research_kit.runs.trust.proof import proof_of
from research_kit.runs.trust.stored_source import is_intact, source_of
from research_kit.store.bulk import trade_columns
from research_kit.store.files import write_atomic
from research_kit.store.fingerprints import TRADE_COLUMNS, trades_sha256
from research_kit.store.json_values import dump_json

if TYPE_CHECKING:
    from research_kit.bars.frame import Bars
    from research_kit.runs.run import Run
    from research_kit.runs.spec import RunSpec
    from research_kit.strategy.source import StrategySource

SYNTHETIC = "synthetic"
COUNTS = ("trades_total", "ambiguous_bars", "rejected_orders", "liquidations", "liquidated")
_README = """# {title}

A backtest, exported by research_kit {version} on {completed_at}: what was run, the source of its strategy, {data},
and its result.

To check that its orders, trades and equity are what its source makes of its data, in an empty workspace:

    research-kit -w checked import-run THIS_FOLDER --trust

`--trust` runs the source in `source.txt`: read it first. Without `--trust` the run is recorded and shown, and nothing
is run. `versions.txt` names the packages that it was made with (`pip install -r versions.txt`).

`bars.bin` holds {rows:,} opening times as little-endian int64 nanoseconds UTC, then as many little-endian float64 for
each of these columns: {columns}. `equity.bin` holds the equity at each bar's close as float64.
"""


def export_run(run: Run, folder: Path | None = None, *, data: bool = True) -> Path:
    """Write a run into a folder of its own and return it; the folder appears when all of it is written.

    Parameters
    ----------
    folder
        Where; ``exports/run-ID`` in the workspace when not given. It must not be there.
    data
        Whether the bars go with it; without them they are named by their sha256, and whoever imports the run needs a
        dataset with the same bars.

    Raises
    ------
    StoreError
        The folder is there, or something of the run was edited, or is missing: it could not be verified anywhere.
    """
    target = (folder or run.home.files.folder / "exports" / f"run-{run.id}").expanduser().absolute()
    if target.exists() or target.is_symlink():
        raise StoreError(f"{target} is there already; name a folder that is not.")
    files = _contents(run, data=data)
    making = target.with_name(f".{target.name}.{token_hex(4)}.tmp")
    try:
        making.mkdir(parents=True)
        for name, content in files.items():
            write_atomic(making / name, content)
        making.rename(target)
    except OSError as error:
        raise StoreError(f"{target} could not be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return target


def _contents(run: Run, *, data: bool) -> dict[str, bytes]:
    """Return the files of an export by name."""
    proof = proof_of(run)
    if proof.findings:
        raise StoreError(f"Run {run.id} cannot be exported: {proof.findings[0].sentence}")
    spec, source = proof.spec, source_of(run)
    if source is None or not is_intact(source) or source.sha256 != spec.strategy_sha256:
        raise StoreError(f"Run {run.id} cannot be exported: the source that was run is not stored as it was.")
    bars, trades = checked_bars(run.home, run.dataset), trade_columns(run.trade_columns)
    files = {
        SOURCE: source.text.encode(),
        EQUITY: _equity(run),
        TRADES: dump_json({name: _plain(trades[name]) for name in TRADE_COLUMNS if name in trades}).encode(),
        VERSIONS: _lock(spec.versions).encode(),
    }
    if data:
        files[BARS] = bars_bytes(bars)
    manifest = _manifest(run, spec, source, bars, trades)
    files[README] = _readme(manifest, spec, data=data).encode()
    listed = {name: {"size": len(content), "sha256": sha256(content).hexdigest()} for name, content in files.items()}
    files[MANIFEST] = dump_json(manifest | {"files": listed}).encode()
    return files


def _manifest(
    run: Run, spec: RunSpec, source: StrategySource, bars: Bars, trades: Mapping[str, NDArray[Any]]
) -> dict[str, Any]:
    row, results = run.backtest, run.backtest.results or {}
    return {
        "format": "research_kit run 1",
        "title": run.title[:500],
        "completed_at": f"{row.completed_at:%Y-%m-%dT%H:%M:%SZ}" if row.completed_at else "",
        "spec": spec.to_dict(),
        "spec_hash": spec.spec_hash,
        "strategy": {
            "origin": source.origin,
            "module_path": source.module_path,
            "class_name": source.class_name,
        },
        "bars": {
            "symbol": bars.symbol,
            "timezone": run.dataset.timezone or "UTC",
            "allow_nonpositive": bars.allow_nonpositive,
            "rows": len(bars),
            "columns": list(_columns(bars)),
        },
        "result": {
            "equity_sha256": row.equity_sha256,
            "trades_sha256": trades_sha256(trades),
            "orders_sha256": row.orders_sha256,
            "metrics": dict(run.summary),
            "reasons": {**run.summary.reasons, **run.summary.flags},
            "counts": {name: results.get(name) for name in COUNTS},
        },
    }


def _columns(bars: Bars) -> dict[str, NDArray[np.float64]]:
    """Return the columns of bars as they are exported; the marks of synthetic bars are one more."""
    marks = bars.synthetic is not None and bars.synthetic.any()
    return dict(bars.columns) | ({SYNTHETIC: bars.synthetic.astype(np.float64)} if marks else {})  # type: ignore[union-attr]


def bars_bytes(bars: Bars) -> bytes:
    """Return the times and columns of bars as ``bars.bin`` holds them."""
    return b"".join(
        [bars.time_ns.astype("<i8").tobytes(), *(one.astype("<f8").tobytes() for one in _columns(bars).values())]
    )


def _equity(run: Run) -> bytes:
    equity = run.equity.to_numpy()
    if series_sha256({"equity": equity}) != run.backtest.equity_sha256:
        raise StoreError(f"Run {run.id} cannot be exported: its stored equity curve was edited.")
    return equity.astype("<f8").tobytes()


def _plain(values: NDArray[Any]) -> Any:
    """Return a column of trades as JSON values; times as whole microseconds, undefined as None."""
    if values.dtype.kind == "M":
        gone = np.isnat(values)
        return [None if lost else stamp for stamp, lost in zip(values.astype(np.int64).tolist(), gone, strict=True)]
    return values


def _lock(versions: Mapping[str, str]) -> str:
    skipped = {name: version for name, version in versions.items() if name in ("python", "engine")}
    lines = [f"# {name} {version}" for name, version in skipped.items()]
    return "\n".join(lines + [f"{name}=={version}" for name, version in versions.items() if name not in skipped]) + "\n"


def _readme(manifest: Mapping[str, Any], spec: RunSpec, *, data: bool) -> str:
    return _README.format(
        title=" ".join(manifest["title"].split()),
        version=spec.versions.get("research_kit", ""),
        completed_at=manifest["completed_at"][:10],
        data="its data" if data else f"the sha256 of its data ({spec.dataset_sha256})",
        rows=manifest["bars"]["rows"],
        columns=", ".join(manifest["bars"]["columns"]),
    )
