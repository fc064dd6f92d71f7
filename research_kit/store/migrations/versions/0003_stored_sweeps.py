"""What identifies a sweep and who works on it, and which sets it has."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KIND, FAILED = "kind IN ('sweep', 'walk_forward')", "failed_sets >= 0"
ADDED = (
    "kind strategy_class dataset_sha256 sets_hash seed settings failed_sets best_spec_hash actual_duration worker_id "
    "lease_token heartbeat_at cancel_requested"
)
COUNT = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    # by hand: with their checks, which SQLite takes in the definition of a new column only
    op.execute(
        "ALTER TABLE sweeps ADD COLUMN kind VARCHAR(20) DEFAULT 'sweep' NOT NULL "
        f"CONSTRAINT ck_sweeps_kind CHECK ({KIND})"
    )
    op.add_column("sweeps", Column("strategy_class", sa.String(500), nullable=True))
    op.add_column("sweeps", Column("dataset_sha256", sa.String(64), nullable=True))
    op.add_column("sweeps", Column("sets_hash", sa.String(64), nullable=True))
    op.add_column("sweeps", Column("seed", COUNT, nullable=True))
    op.add_column("sweeps", Column("settings", sa.JSON(), nullable=True))
    op.execute(
        "ALTER TABLE sweeps ADD COLUMN failed_sets INTEGER DEFAULT 0 NOT NULL "
        f"CONSTRAINT ck_sweeps_failed_sets CHECK ({FAILED})"
    )
    op.add_column("sweeps", Column("best_spec_hash", sa.String(64), nullable=True))
    op.add_column("sweeps", Column("actual_duration", sa.Float(), nullable=True))
    op.add_column("sweeps", Column("worker_id", sa.String(100), nullable=True))
    op.add_column("sweeps", Column("lease_token", sa.String(32), nullable=True))
    op.add_column("sweeps", Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("sweeps", Column("cancel_requested", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index("ix_sweeps_sets_hash", "sweeps", ["sets_hash"])

    op.create_table(
        "sweep_sets",
        Column("sweep_id", sa.Integer(), nullable=False),
        Column("position", sa.Integer(), nullable=False),
        Column("spec_hash", sa.String(64), nullable=False),
        sa.CheckConstraint("position >= 0", name=op.f("ck_sweep_sets_position")),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], name="fk_sweep_sets_sweep_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sweep_id", "position", name="pk_sweep_sets"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_sweep_sets_spec_hash", "sweep_sets", ["spec_hash"])
    op.add_column("trials", Column("engine_version", sa.String(50), nullable=True))
    _store("EXTERNAL", "SET (toast_tuple_target = 8160)")


def downgrade() -> None:
    _store("EXTENDED", "RESET (toast_tuple_target)")
    op.drop_column("trials", "engine_version")
    op.drop_table("sweep_sets")
    op.drop_index("ix_sweeps_sets_hash", "sweeps")
    for name in reversed(ADDED.split()):
        op.drop_column("sweeps", name)


def _store(returns: str, rows: str) -> None:
    """Say whether PostgreSQL tries to compress trials: it takes as long as writing them and gains nothing."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE trials ALTER COLUMN daily_returns SET STORAGE {returns}")
        op.execute(f"ALTER TABLE trials {rows}")
