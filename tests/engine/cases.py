"""Random cases for the two engines: bars with every oddity, signals and options across everything that there is.

A case is plain data, so that a failing one can be cut down and printed. The same maker serves seeded bulk runs
(``random.Random(seed)``) and hypothesis (``st.randoms``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Self, TypeVar

import numpy as np
from hypothesis import strategies as st

from research_kit.bars.frame import Bars
from research_kit.bars.timeframe import DAY, HOUR
from research_kit.engine.options import EngineOptions
from research_kit.strategy.signals import EVENTS, LEVELS, Signals

START = 1_704_067_200_000_000_000
NAN = math.nan
COLUMNS = ("open", "high", "low", "close")

Row = tuple[float, float, float, float]


@dataclass(frozen=True)
class Case:
    """Bars, signals and options as lists of plain numbers."""

    rows: Sequence[Row]
    exposure: Sequence[float | bool] | None = None
    events: Mapping[str, Sequence[bool]] = field(default_factory=dict)
    labels: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    prices: Mapping[str, Sequence[float]] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    synthetic: Sequence[bool] | None = None
    steps: Sequence[int] | None = None  # how many time steps each bar lies after the one before it
    step_ns: int = DAY
    columns: Sequence[str] = COLUMNS
    allow_nonpositive: bool = False
    seed: int | None = None

    def bars(self) -> Bars:
        steps = self.steps or [1] * len(self.rows)
        time_ns = START + self.step_ns * np.cumsum(np.array(steps, dtype=np.int64))
        table = np.array(self.rows, dtype=np.float64).reshape(len(self.rows), 4)
        columns = {name: table[:, COLUMNS.index(name)].copy() for name in self.columns}
        synthetic = None if self.synthetic is None else np.array(self.synthetic, dtype=np.bool_)
        timeframe = "1d" if self.step_ns == DAY else "1h"
        return Bars(
            time_ns, columns, timeframe=timeframe, allow_nonpositive=self.allow_nonpositive, synthetic=synthetic
        )

    def signals(self) -> Signals:
        prices = {name: np.array(level, dtype=np.float64) for name, level in self.prices.items()}
        if self.exposure is not None:
            return Signals.target(np.array(self.exposure), labels=self.labels, prices=prices)
        events = {name: np.array(event, dtype=np.bool_) for name, event in self.events.items()}
        return Signals(**events, labels=self.labels, prices=prices)

    def engine_options(self) -> EngineOptions:
        return EngineOptions(**self.options)

    def cut(self, keep: Sequence[int]) -> Self:
        """Return the case with only these bars."""

        def pick(values: Any) -> Any:
            return pick_from(values, keep)

        return replace(
            self,
            rows=pick(self.rows),
            exposure=pick(self.exposure),
            events={name: pick(event) for name, event in self.events.items()},
            labels={name: pick(label) for name, label in self.labels.items()},
            prices={name: pick(level) for name, level in self.prices.items()},
            synthetic=pick(self.synthetic),
            steps=pick(self.steps),
        )

    def smaller(self) -> list[Self]:
        """Return the cases that one step makes of this one, the greatest steps first."""
        everything = range(len(self.rows))
        attempts = [self.cut(everything[: len(everything) // 2]), self.cut(everything[len(everything) // 2 :])]
        attempts += [self.cut([at for at in everything if at != dropped]) for dropped in reversed(everything)]
        attempts += [replace(self, options=_without(self.options, name)) for name in self.options]
        attempts += [replace(self, labels={})] if self.labels else []
        attempts += [replace(self, prices={})] if self.prices else []
        attempts += [replace(self, synthetic=None)] if self.synthetic is not None else []
        attempts += [replace(self, steps=None)] if self.steps is not None else []
        for name, event in self.events.items():
            for at in np.flatnonzero(event).tolist():
                attempts.append(replace(self, events={**self.events, name: [*event[:at], False, *event[at + 1 :]]}))
        return [attempt for attempt in attempts if attempt.rows]

    def __str__(self) -> str:
        lines = [f"seed {self.seed}: {len(self.rows)} bars, options {self.options}"]
        for at, row in enumerate(self.rows):
            lines.append(f"  {at:3d} {dict(zip(self.columns, self._prices(row), strict=True))}{self._wishes(at)}")
        if any(isinstance(label, str) for label in self.labels.values()):
            lines.append(f"  labels {self.labels}")
        return "\n".join(lines)

    def _prices(self, row: Row) -> list[float]:
        return [row[COLUMNS.index(name)] for name in self.columns]

    def _wishes(self, at: int) -> str:
        words = ["synthetic"] if self.synthetic is not None and self.synthetic[at] else []
        words += [f"{self.steps[at]} steps later"] if self.steps is not None and self.steps[at] != 1 else []
        words += [f"target {self.exposure[at]}"] if self.exposure is not None else []
        words += [name for name, event in self.events.items() if event[at]]
        words += [f"{name} at {level[at]}" for name, level in self.prices.items() if not math.isnan(level[at])]
        return "  " + ", ".join(words) if words else ""


Kind = TypeVar("Kind", bound=Case)


def pick_from(values: Any, keep: Sequence[int]) -> Any:
    """Return these of the values; nothing, or one text for all bars, stays what it is."""
    return values if values is None or isinstance(values, str) else [values[at] for at in keep]


def tiered_commission(price: float, units: float) -> float:
    """Return a commission that no combination of the options gives: cheaper above 5,000 of value, 1 at least."""
    value = price * units
    return max(1.0, 0.002 * min(value, 5_000.0) + 0.001 * max(0.0, value - 5_000.0))


def make_case(random: Random, seed: int | None = None) -> Case:
    """Return a case made from this source of randomness."""
    count = random.choice((1, 2, 4, 8, 12, 16, 16, 24, 24, 32, 40))
    rows = _rows(random, count)
    columns: Sequence[str] = random.choice((COLUMNS,) * 14 + (("open", "close"), ("close",)))
    options = _options(random, has_open="open" in columns, has_levels=len(columns) == 4)
    case = Case(
        rows=rows,
        options=options,
        columns=columns,
        seed=seed,
        synthetic=[random.random() < 0.2 for _ in rows] if random.random() < 0.25 else None,
        steps=[random.choice((1, 1, 1, 1, 3)) for _ in rows] if random.random() < 0.3 else None,
        step_ns=random.choice((DAY, DAY, HOUR)),
        prices=_levels(random, rows) if len(columns) == 4 and random.random() < 0.3 else {},
        labels=_labels(random, count) if random.random() < 0.4 else {},
    )
    if random.random() < 0.02:
        case = _through_zero(case)
    if random.random() < 0.55:
        return replace(case, exposure=_exposure(random, count, _greatest_target(options)))
    return replace(case, events=_events(random, count))


def _rows(random: Random, count: int) -> list[Row]:
    """Return bars on a coarse grid (levels are hit exactly) or off it, calm or wild, with gaps, ties and odd opens."""
    tick, step, start = random.choice(
        ((1.0, 2, 100.0), (1.0, 6, 100.0), (5.0, 3, 100.0), (0.5, 4, 20.0), (0.0, 3, 50.0))
    )

    def move(size: int) -> float:
        return random.uniform(-size, size) if tick == 0 else tick * random.randint(-size, size)

    floor = tick or 1.0
    rows, last = [], start
    for _ in range(count):
        opened = max(floor, last + (move(2 * step) if random.random() < 0.25 else 0.0))
        close = opened if random.random() < 0.15 else max(floor, opened + move(step))
        if random.random() < 0.1:
            rows.append((close, close, close, close))
        else:
            high = max(opened, close) + abs(move(step)) * (random.random() < 0.8)
            low = max(floor, min(opened, close) - abs(move(step)) * (random.random() < 0.8))
            odd = move(2 * step) if random.random() < 0.08 else 0.0
            rows.append((max(floor, opened + odd), high, low, close))
        last = close
    return rows


def _through_zero(case: Case) -> Case:
    """Return the case at prices around zero, as a spread between two contracts has them."""
    start = case.rows[0][3]
    moved = [[round(price - start, 6) for price in row] for row in case.rows]
    rows = [(o, high, low, close) for o, high, low, close in moved]
    return replace(case, rows=rows, prices={}, allow_nonpositive=True)


EXPOSURES = (1.0, 1.0, -1.0, -1.0, 0.0, 0.0, 0.5, 0.25, -0.5, 1 / 3, 1.5, -2.0, NAN)


def _greatest_target(options: dict[str, Any]) -> float:
    """Return the exposure beyond which a target is refused before any trade."""
    leverage: float = options.get("leverage", 1.0)
    return leverage / options["size"] if options["sizing"] == "fraction" else leverage


def _exposure(random: Random, count: int, greatest: float) -> list[float] | list[bool]:
    change = random.choice((0.15, 0.4, 0.9))
    if random.random() < 0.15 and greatest >= 1:
        return [random.random() < change for _ in range(count)]
    values, value = [], 0.0
    wishes = random.choice((EXPOSURES, EXPOSURES, (0.25, 0.5, 0.75, 1.0, 1.0, 0.0)))
    for _ in range(count):
        value = random.choice(wishes) if random.random() < change else value
        values.append(value if math.isnan(value) else max(-greatest, min(greatest, value)))
    return values


def _events(random: Random, count: int) -> dict[str, list[bool]]:
    often = random.choice((0.1, 0.25, 0.5))
    events = {name: [random.random() < often for _ in range(count)] for name in EVENTS}
    for at in range(count):
        if events["enter_long"][at] and events["enter_short"][at]:
            events[random.choice(("enter_long", "enter_short"))][at] = False
    chosen = random.choice((EVENTS, EVENTS, EVENTS, ("enter_long", "exit_long"), ("enter_long", "enter_short")))
    return {name: events[name] for name in chosen}


def _labels(random: Random, count: int) -> dict[str, str | list[str]]:
    labels: dict[str, str | list[str]] = {}
    for name in EVENTS:
        kind = random.choice(("none", "text", "texts"))
        if kind != "none":
            labels[name] = f"my {name}" if kind == "text" else [f"{name} of bar {at}" for at in range(count)]
    return labels


def _levels(random: Random, rows: Sequence[Row]) -> dict[str, list[float]]:
    """Return price levels near each close, on either side of it, some of them NaN."""
    prices = {}
    for name in LEVELS:
        if random.random() < 0.7:
            prices[name] = [NAN if random.random() < 0.4 else _level(random, row[3]) for row in rows]
    return prices


def _level(random: Random, close: float) -> float:
    distance = random.choice((0.02, 0.05, 0.1)) * close
    return close + random.choice((-1, 1)) * (round(distance) or 1.0) if close > 2 else close


def _options(random: Random, has_open: bool, has_levels: bool) -> dict[str, Any]:
    options: dict[str, Any] = {"commission": random.choice((0.0, 0.0, 0.001, 0.02))}
    choices: dict[str, tuple[float, Sequence[Any]]] = {
        "initial_cash": (0.2, (150.0, 1_000.0)),
        "commission_per_order": (0.2, (1.0, 20.0)),
        "commission_per_unit": (0.2, (0.01, 0.5)),
        "minimum_commission": (0.2, (5.0, 30.0)),
        "slippage": (0.3, (0.001, 0.01)),
        "spread": (0.2, (0.002, 0.01)),
        "borrow_rate": (0.3, (0.05, 5.0)),
        "delay": (0.25, (1, 1, 2, 3)),
        "whole_units": (0.2, (True,)),
        "lot": (0.2, (0.1, 0.3, 5.0)),
        "allow_short": (0.15, (False,)),
        "rebalance": (0.25, (True,)),
        "time_stop": (0.2, (1, 2, 5)),
        "close_at_end": (0.25, (False,)),
        "maintenance_margin": (0.3, (0.05, 0.25, 0.5)),
        "leverage": (0.4, (0.5, 2.0, 5.0, 10.0, 20.0)),
    }
    levels: dict[str, tuple[float, Sequence[Any]]] = {
        "stop_loss": (0.4, (0.01, 0.02, 0.05, 0.1, 0.25)),
        "take_profit": (0.4, (0.01, 0.02, 0.05, 0.1, 0.25)),
        "trailing_stop": (0.3, (0.01, 0.02, 0.05, 0.1)),
        "intrabar": (0.6, ("target_first", "nearest_open")),
    }
    for name, (often, values) in (choices | levels if has_levels else choices).items():
        if random.random() < often:
            options[name] = random.choice(values)
    if "whole_units" in options and "lot" in options:
        options["lot"] = 5.0
    if random.random() < 0.06:
        options["commission"] = tiered_commission
    if not has_open or random.random() < 0.25:
        options["fill"] = "same_close"
    options |= _sizing(random, options.get("leverage", 1.0), has_levels)
    if options["sizing"] == "risk" and random.random() < 0.8:  # else nearly every order lacks a stop
        options.setdefault("stop_loss", random.choice((0.02, 0.1)))
    return options


def _sizing(random: Random, leverage: float, has_levels: bool) -> dict[str, Any]:
    kinds = ("fraction", "fraction", "fraction", "units", "cash", "volatility")
    kind = random.choice((*kinds, "risk") if has_levels else kinds)
    sizes = {
        "fraction": (leverage, leverage, min(1.0, leverage), 0.5, 0.3),
        "units": (1.0, 10.0, 50.0, 99.5, 0.7),
        "cash": (500.0, 2_500.0, 10_000.0, 15_000.0),
        "risk": (0.005, 0.02, 0.1),
        "volatility": (0.05, 0.2, 2.0),
    }
    chosen = {"sizing": kind, "size": random.choice(sizes[kind])}
    return chosen | ({"volatility_window": random.choice((2, 3, 5))} if kind == "volatility" else {})


def seeded_case(seed: int) -> Case:
    """Return the case of this number, always the same."""
    return make_case(Random(seed), seed)


def any_case() -> st.SearchStrategy[Case]:
    """Return the hypothesis strategy of cases."""
    return st.randoms(use_true_random=False).map(make_case)


def smallest(case: Kind, fails: Callable[[Kind], bool], patience: int = 600) -> Kind:
    """Return a smaller case that still fails: bars, options, wishes are taken away as long as it does."""
    tried, smaller = 0, True
    while smaller:
        smaller = False
        for attempt in case.smaller():
            tried += 1
            if tried > patience:
                return case
            if _still_fails(attempt, fails):
                case, smaller = attempt, True
                break
    return case


def _still_fails(case: Kind, fails: Callable[[Kind], bool]) -> bool:
    try:
        return fails(case)
    except (ValueError, KeyError):  # taking something away made the case one that nobody may ask for
        return False


def _without(options: dict[str, Any], name: str) -> dict[str, Any]:
    return {other: value for other, value in options.items() if other != name}
