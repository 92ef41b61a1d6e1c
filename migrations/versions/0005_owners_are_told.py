"""Mails that tell owners of incidents, which incidents they told of, and whether a workspace wants them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    # With a default for a moment: what began before this is no news, and only what comes from now on is told of.
    op.add_column(
        "incidents", sa.Column("told_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True)
    )
    op.alter_column("incidents", "told_at", server_default=None)
    op.create_index(
        "ix_incidents_untold",
        "incidents",
        ["workspace_id"],
        postgresql_where=sa.text("told_at IS NULL"),
    )
    op.add_column("workspaces", sa.Column("tells_owners", sa.Boolean(), server_default=sa.text("true"), nullable=False))
    op.create_table(
        "incident_notices",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("incidents", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_incident_notices_user_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_incident_notices_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_notices")),
    )
    op.create_index("ix_incident_notices_workspace_id", "incident_notices", ["workspace_id", "created_at"])
    op.create_index(
        "ix_incident_notices_waiting", "incident_notices", ["id"], postgresql_where=sa.text("queued_at IS NULL")
    )


def downgrade() -> None:
    op.drop_table("incident_notices")
    op.drop_column("workspaces", "tells_owners")
    op.drop_index("ix_incidents_untold", "incidents")
    op.drop_column("incidents", "told_at")
