"""What we say: reusable templates, and designs that never change once written."""

from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import HasId, Model, Stamped, WorkspaceOwned


class Template(HasId, Stamped, WorkspaceOwned, Model):
    """A reusable start for a newsletter."""

    __tablename__ = "templates"

    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    mjml: Mapped[str]
    archived_at: Mapped[datetime | None]


class Design(HasId, Stamped, WorkspaceOwned, Model):
    """One version of a piece of content, compiled once. Rows are never changed: what was sent stays as it was."""

    __tablename__ = "designs"
    __table_args__ = (UniqueConstraint("workspace_id", "digest"),)

    digest: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of the source and the compiler's version."""
    mjml: Mapped[str]
    compiled: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """`CompiledDesign.to_dict()`"""
