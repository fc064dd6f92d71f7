"""Whether a result can be believed, asked in a terminal."""

import json

import pytest
from typer.testing import CliRunner

import research_kit as rk
from research_kit.cli import app
from research_kit.errors import NotFoundError

LEAK = """
import numpy as np
import research_kit as rk

class Seer(rk.Strategy):
    '''Long before a rise.'''
    def signals(self, bars):
        return rk.Signals.target(np.append(bars.close[1:] > bars.close[:-1], False))
"""


@pytest.fixture
def call(tmp_path, make_bars):
    """Return a function that runs a command on a workspace with a dataset and a strategy that knows too much."""
    with rk.open_workspace(tmp_path / "ws") as ws:
        ws.import_dataset(make_bars(300).frame, name="walk", symbol="WALK")
        (ws.folder / "strategies" / "seer.py").write_text(LEAK, encoding="utf-8")
    return lambda *words: CliRunner().invoke(app, ["-w", str(tmp_path / "ws"), *words])


def test_a_clean_strategy_exits_with_0(call):
    done = call("lookahead", "sma_cross", "walk", "-p", "fast=5", "-p", "slow=9")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("No look-ahead found in sma_cross(fast=5, slow=9, short=False): checked 300 of 300")


def test_a_leak_exits_with_1_and_names_the_bar(call):
    done = call("lookahead", "seer", "walk")
    assert done.exit_code == 1
    assert done.output.startswith("Look-ahead in seer(): exposure at bar ")


def test_json_has_all_of_it(call):
    done = call("lookahead", "seer", "walk", "--json", "--time-limit", "20", "-o", "commission=0.002")
    assert done.exit_code == 1
    found = json.loads(done.output)
    assert (found["outcome"], found["column"], found["bars"]) == ("failed", "exposure", 300)
    assert found["sentence"].startswith("Look-ahead in seer()")


def test_what_is_misspelt_is_told(call):
    done = call("lookahead", "sma_cros", "walk")
    assert isinstance(done.exception, NotFoundError)


def test_a_run_says_what_it_is_worth_and_believe_says_why(call, tmp_path):
    done = call("run", "sma_cross", "walk", "-p", "fast=5", "-p", "slow=20")
    with rk.open_workspace(tmp_path / "ws") as ws:
        belief = ws.load_run(1).believe()
    assert done.output.splitlines()[-1] == str(belief.headline)
    assert call("believe", "1").output.strip() == repr(belief)
    assert json.loads(call("believe", "1", "--json").output) == belief.to_dict()
    told = json.loads(call("run", "sma_cross", "walk", "-p", "fast=6", "-p", "slow=20", "--json").output)
    assert told["metrics"]["trials"] == 2
    assert told["headline"].startswith("Sharpe ")


def test_there_is_nothing_to_believe_of_a_run_that_is_not_there(call):
    assert isinstance(call("believe", "7").exception, NotFoundError)
