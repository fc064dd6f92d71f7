"""Something that is shown below its title, or folded away; the title is a button, so keys open it, too."""

from __future__ import annotations

import ipywidgets as w

from research_kit.widgets.parts.part import Part


class Fold(Part):
    """A title, and what belongs to it where ``is_open``; an Accordion's titles cannot be reached by keys.

    Parameters
    ----------
    title
        Any text.
    child
        The widget below.
    is_open
        Whether it is shown at first.
    """

    def __init__(self, title: str, child: w.Widget, *, is_open: bool = False) -> None:
        super().__init__()
        self.button = w.Button(description=title).add_class("rkw-fold")
        self.place = w.Box([child]).add_class("rkw-folded")
        head = w.HBox([self.button]).add_class("rkw-head")
        self.body = w.VBox([head, self.place, self.note])
        self._on_click(self.button, self.toggle)
        self._show(is_open)

    def __repr__(self) -> str:
        return f"Fold({self.title!r}, {'open' if self.is_open else 'closed'})"

    @property
    def title(self) -> str:
        found: str = self.button.description
        return found

    @title.setter
    def title(self, text: str) -> None:
        self.button.description = text

    @property
    def is_open(self) -> bool:
        """Whether what belongs to the title is shown; may be set."""
        return bool(self.place.layout.display != "none")

    @is_open.setter
    def is_open(self, is_open: bool) -> None:
        if is_open != self.is_open:
            self._show(is_open)
            self._changed()

    def toggle(self) -> None:
        """Fold it away where it is open, open it where it is not."""
        self.is_open = not self.is_open

    def _show(self, is_open: bool) -> None:
        self.place.layout.display = None if is_open else "none"
        self.button.icon = "caret-down" if is_open else "caret-right"
        self.button.tooltip = "Fold it away" if is_open else "Open it"
