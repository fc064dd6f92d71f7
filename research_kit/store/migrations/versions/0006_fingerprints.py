"""What a finished backtest is verified with: the sha256 of its trades and of its orders."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ADDED = ("trades_sha256", "orders_sha256")


def upgrade() -> None:
    for name in ADDED:
        op.add_column("backtests", Column(name, sa.String(64), nullable=True))


def downgrade() -> None:
    for name in reversed(ADDED):
        op.drop_column("backtests", name)
