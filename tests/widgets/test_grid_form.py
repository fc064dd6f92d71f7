"""The editor of a search counts its sets while one types, and says what is wrong where it is wrong."""

import pytest

import research_kit as rk
from research_kit.errors import OptionError, ParameterError
from research_kit.widgets.forms.grid_form import COUNTED


@pytest.fixture
def form():
    form = rk.widgets.GridForm(rk.strategies.SmaCross)
    yield form
    form.close()


def test_at_first_everything_is_fixed_at_its_default_and_nothing_is_searched(form):
    assert (form.grid, form.count, form.where) == ({}, 1, None)
    assert "1 set: nothing varies yet." in form.says.value


def test_the_count_follows_what_is_typed(form):
    form.rows["fast"].input.value = "5, 10, 20"
    assert "3 sets" in form.says.value
    form.rows["slow"].input.value = "10:50:10"
    assert "15 sets" in form.says.value
    form.condition.value = "fast < slow"
    assert "<b>12 sets" in form.says.value  # 5: all five, 10: four, 20: three
    assert "5 values, 10 to 50. Bars in the slow average" in form.rows["slow"].note.value
    assert (form.count, form.varied) == (12, ["slow", "fast"])


def test_the_count_is_that_of_the_search(form, ws):
    form.set({"fast": range(2, 12, 3), "slow": [5, 10, 40]}, "fast < slow")
    sweep = ws.sweep("sma_cross", "Calm", form.grid, where=form.where)
    assert len(sweep) == form.count


def test_what_is_wrong_stands_beside_its_axis_and_nothing_is_counted(form):
    form.rows["fast"].input.value = "five"
    assert 'role="alert"' in form.rows["fast"].note.value
    assert form.says.value == ""
    with pytest.raises(ParameterError, match="fast: 'five' is no number"):
        _ = form.grid


@pytest.mark.parametrize(("where", "words"), [("fast <", "where="), ("fast < 0", "No set of"), ("fsat > 1", "fsat")])
def test_a_condition_that_is_wrong_is_said_below(form, where, words):
    form.set({"fast": [1, 2]}, where)
    assert 'role="alert"' in form.says.value
    assert words in form.says.value


def test_options_of_the_engine_are_searched_too(form):
    form.add.value = "stop_loss"
    assert form.add.value != "stop_loss"  # the list is free for the next one
    form.rows["stop_loss"].input.value = "none, 0.05, 0.1"
    assert form.grid == {"stop_loss": [None, 0.05, 0.1]}
    assert form.count == 3


def test_set_shows_what_code_gives_and_refuses_other_names(form):
    grid = {"fast": range(5, 20, 5), "slow": rk.between(20, 60, 20), "short": [True, False], "slippage": [0.0, 0.001]}
    form.set(grid)
    assert {name: form.rows[name].input.value for name in grid} == {
        "fast": "5:15:5", "slow": "20:60:20", "short": "yes, no", "slippage": "0, 0.001",
    }  # fmt: skip
    assert form.count == 3 * 3 * 2 * 2
    with pytest.raises(ParameterError, match="Did you mean 'fast'"):
        form.set({"fsat": [1]})
    form.reset_button.click()
    assert form.grid == {}


def test_a_range_without_steps_is_for_a_search_at_random(form):
    form.add.value = "slippage"
    form.rows["slippage"].input.value = "0:0.01"
    assert form.count is None
    assert "choose the random search" in form.says.value


def test_a_condition_on_millions_of_sets_is_not_counted_while_one_types(form):
    form.set({"fast": range(2, 150), "slow": range(5, 500), "time_stop": range(1, 40)}, "fast < slow")
    assert form.count > COUNTED
    assert "at most 2," in form.says.value


@pytest.mark.parametrize("kind", [kind for kind in vars(rk.strategies).values() if isinstance(kind, type)])
def test_suggestions_are_valid_searches_around_the_defaults(kind):
    form = rk.widgets.GridForm(kind)
    form.suggest_button.click()
    for name, axis in form.grid.items():
        default = kind.model_fields[name].default
        assert axis.low <= default <= axis.high
        assert 2 <= axis.count <= 16
    form.close()


def test_an_error_of_a_listener_is_shown(form):
    def fail():
        raise OptionError("no <room>")

    form.on_change(fail)
    form.rows["fast"].input.value = "7"
    assert "no &lt;room&gt;" in form.note.value
