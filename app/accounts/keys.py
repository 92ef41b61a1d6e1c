"""Keys of programs: made once, shown once, kept as a hash."""

import hashlib
from datetime import timedelta
from secrets import token_urlsafe

from sqlalchemy import select

from app.accounts.models import ApiKey, Role, Workspace
from app.core import clock
from app.core.database import current_workspace_id, db, every_workspace
from app.core.errors import NotFound, NotSignedIn

PREFIX = "mpt_"


def create_key(name: str, role: Role) -> str:
    """Make a key in the workspace in scope and return it; it cannot be shown again."""
    secret = PREFIX + token_urlsafe(32)
    db.session.add(
        ApiKey(workspace_id=current_workspace_id(), name=name, prefix=secret[:8], digest=_digest(secret), role=role)
    )
    db.session.flush()
    return secret


def revoke_key(key_id: int) -> None:
    """End a key at once."""
    key = db.session.scalar(select(ApiKey).where(ApiKey.id == key_id))
    if key is None:
        raise NotFound("This key does not exist.")
    key.revoked_at = key.revoked_at or clock.now()


def workspace_of_key(header: str) -> tuple[Workspace, Role]:
    """The workspace and role of an `Authorization: Bearer …` header. Raises NotSignedIn.

    The look-up is by the hash of 256 random bits, so its timing tells nothing of use.
    """
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise NotSignedIn("Send your key as `Authorization: Bearer mpt_…`. Keys are made under Settings, API keys.")
    with every_workspace():
        key = db.session.scalar(
            select(ApiKey).where(ApiKey.digest == _digest(secret.strip()), ApiKey.revoked_at.is_(None))
        )
    if key is None:
        raise NotSignedIn("This key is unknown or was revoked. Make a new one under Settings, API keys.")
    workspace_id, role = key.workspace_id, Role(key.role)
    _note_use(key)
    return db.session.get_one(Workspace, workspace_id), role


def _note_use(key: ApiKey) -> None:
    """To the minute, and committed at once: calls that only read commit nothing themselves."""
    now = clock.now()
    if key.last_used_at is None or key.last_used_at < now - timedelta(minutes=1):
        key.last_used_at = now
        db.session.commit()


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
