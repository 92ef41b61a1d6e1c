"""When a burst was noticed, which may be long after it began, and when the last of one told late failed."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.add_column(
        "incidents", sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)
    )
    op.execute("UPDATE incidents SET opened_at = began_at")
    op.add_column("incidents", sa.Column("last_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("incidents", "last_at")
    op.drop_column("incidents", "opened_at")
