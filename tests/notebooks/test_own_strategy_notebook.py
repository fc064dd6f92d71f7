"""The notebook on a strategy of one's own as papermill runs it: from a cell to the registry, and proved there."""

import re

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def notebook(execute):
    return execute("09_your_own_strategy")


def test_the_leak_is_caught_and_the_mended_version_passes(notebook):
    assert re.search(r"Look-ahead in draft\(.*?\): \w+ at bar \d+ \(1999-\d\d-\d\d\) is", notebook.shown)
    assert "No look-ahead found in pullback(length=20, trend=200, depth=1.5): checked 5,031 of 5,031" in notebook.shown
    draft, mended = re.search(r"Sharpe ratio: draft (\S+), mended (\S+)", notebook.shown).groups()
    assert f"Of the draft's {draft} there is {mended} left." in notebook.words


@pytest.mark.parametrize(
    "sentence",
    [
        "pullback: depth=0: Input should be greater than 0.",
        "pullback has no parameter 'lenght'. Did you mean 'length'?",
        "pullback: trend='long': Input should be a valid integer",
        "pullback: length (50) must be below trend (30).",
    ],
)
def test_wrong_parameters_are_answered_in_words(notebook, sentence):
    assert sentence in notebook.shown


def test_both_styles_made_the_same_trades(notebook, ws):
    first = ws.load_run(1)
    assert first.parameters == {"length": 20, "trend": 200, "depth": 1.5}
    assert f"{len(first.trades)} trades, the same to the last bit" in notebook.shown


def test_its_name_is_found_by_everything(notebook, ws):
    assert ws.strategies().set_index("name").loc["pullback", "origin"] == "workspace"
    assert len(ws.load_sweep(1)) == 30
    assert ws.load_batch("my strategy").counts == {"completed": 2}
    texts = [output.get("data", {}).get("text/plain") for output in notebook.outputs]
    assert "Dashboard(dataset='S&P 500 daily', strategy='pullback', ready)" in texts
    assert ws.run("pullback", "S&P 500 daily", commission=0.0005).id  # in this process as well


def test_what_is_left_of_the_best_is_what_it_says(notebook, ws):
    found = re.search(r"· (\d+) trials in this search \(\d+ effective\) · deflated (\d\.\d\d)", notebook.shown)
    assert f"{found[1]} sets were tried, and {found[2]} is left of the best" in notebook.words
    assert len(ws.load_sweep(1)) == int(found[1])


def test_an_old_run_is_verified_though_its_file_changed(notebook, ws):
    assert "+ return rk.Signals(" in notebook.shown
    assert "verified: orders, trades and equity are the same, byte for byte" in notebook.shown
    assert "the file of today has another source" in notebook.shown
    assert ws.load_run(1).verification.is_verified
    text = (notebook.workspace / "strategies" / "pullback.py").read_text("utf-8")
    assert "exit_long=dip > 0)" in text  # as it was saved
    assert "# NaN while they warm up" in text


def test_it_stays_small(notebook):
    assert len(notebook.figures) == 1
    assert notebook.path.stat().st_size < 1_000_000  # one FigureWidget alone would be 5 MB
