"""What checks found: recorded for ever, the newest is the one that counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from research_kit.store.database import Database
from research_kit.store.json_values import to_json
from research_kit.store.records import check_word, row_of
from research_kit.store.states import insert_row
from research_kit.store.tables import VERDICT_KINDS, Verdict, columns_of

_VERDICTS = columns_of("verdicts")


@dataclass(frozen=True, kw_only=True)
class NewVerdict:
    """What a check found; the fields are the columns of ``verdicts``.

    ``backtest_id`` is the run that was checked, ``spec_hash`` that run's, ``parameters`` those of the strategy;
    ``outcome`` is one word, ``summary`` one sentence, ``details`` anything that has a JSON form.
    """

    kind: str
    source_sha256: str
    dataset_sha256: str
    outcome: str
    summary: str
    engine_version: str
    details: Mapping[str, Any] = field(default_factory=dict)
    backtest_id: int | None = None
    spec_hash: str | None = None
    strategy_name: str | None = None
    parameters: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        check_word("kind", self.kind, VERDICT_KINDS)


def record_verdict(database: Database, verdict: NewVerdict) -> int:
    """Keep what a check found and return the id of its row."""
    row = row_of("verdicts", verdict)
    with database.write() as session:
        return insert_row(session, _VERDICTS, row)


def find_verdict(database: Database, kind: str, **where: Any) -> Verdict | None:
    """Return the newest verdict of a kind whose columns have these values, None where there is none.

    ``find_verdict(database, "lookahead", source_sha256=a, dataset_sha256=b, parameters={"fast": 10})``
    """
    wanted = to_json(where.pop("parameters", None))
    with database.read() as session:
        for row in session.exec(_query(kind, where)):
            if wanted is None or row.parameters == wanted:
                return row
    return None


def list_verdicts(database: Database, kind: str, **where: Any) -> list[Verdict]:
    """Return the verdicts of a kind whose columns have these values, newest first, with their details."""
    with database.read() as session:
        return list(session.exec(_query(kind, where)))


def _query(kind: str, where: Mapping[str, Any]) -> SelectOfScalar[Verdict]:
    check_word("kind", kind, VERDICT_KINDS)
    for name in where:
        check_word("column", name, list(_VERDICTS.c.keys()))
    same = [_VERDICTS.c[name] == value for name, value in where.items()]
    return select(Verdict).where(_VERDICTS.c.kind == kind, *same).order_by(col(Verdict.id).desc())
