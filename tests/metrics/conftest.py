import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from research_kit.metrics.inputs import MetricInputs

DAY = 86_400_000_000_000
START = 1_704_067_200_000_000_000  # 2024-01-01


def inputs_of(equity: Any, **given: Any) -> MetricInputs:
    """Return the inputs of daily bars from 2024-01-01; every field can be given."""
    n = len(equity)
    defaults: dict[str, Any] = {
        "time_ns": START + DAY * np.arange(n),
        "initial_cash": 100.0,
        "day_ends": np.arange(n),
        "periods_per_year": 252,
    }
    if "trade_pnl" in given:
        trades = len(given["trade_pnl"])
        defaults |= {"trade_pnl_percent": np.zeros(trades), "trade_minutes": np.full(trades, 30.0)}
    return MetricInputs(equity=np.asarray(equity, dtype=float), **(defaults | given))


@pytest.fixture(scope="session")
def make_inputs() -> Callable[..., MetricInputs]:
    return inputs_of


@pytest.fixture(scope="session")
def walk() -> np.ndarray:
    """Return 500 daily values of a seeded walk that starts near 100."""
    return 100.0 * np.exp(np.cumsum(np.random.default_rng(3).normal(5e-4, 0.01, 500)))


@pytest.fixture(scope="session")
def oracles(shared_data: Path) -> dict[str, Any]:
    return json.loads((shared_data / "ORACLES.json").read_text())
