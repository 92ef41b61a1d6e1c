"""Indexes for incoming mail by workspace and message, and for attempts and events by time."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.create_index("ix_incoming_mails_workspace_id", "incoming_mails", ["workspace_id", "id"])
    op.create_index("ix_incoming_mails_message_id", "incoming_mails", ["message_id"])
    op.create_index(
        "ix_incoming_mails_to_forward",
        "incoming_mails",
        ["id"],
        postgresql_where=sa.text("kind = 'reply' AND forwarded_at IS NULL"),
    )
    op.create_index("ix_attempts_at", "attempts", ["at"], postgresql_using="brin")
    op.create_index("ix_events_at", "events", ["at"], postgresql_using="brin")
