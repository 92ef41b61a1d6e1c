"""What a transport puts off for everybody, and what comes back late, are counted in columns of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

COLUMNS = ("own", "late")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    # Empty: counted by the former rules. What is empty is counted anew by the watch, a month with each look
    # (recount_former in watch/rollup.py).
    for name in COLUMNS:
        op.add_column("watch_hours", sa.Column(name, sa.BigInteger()))
    op.create_index("ix_watch_hours_former", "watch_hours", ["hour"], postgresql_where=sa.text("own IS NULL"))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_index("ix_watch_hours_former", "watch_hours")
    for name in COLUMNS:
        op.drop_column("watch_hours", name)
