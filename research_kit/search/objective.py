"""What a search is after: the metric that decides, and which of its values is the best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from research_kit.bars.frame import FloatArray
from research_kit.errors import NotFoundError, OptionError, did_you_mean
from research_kit.metrics.registry import METRICS

DEFAULT = "sharpe_ratio"


@dataclass(frozen=True)
class Objective:
    """A metric, and whether its highest or its lowest value is wanted."""

    metric: str
    lowest: bool = False

    @classmethod
    def of(cls, text: str | Objective) -> Objective:
        """Return the objective of a text: the name of a metric, ``"-volatility"`` where the lowest is wanted.

        Raises
        ------
        NotFoundError
            There is no metric of this name.
        """
        if isinstance(text, Objective):
            return text
        if not isinstance(text, str):
            raise OptionError(f"An objective is the name of a metric, such as 'sharpe_ratio'; given was {text!r}.")
        metric = text.removeprefix("-")
        if metric not in METRICS:
            raise NotFoundError(f"There is no metric {metric!r} to search by. {did_you_mean(metric, METRICS)}")
        return cls(metric, text.startswith("-"))

    def __str__(self) -> str:
        return f"-{self.metric}" if self.lowest else self.metric

    @property
    def best(self) -> str:
        """Which value is the best, in the words of the charts."""
        return "lowest" if self.lowest else "highest"

    def scores(self, metrics: Mapping[str, FloatArray]) -> FloatArray:
        """Return the metric so that more is better, NaN where it is undefined."""
        values = np.asarray(metrics[self.metric], dtype=np.float64)
        return -values if self.lowest else values
