"""From runs to the page: medians, tables, exponents, aims, and a chart that is well-formed."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

SVG = "{http://www.w3.org/2000/svg}"


def filled(script, values, name="warm_s"):
    """Return a sheet with these values by engine and case."""
    sheet = script("sheet").Sheet(date="2020-01-02", machine="a machine")
    for (engine, case), value in values.items():
        sheet.row(engine, case).runs.append({name: value, "load": 0.5, "versions": {"numpy": "2"}})
    return sheet


def test_tables_show_medians_and_times_ours(script):
    module = script("sheet")
    sheet = filled(script, {("research_kit", "10k"): [0.002, 0.001, 0.003], ("a", "10k"): 0.005, ("a", "1M"): 0.5})
    measure = module.Measure("ms", "warm_s", 1e3)
    assert module.table_of_cases(sheet, measure).splitlines() == [
        "| engine | 10k | 1M |",
        "|---|--:|--:|",
        "| research_kit | 2 | – |",
        "| a | 5 (× 2.5) | 500 |",
    ]
    assert module.table_of_measures(sheet, "1M", [measure]).splitlines()[2:] == ["| a | 500 |"]
    assert module.tables_of_cases(sheet, [measure, module.Measure("none", "not measured")]).count("|---|") == 1


def test_a_measure_may_go_without_times_ours(script):
    module = script("sheet")
    sheet = filled(script, {("research_kit", "a case"): 10, ("a", "a case"): 5}, "rows")
    measures = [module.Measure("rows", "rows", is_compared=False)]
    assert "| a | 5 |" in module.table_of_measures(sheet, "a case", measures)


def test_results_are_kept_and_one_workload_anew_leaves_the_others(script, tmp_path):
    module = script("results")
    first = module.Results(folder=tmp_path)
    first.bandwidth = {"read_gb_s": 10.0}
    first.sheets["W1"] = filled(script, {("research_kit", "10k"): [0.25, 0.5]})
    first.sheets["W1"].miss("a", "not installed", is_fault=True)
    first.sheets["W1"].facts["where"] = {"10k": {"numpy": 1.0}}
    first.write()
    again = module.Results.read(tmp_path)
    assert again == first
    again.start("W4").facts["points"] = "1M"
    again.write()
    assert module.Results.read(tmp_path).sheets["W1"] == first.sheets["W1"]
    assert list(module.Results.read(tmp_path).sheets) == ["W1", "W4"]
    assert "[ 0.25, 0.5 ]" in (tmp_path / "results.json").read_text()
    assert module.Results.read(tmp_path / "nowhere").sheets == {}


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 1.3])
def test_exponents_are_found_where_a_constant_hides_them(script, exponent):
    amounts = np.array([10, 100, 1_000, 10_000, 100_000, 1_000_000])
    found = script("fitting").fit(amounts, 1e-9 * 30**exponent + 1e-6 * amounts**exponent)
    assert found.exponent == pytest.approx(exponent, abs=0.02)
    assert found.amounts == (10_000, 100_000, 1_000_000)
    assert found.is_steep is (exponent > 1.1)


def test_too_few_points_have_no_exponent(script):
    fit = script("fitting").fit
    assert fit([1, 2], [1, 2]) is None
    assert fit([1, 10, 100], [0.5, 0.5, 2.0], floor=1.0) is None
    assert fit([5, 5, 5], [1, 2, 3]) is None
    assert fit([1, 10, 100], [1, 1, 1]).exponent == pytest.approx(0.0, abs=1e-12)


def grown(script):
    sheet = script("sheet").Sheet()
    for axis in script("growth.compare").AXES:
        for amount in (10, 100, 1_000):
            run = {"amount": amount, "warm_s": [amount * 1e-3], "warm_cpu_s": [amount**1.2], "peak_mb": amount / 4}
            sheet.row(axis.name, str(amount)).runs.append(run | {"load": 0.1, "versions": {}})
    return sheet


def test_growth_that_is_more_than_linear_is_flagged(script):
    module = script("growth.compare")
    page = module.section("growth", grown(script), script("results").Results())
    assert page.count("n^1.20 from 10 on **steeper than linear**") == len(module.AXES)
    assert page.count("n^1.00 from 10 on |") >= len(module.AXES)


def test_aims_are_told_with_what_was_reached(script):
    results = script("results").Results()
    results.sheets["W1e"] = filled(script, {("research_kit", "10k"): 0.01, ("backtesting.py", "10k"): 0.05})
    sweep = {("research_kit", "c"): 5_000.0, ("vectorbt-rust", "c"): 40.0, ("vectorbt-numba", "c"): 100.0}
    results.sheets["W3"] = filled(script, sweep, "sets_per_s")
    results.sheets["W6"] = filled(
        script, {("research_kit", "one fresh process"): 0.5, ("pandas", "one fresh process"): 1.0}, "wall_s"
    )
    found = {aim.what: (aim.value, aim.is_reached) for aim in script("summary").aims(results)}
    assert found == {
        "W1e, 10k bars: times as fast as backtesting.py": (pytest.approx(5.0), True),
        "W3, c: times as fast as vectorbt's best": (pytest.approx(50.0), False),
        "W6: import over that of pandas": (pytest.approx(0.5), False),
    }
    assert "| W6: import over that of pandas | 0.5 | at most 0.35 | **no** |" in script("summary").table(results)


def test_no_aim_is_told_of_what_was_not_measured(script):
    results = script("results").Results()
    for name in script("groups").WORKLOADS:
        results.start(name)
    results.sheets["W8"].facts["rows"] = 10
    assert script("summary").aims(results) == []
    assert script("summary").table(results) == ""
    assert script("chart").chart(results) == ""


def test_the_chart_is_a_drawing_with_a_bar_for_each_ratio_and_a_curve_for_each_growth(script):
    results = script("results").Results()
    results.sheets["W1e"] = filled(script, {("research_kit", "10k"): 0.01, ("backtesting.py", "10k"): 0.05})
    results.sheets["growth"] = grown(script)
    drawing = ElementTree.fromstring(script("chart").chart(results))
    words = [text.text for text in drawing.iter(f"{SVG}text")]
    assert "W1e, 10k bars against backtesting.py" in words
    assert "5" in words
    assert len(list(drawing.iter(f"{SVG}polyline"))) == 2 * len(script("growth.compare").AXES)
    places = [float(mark.get(name)) for mark in drawing.iter() for name in ("x", "y", "x1", "x2") if mark.get(name)]
    assert min(places) >= 0
    assert max(places) <= float(drawing.get("width"))


def test_a_scale_of_logarithms_has_whole_decades(script):
    scale = script("svg").LogScale.over([3.0, 250.0], 0.0, 300.0)
    assert (scale.low, scale.high, scale.ticks()) == (1.0, 1_000.0, [1.0, 10.0, 100.0, 1_000.0])
    assert scale.at(100.0) == pytest.approx(200.0)
    assert script("svg").LogScale.over([1.0], 0.0, 1.0).ticks() == [1.0, 10.0]
    assert [script("svg").short(value) for value in (0.1, 1.0, 20_000.0, 5e6)] == ["0.1", "1", "20k", "5M"]


def test_the_kept_page_is_made_from_the_kept_results(script):
    results = script("results").Results.read()
    assert (results.folder / "RESULTS.md").read_text() == script("report").markdown(results)
    assert (results.folder / "RESULTS.svg").read_text() == script("chart").chart(results)


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ("/a/research_kit/engine/kernel.py", "research_kit.engine"),
        ("/a/research_kit/compiled.py", "research_kit.compiled"),
        ("/research_kit/.venv/lib/site-packages/numpy/core/x.py", "numpy"),
        ("/a/site-packages/six.py", "six"),
        ("/a/site-packages/research_kit/store/bulk.py", "research_kit.store"),
        ("/usr/lib/python3.11/json/decoder.py", "Python's library"),
    ],
)
def test_time_is_told_by_part_of_the_code(script, file, part):
    assert script("whereabouts").part_of(file) == part


def test_the_shares_of_a_run_are_all_of_it(script):
    module = script("whereabouts")
    found = module.shares(lambda: sorted(np.random.default_rng(1).random(50_000).tolist()))
    assert sum(found.values()) == pytest.approx(1.0)
    assert module.part_of(str(Path(module.__file__).parent / "sweeps" / "ours.py")) == module.OWN
    assert module.in_words({"a": 0.7, "b": 0.29, "c": 0.01}) == "a 70 %, b 29 %, the rest 1 %"
