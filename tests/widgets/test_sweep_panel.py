"""A search from the panel: counted, run, watched, cancelled with what is done kept, judged, and taken over."""

import threading

import pytest

import research_kit as rk
from research_kit.search.sweep import SweepProgress
from research_kit.widgets.work.sweep_panel import SweepPanel

LONG = 120
GRID = {"fast": range(2, 8), "slow": [10, 20, 30]}


@pytest.fixture
def panel(ws, strategies):
    panel = SweepPanel(ws, dataset="Calm", strategy="sma_cross", grid=GRID, strategies=strategies.values())
    yield panel
    panel.cancel()
    assert panel.wait(LONG)
    panel.close()


def test_a_search_is_recorded_and_shown_with_its_best_sets_and_its_luck(panel, ws):
    panel.options.set({"commission": 0.0})
    panel.objective.value = "total_return_percent"
    panel.run_button.click()
    assert panel.wait(LONG)
    assert panel.state == "completed"
    sweep = panel.last_sweep
    assert len(sweep) == 18
    assert ws.load_sweep(sweep.id).row.options["commission"] == 0.0
    view = panel.view_of
    assert "Total return" in view.heading.value
    assert view.best.value.count("<tr>") == 11
    assert str(sweep.best.parameters["slow"]) in view.sets.label
    assert list(view.chart.figure.data[0].z.shape) == [6, 3] or list(view.chart.figure.data[0].z.shape) == [3, 6]
    assert view.wait(LONG)
    assert 'class="rkw-verdict" role="status"' in view.luck.value
    assert "rkw-verdict" in panel.static()


def test_the_best_set_is_taken_by_who_asked_for_it(panel):
    taken = []
    assert panel.view_of.taking.layout.display == "none"
    panel.view_of.on_use(taken.append)
    panel.run()
    assert panel.wait(LONG)
    panel.view_of.use_button.click()
    assert taken == [panel.last_sweep.best.parameters]


class Gate:
    """A workspace whose sweeps stop in the middle until they are let go."""

    def __init__(self, ws):
        self.ws, self.reached, self.go = ws, threading.Event(), threading.Event()

    def __getattr__(self, name):
        return getattr(self.ws, name)

    def sweep(self, *what, progress, **how):
        def held(news):
            progress(SweepProgress(1, 4, 7.4, 0.5))
            self.reached.set()
            assert self.go.wait(LONG)
            progress(news)

        return self.ws.sweep(*what, progress=held, workers=1, **how)


def test_progress_is_shown_and_a_cancelled_search_keeps_what_is_done(ws):
    gate = Gate(ws)
    panel = SweepPanel(gate, dataset="Calm", strategy="momentum", grid={"length": range(2, 900)})
    panel.run_button.click()
    assert gate.reached.wait(LONG)
    assert panel.words == "1 of 4 sets, about 7 s left"
    assert panel.progress.value == 0.25
    assert 'aria-live="off"' in panel.status.value
    panel.cancel_button.click()
    gate.go.set()
    assert panel.wait(LONG)
    assert panel.state == "cancelled"
    done = len(panel.last_sweep)
    assert 0 < done < 898
    assert f"{done:,} sets are kept" in panel.words
    assert panel.last_sweep.status == "cancelled"
    panel.close()
    again = SweepPanel(ws, dataset="Calm", strategy="momentum", grid={"length": range(2, 900)})
    again.run()
    assert again.wait(LONG)
    assert (again.state, len(again.last_sweep)) == ("completed", 898)
    again.close()


def test_one_axis_is_drawn_as_a_line_and_three_can_be_chosen_from(panel):
    panel.grid.set({"fast": range(2, 9)})
    panel.run()
    assert panel.wait(LONG)
    assert panel.view_of.axes.layout.display == "none"
    assert panel.view_of.chart.figure is not None
    panel.grid.set({"fast": [2, 3, 4], "slow": [10, 20], "stop_loss": [0.1, 0.2]})
    panel.run()
    assert panel.wait(LONG)
    view = panel.view_of
    assert view.axes.layout.display is None
    view.up.value = "stop_loss"
    assert view.chart.figure.layout.yaxis.title.text == "stop_loss"
    view.across.value = "stop_loss"  # the same twice is no map: the other axis gives way
    assert view.up.value != "stop_loss"
    assert view.note.value == ""


def test_a_search_at_random_draws_as_many_as_asked(panel):
    panel.method.value = "random"
    panel.sets.value = "7"
    panel.run()
    assert panel.wait(LONG)
    assert len(panel.last_sweep) == 7


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda panel: setattr(panel.sets, "value", "many"), "How many sets is a whole number"),
        (lambda panel: setattr(panel.grid.condition, "value", "fast > 99"), "No set of 18"),
        (lambda panel: panel.grid.set({"commission": [0.0, 0.1]}), "commission is searched, and set among"),
        (lambda panel: setattr(panel.grid.rows["slow"].input, "value", "x"), "slow: &#x27;x&#x27; is no number"),
    ],
)
def test_what_is_wrong_starts_nothing(panel, ws, change, words):
    before = len(ws.sweeps())
    panel.options.set({"commission": 0.002})
    panel.method.value = "random" if "many" in words.lower() else "grid"
    change(panel)
    panel.run_button.click()
    assert panel.state == "failed"
    assert words in panel.status.value
    assert len(ws.sweeps()) == before
    assert not panel.run_button.disabled


def test_sets_that_fail_are_told_and_escaped(ws, strategies):
    panel = SweepPanel(ws, dataset="Calm", strategy=strategies["breaks"], grid={"way": ["error"]})
    panel.run()
    assert panel.wait(LONG)
    shown = panel.view_of.best.value + panel.status.value
    assert "&lt;script&gt;" in shown
    assert "<script" not in shown
    panel.close()


def test_it_is_given_under_its_name_and_frees_its_widgets(ws, living):
    before = living()
    panel = rk.widgets.SweepPanel(ws, dataset="Calm", strategy="sma_cross", grid=GRID)
    _ = panel.view
    panel.strategies.value = "momentum"
    panel.close()
    assert living() == before
