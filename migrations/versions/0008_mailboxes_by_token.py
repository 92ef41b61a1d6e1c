"""Mailboxes that are signed in to by OAuth 2.0: what is asked for a token, and the last one given."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.add_column("mailboxes", sa.Column("login", sa.Text(), server_default="password", nullable=False))
    op.add_column(
        "mailboxes",
        sa.Column("oauth", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column("mailboxes", sa.Column("oauth_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("mailboxes", sa.Column("access_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("mailboxes", sa.Column("access_until", sa.DateTime(timezone=True), nullable=True))
    # A version still running would send an empty password for these, which is refused, and ask no more until a change.
    op.create_check_constraint(
        op.f("ck_mailboxes_login"),
        "mailboxes",
        "login IN ('password', 'microsoft_app', 'microsoft', 'google', 'other')",
    )


def downgrade() -> None:
    for column in ("access_until", "access_sealed", "oauth_sealed", "oauth", "login"):
        op.drop_column("mailboxes", column)
