"""The mailboxes of a workspace: added, changed, tried, removed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from app.core.database import db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.tokens import Keyring
from app.tracking.mailboxes.account import seal
from app.tracking.models import Mailbox

MOST = 20


@dataclass(frozen=True, slots=True)
class MailboxFields:
    """A mailbox as its owner fills it in. An empty password keeps the one there is."""

    kind: str
    host: str
    port: int
    security: str
    username: str
    password: str = field(default="", repr=False)
    folder: str = "INBOX"
    done_folder: str = "Merpati"
    every_minutes: int = 5


def list_mailboxes() -> Sequence[Mailbox]:
    """Those of the workspace in scope."""
    return db.session.scalars(select(Mailbox).order_by(Mailbox.id)).all()


def find_mailbox(mailbox_id: int) -> Mailbox:
    """One of the workspace in scope. Raises NotFound."""
    found = db.session.scalar(select(Mailbox).where(Mailbox.id == mailbox_id))
    if found is None:
        raise NotFound("There is no such mailbox in this workspace.")
    return found


def save_mailbox(keyring: Keyring, fields: MailboxFields, mailbox: Mailbox | None = None) -> Mailbox:
    """Make or change a mailbox; flushes. It is asked at once, whatever was wrong before.

    Raises Invalid when the password is missing: a kept one goes to the same server and user only.
    """
    if mailbox is None and len(list_mailboxes()) >= MOST:
        raise Conflict(f"A workspace has at most {MOST} mailboxes. Nothing was added. Remove one first.")
    moved = mailbox is None or _place(mailbox) != _place(fields)
    if moved and not fields.password:
        raise Invalid("Enter the password: the one that was saved belongs to another server or user.", field="password")
    if mailbox is None:
        mailbox = Mailbox()
        db.session.add(mailbox)
    if moved or mailbox.folder != fields.folder:
        mailbox.progress = {}
    for name in ("kind", "host", "port", "security", "username", "folder", "done_folder", "every_minutes"):
        setattr(mailbox, name, getattr(fields, name))
    if fields.password:
        mailbox.password_sealed = seal(keyring, fields.password)
    ask_again(mailbox)
    db.session.flush()
    return mailbox


def ask_again(mailbox: Mailbox) -> None:
    """Forget its failures, and that its password was refused."""
    kept = mailbox.progress or {}
    mailbox.progress = {name: value for name, value in kept.items() if name != "refused"}
    mailbox.failures, mailbox.last_words, mailbox.checked_at = 0, "", None


def switch_mailbox(mailbox: Mailbox, *, on: bool) -> None:
    """Ask it, or leave it alone; flushes."""
    mailbox.is_enabled = on
    if on:
        ask_again(mailbox)
    db.session.flush()


def _place(owner: Mailbox | MailboxFields) -> tuple[object, ...]:
    """Where a password goes: in the clear is another place than encrypted."""
    return owner.kind, owner.host, owner.port, owner.security == "none", owner.username
