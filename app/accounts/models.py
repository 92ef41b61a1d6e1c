"""Who signs in: workspaces, users, their roles, and the keys of programs."""

from datetime import datetime
from enum import StrEnum
from secrets import token_bytes, token_hex
from typing import ClassVar

from flask_security import RoleMixin, UserMixin
from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, UniqueConstraint, func, text
from sqlalchemy.ext.mutable import MutableList
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.database import HasId, Model, Stamped, WorkspaceOwned


class Workspace(HasId, Stamped, Model):
    """A tenant: everything else belongs to exactly one."""

    __tablename__ = "workspaces"

    name: Mapped[str]
    slug: Mapped[str] = mapped_column(unique=True)
    timezone: Mapped[str] = mapped_column(server_default="UTC")
    locale: Mapped[str] = mapped_column(server_default="en")
    postal_address: Mapped[str] = mapped_column(server_default="")
    from_name: Mapped[str] = mapped_column(server_default="")
    from_email: Mapped[str] = mapped_column(server_default="")
    reply_to: Mapped[str] = mapped_column(server_default="")
    hold_seconds: Mapped[int] = mapped_column(server_default=text("30"))
    confirm_above: Mapped[int] = mapped_column(server_default=text("10000"))
    quiet_from: Mapped[str] = mapped_column(server_default="", default="")
    """Local time such as 21:00 from which nothing goes out, until `quiet_to`; both empty: no quiet hours."""
    quiet_to: Mapped[str] = mapped_column(server_default="", default="")
    most_messages: Mapped[int | None]
    """Frequency cap: marketing messages a person may get within `most_days`."""
    most_days: Mapped[int] = mapped_column(server_default=text("7"), default=7)
    least_hours: Mapped[int | None]
    """Fewest hours between two marketing messages to one person."""
    weight: Mapped[int] = mapped_column(server_default=text("1"), default=1)
    """Its share of the workers beside other workspaces, 1 to 10."""
    bounce_days: Mapped[int] = mapped_column(server_default=text("5"), default=5)
    """Days with a temporary bounce after which an address is suppressed …"""
    bounce_span: Mapped[int] = mapped_column(server_default=text("14"), default=14)
    """… if at least so many days lie between the first and the last."""
    bounce_stale: Mapped[int] = mapped_column(server_default=text("30"), default=30)
    """Days after which such a day does not count any more."""
    complaint_warn: Mapped[float] = mapped_column(server_default=text("0.001"), default=0.001)
    """Share of delivered mail that may be complained about before the guard warns …"""
    complaint_pause: Mapped[float] = mapped_column(server_default=text("0.003"), default=0.003)
    """… and before it pauses."""
    tells_owners: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    """Whether owners get a mail when an incident holds something or waits for their decision."""
    forward_replies_to: Mapped[str] = mapped_column(server_default="", default="")
    """Where what people write back goes; empty: where the campaign's replies go."""
    feedback_id: Mapped[str] = mapped_column(default=lambda: "m" + token_hex(6))
    """SenderId of Feedback-ID: constant, 5 to 15 characters."""
    address_key: Mapped[bytes] = mapped_column(LargeBinary, default=lambda: token_bytes(32))
    """Keys the hash of suppressed addresses. It lives here because it must outlast every rotation of the secret key."""


class Role(StrEnum):
    """What a member may do; each includes the ones below."""

    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"

    def includes(self, other: "Role") -> bool:
        order = [Role.VIEWER, Role.EDITOR, Role.OWNER]
        return order.index(self) >= order.index(other)


class SecurityRole(HasId, RoleMixin, Model):
    """Flask-Security's own notion of a role; Merpati's roles are memberships, so this table stays empty."""

    __tablename__ = "security_roles"

    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str | None]
    permissions: Mapped[list[str]] = mapped_column(MutableList.as_mutable(JSON), server_default=text("'[]'"))


class User(HasId, Stamped, UserMixin, Model):
    """A person who signs in."""

    __tablename__ = "users"
    __table_args__ = (Index("uq_users_email_lower", func.lower(text("email")), unique=True),)

    email: Mapped[str]
    name: Mapped[str] = mapped_column(server_default="")
    password: Mapped[str | None]
    active: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    fs_uniquifier: Mapped[str] = mapped_column(unique=True)
    roles: ClassVar[list[RoleMixin]] = []  # type: ignore[misc]
    memberships: Mapped[list["Membership"]] = relationship(back_populates="user", viewonly=True)


class Membership(HasId, Stamped, Model):
    """A user's role in one workspace. Not `WorkspaceOwned`: it is what opens a workspace."""

    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("workspace_id", "user_id"),)

    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    role: Mapped[str]
    user: Mapped[User] = relationship(back_populates="memberships")
    workspace: Mapped[Workspace] = relationship()


class ApiKey(HasId, Stamped, WorkspaceOwned, Model):
    """A program's key; only its SHA-256 is kept. The key is 256 random bits, so a slow hash would add nothing."""

    __tablename__ = "api_keys"

    name: Mapped[str]
    prefix: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    role: Mapped[str]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class OneTimeLink(HasId, Stamped, Model):
    """A link that works once: to create the owner, or to sign in. Only its SHA-256 is kept."""

    __tablename__ = "one_time_links"

    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    purpose: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
