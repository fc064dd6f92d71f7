"""The pickers list what is there, keep what is chosen, and say what they know about it."""

import threading

import pytest
import sqlalchemy as sa

import research_kit as rk
from research_kit.errors import NotFoundError, StoreError
from research_kit.widgets.forms.dataset_picker import quality_badge


@pytest.fixture
def datasets(ws):
    picker = rk.widgets.DatasetPicker(ws)
    yield picker
    picker.close()


def test_the_newest_dataset_is_chosen_first(ws, datasets):
    assert datasets.value == ws.datasets()["id"].iloc[0]
    assert datasets.name == ws.datasets()["name"].iloc[0]


def test_a_label_says_what_the_dataset_is_and_the_details_how_good(datasets):
    label = next(text for text, item in datasets.list.options if item == 1)
    assert label == "Calm · TEST · 1d · 300 bars"
    datasets.value = 1
    assert "2024-01-01 to 2024-10-26" in datasets.details.value
    assert "Quality good</b> 100 of 100" in datasets.details.value


@pytest.mark.parametrize(
    ("score", "gaps", "words"),
    [
        (None, False, "Quality not checked"),
        (99.0, False, "✓ Quality good</b> 99 of 100"),
        (98.99, True, "~ Quality fair</b> 98.99 of 100, has gaps"),
        (12.5, False, "! Quality poor</b> 12.5 of 100"),
        (0.0, False, "! Quality poor</b> 0 of 100"),
    ],
)
def test_the_badge_says_the_grade_in_words(score, gaps, words):
    assert words in quality_badge(score, has_gaps=gaps)


MANY = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
INSERT INTO datasets (id, name, symbol, timeframe, rows_count, file_path, backtest_count, created_at)
SELECT i, 'Data <' || i || '>', 'S' || (i % 200), CASE i % 2 WHEN 1 THEN '1d' ELSE '1h' END, 100, 'none', 0,
       '2024-01-01 00:00:00' FROM n
"""


@pytest.fixture(scope="module")
def many_ws(tmp_path_factory):
    """Return a workspace with five thousand datasets, by their rows alone."""
    with rk.open_workspace(tmp_path_factory.mktemp("many")) as ws:
        with ws.database.write() as session:
            session.execute(sa.text(MANY))
        yield ws


@pytest.fixture
def many(many_ws):
    picker = rk.widgets.DatasetPicker(many_ws)
    yield picker
    picker.close()


def test_of_thousands_a_hundred_are_offered_and_the_search_finds_the_rest(many):
    assert len(many.list.options) == 100
    assert "The newest 100 of 5,000" in many.found.value
    many.search.value = "DATA <12"
    assert [item for _, item in many.list.options] == [*range(1299, 1199, -1)]
    many.search.value = "data s7 1d"
    assert many.list.options[0] == ("Data <4879> · S79 · 1d · 100 bars", 4879)
    many.symbols.value = "S7"
    many.timeframes.value = "1d"
    assert len(many.list.options) == 25
    assert all("· S7 · 1d ·" in label for label, _ in many.list.options)
    many.search.value = "nothing like it"
    assert "None of 5,000 datasets matches." in many.found.value


def test_what_is_chosen_stays_when_the_list_is_narrowed_and_nobody_is_told(many):
    told = []
    many.on_change(lambda: told.append(many.value))
    many.value = "Data <17>"
    assert many.list.value is None  # it is not among those that are offered
    many.search.value = "<17>"
    assert (many.list.value, many.value) == (17, 17)
    many.search.value = "<18>"
    many.timeframes.value = "1h"
    assert many.value == 17
    assert told == [17]
    many.list.value = 18
    assert told == [17, 18]


def test_the_filters_are_there_only_where_there_is_something_to_filter(datasets, many):
    assert datasets.filters.layout.display == "none"
    assert many.filters.layout.display is None
    assert many.symbols.options[:3] == ("any", "S0", "S1")


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


def test_what_another_thread_sets_unheard_does_not_make_deaf_for_what_is_typed(datasets):
    """A list that is being refreshed in the background hears what a user chooses meanwhile."""
    begun, go, told = threading.Event(), threading.Event(), []

    def quietly():
        with datasets._unheard():
            begun.set()
            assert go.wait(10)

    other = threading.Thread(target=quietly)
    other.start()
    assert begun.wait(10)
    datasets.on_change(lambda: told.append(datasets.value))
    datasets.list.value = 1 if datasets.value == 2 else 2
    go.set()
    other.join(10)
    assert told == [datasets.list.value]


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
