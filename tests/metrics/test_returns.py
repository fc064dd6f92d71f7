import numpy as np
import pytest

from research_kit.metrics.returns import cagr, monthly_returns, periodic_returns, total_return, years_between

DAY = 86_400_000_000_000


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[ns]").astype(np.int64)


def test_the_first_return_starts_from_the_initial_cash():
    assert periodic_returns([110.0, 121.0, 60.5], initial=100.0) == pytest.approx([0.1, 0.1, -0.5])


def test_nothing_is_earned_from_nothing():
    assert periodic_returns([50.0, -10.0, -10.0, 5.0], initial=100.0).tolist() == [-0.5, -1.2, 0.0, 0.0]


def test_no_equity_has_no_returns():
    assert periodic_returns([], initial=100.0).shape == (0,)


def test_total_return_is_a_fraction():
    assert total_return(80.0, 100.0) == 0.25
    assert total_return(0.0, 100.0) is None


def test_years_are_calendar_time():
    start, end = days("2020-01-01", "2021-01-01")
    assert years_between(start, end) == pytest.approx(366 / 365.25)


def test_cagr_takes_the_root_of_the_growth():
    assert cagr(100.0, 400.0, years=2.0) == pytest.approx(1.0)
    assert cagr(100.0, 50.0, years=0.5) == pytest.approx(-0.75)


@pytest.mark.parametrize(("initial", "final", "years"), [(100.0, -1.0, 1.0), (100.0, 0.0, 1.0), (100.0, 110.0, 0.0)])
def test_cagr_of_a_debt_or_of_no_time_is_undefined(initial, final, years):
    assert cagr(initial, final, years) is None


def test_cagr_that_overflows_is_undefined():
    assert cagr(1.0, 1e300, years=1e-9) is None


def test_months_are_linked_and_empty_months_left_out():
    times = days("2023-11-30", "2023-12-01", "2023-12-29", "2024-02-01T23:59")
    years, months, returns = monthly_returns([110.0, 120.0, 99.0, 49.5], times, initial=100.0)
    assert years.tolist() == [2023, 2023, 2024]
    assert months.tolist() == [11, 12, 2]
    assert returns == pytest.approx([0.1, -0.1, -0.5])


def test_the_first_moment_of_a_month_belongs_to_it():
    times = days("2024-01-31T23:59:59.999999999", "2024-02-01")
    assert monthly_returns([110.0, 121.0], times, initial=100.0)[1].tolist() == [1, 2]


def test_months_before_1970_are_counted_right():
    years, months, _ = monthly_returns([1.0, 2.0], days("1969-12-31", "1970-01-01"), initial=1.0)
    assert (years.tolist(), months.tolist()) == ([1969, 1970], [12, 1])


def test_monthly_returns_compound_to_the_total(walk):
    times = days("2024-01-01")[0] + DAY * np.arange(len(walk))
    returns = monthly_returns(walk, times, initial=100.0)[2]
    assert np.prod(1.0 + returns) == pytest.approx(walk[-1] / 100.0)


def test_no_days_have_no_months():
    assert [len(part) for part in monthly_returns([], [], initial=1.0)] == [0, 0, 0]
