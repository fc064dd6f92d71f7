import numpy as np
import pytest
from bs4 import BeautifulSoup

from research_kit.errors import OptionError
from research_kit.report.cards import (
    evidence_table,
    key_figures,
    metrics_table,
    monthly_table,
    run_card,
    trades_table,
    warning_box,
)

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
CARDS = {
    "run_card": run_card({HOSTILE: HOSTILE}),
    "key_figures": key_figures([(HOSTILE, HOSTILE, HOSTILE)]),
    "metrics_table": metrics_table({HOSTILE: [(HOSTILE, HOSTILE, HOSTILE)]}),
    "compared": metrics_table({HOSTILE: [(HOSTILE,) * 4]}, heads=(HOSTILE, HOSTILE)),
    "tile": key_figures([(HOSTILE,) * 4]),
    "trades_table": trades_table({HOSTILE: [HOSTILE], "entry_signal": np.array([HOSTILE], dtype=object)}),
    "warning_box": warning_box(HOSTILE),
    "evidence_table": evidence_table(HOSTILE, HOSTILE, [(HOSTILE,) * 5], [HOSTILE]),
}


def soup(card):
    return BeautifulSoup(card.html, "html.parser")


def cells(card):
    return [[cell.text for cell in row.find_all(["th", "td"])] for row in soup(card).find_all("tr")]


@pytest.mark.parametrize("name", CARDS)
def test_text_from_outside_is_escaped(name):
    page = soup(CARDS[name])
    assert page.find_all(["script", "img"]) == []
    assert all(not key.startswith("on") for tag in page.find_all(True) for key in tag.attrs)
    assert "alert(1)" in page.text.lower()


def test_a_card_brings_its_style_to_a_notebook_and_text_to_a_terminal():
    card = run_card({"Fill": "next_open"})
    assert card._repr_html_().startswith("<style>")
    assert repr(card) == "Fill: next_open"


def test_metrics_stand_in_groups_with_their_explanations():
    card = metrics_table({"Risk": [("Sharpe ratio", "1.08", "annual")], "Trades": [("Trades", "40", "")]})
    assert [tag.text for tag in soup(card).find_all("h4")] == ["Risk", "Trades"]
    assert cells(card) == [["Sharpe ratio", "1.08"], ["Trades", "40"]]
    assert [tag["title"] for tag in soup(card).find_all(title=True)] == ["annual"]


def test_metrics_stand_beside_what_they_are_compared_with():
    rows = {"Risk": [("Sharpe ratio", "1.08", "annual", "0.28"), ("Beta", "0.3", "")], "Trades": [("Trades", "40", "")]}
    card = metrics_table(rows, heads=("Strategy", "Buy and hold"))
    assert cells(card) == [
        ["", "Strategy", "Buy and hold"],
        ["Sharpe ratio", "1.08", "0.28"],
        ["Beta", "0.3", ""],
        ["Trades", "40"],
    ]
    assert repr(card).splitlines() == ["Sharpe ratio: 1.08 (Buy and hold: 0.28)", "Beta: 0.3", "Trades: 40"]


def test_a_tile_may_say_what_it_means():
    card = key_figures([("Sharpe ratio", "1.08", "", "annual"), ("Trades", "40", "few")])
    assert [(tag.text, tag["title"]) for tag in soup(card).find_all(title=True)] == [("Sharpe ratio", "annual")]
    assert repr(card) == "Sharpe ratio: 1.08\nTrades: 40"


def test_months_are_signed_percents_and_shaded_by_size():
    months = np.full((2, 12), np.nan)
    months[0, :4] = 0.1, -0.05, 0.0, -0.0004
    card = monthly_table(np.array([2023, 2024]), months, np.array([12.345, np.nan]))
    table = cells(card)
    assert table[0][1:] == ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Year"]
    assert table[1][:5] == ["2023", "+10.0", "-5.0", "0.0", "0.0"]
    assert table[1][-1] == "+1,234.5"
    assert table[2][1:] == ["–"] * 13
    shades = [tag["style"] for tag in soup(card).find_all(style=True)]
    assert shades == [
        f"background-color:rgba({shade})" for shade in ("43,140,203,0.56", "213,94,0,0.31", "213,94,0,0.06")
    ]


def test_no_months_are_an_empty_table():
    assert len(cells(monthly_table([], np.empty((0, 12)), []))) == 1


def test_of_many_trades_the_first_and_last_are_shown_and_it_is_said():
    card = trades_table({"number": np.arange(100)}, limit=4)
    assert cells(card) == [["Number"], ["0"], ["1"], ["⋮"], ["98"], ["99"]]
    assert soup(card).caption.text == "Shown: the first 2 and the last 2 of 100 trades."
    assert soup(trades_table({"number": np.arange(1)})).caption.text == "1 trade."
    assert soup(trades_table({})).caption.text == "No trades."
    assert soup(trades_table({"pnl": []})).caption.text == "No trades."


def test_an_odd_limit_shows_as_many_as_it_says():
    card = trades_table({"number": np.arange(100)}, limit=5)
    assert len(cells(card)) == 1 + 2 + 1 + 2


def test_each_kind_of_value_is_written_as_such():
    card = trades_table(
        {
            "entry_time": np.array(["2024-01-01T09:30", "2024-01-02"], dtype="datetime64[ns]"),
            "exit_time": np.array(["2024-01-03", "NaT"], dtype="datetime64[ns]"),
            "quantity": np.array([1234.5, np.nan]),
            "pnl": np.array([12.345, -1000.0]),
            "exit_signal": ["take_profit", None],
        }
    )
    assert cells(card) == [
        ["Entry time", "Exit time", "Quantity", "PnL", "Exit signal"],
        ["2024-01-01 09:30", "2024-01-03", "1,234.5", "+12.35", "take_profit"],
        ["2024-01-02 00:00", "–", "–", "-1,000.00", "–"],
    ]
    assert [tag.text for tag in soup(card).select(".rk-gain, .rk-loss")] == ["+12.35", "-1,000.00"]


def test_levels_of_boxes():
    assert soup(warning_box("x", "error")).find(role="alert")
    with pytest.raises(OptionError, match="Did you mean 'error'"):
        warning_box("x", "eror")  # type: ignore[arg-type]
