"""Other ways in than our own listener, points of temporary bounces, and incidents in which none is believed at once."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import HasId, Model, Stamped, WorkspaceOwned


class Mailbox(HasId, Stamped, WorkspaceOwned, Model):
    """A mailbox elsewhere that bounces and replies go to, polled by IMAP or POP3."""

    __tablename__ = "mailboxes"
    __table_args__ = (
        CheckConstraint("kind IN ('imap', 'pop3')", name="kind"),
        CheckConstraint("security IN ('none', 'starttls', 'tls')", name="security"),
        CheckConstraint("login IN ('password', 'microsoft_app', 'microsoft', 'google', 'other')", name="login"),
    )

    kind: Mapped[str]
    host: Mapped[str]
    port: Mapped[int]
    security: Mapped[str]
    username: Mapped[str]
    password_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """Encrypted with a key derived from the secret key; never shown again. Of an empty one where there is a token."""
    login: Mapped[str] = mapped_column(server_default="password", default="password")
    """By password, or by whose access token (OAuth 2.0)."""
    oauth: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    """What of it is no secret: client_id, tenant, token_url, scope."""
    oauth_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The client secret and the refresh token, encrypted; providers may give a new refresh token at any time."""
    access_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The access token of last time, encrypted."""
    access_until: Mapped[datetime | None]
    folder: Mapped[str] = mapped_column(server_default="INBOX", default="INBOX")
    done_folder: Mapped[str] = mapped_column(server_default="Merpati", default="Merpati")
    """Where mail goes that was understood; what was not stays where it is."""
    every_minutes: Mapped[int] = mapped_column(server_default=text("5"), default=5)
    is_enabled: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    progress: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    """How far it was read: {"uidvalidity": n, "uid": n} or the UIDLs seen."""
    checked_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    last_words: Mapped[str] = mapped_column(server_default="", default="")


class Webhook(HasId, Stamped, WorkspaceOwned, Model):
    """An address of ours at which a provider reports what became of mail."""

    __tablename__ = "webhooks"

    kind: Mapped[str]
    """ses, sendgrid, mailgun, postmark, sparkpost, brevo, resend or generic."""
    name: Mapped[str]
    public_id: Mapped[str] = mapped_column(unique=True)
    """Stands in its address; it is no secret."""
    secret_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    options: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    """What a kind needs besides: a topic, a public key, a user name."""
    is_enabled: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    heard_at: Mapped[datetime | None]
    refused: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    """Calls whose signature or time was wrong."""
    last_refusal: Mapped[str] = mapped_column(server_default="", default="")


class WebhookEvent(HasId, WorkspaceOwned, Model):
    """One report of a provider, stored before anything is made of it. The key makes a repeat the same row."""

    __tablename__ = "webhook_events"
    __table_args__ = (
        UniqueConstraint("webhook_id", "key"),
        Index("ix_webhook_events_waiting", "id", postgresql_where=text("handled_at IS NULL")),
        Index("ix_webhook_events_received_at", "received_at"),
    )

    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    key: Mapped[str]
    """The provider's id of the event, or a digest of message, recipient, type and time."""
    received_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    type: Mapped[str] = mapped_column(server_default="")
    body: Mapped[dict[str, Any]]
    """The event as it was sent."""
    message_id: Mapped[int | None]
    handled_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(server_default="")


class WebhookToken(Model):
    """What opened the door for one call and opens it for no other: kept wherever the signing key was entered."""

    __tablename__ = "webhook_tokens"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """Of the token, by the signing key: the same key at another webhook is the same door."""
    call: Mapped[bytes] = mapped_column(LargeBinary)
    """A digest of what it came with: that may come again."""
    forget_at: Mapped[datetime]


class BouncePoint(WorkspaceOwned, Model):
    """A day on which mail to an address failed for a while; one at most a day, whatever else comes."""

    __tablename__ = "bounce_points"

    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    address_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    message_id: Mapped[int | None]
    reason: Mapped[str]
    evidence: Mapped[str] = mapped_column(server_default="")


class Incident(HasId, WorkspaceOwned, Model):
    """Something wrong with us in the eyes of a provider, or a burst that is not to be believed yet."""

    __tablename__ = "incidents"
    __table_args__ = (
        Index("ix_incidents_open", "workspace_id", "provider", "reason", postgresql_where=text("ended_at IS NULL")),
        Index(
            "ix_incidents_untold",
            "workspace_id",
            postgresql_where=text("told_at IS NULL"),
        ),
    )

    kind: Mapped[str]
    """blocked (they refuse us), burst (many fail alike), complaints (the guard), change (a rate far from its past)"""
    provider: Mapped[str] = mapped_column(server_default="", default="")
    reason: Mapped[str] = mapped_column(server_default="", default="")
    domain: Mapped[str] = mapped_column(server_default="", default="")
    transport_id: Mapped[int | None]
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    began_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    opened_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    """When it was noticed: long after it began, where a burst was told of late."""
    last_at: Mapped[datetime | None]
    """The last failure of a burst that was told of late; None while it may go on."""
    seen_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    ended_at: Mapped[datetime | None]
    count: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    of: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    """Out of how many attempts or deliveries."""
    words: Mapped[str] = mapped_column(server_default="", default="")
    """A reply as the provider gave it."""
    action: Mapped[str] = mapped_column(server_default="", default="")
    """What was done by itself: held, paused, slowed, or nothing."""
    decision: Mapped[str] = mapped_column(server_default="", default="")
    """What a person decided: believed, discarded, undone; empty while it asks."""
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    decided_at: Mapped[datetime | None]
    told_at: Mapped[datetime | None]
    """When the owners' mail about it was written down; None: not yet, or it is nothing to write about."""


class IncidentNotice(HasId, Stamped, WorkspaceOwned, Model):
    """A mail to one owner about incidents; written with the mark on them, so that neither is lost without the other."""

    __tablename__ = "incident_notices"
    __table_args__ = (
        Index("ix_incident_notices_workspace_id", "workspace_id", "created_at"),
        Index("ix_incident_notices_waiting", "id", postgresql_where=text("queued_at IS NULL")),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    incidents: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"), default=list)
    """Their numbers; the mail names those of them that still need somebody when it goes."""
    queued_at: Mapped[datetime | None]
    """When it was composed first: from then on the row of the outgoing mail sees to it."""


class HeldSuppression(HasId, WorkspaceOwned, Model):
    """A suppression that waits for the end of an incident, or one that it wrote and that can be undone with it."""

    __tablename__ = "held_suppressions"
    __table_args__ = (UniqueConstraint("incident_id", "message_id"),)

    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id", ondelete="CASCADE"))
    message_id: Mapped[int]
    address_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hint: Mapped[str]
    reason: Mapped[str]
    evidence: Mapped[str] = mapped_column(server_default="")
    held_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    suppression_id: Mapped[int | None]
    """Set when it was written after all, or before the incident was seen."""
