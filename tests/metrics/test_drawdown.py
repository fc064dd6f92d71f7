import numpy as np
import pytest

from research_kit.metrics.drawdown import drawdown_series, drawdowns, max_drawdown

DAY = 86_400_000_000_000


def falls_of(*equity: float, initial: float = 100.0, days: list[float] | None = None):
    times = (np.array(days if days is not None else range(len(equity))) * DAY).astype(np.int64)
    return drawdowns(equity, times, initial)


def test_the_peak_includes_the_initial_cash():
    assert drawdown_series([90.0, 95.0, 110.0, 88.0], initial=100.0) == pytest.approx([-0.1, -0.05, 0.0, -0.2])
    assert falls_of(90.0, 95.0).fraction == pytest.approx(-0.1)


def test_deepest_in_money_and_in_percent_may_be_different_falls():
    falls = falls_of(50.0, 1000.0, 900.0)
    assert (falls.money, falls.fraction) == (-100.0, -0.5)


def test_a_drawdown_lasts_from_its_peak_to_the_bar_that_is_as_high():
    falls = falls_of(100.0, 120.0, 110.0, 119.0, 120.0, 130.0, days=[0, 1, 2, 5, 9, 10])
    assert (falls.longest_days, falls.recovered, falls.recovery_days) == (8.0, True, 7.0)


def test_a_plateau_is_no_drawdown():
    falls = falls_of(100.0, 100.0, 100.0)
    assert (falls.longest_days, falls.fraction, falls.money, falls.recovery_days) == (0.0, 0.0, 0.0, None)
    assert falls.recovered


def test_an_open_drawdown_counts_to_the_end_and_is_told():
    falls = falls_of(120.0, 110.0, 120.0, 119.0, 118.0, 117.0)
    assert (falls.longest_days, falls.recovered) == (3.0, False)


def test_a_longer_closed_drawdown_wins_over_an_open_one():
    falls = falls_of(120.0, 110.0, 111.0, 120.0, 60.0)
    assert (falls.longest_days, falls.recovered, falls.recovery_days) == (3.0, True, None)


def test_of_two_as_long_the_open_one_is_told():
    falls = falls_of(100.0, 90.0, 100.0, 90.0, 95.0)
    assert (falls.longest_days, falls.recovered) == (2.0, False)


def test_recovery_is_that_of_the_deepest():
    falls = falls_of(100.0, 50.0, 75.0, 100.0, 90.0, 100.0)
    assert falls.recovery_days == 2.0
    assert falls_of(100.0, 90.0, 100.0, 50.0, 60.0).recovery_days is None


def test_a_new_low_within_the_same_fall_starts_the_recovery_again():
    assert falls_of(100.0, 50.0, 60.0, 40.0, 100.0).recovery_days == 1.0


def test_ulcer_index_is_the_root_mean_square():
    assert falls_of(100.0, 70.0, 60.0).ulcer_index == pytest.approx(np.sqrt((0.3**2 + 0.4**2) / 3))


def test_equity_below_zero_is_deeper_than_all():
    assert falls_of(50.0, -20.0).fraction == pytest.approx(-1.2)


def test_no_points_have_no_drawdown():
    assert drawdowns([], [], 100.0) is None
    assert max_drawdown([], 100.0) is None


def test_scan_agrees_with_the_series(walk):
    series = drawdown_series(walk, initial=100.0)
    falls = drawdowns(walk, DAY * np.arange(len(walk)), 100.0)
    assert falls.fraction == pytest.approx(series.min(), rel=1e-12)
    assert falls.ulcer_index == pytest.approx(np.sqrt(np.mean(series**2)), rel=1e-12)
    assert max_drawdown(walk, 100.0) == falls.fraction
