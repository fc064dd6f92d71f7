"""The notebook on strategies as papermill runs it: what it teaches is what happens."""

import re

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def notebook(execute):
    return execute("03_strategies")


def runs_of(ws, name):
    """Return the recorded runs of a strategy, oldest first."""
    table = ws.backtests().query("strategy_name == @name").sort_values("id")
    return [ws.load_run(int(run_id)) for run_id in table["id"]]


def test_the_first_rule_is_out_of_the_market_when_it_says_so(notebook, ws):
    (run,) = runs_of(ws, "cross")
    assert "there are ten trades in twenty years" in notebook.words
    assert len(run.trades) == 10
    for year in ("2001", "2002", "2008"):
        assert run.equity.loc[year].nunique() == 1


def test_wrong_parameters_are_answered_in_words(notebook):
    assert "fast=1: Input should be greater than or equal to 2." in notebook.shown
    assert "Did you mean 'fast'?" in notebook.shown


def test_the_context_shows_the_past_alone(notebook):
    seen = ["1 1 101.0 [] 0.0 0.0 10000.0", "2 2 103.0 [buy] 0.0 0.0 10000.0", "3 3 100.0 [] 1.0 1.0 10001.0"]
    seen += ["4 4 97.0 [] 1.0 -2.0 9998.0", "5 5 106.0 [] 0.0 0.0 10008.0", "6 6 105.0 [] 0.0 0.0 10008.0"]
    assert " ".join(seen) in notebook.shown


@pytest.mark.parametrize(
    "line",
    [
        "market filled 2 6 102.0 105.0 end_of_data",
        "limit 103: the open is better filled 2 6 102.0 105.0",
        "limit 99 filled 3 6 99.0 105.0",
        "limit 99, good for one bar expired",
        "stop 104 filled 2 6 104.0 105.0",
        "stop 104, limit 103.5 filled 3 6 103.0 105.0",
        "market, target 105 filled 2 3 102.0 105.0 take_profit",
        "market, stop 97: a gap filled 2 4 102.0 96.0 stop_loss",
        "market, stop 101, target 104: both filled 2 2 102.0 101.0 stop_loss",
        "sell stop 99, stop 104 filled 3 3 99.0 104.0 stop_loss",
        "stop_first: pnl -1, ambiguous bars 1 target_first: pnl +2, ambiguous bars 1",
    ],
)
def test_orders_fill_as_it_explains(notebook, line):
    assert line in notebook.shown


def test_each_filled_order_cancelled_one_on_the_other_side(notebook):
    dip, high = (re.search(name + r" (\d+) (\d+) (\d+)", notebook.shown) for name in (r"\(limit\)", r"\(stop-limit\)"))
    assert (dip[1], dip[2], dip[3]) == (high[3], high[2], high[1])
    stopped, reached = (re.search(name + r" (\d+) (\d+)", notebook.shown) for name in ("stop_loss", "take_profit"))
    assert int(stopped[1]) > int(reached[2])
    assert (stopped[2], reached[1]) == ("0", "0")


def test_the_pyramid_sold_half_of_three_lots(ws):
    (run,) = runs_of(ws, "pyramid")
    trades = run.trades[run.trades["entry_time"].dt.year == 2003]
    assert trades["entry_signal"].tolist() == ["lot 1", "lot 2", "lot 2", "lot 3"]
    assert trades["exit_signal"].tolist() == ["half", "half", "stop_loss", "stop_loss"]
    sold = trades.loc[trades["exit_signal"] == "half", "quantity"].sum()
    assert sold == pytest.approx(trades["quantity"].sum() / 2)


def test_every_rejection_has_its_reason(notebook):
    for reason in ("insufficient_cash", "no_stop", "too_small", "short_not_allowed"):
        assert f"'{reason}'" in notebook.shown


def test_each_cost_takes_its_part(notebook, ws):
    runs = runs_of(ws, "sma_cross")
    returns = [run.metrics["total_return_percent"] for run in runs]
    assert "Without costs it earns nothing" in notebook.words
    assert abs(returns[0]) < 0.5
    assert len(returns) == 5
    assert returns == sorted(returns, reverse=True)
    assert len({run.metrics["total_trades"] for run in runs}) == 1


def test_the_file_is_a_strategy_with_a_name(notebook, ws):
    (run,) = runs_of(ws, "turn_of_month")
    assert run.parameters == {"first": 25, "last": 3}
    assert "'turn_of_month': 'Long from the last days of a month to the first of the next.'" in notebook.shown
    assert ws.strategies().set_index("name").loc["turn_of_month", "origin"] == "workspace"


def test_its_figures_are_drawn_and_it_stays_small(notebook):
    assert len(notebook.figures) == 3
    assert all(figure["data"] for figure in notebook.figures)
    assert notebook.figures[1]["data"][0]["type"] == "candlestick"
    assert notebook.path.stat().st_size < 1_000_000
