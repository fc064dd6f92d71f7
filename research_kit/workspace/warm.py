"""Imported by the process that kernels are forked from: does once what each notebook would do slowly the first time."""

from __future__ import annotations

from tempfile import TemporaryDirectory

import numpy as np

import research_kit.runs.jobs.warm  # noqa: F401 - loads the compiled code of both kinds of strategies
from research_kit.bars.frame import Bars
from research_kit.report import sections
from research_kit.workspace import open_workspace

DAY = 86_400_000_000_000


def warm_up() -> None:
    """Record a run in a workspace that is thrown away, and show what a report shows of one."""
    days = np.arange(400)
    close = 100.0 + np.sin(days / 9.0)
    frame = Bars(days * DAY, dict.fromkeys(("open", "high", "low", "close"), close)).frame
    with (
        TemporaryDirectory(prefix="rk-") as folder,
        open_workspace(folder, f"sqlite:///{folder}/warm.db", folder) as ws,
    ):
        ws.import_dataset(frame, name="warm", symbol="WARM")
        run = ws.run("sma_cross", "warm", {"fast": 2, "slow": 5})
        run.plot()._repr_mimebundle_()
        for show in (sections.lead_of, sections.key_figures_of, sections.monthly_of, sections.metrics_of):
            show(run)._repr_html_()
        sections.card_of(run)._repr_html_()
        ws.backtests()._repr_html_()  # type: ignore[operator]


warm_up()
