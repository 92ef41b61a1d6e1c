"""Whom we write to: people, lists, what they agreed to, whom never to write to, and imports."""

from datetime import datetime
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import HasId, Model, Stamped, WorkspaceOwned


class Subscriber(HasId, Stamped, WorkspaceOwned, Model):
    """A person's address and attributes; one per workspace and address."""

    __tablename__ = "subscribers"
    __table_args__ = (
        UniqueConstraint("workspace_id", "address"),
        Index("ix_subscribers_address_hash", "workspace_id", "address_hash"),
    )

    email: Mapped[str]
    """As the person wrote it, with the domain in its ASCII form."""
    address: Mapped[str] = mapped_column(Text(collation="C"))
    """The key: `email` in lower case, made by `audience.addresses.normalise`; in byte order, to find prefixes."""
    address_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of the workspace's key and the address: how suppressions know it, even after deletion."""
    first_name: Mapped[str] = mapped_column(server_default="")
    last_name: Mapped[str] = mapped_column(server_default="")
    attributes: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    locale: Mapped[str] = mapped_column(server_default="")
    timezone: Mapped[str] = mapped_column(server_default="")
    source: Mapped[str] = mapped_column(server_default="")
    tracking: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    """False when the person does not want opens and clicks recorded."""
    updated_at: Mapped[datetime | None]

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class Attribute(HasId, Stamped, WorkspaceOwned, Model):
    """A field of one's own on every subscriber. Types: text, number, boolean, date."""

    __tablename__ = "attributes"
    __table_args__ = (
        UniqueConstraint("workspace_id", "key"),
        CheckConstraint("type IN ('text', 'number', 'boolean', 'date')", name="type"),
    )

    key: Mapped[str]
    label: Mapped[str]
    type: Mapped[str]


class MailingList(HasId, Stamped, WorkspaceOwned, Model):
    """What people subscribe to."""

    __tablename__ = "lists"
    __table_args__ = (UniqueConstraint("workspace_id", "slug"),)

    name: Mapped[str]
    slug: Mapped[str]
    public_id: Mapped[str] = mapped_column(unique=True, default=lambda: token_urlsafe(9))
    """Names the list in the address of its sign-up form."""
    description: Mapped[str] = mapped_column(server_default="")
    is_public: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    """Shown on preference pages to people who are not on it."""
    consent_text: Mapped[str] = mapped_column(server_default="")
    archived_at: Mapped[datetime | None]


class Subscription(HasId, Stamped, WorkspaceOwned, Model):
    """A person on a list."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        UniqueConstraint("list_id", "subscriber_id"),
        CheckConstraint("state IN ('pending', 'confirmed', 'unsubscribed')", name="state"),
        Index("ix_subscriptions_subscriber_id", "subscriber_id"),
    )

    list_id: Mapped[int] = mapped_column(ForeignKey("lists.id", ondelete="CASCADE"))
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id", ondelete="CASCADE"))
    state: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))

    @property
    def is_confirmed(self) -> bool:
        return self.state == "confirmed"


class ConsentEvent(HasId, WorkspaceOwned, Model):
    """Proof of what was agreed or withdrawn. The table takes no UPDATE and no DELETE (a trigger sees to it)."""

    __tablename__ = "consent_events"
    __table_args__ = (Index("ix_consent_events_person", "workspace_id", "address_hash"),)

    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    address_hash: Mapped[bytes] = mapped_column(LargeBinary)
    subscriber_id: Mapped[int | None]
    list_id: Mapped[int | None]
    action: Mapped[str]
    """requested, confirmed, imported, withdrawn, restored, tracking-on, tracking-off"""
    wording: Mapped[str] = mapped_column(server_default="")
    source: Mapped[str] = mapped_column(server_default="")
    """form, import, api, one-click, mailto, preferences, page, operator, report, webhook:<kind>"""
    ip: Mapped[str] = mapped_column(server_default="")
    user_agent: Mapped[str] = mapped_column(server_default="")
    evidence: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)


class Suppression(HasId, Stamped, WorkspaceOwned, Model):
    """An address never to be mailed; kept as a hash, so it outlives the person's row and every import."""

    __tablename__ = "suppressions"
    __table_args__ = (
        Index(
            "uq_suppressions_active",
            "workspace_id",
            "address_hash",
            text("coalesce(list_id, 0)"),
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
    )

    address_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hint: Mapped[str]
    """The address masked for people's eyes: `a…@example.com`."""
    list_id: Mapped[int | None] = mapped_column(ForeignKey("lists.id", ondelete="CASCADE"))
    """None: the whole workspace."""
    reason: Mapped[str]
    """bounced, complained, unsubscribed, manual, imported, erased"""
    evidence: Mapped[str] = mapped_column(server_default="")
    message_id: Mapped[int | None]
    lifted_at: Mapped[datetime | None]


class Import(HasId, Stamped, WorkspaceOwned, Model):
    """One file on its way in. The file lies in `import_chunks`, so any worker can go on where another stopped."""

    __tablename__ = "imports"
    __table_args__ = (
        CheckConstraint("state IN ('uploaded', 'queued', 'running', 'finished', 'failed', 'cancelled')", name="state"),
    )

    list_id: Mapped[int | None] = mapped_column(ForeignKey("lists.id", ondelete="CASCADE"))
    filename: Mapped[str]
    size_bytes: Mapped[int]
    state: Mapped[str]
    dialect: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    mapping: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    options: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    rows_done: Mapped[int] = mapped_column(server_default=text("0"))
    rows_total: Mapped[int | None]
    bytes_done: Mapped[int] = mapped_column(server_default=text("0"))
    added: Mapped[int] = mapped_column(server_default=text("0"))
    updated: Mapped[int] = mapped_column(server_default=text("0"))
    invalid: Mapped[int] = mapped_column(server_default=text("0"))
    duplicates: Mapped[int] = mapped_column(server_default=text("0"))
    suppressed: Mapped[int] = mapped_column(server_default=text("0"))
    """People who came in but stay suppressed or unsubscribed."""
    error: Mapped[str] = mapped_column(server_default="")
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    finished_at: Mapped[datetime | None]


class ImportChunk(Model):
    """A piece of an import's file, in order."""

    __tablename__ = "import_chunks"

    import_id: Mapped[int] = mapped_column(ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class ImportFault(HasId, Model):
    """A row of a file that was not taken, and why."""

    __tablename__ = "import_faults"
    __table_args__ = (Index("ix_import_faults_import_id", "import_id", "row_number"),)

    import_id: Mapped[int] = mapped_column(ForeignKey("imports.id", ondelete="CASCADE"))
    row_number: Mapped[int]
    reason: Mapped[str]
    row: Mapped[str]
