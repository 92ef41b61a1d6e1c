"""What the API remembers of calls that may be repeated."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Model, WorkspaceOwned


class KeptAnswer(WorkspaceOwned, Model):
    """The answer to a call with an Idempotency-Key, kept for a day so that a repeat gets the same."""

    __tablename__ = "kept_answers"
    __table_args__ = (Index("ix_kept_answers_workspace_id_created_at", "workspace_id", "created_at"),)

    workspace_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of method, path and body: the same key with another call is a mistake."""
    created_at: Mapped[datetime]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    """None while the call is being carried out."""
    body: Mapped[str | None]
