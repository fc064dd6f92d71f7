"""The data of a workspace: quality, lineage, and a file that is looked at before it is imported."""

import pytest

import research_kit as rk

LONG = 60


@pytest.fixture
def tab(ws):
    tab = rk.widgets.DataTab(ws, "Calm")
    yield tab
    assert tab.importing.wait(LONG)
    tab.close()


@pytest.fixture
def csv(tmp_path, make_bars):
    path = tmp_path / "new <b>prices.csv"
    frame = make_bars(80, seed=5, step_ns=3_600_000_000_000).frame
    frame.index = frame.index.tz_localize(None)
    frame.to_csv(path, index_label="time")
    return path


def test_quality_and_lineage_of_what_is_chosen_are_shown(tab, ws):
    assert "Quality 100 of 100: 300 bars" in tab.report.value
    assert tab.chart.figure is not None
    weekly = ws.resample("Calm", "1w")
    tab.refresh()
    tab.datasets.value = weekly.id
    assert weekly.name in tab.heading.value
    assert "resample (timeframe 1w)" in tab.lineage.value
    assert "<td>id 1</td>" in tab.lineage.value
    assert f"{weekly.id} (shown)" in tab.lineage.value


def test_names_full_of_markup_do_nothing(tab):
    tab.datasets.value = 2
    assert "<img" not in tab.heading.value + tab.static()
    assert "&lt;img" in tab.heading.value


def test_a_file_is_looked_at_first_and_what_is_asked_is_said(tab, ws, csv):
    before, importing = len(ws.datasets()), tab.importing
    importing.path.value = str(csv)
    importing.look_button.click()
    assert importing.wait(LONG)
    assert 'role="alert"' in importing.status.value  # times without a zone
    assert "timezone" in importing.preview.value
    assert not importing.options.folded
    importing.options.set({"timezone": "UTC"})
    importing.look_button.click()
    assert importing.wait(LONG)
    assert "It can be imported like this." in importing.status.value
    assert "<b>prices" not in importing.preview.value
    assert len(ws.datasets()) == before
    importing.name.value = "Brought <in>"
    importing.import_button.click()
    assert importing.wait(LONG)
    assert "Imported as Brought &lt;in&gt;" in importing.status.value
    assert len(ws.datasets()) == before + 1
    assert tab.datasets.name == "Brought <in>"
    assert "80 bars" in tab.report.value
    assert (importing.import_button.disabled, importing.look_button.disabled) == (False, False)


@pytest.mark.parametrize("button", ["look_button", "import_button"])
def test_a_file_that_is_not_there_stores_nothing_and_is_said(tab, ws, button):
    before = len(ws.datasets())
    tab.importing.path.value = "no/such <file>.csv"
    getattr(tab.importing, button).click()
    assert tab.importing.wait(LONG)
    assert "Nothing was stored." in tab.importing.status.value
    assert "&lt;file&gt;" in tab.importing.status.value
    assert len(ws.datasets()) == before
    assert not getattr(tab.importing, button).disabled


def test_nothing_named_is_said(tab):
    tab.importing.look_button.click()
    assert "Name a file to import" in tab.importing.note.value


def test_an_empty_workspace_says_what_to_do(empty_ws):
    tab = rk.widgets.DataTab(empty_ws)
    assert "bring data in" in tab.heading.value
    tab.close()
