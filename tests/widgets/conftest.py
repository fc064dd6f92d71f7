"""A workspace with datasets to choose from, and strategies that offer each kind of parameter or misbehave."""

from datetime import date, datetime, time
from enum import Enum
from textwrap import dedent
from typing import Annotated, Literal, Self

import numpy as np
import pytest
from comm import get_comm_manager
from jobs.conftest import stop_worker
from pydantic import BaseModel, Field, model_validator

import research_kit as rk

FILE = '''
"""Strategies that another process finds."""
import research_kit as rk


class Loops(rk.Strategy):
    """Never ends."""

    def signals(self, bars):
        while True:
            pass


class Raises(rk.Strategy):
    """Raises what is <b>marked up</b>."""

    def signals(self, bars):
        try:
            {}["<b>missing</b>"]
        except KeyError as error:
            raise ValueError("<script>alert(1)</script>") from error
'''


class Side(Enum):
    LONG = "long"
    SHORT = "short"


class Stops(BaseModel):
    """A model inside of a model."""

    loss: float = Field(0.05, gt=0, lt=1)
    bars: int | None = None
    side: Side = Side.LONG


class EveryKind(rk.Strategy):
    """One parameter of each kind."""

    count: int = rk.Param(3, ge=1, le=9, description="How many")
    rate: float = rk.Param(0.5, gt=0, lt=1)
    switch: bool = True
    text: str = "abc"
    word: Literal["first", "second"] = "first"
    side: Side = Side.LONG
    maybe_count: Annotated[int, Field(ge=1)] | None = None
    maybe_rate: float | None = rk.Param(0.25, gt=0, description="Perhaps a rate.")
    maybe_text: str | None = None
    maybe_switch: bool | None = None
    maybe_word: Literal["x", "y"] | None = "x"
    numbers: list[int] = rk.Param([1, 2])

    @model_validator(mode="after")
    def _check_rates(self) -> Self:
        if self.maybe_rate is not None and self.maybe_rate < self.rate / 10:
            raise ValueError("maybe_rate is too far below <rate>")
        return self

    def signals(self, bars):
        return rk.Signals.target(np.ones(len(bars)))


class FurtherKinds(rk.Strategy):
    """Dates, lists, and models inside of the model."""

    day: date = date(2024, 1, 31)
    moment: datetime = datetime(2024, 1, 31, 9, 30)
    clock: time = time(9, 30)
    maybe_day: date | None = None
    names: list[str] = rk.Param(["a", "b"])
    words: tuple[Literal["x", "y"], ...] = ("x",)
    stops: Stops = Stops()
    maybe_stops: Stops | None = None

    def signals(self, bars):
        return rk.Signals.target(np.ones(len(bars)))


class Required(rk.Strategy):
    """Parameters without defaults."""

    length: int
    word: Literal["a", "b"]
    label: str

    def signals(self, bars):
        return rk.Signals.target(np.zeros(len(bars)))


class Breaks(rk.Strategy):
    """Raises what it is told to."""

    way: Literal["error", "exit", "unreadable"] = "error"

    def signals(self, bars):
        if self.way == "exit":
            raise SystemExit(3)
        if self.way == "unreadable":
            raise UnreadableError
        raise ZeroDivisionError("<script>alert(1)</script>")


class Endless(rk.Strategy):
    """Never ends, in this process."""

    def signals(self, bars):
        while True:
            pass


class EndlessOrders(rk.Strategy):
    """Never ends at its first bar, in this process."""

    def on_bar(self, ctx):
        while True:
            pass


class UnreadableError(Exception):
    def __str__(self):
        raise RuntimeError("no words")


HOSTILE = "<img src=x onerror=alert(1)> & Söhne"


@pytest.fixture(scope="session")
def strategies():
    """Return the strategies of this folder's tests by name; no other process finds them."""
    return {kind.name: kind for kind in (EveryKind, FurtherKinds, Required, Breaks, Endless, EndlessOrders)}


@pytest.fixture
def empty_ws(tmp_path):
    """Return a workspace without data."""
    with rk.open_workspace(tmp_path / "empty") as ws:
        yield ws
        stop_worker(ws)


@pytest.fixture(scope="module")
def ws(tmp_path_factory, make_bars):
    """Return a workspace with two datasets, the newer of which has a name full of markup, and a file of strategies."""
    with rk.open_workspace(tmp_path_factory.mktemp("workspace")) as ws:
        (ws.folder / "strategies" / "of_tests.py").write_text(dedent(FILE), encoding="utf-8")
        for name, n, seed in (("Calm", 300, 1), (HOSTILE, 400, 2)):
            frame = make_bars(n, seed=seed, step_ns=86_400_000_000_000).frame
            ws.import_dataset(frame, name=name, symbol="TEST", timezone="UTC")
        yield ws
        stop_worker(ws)


@pytest.fixture
def living():
    """Return the function that counts the widgets that are not closed: each has its channel to the browser."""
    return lambda: len(get_comm_manager().comms)
