"""Real bars that are read without the package's readers, so that these tests stand on their own."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from research_kit.bars.frame import Bars


@pytest.fixture(scope="session")
def lean_equity(shared_data: Path) -> Callable[[str, str], Bars]:
    """Return the reader of raw US equity bars of LEAN: ``lean_equity("daily__aapl", "1d")``; hours are New York's."""

    def read(name: str, timeframe: str) -> Bars:
        names = ["time", "open", "high", "low", "close", "volume"]
        frame = pd.read_csv(shared_data / "lean" / f"equity__usa__{name}.zip", header=None, names=names)
        times = pd.to_datetime(frame.pop("time"), format="%Y%m%d %H:%M").dt
        zone = "UTC" if timeframe == "1d" else "America/New_York"
        time_ns = times.tz_localize(zone).dt.tz_convert("UTC").dt.as_unit("ns").astype("int64").to_numpy()
        columns = {column: frame[column].to_numpy(float) / (1 if column == "volume" else 1e4) for column in frame}
        return Bars(time_ns, columns, symbol=name[-4:].strip("_"), timeframe=timeframe, session="XNYS")

    return read


@pytest.fixture(scope="session")
def make_daily() -> Callable[..., Bars]:
    """Return the maker of daily bars: ``make_daily(["2020-01-02"], close=[1.0], volume=[5])``."""

    def make(dates: list[str], session: str = "XNYS", **columns: list[float]) -> Bars:
        time_ns = np.array(dates, dtype="datetime64[ns]").view(np.int64)
        arrays = {name: np.array(values, dtype=float) for name, values in columns.items()}
        return Bars(time_ns, arrays, timeframe="1d", session=session)

    return make
