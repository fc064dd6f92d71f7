"""What tables are made of: words, types that no NaN can enter, checks; and the one metadata of all tables."""

import math
from datetime import UTC, datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlmodel import SQLModel

JOB_STATES = ("pending", "running", "completed", "failed", "cancelled")
FINAL_STATES = ("completed", "failed", "cancelled")
TRIAL_STATES = ("completed", "failed", "cancelled", "deleted")
SWEEP_KINDS = ("sweep", "walk_forward")
TRIAL_KINDS = ("run", "sweep", "walk_forward", "notebook")
VERDICT_KINDS = ("lookahead", "verify")
STRATEGY_ORIGINS = ("builtin", "workspace", "module", "notebook")
SIDES = ("long", "short")

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


def now() -> datetime:
    """Return the time of this machine's clock, aware UTC."""
    return datetime.now(UTC)


class FiniteFloat(sa.types.TypeDecorator[float]):
    """A float column that NaN and infinity cannot enter: both become NULL."""

    impl = sa.Float
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> float | None:
        if value is None:
            return None
        number = float(value)
        return number if math.isfinite(number) else None


JSON_VALUE = sa.JSON(none_as_null=True)
COUNT = sa.Integer().with_variant(sa.BigInteger(), "postgresql")  # rows pass 2**31; SQLite's integers are wide
IDS_FOR_EVER = {"sqlite_autoincrement": True}  # the id of a deleted row is never given to another


class Table(SQLModel):
    """What all tables share: metadata of their own, so that the SQLModel tables of a notebook never mix with these."""

    metadata: ClassVar[sa.MetaData] = sa.MetaData(naming_convention=_NAMES)


def one_of(column: str, allowed: tuple[str, ...]) -> sa.CheckConstraint:
    """Return the check that a text column holds one of these words."""
    words = ", ".join(f"'{word}'" for word in allowed)
    return sa.CheckConstraint(f"{column} IN ({words})", name=column)


def at_least_zero(*columns: str) -> list[sa.CheckConstraint]:
    """Return, for each column, the check that it is NULL or not negative."""
    return [sa.CheckConstraint(f"{column} >= 0", name=column) for column in columns]


def fraction(*columns: str) -> list[sa.CheckConstraint]:
    """Return, for each column, the check that it is NULL or between 0 and 1."""
    return [sa.CheckConstraint(f"{column} BETWEEN 0 AND 1", name=column) for column in columns]


def columns_of(table: str) -> sa.Table:
    """Return the Core table of this name, for statements that write many rows."""
    return Table.metadata.tables[table]
