"""The report of a recorded run: executed by papermill in a fresh kernel, exported to one file."""

import re

import pytest
from bs4 import BeautifulSoup

import research_kit as rk
from research_kit.errors import ReportError
from research_kit.report.execution import execute_notebook
from research_kit.report.notebooks import template

CHARTS = (
    *("Underwater", "Years", "Rolling metrics", "Exposure", "Daily returns", "Monte Carlo", "What costs took"),
    *("Trade by trade", "Results of trades", "How far trades went", "Holding times", "When trades are entered"),
)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, make_bars):
    """Return a workspace in a folder with a hostile name, holding one run of a hostile dataset."""
    with rk.open_workspace(tmp_path_factory.mktemp("a b") / "ws <b>#%1") as ws:
        ws.import_dataset(make_bars(2_000).frame, name='<script>alert("x")</script>', symbol="WALK")
        ws.run("sma_cross", 1, {"fast": 5, "slow": 20}, fill="same_close", commission=0)
        yield ws


@pytest.fixture(scope="module")
def page(workspace):
    path = workspace.report(1)
    assert path == workspace.folder / "reports" / "run-1.html"
    return path.read_text(encoding="utf-8")


def test_the_page_holds_every_section(page, workspace):
    run = workspace.load_run(1)
    for words in (
        "Equity, drawdown, trades",
        "Drawdowns",
        "Months and years",
        "Metrics",
        "Is it steady?",
        "Days, and luck",
        "Costs",
        "Trades",
        "What this run is",
        "1 trial on this",
        "Can it be believed?",
    ):
        assert words in page
    for name in ("dataset_sha256", "strategy_sha256", "spec_hash"):
        assert run.spec[name] in page
    assert "numpy=" in page
    assert "Sharpe ratio" in page


def test_the_page_says_what_the_run_is_worth(page, workspace):
    belief = workspace.load_run(1).believe()
    shown = " ".join(BeautifulSoup(page, "html.parser").get_text(" ").split())
    assert str(belief.headline) in shown
    assert all(f"{one.title} {one.shown} {one.sentence}" in shown for one in belief.evidence)
    assert all(change in shown for change in belief.changes)
    assert "chance of skill, after 1 trial" in shown


def test_the_page_warns_of_what_flatters(page):
    assert "optimistic" in page
    assert "without costs" in page


def test_the_page_is_one_small_offline_file(page):
    assert len(page.encode()) < 6_000_000
    without_scripts = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", without_scripts)
    assert not re.search(r"<script[^>]*\ssrc=", page)
    assert page.count("* plotly.js v") == 1


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 700)])
def test_every_chart_of_the_page_is_drawn_offline(page, browser, tmp_path, scheme, width):
    path, complaints = tmp_path / "run.html", []
    path.write_text(page, encoding="utf-8")
    context = browser.new_context(offline=True, color_scheme=scheme, viewport={"width": width, "height": 900})
    opened = context.new_page()
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(path.as_uri())
    opened.wait_for_function("() => document.querySelectorAll('figure.chart .main-svg').length")
    names = opened.evaluate("() => [...document.querySelectorAll('figure.chart .gtitle')].map(one => one.textContent)")
    for name in CHARTS:
        assert any(shown.startswith(name) for shown in names), name
    assert opened.evaluate("document.documentElement.scrollWidth") == width
    assert complaints == []
    context.close()


def test_hostile_names_are_text(page):
    assert '<script>alert("x")' not in page
    assert "&lt;script&gt;alert(" in page


def test_the_same_run_gives_the_same_bytes(page, workspace, tmp_path):
    again = workspace.report(1, tmp_path / "again.html")
    assert again.read_text(encoding="utf-8") == page


def test_a_failing_template_writes_no_report_and_keeps_its_output(workspace, tmp_path):
    output = tmp_path / "executed.ipynb"
    parameters = {"workspace": str(workspace.folder), "run_id": 99}
    with pytest.raises(ReportError, match="no backtest 99"):
        execute_notebook(template("backtest"), output, parameters, cwd=tmp_path)
    assert "no backtest 99" in output.read_text(encoding="utf-8")


def test_the_template_makes_a_new_run_from_its_parameters(workspace, tmp_path):
    output = tmp_path / "executed.ipynb"
    parameters = {
        "workspace": str(workspace.folder),
        "strategy": "momentum",
        "dataset": '<script>alert("x")</script>',
        "options": {"commission": 0.002},
    }
    execute_notebook(template("backtest"), output, parameters, cwd=tmp_path)
    newest = workspace.load_run(int(workspace.backtests().iloc[0]["id"]))
    assert newest.backtest.strategy_name == "momentum"
    assert newest.options["commission"] == 0.002
