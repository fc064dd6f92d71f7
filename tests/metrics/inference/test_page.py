"""The numbers that docs/inference.md shows behind its examples are their values."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "inference.md"
SHOWN = re.compile(r"^(?P<code>\S.*?\S)\s+# (?P<value>-?\d+(?:\.\d+)?|array\(.*\)|Sharpe .*)(?=$|:)", re.MULTILINE)


def test_values_are_what_the_page_says(capsys):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    names: dict[str, object] = {}
    checked = 0
    for block in blocks:
        if "ws." in block:
            continue  # needs a workspace; tests/test_docs.py runs it
        exec(block, names)
        for shown in SHOWN.finditer(block):
            capsys.readouterr()
            value = eval(shown["code"], names)
            if shown["value"][0].isalpha():
                assert shown["value"] in (repr(value), capsys.readouterr().out.strip())
            else:
                digits = len(shown["value"].partition(".")[2])
                assert round(float(value), digits) == pytest.approx(float(shown["value"]))
            checked += 1
    assert checked >= 7
