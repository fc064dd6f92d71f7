"""Many trials that have much in common, by column: what a sweep records at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from research_kit.errors import StoreError
from research_kit.store.json_columns import Numbers
from research_kit.store.records import check_word
from research_kit.store.returns import ReturnRows
from research_kit.store.tables import TRIAL_KINDS, TRIAL_STATES

MOMENTS = ("mean", "std", "skew", "kurtosis")


@dataclass(frozen=True, kw_only=True)
class TrialBatch:
    """Parameter sets of one strategy, tried on one dataset with the same options; as many ``TrialRecord`` by column.

    Of the k sets, position i of each column belongs together.

    Parameters
    ----------
    spec_hash, parameters
        What identifies each set, and its parameters; k of each.
    state
        One word for all sets, or k words.
    daily_returns
        Fractions from ``first_day`` on, shape (k, days), a row of NaN where there are none; or k rows, None where
        there are none.
    mean, std, skew, kurtosis
        Of these returns, shape (k,); NaN is undefined.
    metrics
        Numbers by the name of the metric, each of shape (k,); NaN and infinity are undefined. A set whose metrics are
        all undefined has none.
    error
        Why each failed, None where it did not.

    Examples
    --------
    >>> import numpy as np
    >>> TrialBatch(
    ...     kind="sweep",
    ...     strategy_name="sma_cross",
    ...     spec_hash=["a" * 64, "b" * 64],
    ...     parameters=[{"fast": 5}, {"fast": 9}],
    ...     metrics={"sharpe_ratio": np.array([0.7, np.nan])},
    ... ).size
    2
    """

    kind: str
    strategy_name: str
    spec_hash: Sequence[str]
    parameters: Sequence[Mapping[str, Any]]
    state: str | Sequence[str] = "completed"
    strategy_sha256: str | None = None
    dataset_id: int | None = None
    dataset_sha256: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    sweep_id: int | None = None
    engine_version: str | None = None
    first_day: date | None = None
    daily_returns: ReturnRows | None = None
    mean: Numbers | None = None
    std: Numbers | None = None
    skew: Numbers | None = None
    kurtosis: Numbers | None = None
    metrics: Mapping[str, Numbers] = field(default_factory=dict)
    error: Sequence[str | None] | None = None

    def __post_init__(self) -> None:
        check_word("kind", self.kind, TRIAL_KINDS)
        for state in [self.state] if isinstance(self.state, str) else sorted(set(self.state)):
            check_word("state", state, TRIAL_STATES)
        columns = {name: getattr(self, name) for name in ("parameters", "daily_returns", "error", *MOMENTS)}
        columns |= {"state": None if isinstance(self.state, str) else self.state}
        columns |= {f"metrics[{name!r}]": values for name, values in self.metrics.items()}
        for name, values in columns.items():
            if values is not None and len(values) != self.size:
                raise StoreError(
                    f"{name} has {len(values)} values for the {self.size} sets of spec_hash; give one for each."
                )

    @property
    def size(self) -> int:
        """How many sets there are."""
        return len(self.spec_hash)

    @property
    def states(self) -> list[str]:
        """The state of each set."""
        return [self.state] * self.size if isinstance(self.state, str) else list(self.state)
