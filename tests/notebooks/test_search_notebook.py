"""The notebook on search as papermill runs it: what it concludes is what its numbers say."""

import pytest

pytestmark = pytest.mark.slow

GRID = {"fast": range(5, 105, 5), "slow": range(20, 310, 10)}
HOW = {"where": "fast < slow", "commission": 0.0005, "progress": False}


@pytest.fixture(scope="module")
def notebook(execute):
    return execute("04_search")


@pytest.fixture(scope="module")
def sweep(ws):
    """Return the notebook's first sweep: asked again, it is there."""
    return ws.sweep("sma_cross", "S&P 500 daily", GRID, **HOW)


def test_the_best_and_the_broadest_are_those_it_names(notebook, sweep):
    assert sweep.id == 1
    assert len(sweep) == 499
    assert repr(sweep.best) in notebook.shown
    assert repr(sweep.broadest) in notebook.shown
    assert sweep.best.parameters == {"fast": 55, "slow": 200}
    assert f"The {sweep.best.value:.2f} of the best set" in notebook.words


def test_its_reading_of_the_heat_map_is_right(sweep):
    sharpe, slow = sweep.table["sharpe_ratio"], sweep.table["slow"]
    assert (sharpe > 0).mean() > 0.98
    assert sharpe[slow >= 180].median() > 1.3 * sharpe[slow < 180].median()
    by_fast, by_slow = (sweep.table.groupby(name)["sharpe_ratio"].median() for name in ("fast", "slow"))
    assert by_slow.max() - by_slow.min() > 2 * (by_fast.max() - by_fast.min())


def test_the_halves_disagree_as_it_says(notebook, ws):
    names = ("S&P 500 daily to 2009-01-01", "S&P 500 daily from 2009-01-01")
    first, second = (ws.sweep("sma_cross", name, GRID, **HOW) for name in names)
    early, late = first.table["sharpe_ratio"], second.table["sharpe_ratio"]
    assert early.corr(late, method="spearman") < -0.3
    ranks = late.rank(pct=True)
    assert f"`late_rank` {ranks[first.best.position]:.2f}" in notebook.words
    assert f"a little higher ({ranks[first.broadest.position]:.2f})" in notebook.words
    longest, hundred = first.table["slow"] >= 250, first.table["slow"].between(80, 120)
    assert early[longest].median() > early[hundred].median()
    assert late[longest].median() < late[hundred].median()


def test_everything_is_remembered(notebook, ws):
    sweeps = ws.sweeps()
    assert "the same sweep: True" in notebook.shown
    assert sweeps["kind"].tolist() == ["sweep"] * 6
    assert set(sweeps["status"]) == {"completed"}
    assert sweeps.query("strategy_name == 'careless'")["failed_sets"].tolist() == [2]
    assert len(ws.trials("S&P 500 daily", "buy_and_hold")) == 1


def test_a_close_stop_costs_what_it_says(ws):
    drawn = next(
        ws.load_sweep(int(row)) for row in ws.sweeps().query("kind == 'sweep' and method == 'random'")["id"][::-1]
    ).table
    slow = drawn[drawn["slow"] >= 150]
    close = slow["stop_loss"] < 0.05
    assert slow["sharpe_ratio"][close].median() < 0.7 * slow["sharpe_ratio"][~close].median()


def test_failures_have_their_reasons(notebook):
    assert notebook.shown.count("SignalError: Signals need one value for each bar: 5031 bars, 4981 signals.") == 2
    assert "length=1: Input should be greater than or equal to 2." in notebook.shown


def test_its_figures_are_drawn_and_it_stays_small(notebook):
    kinds = [{trace["type"] for trace in figure["data"]} for figure in notebook.figures]
    assert len(kinds) == 6
    assert all(kinds)
    assert "heatmap" in kinds[0]
    assert "parcoords" in kinds[2]
    assert notebook.path.stat().st_size < 2_000_000
    assert not any("widget" in kind for output in notebook.outputs for kind in output.get("data", {}))
