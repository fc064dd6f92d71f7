"""The engine's options as a form: costs, fills, sizes, exits, each group with what applies as the others are set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as w

from research_kit.engine.options import EngineOptions
from research_kit.widgets.forms.form import ModelForm
from research_kit.widgets.forms.inputs import Field
from research_kit.widgets.parts.part import hint

Read = Callable[[str], Any]

GROUPS: dict[str, tuple[str, ...]] = {
    "Costs": (
        *("commission", "commission_per_order", "commission_per_unit", "minimum_commission"),
        *("slippage", "spread", "borrow_rate"),
    ),
    "Fills": ("fill", "delay"),
    "Money and size": (
        *("initial_cash", "sizing", "size", "volatility_window", "leverage", "maintenance_margin"),
        *("whole_units", "lot", "allow_short", "rebalance"),
    ),
    "Exits": ("stop_loss", "take_profit", "trailing_stop", "time_stop", "intrabar", "close_at_end"),
    "Measures and chance": ("risk_free_rate", "daily_target", "seed"),
}
FIRST = ("commission", "slippage", "fill", "size")
"""What the folded form always says; of the rest what is not its default."""

_SIZES = {  # what size means, by sizing
    "fraction": "Fraction of equity; 1 is all of it.",
    "units": "Units of the instrument.",
    "cash": "Money for each position.",
    "risk": "Fraction of equity that is lost at the stop, such as 0.01; it needs a stop loss.",
    "volatility": "Yearly volatility that the position is to have, such as 0.2.",
}


def _borrows(read: Read) -> bool:
    """Return whether anything may be owed: shorts, or more than one's own money."""
    return bool(read("allow_short")) or read("leverage") not in (1, 1.0)


_APPLIES: Mapping[str, Callable[[Read], bool]] = {
    "volatility_window": lambda read: bool(read("sizing") == "volatility"),
    "maintenance_margin": _borrows,
    "borrow_rate": _borrows,
    "intrabar": lambda read: (
        (read("stop_loss") is not None or read("trailing_stop") is not None) and read("take_profit") is not None
    ),
    "rebalance": lambda read: read("sizing") in ("fraction", "volatility", "cash", "units"),
}


class EngineForm(ModelForm):
    """Costs, fills, sizes and exits of a backtest; what does not apply as the others are set is not shown.

    Examples
    --------
    >>> form = EngineForm()
    >>> form.set({"sizing": "volatility", "size": 0.2})
    >>> form.value["size"], form.is_shown("volatility_window"), form.is_shown("intrabar")
    (0.2, True, False)
    """

    def __init__(self, *, foldable: bool = True) -> None:
        super().__init__(
            EngineOptions,
            [name for names in GROUPS.values() for name in names],
            title="Costs, fills, sizes and exits",
            foldable=foldable,
            sliders=False,
        )
        self._apply()

    def is_shown(self, name: str) -> bool:
        """Return whether an option applies, as the others are set."""
        return self._applies(name)

    @property
    def changed(self) -> dict[str, Any]:
        """The options that are not their defaults, validated."""
        usual = EngineOptions()
        return {name: value for name, value in self.value.items() if getattr(usual, name) != value}

    def _rows(self) -> list[w.Widget]:
        rows: list[w.Widget] = []
        for title, names in GROUPS.items():
            fields = w.VBox([self.fields[name].view for name in names])
            heading = w.HTML(f'<div class="rkw-group" role="heading" aria-level="5">{title}</div>')
            rows += [heading, fields]
        return rows

    def _applies(self, name: str) -> bool:
        rule = _APPLIES.get(name)
        return rule is None or rule(lambda other: self.fields[other].read())

    def _apply(self) -> None:
        for name in _APPLIES:
            self.fields[name].view.layout.display = None if self._applies(name) else "none"
        field = self.fields["size"]
        meaning = _SIZES.get(str(self.fields["sizing"].read()), "")
        if isinstance(field, Field) and not field.error:
            field.note.show(hint(meaning))

    def _show(self, complaints: Any) -> None:
        super()._show(complaints)
        self._apply()

    @property
    def said(self) -> dict[str, str]:
        """What most ask for, and what is not its default, by label."""
        usual = self.model()
        told = {}
        for name, field in self.fields.items():
            is_usual = field.read() == usual.model_dump(mode="json").get(name)
            if name in FIRST or (self._applies(name) and not is_usual):
                told[field.spec.label] = field.shown
        return told
