"""The first owner, further users, and links that work once."""

import hashlib
import re
from datetime import timedelta
from secrets import token_urlsafe
from uuid import uuid4

from flask_security.utils import hash_password
from sqlalchemy import func, select, update

from app.accounts.models import Membership, OneTimeLink, Role, User, Workspace
from app.core import clock
from app.core.database import db
from app.core.errors import BadToken, Invalid

LIFE = timedelta(hours=24)
MINIMUM_PASSWORD = 10


def has_owner() -> bool:
    """Whether somebody can sign in already."""
    return db.session.scalar(select(func.count()).select_from(Membership).where(Membership.role == Role.OWNER)) != 0


def create_workspace(name: str, *, timezone: str = "UTC") -> Workspace:
    """A new tenant with a slug made from its name."""
    base = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "workspace"
    slug, number = base, 1
    while db.session.scalar(select(Workspace.id).where(Workspace.slug == slug)):
        number += 1
        slug = f"{base}-{number}"
    workspace = Workspace(name=name.strip() or "Workspace", slug=slug, timezone=timezone)
    db.session.add(workspace)
    db.session.flush()
    return workspace


def create_user(email: str, *, name: str = "", password: str | None = None) -> User:
    """A person who can sign in. Without a password, only by a one-time link."""
    email = email.strip()
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        raise Invalid(f"{email!r} is not an e-mail address.", field="email")
    if find_user(email):
        raise Invalid("Somebody with this address exists already. Sign in instead.", field="email")
    user = User(email=email, name=name.strip(), fs_uniquifier=uuid4().hex, active=True)
    if password is not None:
        user.password = checked_password(password)
    db.session.add(user)
    db.session.flush()
    return user


def find_user(email: str) -> User | None:
    """The person who signs in with this address, in any case of its letters."""
    return db.session.scalar(select(User).where(func.lower(User.email) == email.strip().lower()))


def checked_password(password: str) -> str:
    """The hash of an acceptable password. Raises Invalid."""
    if len(password) < MINIMUM_PASSWORD:
        raise Invalid(
            f"Use at least {MINIMUM_PASSWORD} characters; a sentence is easiest to remember.", field="password"
        )
    hashed: str = hash_password(password)
    return hashed


def add_member(workspace: Workspace, user: User, role: Role) -> None:
    """Give a user a role in a workspace."""
    db.session.add(Membership(workspace_id=workspace.id, user_id=user.id, role=role))
    db.session.flush()


def is_member(workspace: Workspace, user: User) -> bool:
    """Whether the user has any role in the workspace."""
    found = select(Membership.id).where(Membership.workspace_id == workspace.id, Membership.user_id == user.id)
    return db.session.scalar(found) is not None


def make_link(purpose: str, user: User | None = None) -> str:
    """A secret for a link that works once within 24 hours. Purposes: `create-owner`, `sign-in`."""
    secret = token_urlsafe(24)
    db.session.add(
        OneTimeLink(
            digest=_digest(secret),
            purpose=purpose,
            user_id=user.id if user else None,
            expires_at=clock.now() + LIFE,
        )
    )
    db.session.flush()
    return secret


def peek_link(secret: str, purpose: str) -> OneTimeLink:
    """The link, unused. Raises BadToken. Looking does not use it up: mail scanners look, too."""
    link = db.session.scalar(
        select(OneTimeLink).where(
            OneTimeLink.digest == _digest(secret),
            OneTimeLink.purpose == purpose,
            OneTimeLink.used_at.is_(None),
            OneTimeLink.expires_at > clock.now(),
        )
    )
    if link is None:
        raise BadToken("This link was used already, or it is older than a day. Ask for a new one.")
    return link


def use_link(secret: str, purpose: str) -> OneTimeLink:
    """Use the link up; of two at once, one wins. Raises BadToken."""
    link = peek_link(secret, purpose)
    won = db.session.scalar(
        update(OneTimeLink)
        .where(OneTimeLink.id == link.id, OneTimeLink.used_at.is_(None))
        .values(used_at=clock.now())
        .returning(OneTimeLink.id)
    )
    if won is None:
        raise BadToken("This link was used a moment ago.")
    return link


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
