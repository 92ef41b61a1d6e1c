"""Transports, signing keys, warm-up, what is known of recipients' domains, and system mails that wait."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import HasId, Model, Stamped, WorkspaceOwned


class Transport(HasId, Stamped, WorkspaceOwned, Model):
    """A way out: an SMTP account or a provider's API. A workspace without one uses the installation's."""

    __tablename__ = "transports"
    __table_args__ = (
        CheckConstraint("security IN ('none', 'starttls', 'tls')", name="security"),
        CheckConstraint("stream IN ('', 'marketing', 'transactional')", name="stream"),
        Index("ix_transports_workspace_id", "workspace_id"),
    )

    name: Mapped[str]
    kind: Mapped[str]
    """smtp, or the name of a provider as `sending/apis/registry.py` knows it."""
    host: Mapped[str] = mapped_column(server_default="", default="")
    port: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    security: Mapped[str] = mapped_column(server_default="tls", default="tls")
    username: Mapped[str] = mapped_column(server_default="", default="")
    """The user of an SMTP account, the access key's id, or whatever a provider calls it."""
    password_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Encrypted with a key derived from the secret key; never shown again."""
    options: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    """What else a provider must know: region, domain, message stream …"""
    limits: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    """{"connections": n, "messages_per_connection": n, "per_second": n, "per_hour": n, "per_day": n}"""
    stream: Mapped[str] = mapped_column(server_default="", default="")
    """The one stream it serves; empty: both."""
    tier: Mapped[int] = mapped_column(server_default=text("1"), default=1)
    """Transports of the lowest tier that is well are used; the next ones step in when those fail."""
    weight: Mapped[int] = mapped_column(server_default=text("1"), default=1)
    """Its share beside others of its tier, 1 to 100."""
    is_enabled: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    signs: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    """Whether the relay signs with DKIM itself, so that we do not."""
    score: Mapped[float] = mapped_column(server_default=text("1"), default=1.0)
    """Health, 0 to 1: how often of late it did what was asked."""
    failures: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    """In a row; the breaker opens on the fourth."""
    open_until: Mapped[datetime | None]
    """The breaker: not used before, and then by one run at first."""
    last_words: Mapped[str] = mapped_column(server_default="", default="")
    """What it said, or what befell it, when it last failed."""


class SendingDomain(HasId, Stamped, WorkspaceOwned, Model):
    """A domain that stands after the @ of a sender, and whether its mail is signed here."""

    __tablename__ = "sending_domains"
    __table_args__ = (UniqueConstraint("workspace_id", "domain"),)

    domain: Mapped[str]
    is_signing: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    with_ed25519: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    """Also sign with Ed25519, beside RSA (RFC 8463)."""
    findings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    """What the last look into DNS found, by check."""
    checked_at: Mapped[datetime | None]


class SigningKey(HasId, Stamped, WorkspaceOwned, Model):
    """A DKIM key of a domain. Two selectors are published at all times: the one in use, and the next or the last."""

    __tablename__ = "signing_keys"
    __table_args__ = (
        UniqueConstraint("domain_id", "selector"),
        CheckConstraint("state IN ('next', 'active', 'retired')", name="state"),
        CheckConstraint("algorithm IN ('rsa-sha256', 'ed25519-sha256')", name="algorithm"),
        Index(
            "uq_signing_keys_active", "domain_id", "algorithm", unique=True, postgresql_where=text("state = 'active'")
        ),
    )

    domain_id: Mapped[int] = mapped_column(ForeignKey("sending_domains.id", ondelete="CASCADE"))
    selector: Mapped[str]
    algorithm: Mapped[str]
    private_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    public: Mapped[str]
    """The value of its TXT record."""
    state: Mapped[str]
    seen_at: Mapped[datetime | None]
    """When DNS last had it as it should."""
    activated_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]


class WarmUp(HasId, Stamped, WorkspaceOwned, Model):
    """A sending identity that is new to the mailbox providers: a From domain by one transport."""

    __tablename__ = "warm_ups"
    __table_args__ = (UniqueConstraint("workspace_id", "transport_id", "domain"),)

    transport_id: Mapped[int] = mapped_column(ForeignKey("transports.id", ondelete="CASCADE"))
    domain: Mapped[str]
    started_on: Mapped[date] = mapped_column(Date)
    first_cap: Mapped[int]
    """Messages to one mailbox provider on the first day."""
    growth: Mapped[float] = mapped_column(server_default=text("1.4"), default=1.4)
    full: Mapped[int]
    """A day's messages to one provider at which it is warm."""
    is_paused: Mapped[bool] = mapped_column(server_default=text("false"), default=False)


class WarmUpDay(HasId, WorkspaceOwned, Model):
    """One provider's allowance on one day of a warm-up, what was used of it, and why it did not grow."""

    __tablename__ = "warm_up_days"
    __table_args__ = (UniqueConstraint("warm_up_id", "provider", "day"),)

    warm_up_id: Mapped[int] = mapped_column(ForeignKey("warm_ups.id", ondelete="CASCADE"))
    provider: Mapped[str]
    day: Mapped[date] = mapped_column(Date)
    began_at: Mapped[datetime | None]
    """When its first message was taken: from here the day's mail is spread."""
    cap: Mapped[int]
    sent: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    deferred: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    bounced: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    complained: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    note: Mapped[str] = mapped_column(server_default="", default="")


class MailboxDomain(Model):
    """What DNS said of a recipient's domain: whose mail servers take its mail. Shared by all workspaces."""

    __tablename__ = "mailbox_domains"

    domain: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str]
    mx: Mapped[str] = mapped_column(server_default="", default="")
    """The host of lowest preference; `.` for a domain that takes no mail (RFC 7505)."""
    fault: Mapped[str] = mapped_column(server_default="", default="")
    looked_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    good_until: Mapped[datetime]


class OutgoingMail(HasId, WorkspaceOwned, Model):
    """A mail of the system that no server has taken yet; written when its job begins, gone when taken or given up."""

    __tablename__ = "outgoing_mails"
    __table_args__ = (UniqueConstraint("kind", "row_id"), Index("ix_outgoing_mails_next_attempt_at", "next_attempt_at"))

    kind: Mapped[str]
    """What it is, as `sending/system_mails.py` names it."""
    row_id: Mapped[int]
    """The row it speaks of; the mail is composed anew for each attempt."""
    attempts: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    next_attempt_at: Mapped[datetime]
    reply: Mapped[str] = mapped_column(server_default="", default="")
