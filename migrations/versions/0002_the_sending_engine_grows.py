"""Providers, ranks and times of messages; transports in tiers; signing keys, warm-up and MX; limits per person."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.create_table(
        "mailbox_domains",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("mx", sa.Text(), server_default="", nullable=False),
        sa.Column("fault", sa.Text(), server_default="", nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("good_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_mailbox_domains")),
    )
    op.create_table(
        "sending_domains",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("is_signing", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("with_ed25519", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_sending_domains_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sending_domains")),
        sa.UniqueConstraint("workspace_id", "domain", name=op.f("uq_sending_domains_workspace_id_domain")),
    )
    op.create_table(
        "signing_keys",
        sa.Column("domain_id", sa.BigInteger(), nullable=False),
        sa.Column("selector", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("private_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("public", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("algorithm IN ('rsa-sha256', 'ed25519-sha256')", name=op.f("ck_signing_keys_algorithm")),
        sa.CheckConstraint("state IN ('next', 'active', 'retired')", name=op.f("ck_signing_keys_state")),
        sa.ForeignKeyConstraint(
            ["domain_id"], ["sending_domains.id"], name=op.f("fk_signing_keys_domain_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_signing_keys_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_keys")),
        sa.UniqueConstraint("domain_id", "selector", name=op.f("uq_signing_keys_domain_id_selector")),
    )
    op.create_index(
        "uq_signing_keys_active",
        "signing_keys",
        ["domain_id", "algorithm"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "warm_ups",
        sa.Column("transport_id", sa.BigInteger(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("first_cap", sa.BigInteger(), nullable=False),
        sa.Column("growth", sa.Double(), server_default=sa.text("1.4"), nullable=False),
        sa.Column("full", sa.BigInteger(), nullable=False),
        sa.Column("is_paused", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transport_id"], ["transports.id"], name=op.f("fk_warm_ups_transport_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_warm_ups_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warm_ups")),
        sa.UniqueConstraint(
            "workspace_id", "transport_id", "domain", name=op.f("uq_warm_ups_workspace_id_transport_id_domain")
        ),
    )
    op.create_table(
        "warm_up_days",
        sa.Column("warm_up_id", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cap", sa.BigInteger(), nullable=False),
        sa.Column("sent", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("deferred", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("bounced", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("complained", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["warm_up_id"], ["warm_ups.id"], name=op.f("fk_warm_up_days_warm_up_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_warm_up_days_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warm_up_days")),
        sa.UniqueConstraint("warm_up_id", "provider", "day", name=op.f("uq_warm_up_days_warm_up_id_provider_day")),
    )
    op.add_column("campaigns", sa.Column("stream", sa.Text(), server_default="marketing", nullable=False))
    op.add_column("campaigns", sa.Column("transport_id", sa.BigInteger(), nullable=True))
    op.add_column("campaigns", sa.Column("weight", sa.BigInteger(), server_default=sa.text("1"), nullable=False))
    op.add_column(
        "campaigns",
        sa.Column("timing", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column("campaigns", sa.Column("corrects_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_campaigns_corrects_id"), "campaigns", "campaigns", ["corrects_id"], ["id"], ondelete="SET NULL"
    )
    op.create_foreign_key(
        op.f("fk_campaigns_transport_id"), "campaigns", "transports", ["transport_id"], ["id"], ondelete="SET NULL"
    )
    op.add_column("messages", sa.Column("provider", sa.Text(), server_default="", nullable=False))
    op.add_column("messages", sa.Column("rank", sa.SmallInteger(), server_default=sa.text("0"), nullable=False))
    op.drop_index(op.f("ix_messages_subscriber_id"), table_name="messages")
    op.drop_constraint(op.f("uq_messages_campaign_id_subscriber_id"), "messages")
    op.create_unique_constraint(
        op.f("uq_messages_subscriber_id_campaign_id"), "messages", ["subscriber_id", "campaign_id"]
    )
    op.drop_index(op.f("ix_messages_deferred"), table_name="messages", postgresql_where="(state = 'deferred'::text)")
    op.drop_index(op.f("ix_messages_planned"), table_name="messages", postgresql_where="(state = 'planned'::text)")
    op.create_index(
        "ix_messages_at_once",
        "messages",
        ["campaign_id", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'planned' AND next_attempt_at IS NULL"),
    )
    op.create_index(
        "ix_messages_by_provider",
        "messages",
        ["campaign_id", "provider", "rank", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'planned' AND next_attempt_at IS NULL"),
    )
    op.create_index(
        "ix_messages_due",
        "messages",
        ["campaign_id", "next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('planned', 'deferred') AND next_attempt_at IS NOT NULL"),
    )
    op.add_column("runs", sa.Column("transport_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "transports",
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column("transports", sa.Column("stream", sa.Text(), server_default="", nullable=False))
    op.add_column("transports", sa.Column("tier", sa.BigInteger(), server_default=sa.text("1"), nullable=False))
    op.add_column("transports", sa.Column("weight", sa.BigInteger(), server_default=sa.text("1"), nullable=False))
    op.add_column("transports", sa.Column("is_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False))
    op.add_column("transports", sa.Column("signs", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("transports", sa.Column("score", sa.Double(), server_default=sa.text("1"), nullable=False))
    op.add_column("transports", sa.Column("failures", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("transports", sa.Column("open_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("transports", sa.Column("last_words", sa.Text(), server_default="", nullable=False))
    op.drop_index(op.f("uq_transports_default"), table_name="transports", postgresql_where="is_default")
    op.create_index("ix_transports_workspace_id", "transports", ["workspace_id"], unique=False)
    op.drop_column("transports", "is_default")
    op.add_column("workspaces", sa.Column("quiet_from", sa.Text(), server_default="", nullable=False))
    op.add_column("workspaces", sa.Column("quiet_to", sa.Text(), server_default="", nullable=False))
    op.add_column("workspaces", sa.Column("most_messages", sa.BigInteger(), nullable=True))
    op.add_column("workspaces", sa.Column("most_days", sa.BigInteger(), server_default=sa.text("7"), nullable=False))
    op.add_column("workspaces", sa.Column("least_hours", sa.BigInteger(), nullable=True))
    op.add_column("workspaces", sa.Column("weight", sa.BigInteger(), server_default=sa.text("1"), nullable=False))
    op.drop_constraint(op.f("ck_transports_kind"), "transports")
    op.alter_column("transports", "host", server_default="")
    op.alter_column("transports", "port", server_default=sa.text("0"))
    op.alter_column("transports", "security", server_default="tls")
    op.create_check_constraint(
        op.f("ck_transports_stream"), "transports", "stream IN ('', 'marketing', 'transactional')"
    )
