"""Lineage of derived datasets and origin of fetched ones, all of their parents, and locked holdouts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ADDED = ("lineage", "origin", "data_until", "holdout_start")


def upgrade() -> None:
    op.add_column("datasets", Column("lineage", sa.JSON(), nullable=True))
    op.add_column("datasets", Column("origin", sa.JSON(), nullable=True))
    op.add_column("datasets", Column("data_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("datasets", Column("holdout_start", sa.DateTime(timezone=True), nullable=True))

    op.create_table(
        "dataset_parents",
        Column("dataset_id", sa.Integer(), nullable=False),
        Column("parent_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_dataset_parents_dataset_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["datasets.id"], name="fk_dataset_parents_parent_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("dataset_id", "parent_id", name="pk_dataset_parents"),
    )
    op.create_index("ix_dataset_parents_parent_id", "dataset_parents", ["parent_id"])
    op.execute(
        "INSERT INTO dataset_parents (dataset_id, parent_id) "
        "SELECT id, parent_id FROM datasets WHERE parent_id IS NOT NULL"
    )

    op.create_table(
        "holdout_locks",
        Column("id", sa.Integer(), nullable=False),
        Column("dataset_name", sa.String(200), nullable=False),
        Column("start", sa.DateTime(timezone=True), nullable=False),
        Column("forced", sa.Boolean(), nullable=False),
        Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_holdout_locks"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_holdout_locks_dataset_name", "holdout_locks", ["dataset_name"])


def downgrade() -> None:
    op.drop_table("holdout_locks")
    op.drop_table("dataset_parents")
    for name in reversed(ADDED):
        op.drop_column("datasets", name)
