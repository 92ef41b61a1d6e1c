"""The spine: messages, the runs that send them, attempts and events."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import HasId, Model, WorkspaceOwned


class Message(HasId, WorkspaceOwned, Model):
    """One e-mail to one person in one campaign; the pair is unique, so nobody can be written to twice.

    Every person considered at launch has a row: the ledger. `messages/lifecycle.py` has the allowed changes of `state`.
    Workspace, list, cell, variant and run are kept without foreign keys: checking five of them for a million rows
    takes a third of the freeze, and all five are written by that one statement or by the claim.
    """

    __tablename__ = "messages"
    __table_args__ = (
        # In this order it also finds all messages of a person.
        UniqueConstraint("subscriber_id", "campaign_id"),
        CheckConstraint(
            "state IN ('planned', 'sending', 'sent', 'deferred', 'bounced', 'failed', 'skipped', 'uncertain')",
            name="state",
        ),
        Index(
            "ix_messages_at_once",
            "campaign_id",
            "id",
            postgresql_where=text("state = 'planned' AND next_attempt_at IS NULL"),
        ),
        Index(
            "ix_messages_by_provider",
            "campaign_id",
            "provider",
            "rank",
            "id",
            postgresql_where=text("state = 'planned' AND next_attempt_at IS NULL"),
        ),
        Index(
            "ix_messages_due",
            "campaign_id",
            "next_attempt_at",
            postgresql_where=text("state IN ('planned', 'deferred') AND next_attempt_at IS NOT NULL"),
        ),
        Index("ix_messages_run", "run_id", postgresql_where=text("state = 'sending'")),
        Index("ix_messages_ledger", "campaign_id", "state", "reason"),
    )

    workspace_id: Mapped[int] = mapped_column()
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    subscriber_id: Mapped[int | None] = mapped_column(ForeignKey("subscribers.id", ondelete="SET NULL"))
    list_id: Mapped[int | None]
    """The list through which the person was chosen: what one click unsubscribes from."""
    cell_id: Mapped[int | None]
    variant_id: Mapped[int | None]
    address: Mapped[str]
    """Where it goes, frozen at launch."""
    provider: Mapped[str] = mapped_column(server_default="")
    """The mailbox provider (`sending/pacing/rules.py`); empty while its domain's MX is not known yet."""
    rank: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """Who goes first while a sending identity warms up: the lower, the more engaged."""
    state: Mapped[str]
    reason: Mapped[str] = mapped_column(server_default="")
    """Why it was skipped, failed or bounced: one word; the sentence stands in the last attempt."""
    run_id: Mapped[int | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    next_attempt_at: Mapped[datetime | None]
    """When a deferred message is tried again, or the time a planned one has of its own; None: as soon as may be."""
    sent_at: Mapped[datetime | None]
    changed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Run(HasId, WorkspaceOwned, Model):
    """One worker's hold on a share of a campaign: who claims, where its journal lies, when it was last alive."""

    __tablename__ = "runs"
    __table_args__ = (Index("ix_runs_open", "campaign_id", postgresql_where=text("ended_at IS NULL")),)

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    host: Mapped[str]
    pid: Mapped[int]
    journal: Mapped[str]
    transport_id: Mapped[int | None]
    """None: the installation's own."""
    started_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    seen_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(server_default="")
    """finished, stopped, recovered (its journal was read after its death), lost (its machine never came back)"""


class Attempt(WorkspaceOwned, Model):
    """One hand-over of a message to a transport and what was answered. Partitioned by month on `at`."""

    __tablename__ = "attempts"
    __table_args__ = (
        Index("ix_attempts_message_id", "message_id"),
        Index("ix_attempts_at", "at", postgresql_using="brin"),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    id: Mapped[int] = mapped_column(Identity(always=False), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    workspace_id: Mapped[int] = mapped_column()
    message_id: Mapped[int]
    campaign_id: Mapped[int]
    run_id: Mapped[int | None]
    transport: Mapped[str]
    outcome: Mapped[str]
    """sent, deferred, bounced, failed, uncertain"""
    code: Mapped[int | None] = mapped_column(SmallInteger)
    status: Mapped[str] = mapped_column(server_default="")
    """Enhanced status code, RFC 3463."""
    reply: Mapped[str] = mapped_column(server_default="")
    reason: Mapped[str] = mapped_column(server_default="")


class Event(WorkspaceOwned, Model):
    """One fact about a message, partitioned by month on `at`. Made with its id where it is heard: a repeat is known."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_message_id", "message_id"),
        Index("ix_events_campaign", "campaign_id", "kind", "at"),
        Index("ix_events_subscriber_id", "subscriber_id"),
        Index("ix_events_at", "at", postgresql_using="brin"),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    workspace_id: Mapped[int] = mapped_column()
    message_id: Mapped[int]
    campaign_id: Mapped[int]
    subscriber_id: Mapped[int | None]
    kind: Mapped[str]
    """deferred delivered bounced complained opened clicked unsubscribed resubscribed replied auto-replied"""
    label: Mapped[str] = mapped_column(server_default="")
    """human, machine or suspected, for opened and clicked."""
    reasons: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"), default=list)
    """Why it bears that label: one word each."""
    link_id: Mapped[int | None]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"), default=dict)


class IncomingMail(HasId, Model):
    """A bounce, report or reply as it came in, kept whole; stored before anything is made of it."""

    __tablename__ = "incoming_mails"
    __table_args__ = (
        Index("ix_incoming_mails_workspace_id", "workspace_id", "id"),
        Index("ix_incoming_mails_message_id", "message_id"),
        Index("ix_incoming_mails_to_forward", "id", postgresql_where=text("kind = 'reply' AND forwarded_at IS NULL")),
    )

    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    """SHA-256 of the bytes: the same mail twice is one row."""
    received_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    envelope_from: Mapped[str]
    envelope_to: Mapped[str]
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    kind: Mapped[str] = mapped_column(server_default="")
    message_id: Mapped[int | None]
    workspace_id: Mapped[int | None]
    source: Mapped[str] = mapped_column(server_default="smtp", default="smtp")
    """smtp, or the mailbox it was fetched from."""
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"), default=dict)
    """What the reader found in it."""
    forwarded_at: Mapped[datetime | None]
    handled_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(server_default="")
    """What was made of it, or why nothing could be."""
