"""What a notebook run is a part of, what it depends on, and who runs it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ADDED = [
    "batch",
    "position",
    "inputs_hash",
    "worker_id",
    "lease_token",
    "heartbeat_at",
    "attempt",
    "actual_duration",
    "cancel_requested",
]


def upgrade() -> None:
    op.add_column("notebook_runs", Column("batch", sa.String(200), nullable=True))
    # by hand: with their checks, which SQLite takes in the definition of a new column only
    _add_number("position", "INTEGER")
    op.add_column("notebook_runs", Column("inputs_hash", sa.String(64), nullable=True))
    op.add_column("notebook_runs", Column("worker_id", sa.String(100), nullable=True))
    op.add_column("notebook_runs", Column("lease_token", sa.String(32), nullable=True))
    op.add_column("notebook_runs", Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True))
    _add_number("attempt", "INTEGER DEFAULT 0 NOT NULL")
    op.add_column("notebook_runs", Column("actual_duration", sa.Float(), nullable=True))
    op.add_column("notebook_runs", Column("cancel_requested", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index("ix_notebook_runs_batch", "notebook_runs", ["batch"])
    op.create_index("ix_notebook_runs_inputs_hash", "notebook_runs", ["inputs_hash"])


def downgrade() -> None:
    op.drop_index("ix_notebook_runs_inputs_hash", "notebook_runs")
    op.drop_index("ix_notebook_runs_batch", "notebook_runs")
    for name in reversed(ADDED):
        op.drop_column("notebook_runs", name)


def _add_number(name: str, kind: str) -> None:
    op.execute(
        f"ALTER TABLE notebook_runs ADD COLUMN {name} {kind} CONSTRAINT ck_notebook_runs_{name} CHECK ({name} >= 0)"
    )
