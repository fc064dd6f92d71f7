"""The metrics of a run as a read-only mapping that knows why a number is missing, and shows itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING

from research_kit.errors import NotFoundError, did_you_mean
from research_kit.metrics.registry import GROUPS, HEADLINE, METRICS, format_value

if TYPE_CHECKING:
    import pandas as pd

_STYLE = "text-align:left"
_NOTE = "text-align:left;opacity:0.65"


class Metrics(Mapping[str, "float | int | None"]):
    """Metrics by name; None where one is undefined.

    ``reasons`` says why, by name; ``flags`` says which values are weak, and how. Both are plain texts.

    >>> metrics = Metrics({"win_rate": None, "total_trades": 0}, reasons={"win_rate": "no trade was closed"})
    >>> metrics["total_trades"], metrics.reasons["win_rate"]
    (0, 'no trade was closed')
    """

    def __init__(
        self,
        values: Mapping[str, float | int | None],
        reasons: Mapping[str, str] | None = None,
        flags: Mapping[str, str] | None = None,
    ) -> None:
        self._values = dict(values)
        self._reasons = dict(reasons or {})
        self._flags = dict(flags or {})

    def __getitem__(self, name: str) -> float | int | None:
        if name not in self._values:
            raise NotFoundError(f"These metrics have no {name!r}. {did_you_mean(name, self._values)}")
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def get(self, name: str, default: float | int | None = None) -> float | int | None:  # type: ignore[override]
        """Return a metric, or ``default`` where there is none of this name."""
        return self._values.get(name, default)

    @property
    def reasons(self) -> dict[str, str]:
        """Why each undefined metric is undefined, by name."""
        return dict(self._reasons)

    @property
    def flags(self) -> dict[str, str]:
        """What to know before believing a value, by name."""
        return dict(self._flags)

    def headline(self) -> dict[str, float | int | None]:
        """Return the few metrics that a summary shows, in order."""
        return {name: self._values[name] for name in HEADLINE if name in self._values}

    def to_series(self) -> pd.Series:
        """Return the metrics as a Series of objects named ``metrics``: counts stay whole, undefined stays None."""
        import pandas as pd

        return pd.Series(self._values, dtype=object, name="metrics")

    def __repr__(self) -> str:
        shown = (f"{METRICS[name].title} {format_value(name, value)}" for name, value in self.headline().items())
        return f"Metrics({', '.join(shown)})"

    def _repr_html_(self) -> str:
        groups = "".join(self._group_html(group) for group in GROUPS)
        return f"<table>{groups}</table>"

    def _group_html(self, group: str) -> str:
        names = [name for name, metric in METRICS.items() if metric.group == group and name in self._values]
        if not names:
            return ""
        head = f'<tr><th colspan="3" style="{_STYLE}">{escape(group)}</th></tr>'
        return head + "".join(self._row_html(name) for name in names)

    def _row_html(self, name: str) -> str:
        metric, note = METRICS[name], self._reasons.get(name) or self._flags.get(name, "")
        tip = f"{name} ({metric.unit}): {metric.meaning} {metric.formula}"
        return (
            f'<tr title="{escape(tip)}"><td style="{_STYLE}">{escape(metric.title)}</td>'
            f"<td>{escape(format_value(name, self._values[name]))}</td>"
            f'<td style="{_NOTE}">{escape(note)}</td></tr>'
        )
