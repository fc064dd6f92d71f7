"""Rows on their way into bars: faults, order, duplicates."""

import numpy as np
import pytest

from research_kit.bars.rows import Fault, Rows, settle_duplicates, settle_faults, settle_order
from research_kit.bars.timeframe import DAY
from research_kit.errors import DataError

START = 1_577_836_800_000_000_000


def rows(days, **columns) -> Rows:
    filled = {name: np.asarray(column, dtype=np.float64) for name, column in columns.items()}
    return Rows(START + np.asarray(days, dtype=np.int64) * DAY, filled, np.arange(len(days)))


def settled(given: Rows, *, unreadable=(), texts=None, drop=False, allow_nonpositive=False) -> Rows:
    bad = np.isin(np.arange(len(given.time_ns)), unreadable)
    return settle_faults(given, bad, texts or {}, allow_nonpositive=allow_nonpositive, drop=drop, source="x.csv")


def test_good_rows_pass_untouched():
    given = rows([0, 1], close=[1, 2], volume=[np.nan, -1])
    assert settled(given) is given


def test_rows_without_a_price_are_refused_with_count_and_first_example():
    given = rows([0, 1, 2, 3], open=[1, 2, np.nan, 3], close=[1, np.nan, 3, np.inf])
    with pytest.raises(DataError) as error:
        settled(given)
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
    out = settled(given, unreadable=[4], texts={"close": text}, drop=True)
    assert out.position.tolist() == [0, 2]
    assert {(found.name, found.severity, found.count, found.examples) for found in out.findings} == {
        ("unreadable_time", "error", 1, ("row 5",)),
        ("price_not_a_number", "error", 1, ("2020-01-02",)),
        ("price_not_positive", "error", 1, ("2020-01-04",)),
    }


def test_prices_at_or_below_zero_are_a_fault_unless_allowed():
    given = rows([0, 1], close=[0, -5])
    with pytest.raises(DataError, match="allow_nonpositive=True"):
        settled(given)
    assert settled(given, allow_nonpositive=True) is given


def test_nothing_but_faults_is_refused():
    with pytest.raises(DataError, match=r"No row of x.csv can be a bar"):
        settled(rows([0], close=[np.nan]), drop=True)


def test_order_is_restored_and_reported():
    given = rows([0, 2, 1, 3], close=[1, 3, 2, 4])
    out = settle_order(given)
    assert out.columns["close"].tolist() == [1, 2, 3, 4]
    assert [(found.name, found.count, found.examples) for found in out.findings] == [("unsorted", 1, ("2020-01-02",))]
    newest = settle_order(rows([2, 1, 0], close=[3, 2, 1]))
    assert newest.columns["close"].tolist() == [1, 2, 3]
    assert newest.findings[0].name == "newest_first"
    same = rows([0, 1], close=[1, 2])
    assert settle_order(same) is same


def test_exact_duplicates_are_dropped_and_counted():
    out = settle_duplicates(
        rows([0, 1, 1, 1, 2], close=[1, 2, 2, 2, 3], volume=[1, np.nan, np.nan, np.nan, 1]), "exact", "x"
    )
    assert out.columns["close"].tolist() == [1, 2, 3]
    assert [(found.name, found.count) for found in out.findings] == [("duplicate_exact", 2)]


def test_conflicting_duplicates_are_refused_or_settled_as_asked():
    given = rows([0, 1, 1, 2], close=[1, 2, 9, 3])
    with pytest.raises(DataError, match=r"1 row contradicting another row of the same time \(first: 2020-01-02\)"):
        settle_duplicates(given, "exact", "x.csv")
    for mode, close in (("first", 2), ("last", 9)):
        out = settle_duplicates(given, mode, "x.csv")
        assert out.columns["close"].tolist() == [1, close, 3]
        assert [(found.name, found.severity) for found in out.findings] == [("duplicate_conflicting", "error")]


def test_error_refuses_exact_ones_too():
    with pytest.raises(DataError, match="1 row with the time of another"):
        settle_duplicates(rows([0, 0], close=[1, 1]), "error", "x.csv")


def test_last_keeps_the_last_of_many():
    out = settle_duplicates(rows([0, 0, 0, 1], close=[1, 2, 3, 4]), "last", "x.csv")
    assert out.columns["close"].tolist() == [3, 4]
