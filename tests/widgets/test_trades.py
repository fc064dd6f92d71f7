"""The table of trades: what is on a page, how numbers are written, sorting, narrowing, opening; whatever it holds."""

import numpy as np
import pandas as pd
import pytest

from research_kit.widgets.results.trades import ALL, BOTH, LOSS, OPEN, PAGE, PROFIT, STATIC, TradesTable

HOSTILE = "<img src=x onerror=alert(1)>"


def trades(n, **columns):
    times = pd.date_range("2024-01-01", periods=n, freq="D", tz="UTC")
    given = {"entry_time": times, "exit_time": times, "side": "long", "pnl": 1.5, "entry_price": 100.0} | columns
    return pd.DataFrame(given, index=range(n))


def cells(table, name):
    """Return the texts of a column on the page that is shown."""
    at = [column["key"] for column in table.grid.columns].index(name)
    return [row["cells"][at] for row in table.grid.rows]


def test_few_trades_are_all_on_one_page():
    table = TradesTable(trades(3))
    assert cells(table, "number") == ["1", "2", "3"]
    assert table.grid.told == "Trades 1 to 3 of 3"
    assert (table.pages, table.grid.has_next, table.grid.has_previous) == (1, False, False)


def test_of_many_trades_a_page_travels_to_the_browser():
    table = TradesTable(trades(50_000, pnl=np.arange(50_000.0)))
    assert len(table.grid.rows) == PAGE
    assert table.grid.told == f"Trades 1 to {PAGE} of 50,000"
    assert len(str(table.grid.get_state())) < 40_000
    table.grid.tell(do="page", to="next")
    assert table.page == 2
    assert cells(table, "number")[0] == str(PAGE + 1)
    table.page = table.pages
    assert cells(table, "number")[-1] == "50,000"
    assert not table.grid.has_next
    table.grid.tell(do="page", to="previous")
    assert table.page == table.pages - 1


def test_a_page_that_is_not_there_is_refused_and_said():
    table = TradesTable(trades(3))
    table.grid.tell(do="page", to="next")
    assert "There is no page 2; the trades have 1." in table.note.value
    assert table.page == 1


def test_no_trades():
    table = TradesTable(trades(0))
    assert table.grid.rows == []
    assert table.grid.nothing == "No trades were made."
    assert table.static() == "<p>No trades.</p>"


def test_texts_are_plain_and_an_open_trade_has_no_exit():
    nothing = pd.Series([pd.NaT] * 2, dtype="datetime64[us, UTC]")
    table = TradesTable(trades(2, entry_signal=HOSTILE, exit_time=nothing))
    assert cells(table, "entry_signal") == [HOSTILE] * 2  # the browser makes text nodes of them
    assert cells(table, "exit_time") == ["–", "–"]
    assert HOSTILE not in table.static()
    assert "&lt;img src=x" in table.static()


@pytest.mark.parametrize(
    ("price", "shown"),
    [
        (2907.5, "2,907.50"),
        (1.23456, "1.23456"),
        (0.00001234, "0.00001234"),
        (98_000.125, "98,000.12"),
        (0.0, "0.00000"),
    ],
)
def test_prices_have_the_decimals_that_they_need(price, shown):
    assert cells(TradesTable(trades(1, entry_price=price)), "entry_price") == [shown]


def test_hours_are_shown_where_trades_have_them():
    hourly = pd.date_range("2024-01-01 09:31", periods=3, freq="17min", tz="UTC")
    assert cells(TradesTable(trades(3, entry_time=hourly)), "entry_time")[1] == "2024-01-01 09:48"
    assert cells(TradesTable(trades(3)), "entry_time")[1] == "2024-01-02"


def test_a_click_on_a_heading_sorts_and_another_turns_it_round():
    table = TradesTable(trades(4, pnl=[2.0, -1.0, np.nan, 5.0]))
    table.grid.tell(do="sort", column="pnl")
    assert cells(table, "number") == ["2", "1", "4", "3"]  # what is missing comes last
    table.grid.tell(do="sort", column="pnl")
    assert table.grid.sort == {"column": "pnl", "descending": True}
    assert cells(table, "number") == ["4", "1", "2", "3"]
    table.grid.tell(do="sort", column="nonsense")
    assert "no column &#x27;nonsense&#x27;" in table.note.value


def test_trades_are_narrowed_by_result_side_and_signal():
    nothing = pd.NaT
    times = pd.date_range("2024-01-01", periods=4, freq="D", tz="UTC")
    exits = pd.Series([*times[:3], nothing], dtype="datetime64[us, UTC]")
    table = TradesTable(
        trades(
            4,
            pnl=[2.0, -1.0, 0.0, 3.0],
            side=["long", "short", "long", "short"],
            exit_time=exits,
            entry_signal=["Breakout.", "dip", "dip", "dip"],
        )
    )
    for result, found in ((PROFIT, ["1"]), (LOSS, ["2"]), (OPEN, ["4"]), (ALL, ["1", "2", "3", "4"])):
        table.result.value = result
        assert cells(table, "number") == found
    table.side.value = "short"
    assert cells(table, "number") == ["2", "4"]
    assert table.grid.told == "Trades 1 to 2 of 2 chosen ones (of 4)"
    table.side.value = BOTH
    table.text.value = "BREAKOUT."
    assert cells(table, "number") == ["1"]
    table.text.value = "("  # no pattern
    assert table.grid.rows == []
    assert table.grid.nothing == "No trade is like that."
    table.show(trades(2))
    assert (table.result.value, table.text.value, len(table.shown)) == (ALL, "", 2)


def test_opening_tells_the_number_whatever_the_order():
    table, opened = TradesTable(trades(30, pnl=np.arange(30.0))), []
    table.on_open(opened.append)
    table.sort_by("pnl", descending=True)
    table.grid.tell(do="open", row=30)
    assert (opened, table.current) == ([30], 30)
    table.grid.tell(do="open", row=31)
    assert "There is no trade 31; there are 30." in table.note.value
    table.open(2)
    assert opened == [30, 2]


def test_an_error_of_who_listens_is_shown():
    table = TradesTable(trades(1))
    table.on_open(lambda number: 1 / 0)
    table.grid.tell(do="open", row=1)
    assert "ZeroDivisionError" in table.note.value


def test_the_copy_that_stays_is_short():
    html = TradesTable(trades(STATIC + 1)).static()
    assert html.count("<tr>") == 1 + STATIC
    assert f"The first {STATIC} of {STATIC + 1} trades." in html


def test_closing_frees_every_widget(living):
    before = living()
    TradesTable(trades(40)).close()
    assert living() == before
