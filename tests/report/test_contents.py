"""The table of contents: a link to each section, ids that are unique, headings that cannot inject."""

import pytest
from bs4 import BeautifulSoup

from research_kit.charts.backtests.backtest import equity_figure
from research_kit.report.contents import PLACE, with_contents
from research_kit.report.export import export_html, page_file


def page_of(*headings):
    return BeautifulSoup(with_contents(PLACE + "".join(f"<h2>{text}</h2>" for text in headings)), "html.parser")


def test_each_link_leads_to_its_heading():
    page = page_of("Months", "Can it be <em>believed</em>?", "A &amp; B")
    links = page.select("nav.contents a")
    assert [link.text for link in links] == ["Months", "Can it be believed?", "A & B"]
    assert [page.find(id=link["href"][1:]).name for link in links] == ["h2"] * 3


def test_ids_are_unique_whatever_headings_are_called():
    page = page_of("Trades", "Trades", "Trades 2", "…", "…", "Größe")
    ids = [heading["id"] for heading in page.find_all("h2")]
    assert len(set(ids)) == 6
    assert ids[:2] == ["trades", "trades-2"]
    assert ids[3:] == ["section", "section-2", "größe"]


def test_no_heading_has_an_id_of_the_page_itself(notebook, output, series):
    cells = "## Report", "## Tip", "## Chart settings", [output(figure=equity_figure(series(30)))]
    page = BeautifulSoup(export_html(notebook(*cells), title="t"), "html.parser")
    ids = [tag["id"] for tag in page.find_all(id=True)]
    assert len(set(ids)) == len(ids)
    assert {"report", "chart-settings"} <= set(ids)
    assert [page.find(id=link["href"][1:]).name for link in page.select("nav.contents a")] == ["h2"] * 3
    assert 'tip.id = "tip"' in page_file("tips.js")
    assert page.find(id="tip") is None


def test_few_sections_have_no_contents():
    page = page_of("One", "Two")
    assert page.find("nav") is None
    assert PLACE not in str(page)


@pytest.mark.parametrize(
    "heading", ['x" onclick="alert(1)', "<b title='>'>x</b>", "&lt;script&gt;alert(1)&lt;/script&gt;"]
)
def test_headings_cannot_inject(heading):
    page = page_of(heading, "b", "c")
    assert page.find_all("script") == []
    assert all(not key.startswith("on") for tag in page.find_all(True) for key in tag.attrs)
    assert len(page.select("nav.contents a")) == 3


def test_headings_of_a_notebook_are_the_contents_of_its_page(notebook):
    page = BeautifulSoup(export_html(notebook("## A", "## B\n\n### C", "## <img src=x> D"), title="t"), "html.parser")
    assert [link.text for link in page.select("nav.contents a")] == ["A", "B", "D"]
    assert page.find("a", class_="skip")["href"] == f"#{page.main['id']}"
