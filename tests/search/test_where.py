"""Which sets are run: conditions as text, that are read and never run, and functions of a set."""

import builtins
import tracemalloc

import numpy as np
import pytest

from research_kit.errors import OptionError
from research_kit.search.space import Space
from research_kit.search.where import ALLOWED, chosen
from research_kit.strategy.library import SmaCross

GRID = {"fast": [5, 10, 20], "slow": [10, 20, 30], "short": [False, True], "stop_loss": [None, 0.1], "fill": ["a", "b"]}


@pytest.fixture(scope="module")
def sets():
    return Space(SmaCross, GRID).grid()


CONDITIONS = {
    "fast < slow": lambda fast, slow, **_: fast < slow,
    "fast <= slow": lambda fast, slow, **_: fast <= slow,
    "slow > fast and slow - fast >= 10": lambda fast, slow, **_: slow > fast and slow - fast >= 10,
    "5 < fast < slow": lambda fast, slow, **_: 5 < fast < slow,
    "fast == 10 or slow == 10": lambda fast, slow, **_: fast == 10 or slow == 10,
    "not fast < slow": lambda fast, slow, **_: not fast < slow,
    "fast != slow": lambda fast, slow, **_: fast != slow,
    "fast + slow == 30": lambda fast, slow, **_: fast + slow == 30,
    "slow / fast > 1.5": lambda fast, slow, **_: slow / fast > 1.5,
    "slow // fast == 1": lambda fast, slow, **_: slow // fast == 1,  # 30 // 20 as well
    "slow % fast == 0": lambda fast, slow, **_: slow % fast == 0,
    "2 * fast == slow": lambda fast, slow, **_: 2 * fast == slow,
    "-fast < -5": lambda fast, **_: -fast < -5,
    "short": lambda short, **_: short,
    "not short and fast > 5": lambda short, fast, **_: not short and fast > 5,
    "short == False": lambda short, **_: not short,
    "stop_loss == None": lambda stop_loss, **_: stop_loss is None,
    "fill == 'a'": lambda fill, **_: fill == "a",
    "fill != 'a' or fast > 5": lambda fill, fast, **_: fill != "a" or fast > 5,
    "True": lambda **_: True,
    " fast < slow ": lambda fast, slow, **_: fast < slow,
    "(fast < 20) and (slow < 30 or (short and fast > 5))": lambda fast, slow, short, **_: (
        fast < 20 and (slow < 30 or (short and fast > 5))
    ),
    "fast < 1e300": lambda **_: True,
}


@pytest.mark.parametrize("text", CONDITIONS)
def test_a_condition_means_what_python_means(text, sets):
    expected = [one for one in sets if CONDITIONS[text](**one)]
    assert list(chosen(sets, text)) == expected
    assert list(chosen(sets, lambda one: CONDITIONS[text](**one))) == expected


def test_without_a_condition_every_set_is_run(sets):
    assert chosen(sets, None) is sets


def test_a_function_is_asked_about_each_set_once(sets):
    asked = []
    found = chosen(sets, lambda one: asked.append(one) or one["fast"] == 5)
    assert asked == list(sets)
    assert {one["fast"] for one in found} == {5}


def test_what_a_function_raises_is_handed_on(sets):
    with pytest.raises(KeyError, match="fsat"):
        chosen(sets, lambda one: one["fsat"] > 5)


NOT_ALLOWED = [
    "__import__('os').system('true')",
    "fast.__class__ == 1",
    "().__class__.__bases__[0].__subclasses__()",
    "open('x')",
    "abs(fast) > 5",
    "(lambda: fast)() > 5",
    "lambda: 1",
    "(y := fast) > 5",
    "[fast for fast in [1]]",
    "{fast for fast in [1]}",
    "{1: 2}",
    "{1, 2}",
    "any(x for x in [1])",
    "fast[0] > 5",
    "fast if short else slow",
    "fast in [5, 10]",
    "fast not in [5]",
    "fast is None",
    "fast ** 2 > 25",
    "fast << 1 > 5",
    "fast | slow",
    "fast ^ slow",
    "~short",
    "+fast > 5",
    "fast @ slow",
    "(fast, slow) < (10, 20)",
    "[fast] < [10]",
    "f'{fast}' == '5'",
    "1j < fast",
    "b'a' == fill",
    "...",
    "await fast",
    "*fast, slow",
]


@pytest.mark.parametrize("text", NOT_ALLOWED)
def test_what_is_no_comparison_is_not_allowed(text, sets):
    with pytest.raises(OptionError) as caught:
        chosen(sets, text)
    assert str(caught.value).startswith(f"where={text!r}")
    assert ALLOWED in str(caught.value) or "is not searched" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "  ", "fast <", "fast < slow)", "fast = 5", "fast; slow", "fast < slow\nslow > 3", "\0fast", "if fast"]
)
def test_what_cannot_be_read_is_no_condition(text, sets):
    with pytest.raises(OptionError, match="is no condition; write one such as 'fast < slow'"):
        chosen(sets, text)


def test_nothing_is_ever_run(sets, monkeypatch):
    """Whatever is written, none of it comes to Python's own eyes."""
    for name in ("eval", "exec", "compile", "open", "__import__"):
        real, allowed = getattr(builtins, name), ("compile",)  # ast.parse compiles to a tree alone
        guard = _only_trees(real) if name in allowed else _never(name)
        monkeypatch.setattr(builtins, name, guard)
    texts = [*NOT_ALLOWED, "print('x')", "exit()", "print"]
    refused = [_refused(sets, text) for text in texts]
    monkeypatch.undo()
    assert all(refused)


def _never(name):
    def guard(*args, **kwargs):
        raise AssertionError(f"{name} was called")

    return guard


def _only_trees(real):
    def guard(source, filename, mode, flags=0, *args, **kwargs):
        assert flags & 0x400, "something was compiled to be run"
        return real(source, filename, mode, flags, *args, **kwargs)

    return guard


def _refused(sets, text) -> bool:
    try:
        chosen(sets, text)
    except OptionError:
        return True
    return False


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("fst < slow", "where='fst < slow' names 'fst', which is not searched. Did you mean 'fast'?"),
        ("length < 5", "where='length < 5' names 'length', which is not searched. Known: fast, fill, short, slow"),
        ("fast", "where='fast' must be true or false for each set, as 'fast < slow' is."),
        ("fast + slow", "where='fast + slow' must be true or false for each set"),
        ("None", "where='None' must be true or false for each set"),
        ("fast < 'x'", "where=\"fast < 'x'\" cannot be asked of these values"),
        ("stop_loss > 0.05", "where='stop_loss > 0.05' cannot be asked of these values: '>' not supported"),
        ("-fill == 'a'", "cannot be asked of these values"),
        ("fill + fill == 'aa'", "cannot be asked of these values"),
        ("1 / 0 < fast", "where='1 / 0 < fast' cannot be asked of these values: division by zero."),
        ("fast / 0 > 1", "where='fast / 0 > 1' cannot be asked of these values: divide by zero"),
        ("fast // 0 > 1", "cannot be asked of these values: divide by zero"),
        ("fast % 0 == 1", "cannot be asked of these values: divide by zero"),
        ("fast * 99999999999999999999 > 1", "cannot be asked of these values"),
        ("fast > 100", "No set of 72 fulfils where='fast > 100'."),
    ],
)
def test_what_is_wrong_is_said(text, sentence, sets):
    with pytest.raises(OptionError) as caught:
        chosen(sets, text)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("where", [5, True, ["fast < slow"], b"fast < slow"])
def test_a_condition_is_a_text_or_a_function(where, sets):
    with pytest.raises(OptionError, match="where is a text such as 'fast < slow', or a function of a set; given was"):
        chosen(sets, where)


NESTED = {
    "brackets": lambda n: "(" * n + "fast" + ")" * n + " > 200",
    "signs": lambda n: "-" * n + "fast > 200",
    "words": lambda n: "not " * 2 * n + "fast > 200",
    "sums": lambda n: "+".join(["fast"] * n) + " < 0",
    "calls": lambda n: "abs(" * n + "fast > 200" + ")" * n,
    "comparisons": lambda n: "fast < " * n + "slow",
}


@pytest.mark.parametrize("depth", [150, 1_500, 20_000, 200_000])
@pytest.mark.parametrize("kind", NESTED)
def test_what_is_nested_a_thousand_times_is_refused_in_one_sentence(kind, depth, sets):
    """What can still be read holds for no set, so that it is refused as well."""
    with pytest.raises(OptionError) as caught:
        chosen(sets, NESTED[kind](depth))
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize("text", ["'a' * 9999999999 == fill", "'%999999999d' % 5 == fill", "fill * 9999999999 == 'a'"])
def test_no_text_fills_the_memory(text, sets):
    tracemalloc.start()
    with pytest.raises(OptionError, match="cannot be asked of these values: only numbers"):
        chosen(sets, text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_many_sets_are_chosen_at_once():
    """A million comparisons take a moment, not a call each."""
    sets = Space(SmaCross, {"fast": range(1_000), "slow": range(1_000)}).grid()
    found = chosen(sets, "fast < slow and (fast + slow) % 2 == 0")
    assert len(found) == 249_500
    assert np.all(found.column("fast") < found.column("slow"))
