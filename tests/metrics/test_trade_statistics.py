import numpy as np
import pytest

from research_kit.metrics import trade_statistics as of

PNL = [100.0, -50.0, 200.0, -80.0, 0.0, 60.0, -40.0, -30.0, 120.0, -10.0]


def test_statistics_by_hand():
    assert of.win_rate(PNL) == 0.4
    assert of.profit_factor(PNL) == pytest.approx(480 / 210)
    assert of.expectancy(PNL) == 27.0
    assert of.average_win(PNL) == 120.0
    assert of.average_loss(PNL) == -42.0
    assert of.payoff_ratio(PNL) == pytest.approx(120 / 42)
    assert of.largest_win(PNL) == 200.0
    assert of.largest_loss(PNL) == -80.0
    assert of.system_quality_number(PNL) == pytest.approx(np.sqrt(10) * 27 / np.std(PNL, ddof=1))
    assert of.longest_streaks(PNL) == (1, 2)


@pytest.mark.parametrize(
    ("pnl", "streaks"),
    [
        ([], (0, 0)),
        ([0.0], (0, 0)),
        ([1.0, 1.0, 1.0], (3, 0)),
        ([-1.0, -1.0, 1.0, -1.0], (1, 2)),
        ([1.0, 1.0, 0.0, 1.0, 1.0], (2, 0)),
        ([-1.0, 0.0, -1.0, -1.0], (0, 2)),
    ],
)
def test_a_trade_of_zero_breaks_both_streaks(pnl, streaks):
    assert of.longest_streaks(pnl) == streaks


def test_winners_alone_have_no_profit_factor():
    assert of.profit_factor([1.0, 2.0]) is None
    assert of.payoff_ratio([1.0, 2.0]) is None
    assert of.largest_loss([1.0, 2.0]) is None
    assert of.average_loss([1.0, 2.0]) is None


def test_losers_alone_have_a_profit_factor_of_zero():
    assert of.profit_factor([-1.0, -2.0]) == 0.0
    assert of.win_rate([-1.0]) == 0.0
    assert of.largest_win([-1.0]) is None
    assert of.average_win([-1.0]) is None


@pytest.mark.parametrize(
    "statistic",
    [
        of.win_rate,
        of.profit_factor,
        of.expectancy,
        of.average_win,
        of.average_loss,
        of.largest_win,
        of.largest_loss,
        of.payoff_ratio,
        of.system_quality_number,
    ],
)
def test_no_trades_have_no_statistics(statistic):
    assert statistic([]) is None


@pytest.mark.parametrize("pnl", [[5.0], [3.0, 3.0, 3.0], [0.0, 0.0], [0.1 + 0.2, 0.3]])
def test_sqn_of_trades_that_are_alike_is_undefined(pnl):
    assert of.system_quality_number(pnl) is None


def test_sqn_does_not_depend_on_the_currency():
    assert of.system_quality_number(np.array(PNL) * 1e-12) == pytest.approx(of.system_quality_number(PNL))
