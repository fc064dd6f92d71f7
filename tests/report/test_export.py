import base64
import copy
import hashlib
import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat import v4

from research_kit.charts.backtests.backtest import backtest_figure, equity_figure
from research_kit.errors import ReportError
from research_kit.report.cards import run_card, warning_box
from research_kit.report.export import export_html

OWN = 3  # scripts of every page: tables, tips, contents
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def page_of(notebook, **options):
    return BeautifulSoup(export_html(notebook, **({"title": "A run"} | options)), "html.parser")


def run_scripts(page):
    return [tag.string for tag in page.find_all("script") if tag.get("type") != "application/json"]


def test_title_is_title_and_heading_and_escaped(notebook):
    page = page_of(notebook("# Heading of the notebook\n\nText."), title=HOSTILE)
    assert page.title.string == HOSTILE
    assert [tag.text for tag in page.find_all("h1")] == [HOSTILE]
    assert page.find("main").find_all(["script", "img"]) == []
    assert "Text." in page.main.text


def test_code_is_hidden_and_outputs_are_shown(notebook, output):
    page = page_of(notebook([output(text="42"), v4.new_output("stream", name="stdout", text="printed <b>")]))
    assert "secret" not in str(page)
    assert "42" in page.main.text
    assert "printed <b>" in page.main.text


def test_plotly_js_is_there_once_and_only_when_used(notebook, three_charts):
    assert export_html(three_charts, title="x").count("* plotly.js v") == 1
    assert len(run_scripts(page_of(three_charts))) == 2 + OWN
    assert len(page_of(three_charts).select("figure.chart")) == 3
    plain = export_html(notebook("Text."), title="x")
    assert len(run_scripts(BeautifulSoup(plain, "html.parser"))) == OWN
    assert len(plain) < 40_000


def test_three_charts_stay_small(three_charts):
    assert len(export_html(three_charts, title="x").encode()) < 6_000_000


def test_nothing_is_fetched(three_charts):
    page = page_of(three_charts)
    assert page.find_all(["link", "iframe", "object", "embed"]) == []
    assert [tag["src"] for tag in page.find_all(src=True)] == []
    for style in page.find_all("style"):
        assert not re.search(r"@import|url\(", style.string)
    for script in page.find_all("script", type="application/json"):
        assert "http" not in script.string


def test_policy_allows_the_own_scripts_by_their_hash(three_charts, notebook):
    page = page_of(three_charts)
    policy = page.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in run_scripts(page)]
    assert policy.startswith("default-src 'none'; script-src " + " ".join(f"'sha256-{h}'" for h in hashes) + ";")
    assert "unsafe-eval" not in policy
    assert "http" not in policy
    assert len(hashes) == 2 + OWN
    assert "unsafe-inline" not in re.search(r"script-src [^;]*", policy)[0]
    bare = page_of(notebook("Text.")).find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
    assert bare.count("'sha256-") == OWN


def test_policy_comes_before_all_that_it_governs(three_charts):
    text = export_html(three_charts, title="x")
    assert text.index("charset") < text.index("Content-Security-Policy") < text.index("<script")
    assert text.index("charset") < 1024


def test_same_notebook_same_bytes(three_charts):
    first = export_html(three_charts, title="x")
    for cell in three_charts.cells:
        cell.id = "other-" + cell.id  # ids are random in notebooks that Jupyter writes
    assert export_html(three_charts, title="x") == first


def test_the_notebook_is_not_changed(three_charts):
    before = copy.deepcopy(three_charts)
    export_html(three_charts, title="x")
    assert three_charts == before


def test_a_file_gives_the_same_page(three_charts, tmp_path):
    path = tmp_path / "run.ipynb"
    nbformat.write(three_charts, path)
    assert export_html(path, title="x") == export_html(three_charts, title="x")


def test_wrong_files_are_refused_with_a_sentence(tmp_path):
    with pytest.raises(ReportError, match="cannot be read"):
        export_html(tmp_path / "nothing.ipynb", title="x")
    (tmp_path / "text.ipynb").write_text("hello")
    with pytest.raises(ReportError, match="not a Jupyter notebook"):
        export_html(tmp_path / "text.ipynb", title="x")


def test_errors_stand_at_the_top_and_where_they_happened(notebook):
    failed = v4.new_output("error", ename="ValueError", evalue=HOSTILE, traceback=[f"\x1b[31m{HOSTILE}\x1b[0m"])
    page = page_of(notebook("Text.", [failed]), problem="The kernel died <b>.")
    alerts = [tag.text for tag in page.select("[role=alert]")]
    assert alerts[0].endswith("The kernel died <b>.")
    assert alerts[1].endswith(f"The notebook stopped at its cell 2 with ValueError: {HOSTILE}")
    assert HOSTILE in page.find("details").text
    assert page.main.find_all(["script", "img", "b"]) == []


def test_errors_of_cells_that_are_left_out_are_still_told(notebook):
    failed = v4.new_output("error", ename="KeyError", evalue="'x'", traceback=[])
    cell = v4.new_code_cell("ui()", outputs=[failed], metadata={"tags": ["notebook-only"]}, id="ui")
    page = page_of(notebook(cell))
    assert "KeyError" in page.select_one("[role=alert]").text
    assert page.find("details") is None


def test_papermill_marks_give_way_to_the_banner(notebook):
    mark = v4.new_markdown_cell("An Exception was", metadata={"tags": ["papermill-error-cell-tag"]}, id="mark")
    assert "An Exception was" not in page_of(notebook(mark)).text


def test_live_controls_are_left_out(notebook, output):
    live = notebook([output(widget={"model_id": "abc"}, text="IntSlider(value=3)")], [output(text="kept")])
    live.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    page = page_of(live)
    assert "IntSlider" not in page.text
    assert "kept" in page.text


def test_foreign_scripts_are_left_out_and_it_is_said(notebook, output):
    markup = f"<p onclick='x()'>kept</p>{HOSTILE}<iframe src='https://a.b'></iframe><link href='https://a.b/c.css'>"
    page = page_of(notebook([output(html=markup)], [output(js="alert(1)")], f"Markdown {HOSTILE}"))
    assert "kept" in page.main.text
    assert page.main.find_all(["script", "iframe", "link"]) == []
    assert page.main.find_all(onclick=True) + page.main.find_all(onerror=True) + page.main.find_all(src=True) == []
    assert str(page).count("A script was left out here") == 3


def test_pictures_stay_when_they_are_inside(notebook, output):
    markup = (
        "<img id='in' src='data:image/png;base64,AAAA'><img id='out' src='https://a.b/c.png'>"
        "<a href='https://a.b'>a</a><a href='javascript:alert(1)'>b</a>"
        "<div style='background:url(https://a.b/c.png)'></div><style>@import 'https://a.b/c.css';</style>"
    )
    page = page_of(notebook([output(html=markup)], [output(png="AAAA\n")], [output(svg="<svg/>")]))
    assert page.find(id="in")["src"].startswith("data:")
    assert page.find(id="out").get("src") is None
    assert [tag.get("href") for tag in page.find_all("a")] == ["https://a.b", None]
    assert "a.b/c" not in str(page)
    assert len(page.select("figure img[src^='data:image/']")) == 2


def test_a_figure_cannot_end_its_script(notebook, output, series):
    figure = equity_figure(series())
    figure.update_layout(title_text="</script><script>alert(1)</script>", meta={"n": float("nan")})
    page = page_of(notebook([output(figure=figure)]))
    assert len(run_scripts(page)) == 2 + OWN
    assert page.select_one("figure.chart")["aria-label"] == "Chart: alert(1)"


def test_own_template_gives_way_to_that_of_the_page(notebook, output, series):
    ours = page_of(notebook([output(figure=backtest_figure(series()))])).select_one("figure.chart script").string
    assert '"themed":true' in ours
    assert '"template"' not in ours
    theirs = {"data": [], "layout": {"template": {"layout": {"paper_bgcolor": "white"}}}}
    text = page_of(notebook([output(figure=theirs)])).select_one("figure.chart script").string
    assert '"themed":false' in text
    assert "paper_bgcolor" in text


@pytest.mark.parametrize("figure", [{}, {"data": None, "layout": None}, {"layout": {"title": 3, "height": "x"}}])
def test_odd_figures_do_not_stop_a_report(notebook, output, figure):
    assert page_of(notebook([output(figure=figure)])).select_one("figure.chart")


def test_cards_bring_their_style_once(notebook, output):
    cards = [[output(html=card._repr_html_())] for card in (run_card({"a": "b"}), warning_box("c"))]
    text = export_html(notebook(*cards), title="x")
    assert text.count(".rk-card .rk-gain") == 1
    assert 'class="rk-box rk-warning"' in text


def test_text_that_cannot_be_encoded_is_replaced(notebook):
    export_html(notebook("a"), title="a\ud800b").encode()
