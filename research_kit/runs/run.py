"""A recorded run as users hold it: everything is read from the store when it is asked for."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from research_kit.bars.sessions import day_ends, told_clock
from research_kit.charts.series import BacktestSeries
from research_kit.engine.measure import daily_periods_per_year
from research_kit.errors import ArtifactMissingError, NotFoundError
from research_kit.metrics.drawdown import drawdown_series
from research_kit.metrics.inputs import MetricInputs
from research_kit.metrics.result import Metrics
from research_kit.metrics.summary import compute_metrics
from research_kit.runs.holdout import Holdout, find_holdout
from research_kit.runs.importing import open_dataset
from research_kit.store import listings
from research_kit.store.datasets import find_dataset, version_of
from research_kit.store.trials import count_trials
from research_kit.store.verdicts import find_verdict

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from research_kit.bars.frame import Bars, FloatArray
    from research_kit.charts.template import Theme
    from research_kit.checks.band import Band
    from research_kit.checks.verdict import LookaheadVerdict
    from research_kit.metrics.inference.headline import Headline
    from research_kit.runs.home import Home, Paper
    from research_kit.runs.trust.belief import Belief
    from research_kit.runs.trust.verification import Verification
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

    @property
    def metrics(self) -> pd.Series[Any]:
        """The metrics by name; None where one is undefined (``summary`` says why).

        The last two say what they are worth: ``trials`` counts what was tried on this data until now, and
        ``deflated_sharpe_ratio`` is the chance that the Sharpe ratio is better than the luck of so many trials.
        """
        import pandas as pd

        from research_kit.runs.trust.believing import figures_of

        return pd.Series({**self.summary, **figures_of(self)}, dtype=object, name="metrics")

    @property
    def headline(self) -> Headline:
        """What the Sharpe ratio is worth: its range, the trials until now, what is left of it after these."""
        from research_kit.runs.trust.believing import headline_of

        return headline_of(self)

    def believe(self) -> Belief:
        """Return whether this run can be believed: the verdict, the evidence, and what would change it."""
        from research_kit.runs.trust.believing import believe

        return believe(self)

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

    @property
    def trials(self) -> int:
        """How many different things were tried on this dataset and its family so far, with any strategy."""
        return count_trials(self.home.database, dataset_sha256=self.job.dataset_sha256)

    @cached_property
    def holdout(self) -> Holdout | None:
        """The locked period of this data and how many runs have seen it; None where nothing is locked."""
        return find_holdout(self.home, self.dataset)

    @cached_property
    def chart_series(self) -> BacktestSeries:
        """What the charts of this run are drawn from; the benchmark is its market, bought and held."""
        return BacktestSeries.of_bars(
            self.bars.time,
            self.bars.columns,
            self._equity,
            float(self.options["initial_cash"]),
            trades=self.trade_columns,
            day_ends=day_ends(self.bars),
            periods_per_year=daily_periods_per_year(self.bars),
            risk_free_rate=float(self.options["risk_free_rate"]),
            clock=told_clock(self.bars.session, self.dataset.timezone),
            title=self.title,
        )

    @cached_property
    def market(self) -> Metrics | None:
        """The metrics of its market over the same bars, bought and held without costs; None where that means nothing.

        It has no meaning for a single bar, or where a close is zero or below.
        """
        series, equity = self.chart_series, self.chart_series.benchmark
        if equity is None or len(equity) < 2:
            return None
        return compute_metrics(
            MetricInputs(
                equity=equity,
                time_ns=self.bars.time_ns,
                initial_cash=series.initial_cash,
                day_ends=day_ends(self.bars),
                periods_per_year=series.periods_per_year,
                risk_free_rate=series.risk_free_rate,
                daily_target=self.options.get("daily_target"),
            )
        )

    def plot(self, kind: str = "backtest", *, theme: Theme = "notebook", **options: Any) -> go.Figure:
        """Return one of the run's charts; without a name equity, drawdown, and the trades on the price.

        Parameters
        ----------
        kind : str
            "backtest" · "equity" (`band=True` for a bootstrap band, `log=True`) · "underwater" (`worst=5`) · "price" ·
            "candles" (`start`, `end`) · "months" · "years" · "rolling" (`window` in days) · "returns" · "exposure" ·
            "trades" · "trade_returns" · "trade_times" · "holding_times" · "excursions" (MAE and MFE) · "costs" · "fan".
        theme : str
            "notebook" for any page, "light" or "dark".
        **options
            Of the chart, as above.

        Raises
        ------
        OptionError
            There is no such chart, or it has no such option.
        """
        from research_kit.charts.backtests.gallery import draw

        return draw(self.chart_series, kind, theme=theme, **options)

    @cached_property
    def source(self) -> str:
        """The text of the strategy's source, with the local modules that it uses, as it was stored."""
        from research_kit.runs.trust.stored_source import source_of

        found = source_of(self)
        return "" if found is None else found.text

    def verify(self, trust: bool = False) -> Verification:
        """Run it again from its stored source and data, compare byte for byte, keep the verdict and return it.

        ``trust`` lets a source run that came from elsewhere: with an import, or from a database that others write to.
        """
        from research_kit.runs.trust.verifying import verify_run

        return verify_run(Run.load(self.home, self.id), trust=trust)  # as it is stored now

    @property
    def verification(self) -> Verification | None:
        """What its newest verification found; None where it never was verified."""
        from research_kit.runs.trust.verification import Verification

        kept = find_verdict(self.home.database, "verify", backtest_id=self.id)
        return None if kept is None or not kept.details else Verification.from_dict(kept.details)

    @property
    def lookahead(self) -> LookaheadVerdict | None:
        """Whether its strategy knows later bars; None as long as that was not checked on this data."""
        from research_kit.runs.trust.lookahead import find_lookahead

        return find_lookahead(self)

    def check_lookahead(self, *, time_limit: float = 50.0, trust: bool = False) -> LookaheadVerdict:
        """Ask its strategy again at every bar with nothing later known, keep the verdict, and return it.

        ``time_limit`` are seconds; ``trust`` is that of ``verify``.
        """
        from research_kit.runs.trust.lookahead import check_run

        return check_run(self, time_limit=time_limit, trust=trust)

    def band(self, trust: bool = False) -> Band:
        """Return what it would have been under every common convention: fills, what comes first in a bar, costs.

        Its strategy is run again: the one of today where its source is the same, else the stored one (with ``trust``
        also one that came from elsewhere, see ``verify``).
        """
        from research_kit.checks.band import convention_band
        from research_kit.engine.options import EngineOptions
        from research_kit.runs.trust.stored_source import strategy_class_of

        with strategy_class_of(self, self.job.strategy_sha256 or "", trust=trust) as kind:
            return convention_band(self.bars, kind.with_parameters(self.parameters), EngineOptions(**self.options))

    def export(self, folder: Path | str | None = None, *, data: bool = True) -> Path:
        """Write a folder that another machine can verify with one command, and return it.

        It holds what was run, the source with its local modules, the bars (``data=False``: their sha256 alone), the
        versions of packages and the result; ``exports/run-ID`` in the workspace when no folder is given.
        """
        from research_kit.runs.trust.exporting import export_run

        return export_run(self, None if folder is None else Path(folder), data=data)

    def report(self, path: Path | str | None = None, *, paper: Paper = "A4") -> Path:
        """Write one offline file about this run and return its path: HTML, or a PDF where it ends in .pdf."""
        return self.home.report(self, path, paper=paper)

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
