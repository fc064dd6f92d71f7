"""What users write on finished backtests: tags, a note, a pin."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("backtests", Column("note", sa.Text(), nullable=True))
    op.add_column("backtests", Column("pinned", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index("ix_backtests_pinned", "backtests", ["pinned"])
    op.create_table(
        "backtest_tags",
        Column("backtest_id", sa.Integer(), nullable=False),
        Column("tag", sa.String(50), nullable=False),
        sa.ForeignKeyConstraint(
            ["backtest_id"], ["backtests.id"], name="fk_backtest_tags_backtest_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("backtest_id", "tag", name="pk_backtest_tags"),
    )
    op.create_index("ix_backtest_tags_tag", "backtest_tags", ["tag"])


def downgrade() -> None:
    op.drop_table("backtest_tags")
    op.drop_index("ix_backtests_pinned", "backtests")
    op.drop_column("backtests", "pinned")
    op.drop_column("backtests", "note")
