"""What identifies a run: data, source, parameters and options, hashed; and what else is needed to repeat it."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import sha256
from importlib import metadata
from typing import Any

from research_kit.version import ENGINE_VERSION, __version__

RECORDED_PACKAGES = ("numpy", "numba", "pandas", "pyarrow", "pydantic")
IDENTITY = (
    *("dataset_sha256", "timeframe", "session"),
    *("strategy_name", "strategy_sha256", "parameters", "options"),
)


@dataclass(frozen=True)
class RunSpec:
    """Everything that a run depends on, as JSON values.

    Two runs with the same data, timeframe, session, strategy source, parameters, options and window are the same trial;
    the engine's and the packages' versions are kept to explain a difference, and do not make a new trial.
    """

    dataset_sha256: str
    dataset_name: str
    timeframe: str
    session: str  # where its days end, and so what its daily returns are
    strategy_name: str
    strategy_sha256: str
    strategy_class: str
    parameters: dict[str, Any]
    options: dict[str, Any]
    engine_version: str
    seed: int
    versions: dict[str, str]
    window: list[str] | None = None  # first bar and end of the bars that were used, where not all were

    @property
    def spec_hash(self) -> str:
        """Sha256 of what makes a trial, as 64 hexadecimal digits."""
        return sha256(_identity_text(self, self.parameters).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return the specification as JSON values."""
        return asdict(self)


def spec_hashes(spec: RunSpec, parameters: Iterable[dict[str, Any]]) -> list[str]:
    """Return the hashes of specs that differ in their parameters alone, each as ``spec_hash`` gives it."""
    marker = "\0parameters"
    before, after = _identity_text(spec, marker).split(json.dumps(marker))
    begun = sha256(before.encode())
    hashes = []
    for values in parameters:
        digest = begun.copy()
        digest.update(f"{_compact(values)}{after}".encode())
        hashes.append(digest.hexdigest())
    return hashes


def _identity_text(spec: RunSpec, parameters: Any) -> str:
    identity = {name: getattr(spec, name) for name in IDENTITY} | {"parameters": parameters}
    if spec.window is not None:
        identity["window"] = spec.window
    return _compact(identity)


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


@lru_cache(maxsize=1)
def current_versions() -> dict[str, str]:
    """Return the versions that a result may depend on: Python, this package, the engine, the numeric packages."""
    versions = {"python": platform.python_version(), "research_kit": __version__, "engine": ENGINE_VERSION}
    return versions | {name: metadata.version(name) for name in RECORDED_PACKAGES}
