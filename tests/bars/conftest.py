"""Files and frames that the tests of bars read."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def text_file(tmp_path: Path) -> Callable[..., Path]:
    """Return the maker of a file: ``text_file("Date,Close\\n...")``, in any encoding, under any name."""

    def make(content: str | bytes, name: str = "bars.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return make


@pytest.fixture
def minute_frame() -> pd.DataFrame:
    """Return 300 minutes of consistent prices with a UTC column ``time``."""
    rng = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, 300)))
    opens = np.concatenate([[100.0], close[:-1]])
    return pd.DataFrame(
        {
            "time": pd.date_range("2024-03-04 14:30", periods=300, freq="min", tz="UTC"),
            "open": opens,
            "high": np.maximum(opens, close) * 1.0002,
            "low": np.minimum(opens, close) * 0.9998,
            "close": close,
            "volume": np.round(rng.lognormal(4, 1, 300), 3),
        }
    )
