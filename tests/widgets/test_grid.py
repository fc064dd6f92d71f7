"""The page of a table: what it knows, what it is told, and what it refuses."""

import pytest

from research_kit.errors import OptionError
from research_kit.widgets.parts.fold import Fold
from research_kit.widgets.parts.grid import Column, Grid, Row
from research_kit.widgets.parts.part import hint


@pytest.fixture
def grid():
    return Grid("Things", [Column("id", "Id"), Column("name", "Name", "text")], openable=True)


def test_a_page_is_sent_as_texts(grid):
    grid.show([Row(7, ["7", "<b>"], "thing 7")], "1 of 1", has_next=True)
    assert grid.rows == [{"key": 7, "cells": ["7", "<b>"], "name": "thing 7"}]
    assert (grid.told, grid.has_next, grid.has_previous) == ("1 of 1", True, False)


def test_what_users_do_is_told_to_whoever_listens(grid):
    heard = []
    grid.on_event(heard.append)
    grid.tell(do="open", row=7)
    grid._heard(grid, {"do": "choose", "row": 7, "on": True}, [])  # as it comes from the browser
    assert heard == [{"do": "open", "row": 7}, {"do": "choose", "row": 7, "on": True}]


@pytest.mark.parametrize("message", [None, "open", [], {}, {"do": "open"}, {"do": "delete", "row": 1}, {"do": None}])
def test_what_no_table_says_is_not_heard(grid, message):
    grid.on_event(lambda event: pytest.fail(f"heard {event}"))
    grid._heard(grid, message, [])


def test_an_unknown_event_is_refused(grid):
    with pytest.raises(OptionError, match="Did you mean 'open'"):
        grid.tell(do="opne", row=1)


def test_a_closed_table_tells_nobody(grid):
    grid.on_event(lambda event: pytest.fail(f"heard {event}"))
    grid.close()
    grid.tell(do="open", row=1)


def test_a_fold_opens_and_tells():
    from ipywidgets import HTML

    told = []
    fold = Fold("More", HTML(hint("inside")))
    fold.on_change(lambda: told.append(fold.is_open))
    assert (fold.is_open, fold.button.icon, fold.place.layout.display) == (False, "caret-right", "none")
    fold.button.click()
    assert (fold.is_open, fold.button.icon, fold.place.layout.display) == (True, "caret-down", None)
    fold.is_open = True
    fold.is_open = False
    assert told == [True, False]
    fold.title = "Less"
    assert repr(fold) == "Fold('Less', closed)"
