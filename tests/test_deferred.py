"""The grammar of international addresses is there when it is used, and costs nothing before."""

import subprocess
import sys

import pytest

SLOW = "rfc3987_syntax.syntax_helpers"  # the part that builds the grammar


def said(code: str) -> str:
    """Return what a fresh process prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.mark.parametrize("first", ["research_kit.charts.backtests.backtest", "research_kit.report.export"])
def test_what_draws_or_exports_does_not_build_the_grammar(first):
    uses = f"import {first}, nbformat, plotly.io._renderers, inspect, sys; inspect.getmodule(print)"
    assert said(f"{uses}; print({SLOW!r} in sys.modules)").split() == ["False"]


def test_an_address_is_checked_as_ever():
    code = """
import research_kit.charts
from jsonschema import FormatChecker
checker = FormatChecker()
print([checker.conforms(text, "iri") for text in ("http://a.b/ü", "<no>")], checker.conforms("a/ü", "iri-reference"))
"""
    assert said(code).strip() == "[True, False] True"


@pytest.mark.parametrize(
    "use",
    [
        "import rfc3987_syntax as used; used.parse",
        "from rfc3987_syntax import parse, is_valid_syntax",
        "from rfc3987_syntax.syntax_helpers import parse",
    ],
)
def test_who_uses_the_library_finds_it(use):
    parses = "import rfc3987_syntax as r; print(r.parse('iri', 'http://a.b/') is not None)"
    assert said(f"import research_kit.charts; {use}; {parses}").split() == ["True"]


def test_a_library_that_is_loaded_stays_as_it_is():
    code = "import jsonschema, rfc3987_syntax as r, sys, research_kit.charts; print(sys.modules['rfc3987_syntax'] is r)"
    assert said(code).split() == ["True"]
