"""What a batch cannot run is refused before anything starts."""

import json

import pytest

from research_kit.errors import NotFoundError, OptionError, ReportError
from research_kit.report.batches.plan import make_plan
from research_kit.store.listings import notebook_runs_table

PARAMETERS = 'how: str = "fine"\nn: int = 1\ndataset: str = ""'


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"parameters": {"how\nimport os": 1}}, ReportError, "cannot be the name"),
        ({"parameters": {"who": 1}}, ReportError, "no parameter 'who'. Did you mean 'how'"),
        ({"parameters": [{"how": "fine"}, {"how": 3}]}, ReportError, "Parameter set 2: .* Nothing was started"),
        ({"parameters": [{"how": "a"}, {"how": "a"}]}, ReportError, "sets 1 and 2 are the same"),
        ({"parameters": {"how": "a"}, "grid": {"how": ["b"]}}, ReportError, "both a parameter and in the grid"),
        ({"grid": {"how": []}}, ReportError, "no value for 'how'"),
        ({"parameters": []}, ReportError, "nothing to run"),
        ({"grid": {"n": range(101), "how": [str(i) for i in range(100)]}}, ReportError, "10,100 notebooks"),
        ({"workers": 0}, OptionError, "at least one"),
        ({"time_limit": 0}, OptionError, "no limit"),
        ({"retries": -1}, OptionError, "0 or more"),
        ({"name": "../../x"}, ReportError, "cannot be the name of a batch"),
        ({"name": "/etc/passwd"}, ReportError, "cannot be the name of a batch"),
        ({"name": "CON"}, ReportError, "cannot be the name of a batch"),
        ({"name": ""}, ReportError, "cannot be the name of a batch"),
        ({"name": "a\0b"}, ReportError, "cannot be the name of a batch"),
        ({"name": "a."}, ReportError, "cannot be the name of a batch"),
        ({"name": "linked"}, ReportError, "link to another place"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_starts(ws, notebook, tmp_path, asked, error, words):
    source = notebook("1", parameters=PARAMETERS)
    folder = ws.folder / "reports" / "batches"
    folder.mkdir(parents=True)
    (folder / "linked").symlink_to(tmp_path)
    with pytest.raises(error, match=words) as caught:
        ws.run_notebooks(source, **asked)
    assert "\n" not in str(caught.value)
    assert notebook_runs_table(ws.database).empty
    assert [path.name for path in folder.iterdir()] == ["linked"]


def test_a_dataset_that_there_is_not_is_refused(market, notebook):
    before = len(notebook_runs_table(market.database))
    with pytest.raises(NotFoundError, match=r"no dataset 'wlak'\. Did you mean 'walk'"):
        market.run_notebooks(notebook("1", parameters="dataset: str"), grid={"dataset": ["walk", "wlak"]})
    with pytest.raises(NotFoundError, match="no dataset 'S&P 500 daily'"):
        market.run_notebooks("research")  # its default
    assert len(notebook_runs_table(market.database)) == before


def test_what_is_no_notebook_is_refused(ws, tmp_path):
    with pytest.raises(NotFoundError, match=r"no notebook 'nothing\.ipynb'"):
        ws.run_notebooks("nothing.ipynb")
    for content in (b"hello", b"\xff\xfe", b"{}", json.dumps({"cells": 1}).encode()):
        (tmp_path / "x.ipynb").write_bytes(content)
        with pytest.raises(ReportError, match="is not a Jupyter notebook"):
            ws.run_notebooks(tmp_path / "x.ipynb")


def test_sets_and_grid_are_combined_in_order(ws, notebook):
    source = notebook("1", parameters=PARAMETERS)
    plan = make_plan(ws, source, [{"how": "a"}, {"how": "b"}], {"n": range(2)})
    asked = [item.parameters for item in plan.items]
    assert asked == [{"how": how, "n": n} for how in "ab" for n in range(2)]
    assert plan.name.startswith("work-20")
    assert [item.parameters for item in make_plan(ws, source, {"how": "a"}, {"n": 3}).items] == [{"how": "a", "n": 3}]
    assert [item.parameters for item in make_plan(ws, source).items] == [{}]


def test_what_a_run_depends_on_is_in_its_hash(market, notebook):
    source = notebook("1", parameters="n: int = 1\ndataset: str = ''\nstrategy: str = ''")

    def mark(**parameters):
        return make_plan(market, source, parameters).items[0].inputs_hash

    marks = {mark(), mark(n=2), mark(n=3), mark(dataset="walk"), mark(dataset="other"), mark(strategy="sma_cross")}
    assert len(marks) == 6
    assert mark(n=2) in marks
    assert mark(strategy="of the notebook only") not in marks
    source.write_text(source.read_text() + "\n")
    assert mark(n=2) not in marks
