"""Private mail that mailboxes held beside ours, and that was kept until now, is forgotten: it is where it came from."""

from alembic import op

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.execute(
        """
        DELETE FROM incoming_mails
        WHERE source LIKE 'mailbox:%' AND message_id IS NULL AND handled_at IS NOT NULL
            AND kind IN ('none', 'reply', 'autoreply', 'challenge', 'list')
            AND note = 'no token of ours; nothing was changed'
            AND COALESCE(facts ->> 'evidence', '') NOT LIKE 'could not be read%'
        """
    )


def downgrade() -> None:
    """Nothing to take back: the mails are in their mailboxes."""
