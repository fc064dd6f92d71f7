"""What stays in the notebook of a live view: the same as plain HTML, hidden as long as the view itself is there.

A saved widget is a name that only its kernel knows: opened later, or exported, it is an error or nothing. So a second
output stands beside it. The live view brings the rule that hides it; where the view is gone, the rule is gone too. The
state of widgets is not saved: it would bring megabytes into each notebook, and numbers that are not the last ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from itertools import count
from typing import Any

import ipywidgets as w

# A live view that cannot be found again says so in words that help nobody: they are hidden, too.
_STYLE = """<style>
.jp-OutputArea-child:has(+ .jp-OutputArea-child .rkw-static) > .jupyter-widgets:not(:has(*)) { display: none; }
.rkw-static { line-height: 1.4; font-size: 13px; max-width: 1100px; }
.rkw-static h3 { margin: 0 0 4px; font-size: 15px; font-weight: 600; }
.rkw-static p { margin: 2px 0 6px; }
.rkw-static table { border-collapse: collapse; margin: 6px 0; font-size: 12px; font-variant-numeric: tabular-nums; }
.rkw-static :is(th, td) { padding: 2px 14px 2px 0 !important; text-align: left !important; vertical-align: top; }
.rkw-static .rkw-faint { opacity: .75; font-size: 12px; }
.rkw-static svg { display: block; width: 100%; max-width: 900px; height: auto; }
.rkw-static pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 4px 0; font-size: 12px; }
</style>"""
_NUMBERS = count(1)


class KeptView:
    """The static copy of one view; ``hider`` is the widget that hides it while the view lives."""

    def __init__(self) -> None:
        self._name = ""
        self._shown: tuple[str, str] | None = None
        self.hider = w.HTML(layout={"display": "none"})

    @property
    def is_displayed(self) -> bool:
        """Whether a cell shows the view."""
        return self._shown is not None

    def display(self, live: Mapping[str, Any], html: str) -> None:
        """Show a live view, and beside it the same as plain HTML."""
        self._name = _name()
        rule = f".jp-OutputArea-child:has(.{self._name}), .{self._name} {{ display: none !important; }}"
        self.hider.value = f"<style>{rule}</style>"
        # Empty HTML: an exporter that leaves widgets out takes it, and not the text as well as the copy.
        _publish({**live, "text/html": "<!-- the live view; its copy stands below -->"})
        text = str(live.get("text/plain", ""))
        self._shown = (html, text)
        _publish(self._bundle(html, text), transient={"display_id": self._name})

    def update(self, html: str, text: str) -> None:
        """Put what is shown now in the place of the copy; nothing happens where it is the same."""
        if (html, text) != self._shown:
            self._shown = (html, text)
            _publish(self._bundle(html, text), transient={"display_id": self._name}, update=True)

    def _bundle(self, html: str, text: str) -> dict[str, str]:
        return {"text/html": f'<div class="rkw-static {self._name}">{_STYLE}{html}</div>', "text/plain": text}


def _publish(bundle: Mapping[str, Any], **how: Any) -> None:
    from IPython.display import publish_display_data

    publish_display_data(dict(bundle), **how)  # type: ignore[no-untyped-call]


def _name() -> str:
    """Return a name that no other view has, in this notebook; the same where the same cells are run again."""
    from IPython import get_ipython

    cells = getattr(get_ipython(), "user_ns", {}).get("In") or [""]
    return f"rkw-static-{sha256(f'{next(_NUMBERS)} {cells[-1]}'.encode()).hexdigest()[:12]}"
