"""Where two tables of trades part, worked by hand."""

import numpy as np
import pytest

from research_kit.checks.divergence import fills_of, first_divergence, first_row, same, stamp


def trades(*rows):
    """Return trades by column from (entry, exit, side, units, in, out); days of January 2024, exit None is open."""
    entry, leave, side, units, into, out = zip(*rows, strict=True) if rows else ([],) * 6
    days = [np.datetime64("NaT") if day is None else np.datetime64(f"2024-01-{day:02d}") for day in (*entry, *leave)]
    times = np.array(days, dtype="datetime64[ns]")
    return {
        "entry_time": times[: len(rows)],
        "exit_time": times[len(rows) :],
        "side": np.array(side, dtype=object),
        "quantity": np.array(units, dtype=float),
        "entry_price": np.array(into, dtype=float),
        "exit_price": np.array(out, dtype=float),
        "entry_signal": np.array(["in"] * len(rows), dtype=object),
        "exit_signal": np.array(["out"] * len(rows), dtype=object),
    }


def test_fills_are_in_the_order_in_which_they_were_made():
    fills = fills_of(
        trades(
            (1, 3, "long", 2, 10, 11),
            (3, 3, "short", 1, 11, 12),
            (3, 5, "long", 1, 12, 13),
            (6, None, "short", 1, 9, 0),
        )
    )
    assert fills["action"].tolist() == ["buy", "sell", "sell", "buy", "buy", "sell", "sell"]
    assert fills["price"].tolist() == [10, 11, 11, 12, 12, 13, 9]  # the exit first, the one at once last
    assert [str(day)[8:10] for day in fills["time"]] == ["01", "03", "03", "03", "03", "05", "06"]


def test_no_trades_are_no_fills():
    assert len(fills_of(trades())["time"]) == len(fills_of({})["time"]) == 0
    assert first_divergence(fills_of({}), fills_of(trades())) is None


def test_the_first_order_that_differs_is_named_with_both_sides():
    one = trades((1, 3, "long", 2, 10, 11), (5, 8, "long", 2, 12, 13))
    other = trades((1, 3, "long", 2, 10, 11), (6, 8, "long", 2, 12.5, 13))
    found = first_divergence(fills_of(one), fills_of(other))
    assert (found.position, found.differs) == (2, ("time", "price"))
    assert str(found) == "order 3: buy 2 at 12 (in), 2024-01-05 / buy 2 at 12.5 (in), 2024-01-06"
    assert found.time == np.datetime64("2024-01-05")


@pytest.mark.parametrize("swap", [False, True])
def test_one_that_has_no_more_orders_parts_there(swap):
    one, other = trades((1, 3, "long", 2, 10, 11), (5, 8, "long", 2, 12, 13)), trades((1, 3, "long", 2, 10, 11))
    pair = (other, one) if swap else (one, other)
    found = first_divergence(*map(fills_of, pair))
    assert found.position == 2
    assert (found.first is None, found.second is None) == (swap, not swap)
    assert "nothing" in str(found)


def test_rows_of_any_tables_are_compared():
    one = {"a": np.array([1.0, np.nan, 3.0]), "b": np.array(["x", None, "z"], dtype=object)}
    assert first_row(one, {name: values.copy() for name, values in one.items()}) is None
    assert first_row(one, one | {"a": np.array([1.0, np.nan, 4.0])}) == (2, ("a",))
    assert first_row(one, {"a": one["a"]}) == (0, ("b",))
    assert first_row(one, {name: values[:2] for name, values in one.items()}) == (2, ("a", "b"))
    assert first_row({}, {}) is None


def test_undefined_is_the_same_as_undefined():
    nothing = np.array(["NaT"], dtype="datetime64[ns]")
    assert same(nothing, nothing.astype("datetime64[us]")).all()
    assert same(np.array([1, 2]), np.array([1.0, 2.0])).all()
    assert same(np.array([None], dtype=object), np.array([np.nan], dtype=object)).all()
    assert not same(np.array(["a"], dtype=object), np.array(["b"], dtype=object)).any()


def test_times_are_as_long_as_they_need_be():
    texts = ("2024-01-02", "2024-01-02 09:30", "2024-01-02 09:30:05")
    assert [stamp(np.datetime64(text.replace(" ", "T"))) for text in texts] == list(texts)
