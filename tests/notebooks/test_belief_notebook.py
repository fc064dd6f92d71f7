"""The notebook on belief as papermill runs it: what it concludes is what its numbers say."""

import re

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def notebook(execute):
    return execute("06_can_i_believe_it")


def test_luck_looks_like_skill_until_the_tries_are_counted(notebook, ws):
    found = ws.load_sweep(1).overfitting()
    assert f"with a probability of {found.headline.probabilistic:.2f}, until the tries are counted" in notebook.words
    assert f"counted: {found.deflated:.2f}." in notebook.words
    assert str(found.headline) in notebook.shown
    assert found.headline.trials == 50


def test_the_index_is_judged_as_it_says(notebook, ws):
    sweep = ws.load_sweep(2)
    assert len(sweep) == 499
    belief = ws.load_run(1).believe()
    assert belief.verdict == "doubtful"
    assert f"has {belief.headline.deflated:.2f} left after all that was tried here" in notebook.words
    assert belief["trades"].shown == "9"
    assert belief["lookahead"].weight == belief["verified"].weight == "for"
    assert belief["holdout"].weight == "unknown"


def test_the_leak_is_named_and_nobody_else_is_accused(notebook):
    assert re.search(r"Look-ahead in scaled\(\): exposure at bar \d+ \(\d{4}-\d\d-\d\d\) is", notebook.shown)
    assert notebook.shown.count("No look-ahead found in") == 2
    assert notebook.shown.count("checked 5,031 of 5,031 bars") >= 2


def test_it_is_verified_here_and_elsewhere(notebook):
    assert notebook.shown.count("verified: orders, trades and equity are the same, byte for byte") == 2
    assert "options.commission" in notebook.shown
    assert "run.json" in notebook.shown
