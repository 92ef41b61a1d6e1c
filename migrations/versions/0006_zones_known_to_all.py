"""Workspaces whose time zone PostgreSQL does not know keep to UTC: statements about all of them would fail."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.execute(
        "UPDATE workspaces SET timezone = 'UTC' "
        "WHERE timezone = 'localtime' OR timezone NOT IN (SELECT name FROM pg_timezone_names)"
    )


def downgrade() -> None:
    pass
