"""Whether a run can be believed, as far as is known: its headline, its verdicts, buttons for what is missing."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from research_kit.metrics.inference.headline import chance
from research_kit.widgets.parts.background import Background
from research_kit.widgets.parts.part import Note, Part, alert, hint
from research_kit.widgets.parts.words import told

if TYPE_CHECKING:
    from research_kit.runs.run import Run
    from research_kit.runs.trust.verification import Verification

# A sign and a word say it, colour repeats it.
_GOOD, _BAD, _OPEN = ("✓", "rkw-good"), ("✗", "rkw-bad"), ("?", "rkw-open")
_LOOKAHEAD = {"passed": ("none found", _GOOD), "failed": ("found", _BAD), "inconclusive": ("inconclusive", _OPEN)}
_VERIFIED = {
    "verified": ("the same, byte for byte", _GOOD),
    "agrees": ("agrees with an older engine", _GOOD),
    "differs": ("differs", _BAD),
    "failed": ("could not be run again", _BAD),
    "untrusted": ("not run: its source came from elsewhere", _OPEN),
}


class TrustPanel(Part):
    """The headline of a run and its verdicts; the buttons check in the background and keep what they find.

    Parameters
    ----------
    run
        A run; another may be given to ``show``.

    Attributes
    ----------
    run
        The run that is shown, None for none.
    lookahead_button, verify_button, evidence_button
        "Check look-ahead", "Verify" and "Weigh the evidence".
    """

    def __init__(self, run: Run | None = None) -> None:
        super().__init__()
        self.run: Run | None = None
        self.headline, self.verdicts, self.told, self.evidence = Note(), Note(), Note(), Note()
        self.lookahead_button = _button(
            "Check look-ahead", "Ask the strategy again at every bar with nothing later known"
        )
        self.verify_button = _button("Verify", "Run it again from its stored source and data, and compare every byte")
        self.evidence_button = _button("Weigh the evidence", "Luck, costs, conventions, trades, holdout: run.believe()")
        self.buttons = (self.lookahead_button, self.verify_button, self.evidence_button)
        row = w.HBox([self.verdicts, *self.buttons]).add_class("rkw-trust")
        self.body = w.VBox([self.headline, row, self.told, self.evidence, self.note])
        self._line, self._check = Background("headline"), Background("check")
        self._on_click(self.lookahead_button, self.check_lookahead)
        self._on_click(self.verify_button, self.verify)
        self._on_click(self.evidence_button, self.weigh)
        self.body.layout.display = "none"
        if run is not None:
            self.show(run)

    def __repr__(self) -> str:
        return f"TrustPanel({self.run!r})"

    def show(self, run: Run) -> None:
        """Show a run in the place of the one before; what was being checked is still kept, and not shown."""
        verdicts, tries = verdicts_html(run.lookahead, run.verification), tries_html(run)
        self._line.forget()
        self._check.forget()
        self.run = run
        self.body.layout.display = None
        self.verdicts.show(verdicts)
        self._end("")
        self.evidence.show("")
        self.headline.show(tries)
        self._line.start(lambda: str(run.headline), self._show_headline, self._no_headline)

    def check_lookahead(self) -> None:
        """Ask the strategy again at every bar; the verdict is kept with the run."""
        self._begin("Checking look-ahead", lambda run: run.check_lookahead(), self._checked)

    def verify(self) -> None:
        """Run it again from what is stored and compare; the verdict is kept with the run."""
        self._begin("Running it again", lambda run: run.verify(), self._verified)

    def weigh(self) -> None:
        """Gather all the evidence for and against the run."""
        self._begin("Weighing the evidence", lambda run: run.believe()._repr_html_(), self._weighed)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until headline and check have ended, at most so many seconds each; return whether they have."""
        return self._line.wait(timeout) and self._check.wait(timeout)

    def static(self) -> str:
        return self.headline.value + self.verdicts.value

    def close(self) -> None:
        self._line.forget()
        self._check.forget()
        super().close()

    def _begin(self, words: str, work: Callable[[Run], Any], done: Callable[[Any], None]) -> None:
        run = self.run
        if run is None or self._check.is_busy:
            return
        for button in self.buttons:
            button.disabled = True
        self.told.show(f'<div class="rkw-hint" role="status">{escape(words)} … The notebook stays free.</div>')
        self._check.start(lambda: work(run), done, self._failed)

    def _end(self, html: str) -> None:
        self.told.show(html)
        for button in self.buttons:
            button.disabled = False

    def _checked(self, verdict: object) -> None:
        self._refresh(f'<div class="rkw-hint" role="status">{escape(str(verdict))}</div>')

    def _verified(self, found: Verification) -> None:
        self._refresh(f'<div class="rkw-hint" role="status">{escape(str(found))}</div>')

    def _weighed(self, html: str) -> None:
        self._refresh("")
        self.evidence.show(f'<details class="rkw-more" open><summary>Evidence</summary>{html}</details>')
        self._changed()

    def _refresh(self, html: str) -> None:
        if self.run is not None:
            self.verdicts.show(verdicts_html(self.run.lookahead, self.run.verification))
        self._end(html)
        self._changed()

    def _failed(self, error: BaseException) -> None:
        self._end(alert(_words(error)))

    def _show_headline(self, line: str) -> None:
        self.headline.show(f'<div class="rkw-headline" data-testid="headline">{escape(line)}</div>')
        self._changed()

    def _no_headline(self, error: BaseException) -> None:
        self.headline.show(hint(f"There is no headline. {_words(error)}"))


def tries_html(run: Run) -> str:
    """Return how many tries a run's data has seen: what is known at once, until the headline is there."""
    figures = run.metrics
    count, deflated = figures["trials"], chance(figures["deflated_sharpe_ratio"])
    tries = "This is the first thing that was" if count == 1 else f"{count:,} different things were"
    return hint(f"{tries} tried on these bars: deflated Sharpe ratio {deflated}.")


def verdicts_html(lookahead: Any, verification: Verification | None) -> str:
    """Return what the checks of a run found, each with a sign and a word; "not checked" where there was none."""
    seen = ("not checked", _OPEN) if lookahead is None else _LOOKAHEAD[lookahead.outcome]
    same = ("not verified", _OPEN) if verification is None else _VERIFIED[verification.outcome]
    return _chip("Look-ahead", *seen, tip="" if lookahead is None else str(lookahead)) + _chip(
        "Verification", *same, tip="" if verification is None else verification.summary
    )


def _chip(title: str, words: str, sign: tuple[str, str], *, tip: str) -> str:
    mark, look = sign
    told = f' title="{escape(tip)}"' if tip else ""
    return (
        f'<span class="rkw-chip {look}"{told}><span aria-hidden="true">{mark}</span> '
        f"{escape(title)}: <b>{escape(words)}</b></span>"
    )


def _words(error: BaseException) -> str:
    return told(error)


def _button(title: str, tip: str) -> w.Button:
    return w.Button(description=title, tooltip=tip).add_class("rkw-small")
