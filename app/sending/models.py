"""Transports: the ways out, and the mails of the system itself that wait for one."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import HasId, Model, Stamped, WorkspaceOwned


class Transport(HasId, Stamped, WorkspaceOwned, Model):
    """An SMTP account. A workspace without one uses the installation's (`MERPATI_SMTP_URL`)."""

    __tablename__ = "transports"
    __table_args__ = (
        CheckConstraint("kind IN ('smtp')", name="kind"),
        CheckConstraint("security IN ('none', 'starttls', 'tls')", name="security"),
        Index("uq_transports_default", "workspace_id", unique=True, postgresql_where=text("is_default")),
    )

    name: Mapped[str]
    kind: Mapped[str]
    host: Mapped[str]
    port: Mapped[int]
    security: Mapped[str]
    username: Mapped[str] = mapped_column(server_default="")
    password_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Encrypted with a key derived from the secret key; never shown again."""
    limits: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    """{"connections": n, "messages_per_connection": n}"""
    is_default: Mapped[bool] = mapped_column(server_default=text("true"), default=True)


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
