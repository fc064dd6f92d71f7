"""The built-in strategies: what each wants, and the laws that all keep."""

import subprocess
import sys

import numpy as np
import pytest

from research_kit.bars.frame import Bars
from research_kit.errors import ParameterError
from research_kit.strategy import indicators as ind
from research_kit.strategy.library import (
    BUILT_INS,
    BollingerReversion,
    BuyAndHold,
    DonchianBreakout,
    Momentum,
    RsiReversion,
    SmaCross,
)

PARAMETERS = {
    "bollinger_reversion": lambda rng: {"length": int(rng.integers(2, 60)), "width": float(rng.uniform(0.5, 3))},
    "buy_and_hold": lambda rng: {},
    "donchian_breakout": lambda rng: dict(zip(("exit", "entry"), sorted(rng.integers(1, 60, 2).tolist()), strict=True)),
    "momentum": lambda rng: {"length": int(rng.integers(1, 60)), "threshold": float(rng.choice([0, 0.001, 0.003]))},
    "rsi_reversion": lambda rng: {"length": int(rng.integers(2, 30)), "oversold": 40.0, "overbought": 60.0},
    "sma_cross": lambda rng: {"fast": int(rng.integers(2, 30)), "slow": int(rng.integers(30, 90))},
}


def bars_of(close, spread=0.0) -> Bars:
    close = np.asarray(close, dtype=float)
    columns = {"open": close, "high": close + spread, "low": close - spread, "close": close}
    return Bars(np.arange(len(close)) * 60_000_000_000, columns)


def arrays_of(signals) -> dict[str, np.ndarray]:
    names = ("enter_long", "exit_long", "enter_short", "exit_short", "exposure")
    return {name: getattr(signals, name) for name in names if getattr(signals, name) is not None}


@pytest.fixture(params=[False, True], ids=["long only", "long and short"])
def short(request):
    return request.param


@pytest.mark.parametrize("name", BUILT_INS)
def test_signals_of_the_first_bars_are_the_first_signals(name, short, make_bars):
    rng = np.random.default_rng(17)
    bars = make_bars(2_500, seed=5)
    acted = 0
    for _ in range(6):
        given = PARAMETERS[name](rng) | ({"short": short} if "short" in BUILT_INS[name].model_fields else {})
        strategy = BUILT_INS[name].with_parameters(given)
        whole = arrays_of(strategy.signals(bars))
        acted += sum(int(np.nansum(array != 0)) for array in whole.values())
        for k in [0, 1, 2, *rng.integers(3, 2_500, 12)]:
            part = arrays_of(strategy.signals(bars.window(0, int(k))))
            assert part.keys() == whole.keys()
            for which, array in part.items():
                np.testing.assert_array_equal(array, whole[which][:k], err_msg=f"{given} {which} first {k}")
    assert acted > 100


@pytest.mark.parametrize("name", BUILT_INS)
def test_name_description_and_defaults(name):
    kind = BUILT_INS[name]
    assert kind.name == name
    assert kind.description().endswith(".")
    assert kind.with_parameters(kind().parameters()) == kind()
    assert all(field.description for field in kind.model_fields.values())
    assert kind.__module__ == f"research_kit.strategy.library.{name}"


@pytest.mark.parametrize("name", BUILT_INS)
def test_nothing_is_wanted_where_nothing_moves(name, short):
    kind = BUILT_INS[name]
    if kind is BuyAndHold:
        return
    signals = kind(short=short).signals(bars_of(np.full(3_000, 1e8 / 3)))
    entries = [array for which, array in arrays_of(signals).items() if not which.startswith("exit")]
    assert not any(array.any() for array in entries)


def test_sma_cross_by_hand(short):
    strategy = SmaCross(fast=2, slow=5, short=short)
    close = [5.0, 5, 5, 5, 5, 6, 7, 7, 3, 3, 3, 3, 3]
    long = [0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0]
    below = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0]
    wanted = np.array(long) - np.array(below) * short
    np.testing.assert_array_equal(strategy.signals(bars_of(close)).exposure, wanted)


def test_sma_cross_is_the_page_of_the_design():
    assert SmaCross().parameters() == {"fast": 10, "slow": 30, "short": False}
    with pytest.raises(ParameterError, match=r"^sma_cross: fast must be below slow; fast is 30, slow is 30\.$"):
        SmaCross.with_parameters({"fast": 30})


def test_donchian_breakout_by_hand():
    close = [10.0, 11, 10, 12, 12, 12, 9, 9]
    signals = DonchianBreakout(entry=3, exit=2, short=True).signals(bars_of(close, spread=0.5))
    assert np.flatnonzero(signals.enter_long).tolist() == [3]  # 12 > 11.5
    assert np.flatnonzero(signals.exit_long).tolist() == [6]  # 9 < 11.5
    assert np.flatnonzero(signals.enter_short).tolist() == [6]  # 9 < 11.5
    assert np.flatnonzero(signals.exit_short).tolist() == [3]
    long_only = DonchianBreakout(entry=3, exit=2).signals(bars_of(close, spread=0.5))
    assert long_only.enter_short is None
    with pytest.raises(ParameterError, match="exit must not be above entry; exit is 10, entry is 5"):
        DonchianBreakout.with_parameters({"entry": 5})


def test_a_breakout_compares_with_the_channel_before(make_bars):
    bars = make_bars(800)
    signals = DonchianBreakout(entry=20, exit=10).signals(bars)
    for t in range(20, 800):
        assert signals.enter_long[t] == (bars.close[t] > bars.high[t - 20 : t].max())
        assert signals.exit_long[t] == (bars.close[t] < bars.low[t - 10 : t].min())


def test_rsi_reversion_follows_its_levels(make_bars):
    bars = make_bars(2_000)
    signals = RsiReversion(length=5, oversold=25, middle=55, overbought=80, short=True).signals(bars)
    strength = ind.rsi(bars.close, 5)
    np.testing.assert_array_equal(signals.enter_long, strength < 25)
    np.testing.assert_array_equal(signals.exit_long, strength >= 55)
    np.testing.assert_array_equal(signals.enter_short, strength > 80)
    np.testing.assert_array_equal(signals.exit_short, strength <= 55)
    assert signals.labels["enter_long"] == "oversold"
    assert signals.enter_long.any()
    with pytest.raises(ParameterError, match="must rise in this order; they are 60, 50, 70"):
        RsiReversion.with_parameters({"oversold": 60})


def test_bollinger_reversion_follows_its_bands(make_bars):
    bars = make_bars(2_000)
    signals = BollingerReversion(length=15, width=1.5, short=True).signals(bars)
    bands = ind.bollinger(bars.close, 15, 1.5)
    np.testing.assert_array_equal(signals.enter_long, bars.close < bands.lower)
    np.testing.assert_array_equal(signals.exit_long, bars.close >= bands.middle)
    np.testing.assert_array_equal(signals.enter_short, bars.close > bands.upper)
    np.testing.assert_array_equal(signals.exit_short, bars.close <= bands.middle)
    assert BollingerReversion().signals(bars).enter_short is None


def test_momentum_by_hand():
    bars = bars_of([100.0, 100, 103, 96, 96, 96])
    assert Momentum(length=1).signals(bars).exposure.tolist() == [False, False, True, False, False, False]
    both = Momentum(length=2, threshold=0.02, short=True).signals(bars).exposure
    assert both.tolist() == [0, 0, 1, -1, -1, 0]


def test_buy_and_hold_is_always_long():
    assert BuyAndHold().signals(bars_of([1.0, 2.0])).exposure.tolist() == [True, True]


def test_strategies_need_neither_pandas_nor_a_database_and_the_package_does_not_need_them():
    heavy = "{'pandas', 'pyarrow', 'sqlmodel', 'plotly', 'research_kit.strategy.library', 'numba'} & set(sys.modules)"
    code = (
        f"import sys, research_kit; assert not {heavy}, {heavy};"
        "from research_kit.strategy.registry import Registry; Registry().classes();"
        f"assert {heavy} == {{'research_kit.strategy.library', 'numba'}}, {heavy}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
