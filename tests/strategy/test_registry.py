"""How strategies are found, and that nothing else is ever loaded."""

import pickle
import sys
import threading

import pytest

from research_kit.errors import NotFoundError, StrategyError
from research_kit.strategy.base import Strategy
from research_kit.strategy.library import BUILT_INS, SmaCross
from research_kit.strategy.registry import Registry
from research_kit.strategy.source import strategy_source


class HereStrategy(Strategy):
    """A strategy of this module."""

    def signals(self, bars):
        raise NotImplementedError


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "strategies"


@pytest.fixture
def registry(folder):
    return Registry(folder)


def test_built_ins_by_name_class_and_instance():
    registry = Registry()
    instance = SmaCross(fast=5)
    assert registry.resolve("sma_cross") is SmaCross
    assert registry.resolve(SmaCross) is SmaCross
    assert registry.resolve(instance) is instance
    assert registry.names() == sorted(BUILT_INS)
    assert registry.classes() == BUILT_INS
    assert registry.broken() == {}


@pytest.mark.parametrize(
    "path", ["research_kit.strategy.library:SmaCross", "research_kit.strategy.library.sma_cross:SmaCross"]
)
def test_built_ins_by_path(path):
    assert Registry().resolve(path) is SmaCross


def test_a_wrong_name_answers_with_the_nearest():
    with pytest.raises(NotFoundError, match=r"^There is no strategy 'sma_cros'\. Did you mean 'sma_cross'\?$"):
        Registry().resolve("sma_cros")
    with pytest.raises(
        NotFoundError, match=r"'research_kit\.strategy\.library' has no strategy 'SmaCros'\. Did you mean"
    ):
        Registry().resolve("research_kit.strategy.library:SmaCros")
    with pytest.raises(NotFoundError, match=r"There is no module 'research_kit\.strategy\.library\.os'"):
        Registry().resolve("research_kit.strategy.library.os:system")


@pytest.mark.parametrize(
    "path",
    [
        "os:system",
        "subprocess:Popen",
        "antigravity:fly",
        "research_kit.strategy.base:Strategy2",
        "research_kit.errors:StrategyError",
        "pydantic:BaseModel",
        "research_kit.strategy.registry:SmaCross",
        "research_kit.strategy.libraryx:Y",
        "secret_of_user:Mine",
    ],
)
def test_other_modules_are_refused_and_not_imported(path, folder, write, on_path):
    write("secret_of_user.py", "raise SystemExit('imported')\n")
    before = set(sys.modules)
    for registry in (Registry(), Registry(folder), Registry(modules=["json"])):
        with pytest.raises(StrategyError, match=f"^'{path}' may not be loaded: strategies come from"):
            registry.resolve(path)
    assert {"antigravity", "secret_of_user"}.isdisjoint(set(sys.modules) - before)


@pytest.mark.parametrize("path", ["os:system()", "a b:C", ":X", "x:", "a:b:c", "../evil:X", "a..b:C", "a:b.c", "1a:b"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(StrategyError, match=r"does not name a strategy; write 'package\.module:Class'"):
        Registry().resolve(path)


def test_what_is_no_strategy_is_refused():
    with pytest.raises(StrategyError, match=r"dict is not a strategy; derive it from research_kit\.Strategy"):
        Registry().resolve(dict)
    with pytest.raises(StrategyError, match=r"Strategy cannot be run, because it defines neither signals\(\) nor on_"):
        Registry().resolve(Strategy)
    with pytest.raises(StrategyError, match="A strategy is a class, an instance or a name; 7 is none of them"):
        Registry().resolve(7)


def test_a_class_that_is_loaded_may_be_named():
    assert Registry().resolve(f"{__name__}:HereStrategy") is HereStrategy
    with pytest.raises(StrategyError, match="may not be loaded"):
        Registry().resolve(f"{__name__}:SmaCross")  # only imported there


def test_named_modules_are_imported(on_path, write, text_of):
    write("desk/__init__.py", "from desk.a import Mine\n")
    write("desk/a.py", text_of("Mine"))
    write("desk/b.py", text_of("Hidden"))
    registry = Registry(modules=["desk"])
    kind = registry.resolve("mine")
    assert kind is registry.resolve("desk:Mine") is registry.resolve("desk.a:Mine")
    assert registry.names() == sorted([*BUILT_INS, "mine"])
    assert registry.resolve("desk.b:Hidden").name == "hidden"
    with pytest.raises(NotFoundError, match=r"'desk\.a' has no strategy 'Min'\. Did you mean 'Mine'"):
        registry.resolve("desk.a:Min")


def test_a_named_module_that_fails_hides_nothing(on_path, write):
    write("wrecked.py", "1 / 0\n")
    registry = Registry(modules=["wrecked", "absent_module", "needs_absent"])
    write("needs_absent.py", "import absent_too\n")
    assert registry.resolve("sma_cross") is SmaCross
    assert set(registry.broken()) == {"wrecked", "absent_module", "needs_absent"}
    with pytest.raises(StrategyError, match="'wrecked' cannot be imported: ZeroDivisionError"):
        registry.resolve("wrecked:Mine")
    with pytest.raises(NotFoundError, match="There is no module 'absent_module'"):
        registry.resolve("absent_module:Mine")
    with pytest.raises(StrategyError, match="'needs_absent' cannot be imported: No module named 'absent_too'"):
        registry.resolve("needs_absent:Mine")


def test_files_of_the_workspace(registry, write, text_of):
    assert registry.names() == sorted(BUILT_INS)  # the folder does not exist yet
    write("strategies/trend.py", text_of("MyTrend", level=2.0) + text_of("Other"))
    write("strategies/_helpers.py", text_of("NotListed"))
    write("strategies/notes.txt", "class Nothing(Strategy): pass")
    assert registry.names() == sorted([*BUILT_INS, "my_trend", "other"])
    kind = registry.resolve("my_trend")
    assert kind().level == 2.0
    assert registry.resolve("trend:MyTrend") is kind
    assert registry.resolve("strategies.trend:MyTrend") is kind
    assert registry.resolve("my_trend") is kind
    with pytest.raises(NotFoundError, match=r"'trend' has no strategy 'MyTrnd'\. Did you mean 'MyTrend'"):
        registry.resolve("trend:MyTrnd")
    with pytest.raises(NotFoundError, match="There is no strategy 'trend'"):
        registry.resolve("trend")
    assert "trend" not in sys.modules


def test_importing_leaves_nothing_behind_in_the_folder(registry, folder, write, text_of):
    write("strategies/trend.py", text_of("MyTrend"))
    before = sys.dont_write_bytecode
    registry.resolve("my_trend")
    assert sorted(path.name for path in folder.iterdir()) == ["trend.py"]
    assert sys.dont_write_bytecode == before


def test_a_changed_file_is_imported_again_and_others_are_kept(registry, write, text_of):
    write("strategies/one.py", text_of("One", level=1.0))
    write("strategies/two.py", text_of("Two", level=1.0))
    one, two = registry.resolve("one"), registry.resolve("two")
    for level in (2.0, 3.0, 4.0):  # texts of the same length, within one second
        write("strategies/one.py", text_of("One", level=level))
        assert registry.resolve("one")().level == level
    assert registry.resolve("one") is not one
    assert registry.resolve("two") is two
    write("strategies/one.py", text_of("Renamed"))
    assert "one" not in registry.names()
    assert registry.resolve("renamed").name == "renamed"


def test_a_changed_helper_counts(registry, write, text_of):
    write("strategies/_base.py", "LEVEL = 1.0\n")
    write("strategies/mine.py", text_of("Mine", imports="from . import _base", level="_base.LEVEL"))
    write("strategies/direct.py", text_of("Direct", imports="from ._base import LEVEL", level="LEVEL"))
    write("strategies/apart.py", text_of("Apart"))
    kinds = {name: registry.resolve(name) for name in ("mine", "direct", "apart")}
    source = strategy_source(kinds["mine"])
    write("strategies/_base.py", "LEVEL = 2.0\n")
    assert registry.resolve("mine")().level == 2.0
    assert registry.resolve("direct")().level == 2.0
    assert registry.resolve("apart") is kinds["apart"]
    assert strategy_source(registry.resolve("mine")).sha256 != source.sha256


def test_a_changed_helper_is_not_found_on_the_package_either(registry, write, text_of):
    write("strategies/_base.py", "LEVEL = 1.0\n")
    write("strategies/mine.py", text_of("Mine", imports="from . import _base", level="_base.LEVEL"))
    assert registry.resolve("mine")().level == 1.0
    write("strategies/_base.py", "LEVEL = 2.0\n")
    assert registry.resolve("mine")().level == 2.0


def test_files_that_import_each_other_share_one_class(registry, write, text_of):
    write("strategies/aaa.py", text_of("Heir", imports="from .bbb import Parent") + "class Aaa(Parent):\n    pass\n")
    write("strategies/bbb.py", text_of("Parent"))
    assert issubclass(registry.resolve("aaa"), registry.resolve("parent"))
    write("strategies/bbb.py", text_of("Parent", level=9.0))
    assert registry.resolve("aaa")().level == 9.0
    assert issubclass(registry.resolve("aaa"), registry.resolve("parent"))


def test_two_registries_of_one_folder_share_their_modules(folder, write, text_of):
    write("strategies/mine.py", text_of("Mine"))
    first = Registry(folder).resolve("mine")
    assert Registry(folder).resolve("mine") is first
    write("strategies/mine.py", text_of("Mine", level=2.0))
    assert Registry(folder).resolve("mine")().level == 2.0


def test_folders_of_two_workspaces_do_not_mix(tmp_path, write, text_of):
    write("a/strategies/mine.py", text_of("Mine", level=1.0))
    write("b/strategies/mine.py", text_of("Mine", level=2.0))
    levels = [Registry(tmp_path / name / "strategies").resolve("mine")().level for name in "ab"]
    assert levels == [1.0, 2.0]


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        ("x = 1\ny = = 2\n", "bad", r"strategies/bad\.py cannot be loaded: line 2: SyntaxError: invalid syntax\."),
        ("\n\n1 / 0\n", "bad", r"strategies/bad\.py cannot be loaded: line 3: ZeroDivisionError: division by zero\."),
        ("import sys\nsys.exit(3)\n", "bad", r"bad\.py cannot be loaded: line 2: SystemExit: 3\."),
        ("import absent_module\n", "bad", r"line 1: ModuleNotFoundError: No module named 'absent_module'\.$"),
        ("import _ok\n", "bad", r"line 1: .* '_ok'\. A file beside it is imported with 'from \._ok import …'\."),
        ("from . import _wrong\n", "bad", r"bad\.py cannot be loaded: _wrong\.py, line 2: NameError: name 'oops'"),
        (
            "from research_kit import Strategy\nclass BigTrend(Strategy):\n    fast: int = oops\n",
            "big_trend",
            r"strategies/bad\.py cannot be loaded: line 3: NameError: name 'oops' is not defined",
        ),
    ],
)
def test_an_error_in_one_file_names_file_and_line_and_hides_nothing(registry, write, text_of, text, name, sentence):
    write("strategies/bad.py", text)
    write("strategies/_ok.py", "")
    write("strategies/_wrong.py", "\noops\n")
    write("strategies/good.py", text_of("Good"))
    assert registry.resolve("good").name == "good"
    assert registry.names() == sorted([*BUILT_INS, "good", name])
    assert set(registry.classes()) == {*BUILT_INS, "good"}
    assert list(registry.broken()) == [name]
    for key in (name, "bad", "bad:Mine"):
        with pytest.raises(StrategyError, match=sentence) as caught:
            registry.resolve(key)
        assert caught.value.__cause__ is not None
    write("strategies/bad.py", text_of("Bad"))
    assert registry.resolve("bad")().level == 1.0
    assert registry.broken() == {}


def test_two_strategies_of_one_name_are_refused(registry, write, text_of):
    write("strategies/mine.py", text_of("SmaCross") + text_of("Fine"))
    with pytest.raises(StrategyError, match=r"More than one strategy has the name 'sma_cross': mine\.SmaCross and"):
        registry.resolve("sma_cross")
    assert registry.resolve("fine").name == "fine"
    assert "sma_cross" in registry.names()
    assert "sma_cross" not in registry.classes()
    assert registry.resolve("mine:SmaCross") is not SmaCross


def test_the_source_of_a_workspace_file_names_it_as_it_is_resolved(registry, write, text_of):
    write("strategies/_base.py", "LEVEL = 1.0\n")
    text = text_of("Mine", imports="from ._base import LEVEL")
    write("strategies/mine.py", text)
    source = strategy_source(registry.resolve("mine"))
    assert (source.origin, source.module_path) == ("workspace", "strategies.mine")
    assert registry.resolve(f"{source.module_path}:{source.class_name}") is registry.resolve("mine")
    assert source.text == f"# ---- mine ----\n{text}\n# ---- _base ----\nLEVEL = 1.0\n"


def test_the_source_does_not_depend_on_where_the_workspace_lies(tmp_path, write, text_of):
    for place in ("a", "b/c"):
        write(f"{place}/strategies/_base.py", "LEVEL = 1.0\n")
        write(f"{place}/strategies/mine.py", text_of("Mine", imports="from ._base import LEVEL"))
    sources = [strategy_source(Registry(tmp_path / place / "strategies").resolve("mine")) for place in ("a", "b/c")]
    assert sources[0] == sources[1]


def test_instances_of_workspace_strategies_survive_pickling_in_this_process(registry, write, text_of):
    write("strategies/mine.py", text_of("Mine"))
    instance = registry.resolve("mine")(level=4.0)
    assert pickle.loads(pickle.dumps(instance)) == instance


def test_threads_may_ask_at_once(folder, write, text_of):
    for number in range(5):
        write(f"strategies/s{number}.py", "import time\ntime.sleep(0.02)\n" + text_of(f"Number{number}"))
    found, before = [], sys.dont_write_bytecode

    def ask():
        registry = Registry(folder)
        found.append([registry.resolve(f"number{number}") for number in range(5)])

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert all(kinds == found[0] for kinds in found)
    assert sys.dont_write_bytecode == before
