"""The form of the engine shows what applies, and what is hidden says nothing."""

import pytest

import research_kit as rk
from research_kit.engine.options import EngineOptions
from research_kit.errors import OptionError


@pytest.fixture
def form():
    form = rk.widgets.EngineForm()
    yield form
    form.close()


def shown(form, name):
    return form.fields[name].view.layout.display is None


def test_every_option_is_in_it_with_its_default(form):
    assert EngineOptions(**form.value) == EngineOptions()
    assert set(form.fields) == set(EngineOptions.model_fields)
    assert form.changed == {}


@pytest.mark.parametrize(
    ("name", "hidden_by", "shown_by"),
    [
        ("volatility_window", {"sizing": "fraction"}, {"sizing": "volatility", "size": 0.2}),
        ("intrabar", {"stop_loss": 0.1}, {"stop_loss": 0.1, "take_profit": 0.2}),
        ("intrabar", {"take_profit": 0.1}, {"trailing_stop": 0.1, "take_profit": 0.2}),
        ("borrow_rate", {"allow_short": False}, {"allow_short": False, "leverage": 2}),
        ("maintenance_margin", {"allow_short": False}, {"allow_short": True}),
    ],
)
def test_what_applies_is_shown(form, name, hidden_by, shown_by):
    form.set(hidden_by)
    assert not shown(form, name)
    form.reset()
    form.set(shown_by)
    assert shown(form, name)


def test_what_is_hidden_has_its_default_whatever_was_typed(form):
    form.set({"sizing": "volatility", "size": 0.2, "volatility_window": 5})
    assert form.changed == {"sizing": "volatility", "size": 0.2, "volatility_window": 5}
    form.set({"sizing": "fraction"})
    assert form.value["volatility_window"] == EngineOptions().volatility_window
    assert form.changed == {"size": 0.2}
    form.fields["volatility_window"].input.value = "nonsense"
    assert form.errors == {}
    form.set({"sizing": "volatility"})
    assert list(form.errors) == ["volatility_window"]


@pytest.mark.parametrize(
    ("sizing", "words"),
    [("fraction", "Fraction of equity"), ("risk", "it needs a stop loss"), ("volatility", "Yearly volatility")],
)
def test_size_says_what_it_means(form, sizing, words):
    form.set({"sizing": sizing, "size": 0.01})
    assert words in form.fields["size"].note.value


def test_an_error_of_size_is_not_covered_by_its_meaning(form):
    form.set({"size": -1})
    assert 'role="alert"' in form.fields["size"].note.value
    form.set({"size": 3})  # belongs to size and leverage together
    assert "leverage" in form.general
    with pytest.raises(OptionError, match="leverage"):
        _ = form.value


def test_folded_it_says_what_most_ask_for_and_what_was_changed(form):
    assert form.said == {"Commission": "0.001", "Slippage": "0", "Fill": "next_open", "Size": "1"}
    form.set({"stop_loss": 0.1, "seed": 4})
    assert form.said["Stop loss"] == "0.1"
    assert "Seed 4" in form._summary.value


def test_no_sliders_for_rates(form):
    assert all(field.slider is None for field in form.fields.values())
