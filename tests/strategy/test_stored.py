"""A strategy made again from its stored text: modules, packages, notebooks, and what must not happen meanwhile."""

import hashlib
import sys

import numpy as np
import pytest

import research_kit as rk
from research_kit.errors import StrategyError
from research_kit.strategy.library import SmaCross
from research_kit.strategy.registry import Registry
from research_kit.strategy.source import StrategySource, strategy_source
from research_kit.strategy.stored import source_texts, stored_modules, stored_strategy

RULE = """
import numpy as np
import research_kit as rk
from {helpers} import LENGTH

class Rule(rk.Strategy):
    '''A rule.'''
    size: float = rk.Param(1.0)

    def signals(self, bars):
        from {helpers} import LENGTH as again
        assert again == LENGTH
        return rk.Signals.target(np.arange(len(bars)) % LENGTH == 0)
"""


def source_of(text, origin="module", module="rule", name="Rule"):
    return StrategySource(text, hashlib.sha256(text.encode()).hexdigest(), origin, module, name)


def exposure(strategy, bars):
    return strategy().signals(bars).exposure.tolist()


def test_a_built_in_strategy_is_the_same_again(make_bars):
    bars = make_bars(300)
    with stored_strategy(strategy_source(SmaCross)) as kind:
        assert kind is not SmaCross
        assert exposure(kind, bars) == exposure(SmaCross, bars)
        assert kind.name == "sma_cross"


def test_the_stored_helpers_are_used_not_todays_files(tmp_path, make_bars):
    folder = tmp_path / "strategies"
    folder.mkdir()
    (folder / "rule.py").write_text(RULE.format(helpers=".helpers"))
    (folder / "helpers.py").write_text("LENGTH = 3\n")
    kind = Registry(folder).resolve("rule")
    source, bars = strategy_source(kind), make_bars(9)
    assert [title for title, _ in source_texts(source)] == ["rule", "helpers"]
    (folder / "helpers.py").write_text("LENGTH = 2\n")
    before = set(sys.modules)
    with stored_strategy(source) as again:
        assert exposure(again, bars) == [1, 0, 0, 1, 0, 0, 1, 0, 0]
    assert set(sys.modules) == before
    assert exposure(Registry(folder).resolve("rule"), bars) == [1, 0, 1, 0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize("helpers", ["mine.helpers", ".helpers"])
def test_modules_of_a_package_find_each_other(helpers, make_bars):
    text = f"# ---- mine.rule ----\n{RULE.format(helpers=helpers)}\n# ---- mine.helpers ----\nLENGTH = 4\n"
    with stored_strategy(source_of(text, module="mine.rule")) as kind:
        assert exposure(kind, make_bars(5)) == [1, 0, 0, 0, 1]
    assert "mine" not in sys.modules


def test_a_module_beside_it_may_have_the_name_of_one_that_is_loaded(make_bars):
    text = f"# ---- rule ----\n{RULE.format(helpers='statistics')}\n# ---- statistics ----\nLENGTH = 5\n"
    with stored_strategy(source_of(text)) as kind:
        assert exposure(kind, make_bars(6)) == [1, 0, 0, 0, 0, 1]
    assert not hasattr(sys.modules.get("statistics"), "LENGTH")


def test_of_a_notebook_only_definitions_are_run(make_bars):
    cell = "raise_here = open('/nothing/there')\nLENGTH = 2\nclass Rule(rk.Strategy):\n"
    cell += "    def signals(self, bars):\n        return rk.Signals.target(every(bars, LENGTH))\n"
    uses = "import numpy as np\nimport research_kit as rk\nprint('hello')\n"
    uses += "def every(bars, n):\n    return np.arange(len(bars)) % n == 0\n"
    text = f"# ---- notebook cell ----\n{cell}\n# ---- notebook cell ----\n{uses}"
    source = source_of(text, origin="notebook", module="__main__")
    main, modules = stored_modules(source)
    assert main == "notebook"
    assert "open" not in modules[main]
    assert "print" not in modules[main]
    with stored_strategy(source) as kind:
        np.testing.assert_array_equal(exposure(kind, make_bars(3)), [1, 0, 1])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nothing_of_this_name\n", "ModuleNotFoundError"),
        ("raise SystemExit(3)\n", "SystemExit"),
        ("class Rule: ...\n", "does not define the strategy Rule"),
        ("def (:\n", "SyntaxError"),
    ],
)
def test_what_cannot_be_loaded_is_one_sentence(text, words):
    with pytest.raises(StrategyError, match=words), stored_strategy(source_of(text)):
        pass
    assert not [name for name in sys.modules if name.startswith("_research_kit_stored_")]


def test_an_edited_text_is_not_run():
    source = source_of("raise SystemExit(3)\n")
    edited = StrategySource(source.text + "#", source.sha256, "module", "rule", "Rule")
    with pytest.raises(StrategyError, match="was edited"), stored_strategy(edited):
        pass


def test_annotations_that_are_texts_are_understood(make_bars):
    text = "from __future__ import annotations\nimport research_kit as rk\n" + RULE.format(helpers="math").replace(
        "LENGTH", "pi"
    ).replace("% pi == 0", "% 2 == 0")
    with stored_strategy(source_of(text)) as kind:
        assert exposure(kind, make_bars(2)) == [1, 0]
        assert kind(size=2).size == 2.0
    assert rk.Strategy.style() == "none"
