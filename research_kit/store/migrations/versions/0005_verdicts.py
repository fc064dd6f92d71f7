"""What checks of runs and of strategies found."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INDEXED = (("source_sha256", "dataset_sha256"), ("backtest_id",), ("spec_hash",), ("created_at",))


def upgrade() -> None:
    op.create_table(
        "verdicts",
        Column("id", sa.Integer(), nullable=False),
        Column("kind", sa.String(20), nullable=False),
        Column("backtest_id", sa.Integer(), nullable=True),
        Column("source_sha256", sa.String(64), nullable=False),
        Column("dataset_sha256", sa.String(64), nullable=False),
        Column("spec_hash", sa.String(64), nullable=True),
        Column("strategy_name", sa.String(200), nullable=True),
        Column("parameters", sa.JSON(), nullable=True),
        Column("outcome", sa.String(50), nullable=False),
        Column("summary", sa.Text(), nullable=False),
        Column("details", sa.JSON(), nullable=True),
        Column("engine_version", sa.String(50), nullable=True),
        Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('lookahead', 'verify')", name=op.f("ck_verdicts_kind")),
        sa.ForeignKeyConstraint(["backtest_id"], ["backtests.id"], name="fk_verdicts_backtest_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_verdicts"),
        sqlite_autoincrement=True,
    )
    for names in INDEXED:
        op.create_index(f"ix_verdicts_{'_'.join(names)}", "verdicts", list(names))


def downgrade() -> None:
    op.drop_table("verdicts")
