"""What a result says of trades: how many are shown, and how each number is written."""

import pandas as pd
import pytest

from research_kit.widgets.results import ROWS, trades_html


def trades(n, **columns):
    times = pd.date_range("2024-01-01", periods=n, freq="D", tz="UTC")
    given = {"entry_time": times, "exit_time": times, "side": "long", "pnl": 1.5, "entry_price": 100.0} | columns
    return pd.DataFrame(given, index=range(n))


def test_few_trades_are_all_shown():
    html = trades_html(trades(3))
    assert "Trades: 3<" in html
    assert html.count("<tr>") == 1 + 3


def test_of_many_trades_the_first_are_shown_and_said_to_be():
    html = trades_html(trades(ROWS + 1))
    assert f"Trades: the first {ROWS} of {ROWS + 1:,}" in html
    assert html.count("<tr>") == 1 + ROWS


def test_labels_are_escaped_and_an_open_trade_has_no_exit():
    html = trades_html(
        trades(2, entry_signal="<script>", exit_time=pd.Series([pd.NaT] * 2, dtype="datetime64[us, UTC]"))
    )
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert html.count("<td>–</td>") == 2


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
    assert f"<td>{shown}</td>" in trades_html(trades(1, entry_price=price))


def test_hours_are_shown_where_trades_have_them():
    hourly = pd.date_range("2024-01-01 09:31", periods=3, freq="17min", tz="UTC")
    assert "2024-01-01 09:48" in trades_html(trades(3, entry_time=hourly))
    assert "00:00" not in trades_html(trades(3))
