"""A recorded run as users hold it: everything is read from the store when it is asked for."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from research_kit.charts.series import BacktestSeries
from research_kit.errors import ArtifactMissingError, NotFoundError
from research_kit.metrics.drawdown import drawdown_series
from research_kit.metrics.result import Metrics
from research_kit.runs.holdout import Holdout, find_holdout
from research_kit.runs.importing import open_dataset
from research_kit.store import listings
from research_kit.store.datasets import find_dataset, version_of
from research_kit.store.trials import count_trials

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from research_kit.bars.frame import Bars, FloatArray
    from research_kit.charts.template import Theme
    from research_kit.runs.home import Home
    from research_kit.runs.verification import Verification
    from research_kit.store.tables import Backtest, BacktestJob, Dataset

TRADE_TIMES = ("entry_time", "exit_time")


class Run:
    """One recorded backtest.

    ``metrics`` is a Series, ``trades`` a DataFrame, ``equity`` and ``drawdown`` are Series over the bars' times.
    ``summary`` holds the metrics with the reasons for those that are undefined.
    """

    def __init__(self, home: Home, backtest: Backtest, job: BacktestJob) -> None:
        self.home = home
        self.backtest = backtest
        self.job = job

    @classmethod
    def load(cls, home: Home, run_id: int) -> Run:
        """Return the run with this id (the id of its row in ``backtests``)."""
        backtest = listings.get_backtest(home.database, run_id)
        if backtest.backtest_job_id is None:
            raise NotFoundError(f"Backtest {run_id} has no job: it was not made by this package.")
        return cls(home, backtest, listings.get_job(home.database, backtest.backtest_job_id))

    def __repr__(self) -> str:
        return f"Run({self.id}, {self.title})"

    @property
    def id(self) -> int:
        """The id of the run in the table ``backtests``."""
        return self.backtest.id

    @property
    def title(self) -> str:
        """Strategy, parameters and dataset in one line."""
        parameters = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"{self.backtest.strategy_name}({parameters}) on {self.dataset_title}"

    @cached_property
    def dataset_title(self) -> str:
        """The dataset's name, and which version it is where there are several."""
        number, total = version_of(self.home.database, self.dataset)
        return f"{self.dataset.name} (version {number} of {total})" if total > 1 else self.dataset.name

    @property
    def parameters(self) -> dict[str, Any]:
        return dict(self.backtest.strategy_params or {})

    @property
    def options(self) -> dict[str, Any]:
        """The engine options, as JSON values."""
        return dict(self.job.engine_options or {})

    @property
    def spec(self) -> dict[str, Any]:
        """Everything that the run depends on: data, source, parameters, options, versions."""
        return {**(self.job.spec or {}), "spec_hash": self.job.spec_hash}

    @cached_property
    def dataset(self) -> Dataset:
        return find_dataset(self.home.database, self.backtest.dataset_id or 0)

    @cached_property
    def bars(self) -> Bars:
        return open_dataset(self.home, self.dataset)

    @cached_property
    def summary(self) -> Metrics:
        """The metrics with units, and the reason for each that is undefined."""
        values, notes = listings.job_metrics(self.home.database, self.job.id)
        reasons = {name: note for name, note in notes.items() if values.get(name) is None}
        flags = {name: note for name, note in notes.items() if name not in reasons}
        return Metrics(values, reasons, flags)

    @cached_property
    def metrics(self) -> pd.Series[Any]:
        """The metrics by name; None where one is undefined (``summary`` says why)."""
        return self.summary.to_series()

    @cached_property
    def trades(self) -> pd.DataFrame:
        """One row for each trade, oldest exit first; an open trade has no exit."""
        return listings.job_trades(self.home.database, self.job.id)

    @cached_property
    def trade_columns(self) -> dict[str, NDArray[Any]]:
        """The trades as arrays by column name, times as datetime64 in UTC."""
        naive = self.trades.assign(**{name: self.trades[name].dt.tz_localize(None) for name in TRADE_TIMES})
        return {str(name): naive[name].to_numpy() for name in naive}

    @cached_property
    def equity(self) -> pd.Series[float]:
        """Equity at each bar's close, money."""
        return self._series(self._equity, "equity")

    @cached_property
    def drawdown(self) -> pd.Series[float]:
        """Equity over its highest value so far (initial cash included) minus 1: a fraction <= 0."""
        return self._series(drawdown_series(self._equity, self.options["initial_cash"]), "drawdown")

    @cached_property
    def trials(self) -> int:
        """How many different things were tried on this dataset so far, with any strategy."""
        return count_trials(self.home.database, dataset_sha256=self.job.dataset_sha256)

    @cached_property
    def holdout(self) -> Holdout | None:
        """The locked period of this data and how many runs have seen it; None where nothing is locked."""
        return find_holdout(self.home, self.dataset)

    @cached_property
    def chart_series(self) -> BacktestSeries:
        """What the charts of this run are drawn from; the benchmark is its market, bought and held."""
        cash = float(self.options["initial_cash"])
        return BacktestSeries.of_bars(
            self.bars.time, self.bars.columns, self._equity, cash, trades=self.trade_columns, title=self.title
        )

    def plot(self, theme: Theme = "notebook") -> go.Figure:
        """Return equity with its benchmark, the drawdown below, and the trades on the price."""
        from research_kit.charts.backtest import backtest_figure

        return backtest_figure(self.chart_series, theme=theme)

    @cached_property
    def source(self) -> str:
        """The text of the strategy's source, with the local modules that it uses, as it was stored."""
        from research_kit.runs.stored_source import source_of

        found = source_of(self)
        return "" if found is None else found.text

    def verify(self, trust: bool = False) -> Verification:
        """Run it again from its stored source and data, compare byte for byte, keep the verdict and return it.

        ``trust`` lets a source run that came from elsewhere: with an import, or from a database that others write to.
        """
        from research_kit.runs.verifying import verify_run

        return verify_run(self, trust=trust)

    def report(self, path: Path | str | None = None) -> Path:
        """Write one offline HTML file about this run and return its path."""
        return self.home.report(self, path)

    @cached_property
    def _equity(self) -> FloatArray:
        row = self.backtest
        if row.equity_path is None:
            raise ArtifactMissingError(f"Run {self.id} has no equity file. Run the backtest again.")
        series = self.home.files.open_series(row.equity_path, row.equity_sha256 or "", row.equity_size or 0)
        equity: FloatArray = series["equity"]
        return equity

    def _series(self, values: FloatArray, name: str) -> pd.Series[float]:
        import pandas as pd

        index = pd.DatetimeIndex(self.bars.time, name="time").tz_localize("UTC")
        return pd.Series(values, index=index, name=name)
