"""A report as a PDF: printed by Chromium when its charts are drawn, or one sentence that says why not."""

import os
import re
import shlex
import sys

import pytest

from research_kit.errors import OptionError, ReportError
from research_kit.report import chromium
from research_kit.report.export import export_html
from research_kit.report.pdf import check_target, deliver, print_pdf

needs_browser = pytest.mark.usefixtures("browser")
A4, LETTER = (595, 842), (612, 792)  # points
SPEAKS = """
import json, os, select
answers = {
    "Target.createTarget": {"targetId": "t"},
    "Target.attachToTarget": {"sessionId": "s"},
    "Page.navigate": {"loaderId": "page"},
    "Page.printToPDF": {"data": "cHJpbnRlZA=="},
}
tell = lambda **message: os.write(4, json.dumps(message).encode() + bytes(1))
def loaded(loader):
    tell(method="Page.loadEventFired", params={})
    tell(method="Page.lifecycleEvent", params={"name": "load", "loaderId": loader})
asked = os.fdopen(3, "rb", buffering=0)
early = False
while True:
    text = b""
    while not text.endswith(bytes(1)):
        text += asked.read(1) or exit()
    message = json.loads(text[:-1])
    if early:
        tell(id=message["id"], error={"message": "asked before the page was loaded"})
    else:
        tell(id=message["id"], result=answers.get(message["method"], {}))
    if message["method"] == "Page.enable":
        loaded("blank")
    if message["method"] == "Page.navigate":
        early = bool(select.select([3], [], [], 0.3)[0])
        loaded("page")
"""


def sizes(pdf):
    found = re.findall(rb"/MediaBox ?\[([^\]]*)\]", pdf)
    return {tuple(round(float(number)) for number in box.split()[2:]) for box in found}


@pytest.fixture
def no_chromium(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def fake_chromium(monkeypatch, tmp_path):
    """Return a function that puts a program called chromium on the PATH, and nothing else."""

    def put(script):
        program = tmp_path / "bin" / "chromium"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")

    return put


@pytest.mark.browser
@needs_browser
@pytest.mark.parametrize(("paper", "size"), [("A4", A4), ("letter", LETTER)])
def test_charts_are_drawn_and_pages_have_the_size_of_the_paper(three_charts, tmp_path, paper, size):
    target = tmp_path / "a report #1.pdf"
    assert deliver(export_html(three_charts, title="A run"), target, paper=paper) == target
    pdf = target.read_bytes()
    assert pdf.startswith(b"%PDF")
    assert len(pdf) > 20_000  # drawn lines; a page without charts has a few thousand bytes
    assert sizes(pdf) <= {size, (size[0] + 1, size[1]), (size[0], size[1] + 1)}


@pytest.mark.browser
@needs_browser
def test_the_same_page_gives_the_same_bytes_at_any_time(notebook):
    page = export_html(notebook("## One\n\ntext", "## Two", "## Three"), title="Söhne <b>")
    first = print_pdf(page)
    assert first == print_pdf(page)
    assert re.findall(rb"/CreationDate \(D:(\d+)", first) == [b"0" * 14]
    assert b"/Outlines" in first  # bookmarks


@pytest.mark.browser
@needs_browser
def test_a_page_is_printed_once_it_says_that_its_charts_are_drawn():
    late = "document.body.insertAdjacentHTML('beforeend', '<p style=break-before:page>drawn</p>')"
    ready = f"window.reportReady = new Promise(done => setTimeout(() => {{ {late}; done(); }}, 500))"
    pdf = print_pdf(f"<body><p>text</p><script>addEventListener('beforeprint', () => {{ {ready}; }})</script></body>")
    assert pdf.count(b"/MediaBox") == 2


def test_the_load_of_the_blank_page_before_it_is_not_taken_for_that_of_the_page(fake_chromium, tmp_path):
    """Chromium may tell that about:blank was loaded only after the events of pages are asked for."""
    program = tmp_path / "chromium.py"
    program.write_text(SPEAKS)
    fake_chromium(shlex.join(["exec", sys.executable, str(program)]))
    assert chromium.print_page(tmp_path / "x.html", {}) == b"printed"


@pytest.mark.browser
@needs_browser
def test_a_wide_page_is_printed_across():
    page = "<style>@page { size: landscape; }</style><p>wide</p>"
    assert sizes(print_pdf(page)) <= {(842, 595), (842, 596), (841, 595)}


def test_where_no_chromium_is_one_sentence_says_so(no_chromium, tmp_path):
    with pytest.raises(ReportError, match=r"none on the PATH .* write the report as \.html"):
        deliver("<p>x</p>", tmp_path / "x.pdf")
    assert not (tmp_path / "x.pdf").exists()
    assert deliver("<p>x</p>", tmp_path / "x.html").read_text() == "<p>x</p>"


def test_it_is_said_before_anything_is_executed(no_chromium, ws, make_bars, monkeypatch):
    ws.import_dataset(make_bars(200).frame, name="walk", symbol="W")
    run = ws.run("sma_cross", "walk", {"fast": 3, "slow": 10})
    monkeypatch.setattr("research_kit.report.run.execute_notebook", lambda *_, **__: pytest.fail("executed"))
    with pytest.raises(ReportError, match="Chromium"):
        run.report("x.pdf")


@pytest.mark.parametrize("script", ["echo 'no display' >&2; exit 3", "exec sleep 0"])
def test_a_chromium_that_ends_at_once_is_told(fake_chromium, script):
    fake_chromium(script)
    with pytest.raises(ReportError, match="Chromium ended before it printed the report"):
        print_pdf("<p>x</p>")


def test_a_chromium_that_never_answers_is_ended(fake_chromium, monkeypatch):
    fake_chromium("exec sleep 60")
    monkeypatch.setattr(chromium, "PATIENCE", 0.5)
    with pytest.raises(ReportError, match="did not print the report within"):
        print_pdf("<p>x</p>")


def test_an_unknown_paper_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(OptionError, match="no paper 'A3'"):
        check_target(tmp_path / "x.html", "A3")
