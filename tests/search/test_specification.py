"""Searches that are written down: every way of writing one, and one clear sentence for whatever is wrong with it."""

import json
import math
from itertools import pairwise

import pytest

import research_kit as rk
from research_kit.errors import NotFoundError, OptionError
from research_kit.search import specification
from research_kit.search.specification import LARGEST, OF_A_WALK_FORWARD, read_specification

SMALL = "strategy: sma_cross\ndataset: SPY daily\ngrid: {fast: [5, 10]}\n"


@pytest.fixture
def written(tmp_path):
    """Return a function that writes a specification and returns its path."""

    def write(text, name="search.yml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def grid_of(written, text):
    return read_specification(written(f"strategy: s\ndataset: d\ngrid:\n  fast: {text}\n"))["grid"]["fast"]


def test_everything_that_a_sweep_may_say(written):
    text = """
# what is searched, and where
strategy: sma_cross
dataset: SPY daily
grid:
  fast: {low: 5, high: 50, step: 5}
  slow: [50, 100, 200]
  short: false
where: fast < slow
method: random
sets: 40
seed: 7
objective: -volatility
workers: 2
options:
  commission: 0.002
  stop_loss: 0.05
  fill: same_close
"""
    assert read_specification(written(text)) == {
        "strategy": "sma_cross",
        "dataset": "SPY daily",
        "grid": {"fast": rk.between(5, 50, 5), "slow": [50, 100, 200], "short": False},
        "where": "fast < slow",
        "method": "random",
        "sets": 40,
        "seed": 7,
        "objective": "-volatility",
        "workers": 2,
        "commission": 0.002,
        "stop_loss": 0.05,
        "fill": "same_close",
    }


def test_everything_that_a_walk_forward_may_say_besides(written):
    text = SMALL + "train: 730d\ntest: 180\nstep: 200\nanchored: true\npurge: 5\nembargo: 1d\nselect: plateau\n"
    asked = read_specification(written(text), OF_A_WALK_FORWARD)
    spans = ("train", "test", "step", "anchored", "purge", "embargo", "select")
    assert [asked[name] for name in spans] == ["730d", 180, 200, True, 5, "1d", "plateau"]
    with pytest.raises(OptionError, match=r"search\.yml has 'train', which a search does not know"):
        read_specification(written(text))


def test_json_is_read_as_well(written):
    asked = {"strategy": "sma_cross", "dataset": 3, "grid": {"fast": {"low": 5, "high": 9}, "slow": [20, 30]}}
    asked["options"] = {"commission": 1e-05, "slippage": 2e-4}
    path = written(json.dumps(asked, indent=1), "search.json")
    found = read_specification(str(path))
    assert found == {
        "strategy": "sma_cross",
        "dataset": 3,
        "grid": {"fast": rk.between(5, 9), "slow": [20, 30]},
        "commission": 1e-05,
        "slippage": 2e-4,
    }


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("[5, 10]", [5, 10]),
        ("\n    - 5\n    - 10", [5, 10]),
        ("7", 7),
        ("long", "long"),
        ("[true, false]", [True, False]),
        ("[null, 0.02]", [None, 0.02]),
        ("[[5, 20], [10, 50]]", [(5, 20), (10, 50)]),
        ("[1e-4, 1E3, 2.5e-3, .5e1, -1e+2]", [0.0001, 1000.0, 0.0025, 5.0, -100.0]),
        ("{low: 5, high: 50}", rk.between(5, 50)),
        ("{low: 0.1, high: 0.5, step: 0.1}", rk.between(0.1, 0.5, 0.1)),
        ("{low: 1e-4, high: 1, log: true}", rk.between(1e-4, 1, log=True)),
        ("{low: 1, high: 9, step: null, log: false}", rk.between(1, 9)),
    ],
)
def test_the_values_of_a_parameter(written, text, meant):
    found = grid_of(written, text)
    assert found == meant
    assert type(found) is type(meant)


def test_what_is_left_blank_is_not_said(written):
    assert read_specification(written(SMALL + "where:\nobjective: ~\noptions:\n")) == {
        "strategy": "sma_cross",
        "dataset": "SPY daily",
        "grid": {"fast": [5, 10]},
    }
    assert read_specification(written("strategy: s\ndataset: d\ngrid: {}\n"))["grid"] == {}


def test_the_seed_of_the_search_and_that_of_the_engine_are_two(written):
    asked = read_specification(written(SMALL + "seed: 3\noptions: {seed: 5, commission: 0}\n"))
    assert (asked["seed"], asked["options"].seed, asked["commission"]) == (3, 5, 0)
    assert "seed" not in read_specification(written(SMALL + "options: {seed: 5}\n"))


def test_parts_may_be_written_once_and_used_twice(written):
    text = "strategy: s\ndataset: d\ngrid:\n  fast: &wide {low: 5, high: 50}\n  slow: {<<: *wide, high: 90}\n"
    assert read_specification(written(text))["grid"] == {"fast": rk.between(5, 50), "slow": rk.between(5, 90)}


def test_names_in_any_language(written):
    assert read_specification(written(SMALL.replace("SPY daily", "日経 'täglich'")))["dataset"] == "日経 'täglich'"


# what is wrong


LISTS = [
    "&a [" + "x, " * 9 + "]",
    *(f"&{after} [" + f"*{before}, " * 9 + "]" for before, after in pairwise("abcdefghi")),
]
BOMB = f"[{', '.join(LISTS)}]"  # a line that stands for 9**9 values


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must say what is searched by name: strategy, dataset, grid."),
        ("just words", "must say what is searched by name"),
        ("[1, 2]", "must say what is searched by name"),
        ("grid: [", r"is neither YAML nor JSON \(line 1\)."),
        ("strategy: s\n\tdataset: d", r"is neither YAML nor JSON \(line 2\)."),
        ('{"strategy": "s",', "is neither YAML nor JSON"),
        ("strategy: !!python/object/apply:os.system [id]", "is neither YAML nor JSON"),
        ("dataset: 2024-02-31", "is neither YAML nor JSON"),
        ("[" * 1_500, "is neither YAML nor JSON"),
        ("a: \x00", "is neither YAML nor JSON"),
        (b"strategy: \xff\xfe", "cannot be read: 'utf-8' codec can't decode"),
        (SMALL + "whre: fast < 3", "has 'whre', which a search does not know. Did you mean 'where'"),
        (SMALL + "1: 2", "has 1, which a search does not know. Known: dataset"),
        (SMALL + "where: fast < 3\nwhere: fast < 4", r"has 'where' twice \(line 5\)."),
        ("strategy: s\ndataset: d\ngrid:\n  fast: [5]\n  fast: [6]", r"has 'fast' twice \(line 5\)."),
        ('{"strategy": "s", "strategy": "t"}', r"has 'strategy' twice \(line 1\)."),
        ("strategy: s\ndataset: d", "does not say grid; it needs strategy, dataset, grid."),
        ("strategy:\ndataset: d\ngrid: {}", "does not say strategy; it needs"),
        ("strategy: [s]\ndataset: d\ngrid: {}", r"strategy must be text; it is \['s'\]."),
        ("strategy: 5\ndataset: d\ngrid: {}", "strategy must be text; it is 5."),
        ("strategy: s\ndataset: [d]\ngrid: {}", r"dataset must be a name or an id; it is \['d'\]."),
        ("strategy: s\ndataset: 2024-01-02\ngrid: {}", "dataset must be a name or an id; it is datetime.date"),
        ("strategy: s\ndataset: true\ngrid: {}", "dataset must be a name or an id; it is True."),
        (SMALL + "where: true", "where must be text; it is True."),
        (SMALL + "method: 1", "method must be text; it is 1."),
        (SMALL + "objective: {a: 1}", "objective must be text; it is {'a': 1}."),
        ("strategy: s\ndataset: d\ngrid: [fast]", r"grid must be values by name; it is \['fast'\]."),
        ("strategy: s\ndataset: d\ngrid: []", r"grid must be values by name; it is \[\]."),
        ("strategy: s\ndataset: d\ngrid: 0", "grid must be values by name; it is 0."),
        (SMALL + "options: [commission]", r"options must be values by name; it is \['commission'\]."),
        (SMALL + "options: {comission: 0}", "the engine has no option 'comission'. Did you mean 'commission'"),
        (SMALL + "options: {seed: x}", "seed='x'"),
        (SMALL + f"where: {BOMB}", r"where must be text; it is \[\['x', 'x',"),
        (SMALL + f"options: {BOMB}", r"options must be values by name; it is \[\['x', 'x',"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_told_in_one_sentence(written, text, words):
    with pytest.raises(OptionError, match=words) as caught:
        read_specification(written(text))
    assert len(str(caught.value)) < 500
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("axis", "words"),
    [
        ("{lo: 5, high: 50}", "the range of 'fast' has 'lo'. Did you mean 'low'"),
        ("{low: 5}", "the range of 'fast' needs low and high."),
        ("{}", "the range of 'fast' needs low and high."),
        ("{low: 5, high: x}", "between takes numbers; given was 'x'."),
        ("{low: 9, high: 5}", "between takes the lower end first; given was 9, 5."),
        ("{low: 1, high: 5, step: 0}", "The step of between must be above 0; given was 0."),
        ("{low: 0, high: 5, log: true}", "takes ends above 0, and no step"),
        ("{low: 1, high: 5, log: maybe}", "the range of 'fast' has log: 'maybe'; it is true or false."),
        ("{low: .nan, high: 5}", "between takes numbers; given was nan."),
    ],
)
def test_a_range_that_is_none(written, axis, words):
    with pytest.raises(OptionError, match=words):
        grid_of(written, axis)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(NotFoundError, match=r"There is no file '.*missing\.yml'"):
        read_specification(tmp_path / "missing.yml")
    with pytest.raises(OptionError, match=r"cannot be read: .*directory"):
        read_specification(tmp_path)


def test_a_file_that_is_far_too_large_is_not_read(written, monkeypatch):
    with pytest.raises(OptionError, match="has 1,048,577 bytes; a specification has at most 1,048,576"):
        read_specification(written(b"#" * (LARGEST + 1)))
    monkeypatch.setattr(specification, "LARGEST", len(SMALL))
    assert read_specification(written(SMALL))["strategy"] == "sma_cross"
    with pytest.raises(OptionError, match="a specification has at most"):
        read_specification(written(f"{SMALL}#"))


def test_what_was_read_is_what_a_sweep_takes(written, make_bars):
    """Every word of the file is a keyword of the search."""
    bars = make_bars(120, sigma=0.01, step_ns=86_400_000_000_000)
    text = "strategy: sma_cross\ndataset: 1\ngrid: {fast: {low: 3, high: 5}, slow: [9, 20]}\nwhere: fast > 3\n"
    asked = read_specification(written(text + "objective: -volatility\noptions: {commission: 1e-2, seed: 2}\n"))
    assert (asked.pop("strategy"), asked.pop("dataset")) == ("sma_cross", 1)
    found = rk.run_sweep(bars, rk.strategies.SmaCross, asked.pop("grid"), asked.pop("options"), **asked)
    by_hand = rk.run_sweep(
        *(bars, rk.strategies.SmaCross, {"fast": [4, 5], "slow": [9, 20]}), objective="-volatility", commission=0.01
    )
    assert list(found.sets) == list(by_hand.sets)
    assert found.best == by_hand.best
    assert math.isfinite(found.best.value)
