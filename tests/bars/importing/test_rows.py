"""Rows on their way into bars: which pass, and what is said of the others."""

import numpy as np
import pytest

from research_kit.bars.importing.rows import Fault, Rows, Sieve, leave_out
from research_kit.bars.timeframe import DAY
from research_kit.errors import DataError

START = 1_577_836_800_000_000_000


def rows(days, **columns) -> Rows:
    filled = {name: np.asarray(column, dtype=np.float64) for name, column in columns.items()}
    return Rows(START + np.asarray(days, dtype=np.int64) * DAY, filled)


def sifted(given: Rows, *, unreadable=(), texts=None, drop=False, allow_nonpositive=False):
    sieve = Sieve(allow_nonpositive=allow_nonpositive)
    good = sieve.sift(given, np.isin(np.arange(len(given)), unreadable), texts or {})
    return good, sieve.settle(drop=drop, source="x.csv")


def test_good_rows_pass_untouched():
    given = rows([0, 1], close=[1, 2], volume=[np.nan, -1])
    assert sifted(given)[0] is given


def test_rows_without_a_price_are_refused_with_count_and_first_example():
    given = rows([0, 1, 2, 3], open=[1, 2, np.nan, 3], close=[1, np.nan, 3, np.inf])
    with pytest.raises(DataError) as error:
        sifted(given)
    message = str(error.value)
    assert "4 rows, of which 3 cannot be bars" in message
    assert "1 without 'open' (first: row 3 at 2020-01-03)" in message
    assert "1 with an infinite 'close' (first: row 4 at 2020-01-04)" in message
    assert "drop_bad=True" in message


def test_dropping_keeps_the_rest_and_counts():
    given = rows([0, 1, 2, 3, 4], close=[1, np.nan, 3, -1, 5])
    text = Fault(
        "price_not_a_number", "whose 'close' is no number", np.array([False, True, False, False, False]), "'x'"
    )
    good, findings = sifted(given, unreadable=[4], texts={"close": text}, drop=True)
    assert good.columns["close"].tolist() == [1, 3]
    assert {(found.name, found.severity, found.count, found.examples) for found in findings} == {
        ("unreadable_time", "error", 1, ("row 5",)),
        ("price_not_a_number", "error", 1, ("2020-01-02",)),
        ("price_not_positive", "error", 1, ("2020-01-04",)),
    }


def test_blocks_count_together_and_rows_are_numbered_through():
    sieve = Sieve()
    for block in range(3):
        sieve.sift(rows([2 * block, 2 * block + 1], close=[1, np.nan]), np.zeros(2, dtype=bool), {})
    with pytest.raises(DataError, match=r"6 rows, of which 3 cannot be bars: 3 without 'close' \(first: row 2 at"):
        sieve.settle(drop=False, source="x.csv")
    (found,) = sieve.settle(drop=True, source="x.csv")
    assert found.examples == ("2020-01-02", "2020-01-04", "2020-01-06")


def test_prices_at_or_below_zero_are_a_fault_unless_allowed():
    given = rows([0, 1], close=[0, -5])
    with pytest.raises(DataError, match="allow_nonpositive=True"):
        sifted(given)
    assert sifted(given, allow_nonpositive=True)[0] is given


def test_nothing_but_faults_is_refused():
    with pytest.raises(DataError, match=r"No row of x.csv can be a bar"):
        sifted(rows([0], close=[np.nan]), drop=True)


@pytest.mark.parametrize("share", [0.0, 0.002, 0.5, 1.0])
def test_leaving_out_is_the_same_by_either_way(share):
    random = np.random.default_rng(3)
    values, where = random.normal(size=2_000), random.random(2_000) < share
    assert np.array_equal(leave_out({"x": values}, where)["x"], values[~where])
