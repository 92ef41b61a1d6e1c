"""Suppressions say who told that somebody left: mail and webhooks were written down as the mail program's button."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# The suppression is written a moment before the consent record, which knows it and takes no change itself.
TOLD = """
UPDATE suppressions s SET evidence = c.evidence ->> 'by' FROM consent_events c
WHERE s.reason = 'unsubscribed' AND s.evidence = 'one-click' AND s.list_id IS NULL
      AND c.workspace_id = s.workspace_id AND c.address_hash = s.address_hash
      AND c.action = 'withdrawn' AND c.source = 'one-click' AND c.list_id IS NULL
      AND (c.evidence ->> 'by' = 'mail' OR c.evidence ->> 'by' LIKE 'webhook:%')
      AND c.at BETWEEN s.created_at AND s.created_at + interval '5 seconds'
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.execute(TOLD)


def downgrade() -> None:
    """Nothing: the version before shows these words as they are."""
