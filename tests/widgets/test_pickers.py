"""The pickers list what is there, keep what is chosen, and say what they know about it."""

import pytest

import research_kit as rk
from research_kit.errors import NotFoundError, StoreError


@pytest.fixture
def datasets(ws):
    picker = rk.widgets.DatasetPicker(ws)
    yield picker
    picker.close()


def test_the_newest_dataset_is_chosen_first(ws, datasets):
    assert datasets.value == ws.datasets()["id"].iloc[0]
    assert datasets.name == ws.datasets()["name"].iloc[0]


def test_a_label_says_what_the_dataset_is(datasets):
    label = next(text for text, item in datasets.list.options if item == 1)
    assert label == "Calm · TEST · 1d · 300 bars · quality 100"
    datasets.value = 1
    assert "2024-01-01 to 2024-10-26" in datasets.details.value


def test_a_dataset_is_chosen_by_id_or_name_and_a_wrong_one_is_refused(datasets):
    datasets.value = "Calm"
    assert datasets.value == 1
    with pytest.raises(NotFoundError, match="Did you mean 'Calm'"):
        datasets.value = "Clam"
    assert datasets.value == 1


def test_refresh_keeps_the_choice_and_finds_new_datasets(empty_ws, make_bars):
    picker, told = rk.widgets.DatasetPicker(empty_ws), []
    picker.on_change(lambda: told.append(picker.value))
    assert picker.value is None
    assert "There are no datasets yet" in picker.details.value
    empty_ws.import_dataset(make_bars(50).frame, name="One", timezone="UTC")
    picker.refresh_button.click()
    assert (picker.name, told) == ("One", [1])
    empty_ws.import_dataset(make_bars(60).frame, name="Two", timezone="UTC")
    picker.refresh()
    assert len(picker.list.options) == 2
    assert picker.name == "One"
    assert told == [1]  # nothing changed, so nobody is told
    picker.close()


def test_two_versions_of_a_name_are_told_apart(empty_ws, make_bars):
    for seed in (1, 2):
        empty_ws.import_dataset(make_bars(50, seed=seed).frame, name="Same", timezone="UTC")
    picker = rk.widgets.DatasetPicker(empty_ws)
    assert [label.rpartition(" · ")[2] for label, _ in picker.list.options] == ["id 2", "id 1"]
    picker.value = "Same"
    assert picker.value == 2
    picker.close()


def test_strategies_are_listed_with_their_description(ws):
    picker = rk.widgets.StrategyPicker(ws)
    assert [name for _, name in picker.list.options] == sorted(ws.registry.names())
    picker.value = "sma_cross"
    assert picker.strategy is rk.strategies.SmaCross
    assert "Long while the fast average is above the slow one." in picker.details.value
    with pytest.raises(NotFoundError, match="Did you mean 'sma_cross'"):
        picker.value = "sma_cros"
    picker.close()


def test_classes_of_the_notebook_come_first_and_before_others_of_their_name(ws, strategies):
    class SmaCross(rk.strategies.SmaCross):
        """My own."""

    picker = rk.widgets.StrategyPicker(ws, [strategies["required"], SmaCross])
    assert [name for _, name in picker.list.options][:2] == ["required", "sma_cross"]
    picker.value = "sma_cross"
    assert picker.strategy is SmaCross
    picker.close()


def test_a_file_that_was_edited_gives_its_new_class_and_a_broken_one_says_why(empty_ws):
    file = empty_ws.folder / "strategies" / "mine.py"
    text = (
        "import research_kit as rk\n\nclass Mine(rk.Strategy):\n    '''First.'''\n"
        "    def signals(self, bars):\n        return rk.Signals.target(bars.close > 0)\n"
    )
    file.write_text(text)
    picker, told = rk.widgets.StrategyPicker(empty_ws), []
    picker.value = "mine"
    picker.on_change(lambda: told.append(picker.strategy and picker.strategy.description()))
    file.write_text(text.replace("First.", "Second <b>."))
    picker.refresh()
    assert told == ["Second <b>."]
    assert "Second &lt;b&gt;." in picker.details.value
    file.write_text("class Mine(rk.Strategy):\n    1 / 0\n")
    picker.refresh()
    assert picker.value is None
    assert told[1:] == [None]
    assert "mine cannot be used" in picker.broken.value
    assert 'role="alert"' in picker.broken.value
    picker.close()


def test_an_error_in_a_handler_is_shown_in_the_picker(datasets):
    def fail():
        raise StoreError("the <disk> is gone")

    datasets.on_change(fail)
    datasets.list.value = 1
    assert "StoreError: the &lt;disk&gt; is gone" in datasets.note.value
    assert 'role="alert"' in datasets.note.value


def test_close_frees_every_widget(ws, living):
    before = living()
    for picker in (rk.widgets.DatasetPicker(ws), rk.widgets.StrategyPicker(ws)):
        _ = picker.view
        picker.close()
    assert living() == before
