"""The table of contents of a page: a link to each of its sections."""

from __future__ import annotations

import html
import re

PLACE = "<!--contents-->"
FEWEST = 3  # sections for which a table of contents is worth its place

_TAKEN = ("report", "tip", "chart-settings")  # by the page itself
_HEADING = re.compile(r"<h2(?:\s[^>]*)?>(.*?)</h2>", re.DOTALL | re.IGNORECASE)


def with_contents(page: str) -> str:
    """Return the page with an id for each heading of the second rank, and links to them at ``PLACE``.

    A page of fewer than three sections has no links. Ids are made of the headings' words, each once.

    >>> with_contents("<!--contents--><h2>A</h2><h2>A &amp; <i>b</i></h2>")
    '<h2 id="a">A</h2><h2 id="a-b">A &amp; <i>b</i></h2>'
    """
    found: dict[str, str] = {}

    def mark(heading: re.Match[str]) -> str:
        text = " ".join(html.unescape(re.sub(r"<[^>]*>", "", heading[1])).replace("¶", "").split())
        name = _free(text, found)
        found[name] = text
        return f'<h2 id="{name}">{heading[1]}</h2>'

    marked = _HEADING.sub(mark, page)
    return marked.replace(PLACE, _links(found) if len(found) >= FEWEST else "", 1)


def _free(text: str, taken: dict[str, str]) -> str:
    """Return an id that nothing else of the page has."""
    words = re.sub(r"\W+", "-", text.lower()).strip("-") or "section"
    name, number = words, 1
    while name in taken or name in _TAKEN:
        number += 1
        name = f"{words}-{number}"
    return name


def _links(found: dict[str, str]) -> str:
    lines = [f'<li><a href="#{name}">{html.escape(text)}</a></li>' for name, text in found.items()]
    skip = '<a class="skip" href="#report">Skip the contents</a>'
    return f'{skip}\n<nav class="contents" aria-label="Contents"><ul>\n' + "\n".join(lines) + "\n</ul></nav>\n"
