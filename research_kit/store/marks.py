"""What users write on finished backtests, tags, a note, a pin, and how one is deleted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from research_kit.errors import NotFoundError, OptionError
from research_kit.store.database import Database, serialise
from research_kit.store.jobs import delete_job
from research_kit.store.json_values import clean_text
from research_kit.store.records import hidden_sign
from research_kit.store.tables import columns_of

NOTE_LENGTH = 10_000
TAG_LENGTH: int = columns_of("backtest_tags").c["tag"].type.length  # type: ignore[attr-defined]
_BACKTESTS, _TAGS = columns_of("backtests"), columns_of("backtest_tags")


def checked_tags(tags: Iterable[str]) -> list[str]:
    """Return tags as they are kept: in small letters, each once, without spaces around them.

    Raises
    ------
    OptionError
        One is empty, too long, no text, or holds a comma or a character that no screen shows.

    Examples
    --------
    >>> checked_tags(["Trend", " trend ", "to check"])
    ['trend', 'to check']
    """
    if isinstance(tags, str):
        raise OptionError(f"Tags are given one by one or as a list; {tags!r:.100} is one text: give [{tags!r:.100}].")
    return list(dict.fromkeys(_checked_tag(tag) for tag in tags))


def tag_backtest(database: Database, backtest_id: int, tags: Sequence[str]) -> list[str]:
    """Put tags on a backtest and return all that it has, sorted; one that it has already stays."""
    wanted = checked_tags(tags)
    with database.write() as session:
        serialise(session, f"tags of backtest {backtest_id}")
        _check_there(session, backtest_id)
        there = set(_tags_of(session, backtest_id))
        new = [{"backtest_id": backtest_id, "tag": tag} for tag in wanted if tag not in there]
        if new:
            session.execute(sa.insert(_TAGS), new)
        return _tags_of(session, backtest_id)


def untag_backtest(database: Database, backtest_id: int, tags: Sequence[str]) -> list[str]:
    """Take tags off a backtest and return those that are left, sorted; one that it does not have is no error."""
    with database.write() as session:
        _check_there(session, backtest_id)
        query = sa.delete(_TAGS).where(_TAGS.c.backtest_id == backtest_id, _TAGS.c.tag.in_(checked_tags(tags)))
        session.execute(query)
        return _tags_of(session, backtest_id)


def set_note(database: Database, backtest_id: int, note: str) -> None:
    """Write a note on a backtest in the place of the one before; an empty one takes it away."""
    if not isinstance(note, str) or len(note) > NOTE_LENGTH:
        what = f"{len(note):,} characters" if isinstance(note, str) else repr(note)[:100]
        raise OptionError(f"A note is a text of at most {NOTE_LENGTH:,} characters; given was {what}.")
    _change(database, backtest_id, note=clean_text(note.strip()) or None)


def set_pin(database: Database, backtest_id: int, pinned: bool) -> None:
    """Pin a backtest, or take the pin off."""
    _change(database, backtest_id, pinned=bool(pinned))


def count_tags(database: Database) -> dict[str, int]:
    """Return every tag that is in use with the number of its backtests, sorted by name."""
    query = sa.select(_TAGS.c.tag, sa.func.count()).group_by(_TAGS.c.tag).order_by(_TAGS.c.tag)
    with database.read() as session:
        return {str(tag): int(count) for tag, count in session.execute(query)}


def delete_backtest(database: Database, backtest_id: int) -> None:
    """Delete a backtest with its job, trades, metrics, tags and note; its trial stays counted, as deleted."""
    with database.read() as session:
        _check_there(session, backtest_id)
        job_id = session.scalar(sa.select(_BACKTESTS.c.backtest_job_id).where(_BACKTESTS.c.id == backtest_id))
    if job_id is not None:
        delete_job(database, job_id)
        return
    with database.write() as session:  # of another program, which had no jobs for it
        session.execute(sa.delete(_BACKTESTS).where(_BACKTESTS.c.id == backtest_id))


def _checked_tag(tag: str) -> str:
    word = tag.strip().lower() if isinstance(tag, str) else ""
    if not word or len(word) > TAG_LENGTH or "," in word or hidden_sign(word):
        raise OptionError(
            f"A tag has 1 to {TAG_LENGTH} characters that can be seen, without a comma; {tag!r:.100} is none. "
            "Give one such as 'trend'."
        )
    return word


def _change(database: Database, backtest_id: int, **values: Any) -> None:
    with database.write() as session:
        _check_there(session, backtest_id)
        session.execute(sa.update(_BACKTESTS).where(_BACKTESTS.c.id == backtest_id).values(**values))


def _check_there(session: Session, backtest_id: int) -> None:
    if session.scalar(sa.select(_BACKTESTS.c.id).where(_BACKTESTS.c.id == backtest_id)) is None:
        raise NotFoundError(f"There is no backtest {backtest_id}.")


def _tags_of(session: Session, backtest_id: int) -> list[str]:
    return sorted(session.scalars(sa.select(_TAGS.c.tag).where(_TAGS.c.backtest_id == backtest_id)))
