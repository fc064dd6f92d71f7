"""A form offers each kind of parameter, never changes what is typed, and says what is wrong where it is wrong."""

from datetime import UTC, date, datetime, time
from enum import Enum

import pytest
from ipywidgets import Checkbox, DatePicker, Dropdown, Text, TimePicker
from pydantic import BaseModel, Field

import research_kit as rk
from research_kit.engine.options import EngineOptions
from research_kit.errors import OptionError, ParameterError
from research_kit.widgets.forms.fields import field_specs
from research_kit.widgets.forms.form import ModelForm


@pytest.fixture
def form(strategies):
    form = rk.widgets.ParameterForm(strategies["every_kind"])
    yield form
    form.close()


def test_the_defaults_are_what_the_strategy_declares(form, strategies):
    assert strategies["every_kind"](**form.value) == strategies["every_kind"]()


def test_each_kind_has_its_own_input(form):
    kinds = {name: type(field.input) for name, field in form.fields.items()}
    assert kinds["switch"] is Checkbox
    assert {name for name, kind in kinds.items() if kind is Dropdown} == {"word", "side", "maybe_switch", "maybe_word"}
    assert kinds["count"] is kinds["maybe_rate"] is kinds["text"] is kinds["numbers"] is Text


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("count", " 7 ", 7),
        ("count", "2.0", 2),
        ("rate", "1e-3", 0.001),
        ("text", "", ""),
        ("text", "<b>", "<b>"),
        ("word", "second", "second"),
        ("maybe_count", "", None),
        ("maybe_count", "  ", None),
        ("maybe_count", "12", 12),
        ("maybe_rate", "", None),
        ("maybe_text", "", None),
        ("maybe_text", "0", "0"),
        ("maybe_switch", "no", False),
        ("maybe_switch", "none", None),
        ("maybe_word", "none", None),
        ("numbers", "[3, 4]", [3, 4]),
        ("numbers", "[]", []),
    ],
)
def test_what_is_typed_is_what_comes_out(form, name, typed, value):
    form.fields[name].input.value = typed
    assert form.value[name] == value
    assert type(form.value[name]) is type(value)


@pytest.mark.parametrize(
    ("name", "typed", "words"),
    [
        ("count", "10", "less than or equal to 9"),
        ("count", "0", "greater than or equal to 1"),
        ("count", "2.5", "not a whole number"),
        ("count", "", "value is needed"),
        ("count", "abc", "not a whole number"),
        ("rate", "1", "less than 1"),
        ("rate", "nan", "not a finite number"),
        ("rate", "0,5", "not a number"),
        ("maybe_count", "0", "greater than or equal to 1"),
        ("numbers", "[1, 2", "valid list"),
        ("numbers", '["x"]', "not a whole number"),
    ],
)
def test_a_wrong_value_stays_and_its_field_says_why(form, name, typed, words):
    form.fields[name].input.value = typed
    assert list(form.errors) == [name]
    assert words in form.errors[name]
    note = form.fields[name].note.value
    assert 'role="alert"' in note
    assert words in note
    assert form.fields[name].input.value == typed  # not clamped, not rounded, not put back
    with pytest.raises(ParameterError, match=name):
        _ = form.value


def test_an_error_goes_away_when_it_is_mended(form):
    form.fields["count"].input.value = "99"
    form.fields["count"].input.value = "9"
    assert form.errors == {}
    assert 'role="alert"' not in form.fields["count"].note.value


def test_an_error_of_several_fields_stands_below_them_and_is_escaped(form):
    form.set({"maybe_rate": 0.01, "rate": 0.9})
    assert form.errors == {}
    assert form.general == "maybe_rate is too far below <rate>."
    assert "&lt;rate&gt;" in form.below.value
    assert 'role="alert"' in form.below.value
    form.reset_button.click()
    assert form.general == ""
    assert form.below.layout.display == "none"


def test_all_errors_are_shown_and_told_at_once(form):
    form.set({"count": 0, "rate": 2})
    assert set(form.errors) == {"count", "rate"}
    with pytest.raises(ParameterError, match=r"count=0.*rate=2"):
        _ = form.value


def test_bounds_and_meaning_are_beside_the_field(form):
    assert "How many; 1 to 9." in form.fields["count"].note.value
    assert "above 0, below 1." in form.fields["rate"].note.value
    assert "Perhaps a rate; above 0; empty for none." in form.fields["maybe_rate"].note.value


def test_labels_are_words_and_the_code_name_is_the_tooltip(form):
    assert form.fields["maybe_count"].input.description == "Maybe count"
    assert form.fields["maybe_count"].input.tooltip == "maybe_count"


def test_set_takes_python_values_and_leaves_the_rest(form, strategies):
    side = type(strategies["every_kind"]().side)
    form.set({"side": side.SHORT, "maybe_count": 4, "maybe_rate": None, "switch": False, "numbers": [9]})
    value = form.value
    assert value["side"] is side.SHORT
    assert (value["maybe_count"], value["maybe_rate"], value["switch"], value["numbers"]) == (4, None, False, [9])
    assert value["count"] == 3


def test_set_is_the_inverse_of_value(form):
    form.set({"count": 5, "rate": 0.1 + 0.2, "maybe_word": None, "maybe_switch": True, "text": " spaces "})
    before = form.value
    form.reset()
    form.set(before)
    assert form.value == before


def test_set_refuses_an_unknown_name_and_changes_nothing(form):
    with pytest.raises(ParameterError, match="Did you mean 'count'"):
        form.set({"rate": 0.1, "coutn": 3})
    assert form.value["rate"] == 0.5


@pytest.mark.parametrize("values", [{"word": "third"}, {"switch": 1}, {"maybe_switch": 1}, {"word": None}])
def test_set_refuses_what_a_list_does_not_have(form, values):
    with pytest.raises(ParameterError, match="is not one of"):
        form.set(values)


def test_reset_brings_the_defaults_back(form, strategies):
    form.set({"count": 99, "maybe_rate": None, "side": "short", "switch": False})
    form.reset_button.click()
    assert strategies["every_kind"](**form.value) == strategies["every_kind"]()
    assert form.errors == {}


def test_parameters_without_defaults_begin_empty_and_are_asked_for(strategies):
    form = rk.widgets.ParameterForm(strategies["required"])
    assert form.errors == {}  # nobody is scolded before he has begun
    with pytest.raises(ParameterError):
        _ = form.value
    assert form.errors["length"] == "A value is needed."
    assert "'a' or 'b'" in form.errors["word"]
    form.set({"length": 3, "word": "b"})
    assert form.value == {"length": 3, "word": "b", "label": ""}
    form.close()


def test_a_strategy_without_parameters_has_an_empty_form():
    form = rk.widgets.ParameterForm(rk.strategies.BuyAndHold)
    assert form.value == {}
    assert any("nothing to set" in getattr(child, "value", "") for child in form._inputs.children)
    form.close()


def test_engine_options_fit_into_the_same_form():
    form = ModelForm(EngineOptions, ["commission", "size", "stop_loss"], title="Options")
    assert form.value == {"commission": 0.001, "size": 1.0, "stop_loss": None}
    form.set({"size": 2})  # an error that belongs to size and leverage together
    assert "leverage" in form.general
    form.fields["stop_loss"].input.value = "0"  # a stop of 0 is not "none"
    with pytest.raises(OptionError, match="stop_loss=0"):
        _ = form.value
    form.close()


def test_a_folded_form_says_its_values_and_opens_where_something_is_wrong():
    form = ModelForm(EngineOptions, ["commission", "fill", "stop_loss"], title="Costs", foldable=True)
    assert form.folded
    assert "Commission 0.001 · Fill next_open · Stop loss none" in form._summary.value
    form.set({"stop_loss": 0.1})
    assert "Stop loss 0.1" in form._summary.value
    form.set({"stop_loss": 2})
    assert not form.folded
    assert form._summary.value == ""
    form.fold_button.click()
    assert form.folded
    form.fold_button.click()
    assert not form.folded
    form.close()


def test_a_plain_pydantic_model_will_do():
    class Two(Enum):
        ONE = 1
        TEXT = "1"

    class Plain(BaseModel):
        which: Two = Two.ONE
        start: int = Field(1, strict=True)

    form = ModelForm(Plain, title="Plain")
    assert list(form.fields["which"].spec.labels()) == ["1", "'1'"]
    form.set({"which": "1", "start": 5})
    assert form.value == {"which": Two.TEXT, "start": 5}
    form.close()


@pytest.fixture
def further(strategies):
    form = rk.widgets.ParameterForm(strategies["further_kinds"])
    yield form
    form.close()


def test_dates_lists_and_models_have_inputs_of_their_own(further, strategies):
    kinds = {name: field.spec.kind for name, field in further.fields.items()}
    assert kinds == {
        **{"day": "date", "moment": "moment", "clock": "time", "maybe_day": "date"},
        **{"names": "list", "words": "list", "stops": "nested", "maybe_stops": "nested"},
    }
    assert (type(further.fields["day"].input), type(further.fields["clock"].input)) == (DatePicker, TimePicker)
    assert strategies["further_kinds"](**further.value) == strategies["further_kinds"]()


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("day", date(2020, 2, 29), date(2020, 2, 29)),
        ("maybe_day", None, None),
        ("clock", time(16, 0, 5), time(16, 0, 5)),
        ("moment", "2020-02-29 10:15", datetime(2020, 2, 29, 10, 15)),
        ("moment", " 2020-02-29T10:15:00Z ", datetime(2020, 2, 29, 10, 15, tzinfo=UTC)),
        ("names", "x, <y> ,z", ["x", "<y>", "z"]),
        ("names", "", []),
        ("names", '["a, b"]', ["a, b"]),
        ("words", "y,x", ("y", "x")),
    ],
)
def test_what_is_typed_into_them_is_what_comes_out(further, name, typed, value):
    further.fields[name].input.value = typed
    assert further.value[name] == value


@pytest.mark.parametrize(
    ("name", "typed", "words"),
    [
        ("day", None, "A value is needed."),
        ("moment", "yesterday", "not a time, such as 2024-01-31"),
        ("clock", None, "A value is needed."),
        ("words", "x, z", "'x' or 'y'"),
    ],
)
def test_what_is_wrong_in_them_is_said_beside_them(further, name, typed, words):
    further.fields[name].input.value = typed
    assert words in further.errors[name]


def test_a_model_inside_is_set_read_and_complained_of_field_by_field(further):
    further.set({"stops": {"loss": 0.1, "side": "short"}, "maybe_stops": {"bars": 4}})
    assert (further.value["stops"].loss, further.value["stops"].side.value) == (0.1, "short")
    assert (further.value["maybe_stops"].bars, further.value["maybe_stops"].loss) == (4, 0.05)
    inner = further.fields["stops"].fields["loss"]
    inner.input.value = "2"
    assert further.errors == {"stops.loss": "Input should be less than 1."}
    assert 'role="alert"' in inner.note.value
    with pytest.raises(ParameterError, match=r"stops\.loss"):
        _ = further.value
    further.reset()
    assert further.errors == {}
    assert further.value["maybe_stops"] is None
    with pytest.raises(ParameterError, match=r"has no field 'los'\. Did you mean 'loss'"):
        further.set({"stops": {"los": 1}})


def test_a_model_that_may_be_none_has_a_switch(further):
    field = further.fields["maybe_stops"]
    assert (field.read(), field._inner.layout.display) == (None, "none")
    field.switch.value = True
    assert (further.value["maybe_stops"].loss, field._inner.layout.display) == (0.05, None)


def test_a_slider_stands_beside_a_number_that_is_bounded_on_both_sides(form):
    assert [name for name, field in form.fields.items() if field.slider] == ["count", "rate"]
    whole, fraction = form.fields["count"], form.fields["rate"]
    assert (whole.slider.min, whole.slider.max, whole.slider.step, whole.slider.value) == (1, 9, 1, 3)
    assert (fraction.slider.min, fraction.slider.max, fraction.slider.step) == (0.01, 0.99, 0.01)  # the ends are open
    whole.slider.value = 7
    fraction.slider.value = 0.29
    assert (whole.input.value, fraction.input.value) == ("7", "0.29")
    assert (form.value["count"], form.value["rate"]) == (7, 0.29)


def test_a_slider_follows_the_box_and_never_changes_what_is_typed(form):
    field = form.fields["count"]
    for typed, at in (("5", 5), ("99", 9), ("x", 9), ("", 9), ("2.0", 2)):
        field.input.value = typed
        assert (field.input.value, field.slider.value) == (typed, at)
    rate = form.fields["rate"]
    rate.input.value = "0.123456"
    assert rate.input.value == "0.123456"


def test_who_listens_is_told_of_each_change_once(form):
    told = []
    form.on_change(lambda: told.append(form.shown["Count"]))
    form.fields["count"].slider.value = 4
    form.set({"count": 5, "rate": 0.1})
    assert told == ["4", "5"]


def test_every_built_in_strategy_has_a_form_of_its_defaults():
    from research_kit.strategy.library import BUILT_INS

    for strategy in BUILT_INS.values():
        form = rk.widgets.ParameterForm(strategy)
        assert form.value == strategy().model_dump()
        assert all(spec.help for spec in field_specs(strategy))
        form.close()


def test_close_frees_every_widget_and_stops_listening(strategies, living):
    before = living()
    form = rk.widgets.ParameterForm(strategies["every_kind"])
    _ = form.view
    field = form.fields["count"]
    assert living() > before
    form.close()
    assert living() == before
    field.input.value = "99"
    assert field.error == ""


def test_it_shows_itself_with_a_text_for_exports(form):
    bundle = form._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"].startswith("ParameterForm(EveryKind: count=3")
