"""The report of a batch: its index as one file that can be sent alone."""

import html
import re

import pytest

import research_kit as rk


@pytest.mark.slow
def test_a_batch_writes_one_file_without_links_with_the_same_bytes(market, notebook, tmp_path):
    path = notebook("assert x < 3, 'too <b>much</b>'", parameters="x: int = 1")
    batch = market.run_notebooks(path, grid={"x": [1, 2, 3]}, name="three", workers=1, progress=False)
    written = batch.report()
    assert written == market.folder / "reports" / "batches" / "three.html"
    page = written.read_text("utf-8")
    assert rk.write_report(batch, tmp_path / "again.html").read_text("utf-8") == page
    assert "href=" not in page
    assert "too &lt;b&gt;much&lt;/b&gt;" in page
    policy = html.unescape(re.search(r'content="(default-src[^"]*)"', page)[1])
    assert re.search(r"script-src ('sha256-[^']*' ?)+;", policy)
    assert 'href="' in batch.index.read_text("utf-8")  # the index in its folder still links
