"""The mailboxes of a workspace: added, changed, tried, removed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from app.core.database import db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.tokens import Keyring
from app.tracking.mailboxes.account import PasswordRefused, seal
from app.tracking.mailboxes.oauth.clients import Secrets, seal_secrets, unseal_secrets
from app.tracking.models import Mailbox

MOST = 20
_NEEDED = {
    "microsoft_app": ("client_secret",),
    "microsoft": ("refresh_token",),
    "google": ("client_secret", "refresh_token"),
    "other": (),
}
_NAMES = {"client_secret": "client secret", "refresh_token": "refresh token"}


@dataclass(frozen=True, slots=True)
class MailboxFields:
    """A mailbox as its owner fills it in. An empty password or secret keeps the one there is."""

    kind: str
    host: str
    port: int
    security: str
    username: str
    password: str = field(default="", repr=False)
    folder: str = "INBOX"
    done_folder: str = "Merpati"
    every_minutes: int = 5
    login: str = "password"
    oauth: dict[str, str] = field(default_factory=dict)
    """client_id, tenant, token_url, scope; those that are not empty."""
    secrets: Secrets = field(default=Secrets(), repr=False)


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

    Raises Invalid when the password or a secret is missing: a kept one goes to the same server and user only. Raises
    Conflict when the same folder is read already, or there are too many mailboxes.
    """
    if mailbox is not None:
        # A visit may just be saving a refresh token that replaces the one there is.
        db.session.refresh(mailbox, with_for_update=True)
    others = [each for each in list_mailboxes() if each is not mailbox]
    if len(others) >= MOST:
        raise Conflict(f"A workspace has at most {MOST} mailboxes. Nothing was added. Remove one first.")
    if any(_letters(each) == _letters(fields) for each in others):
        raise Conflict("This mailbox is in the list already, with the same server, user and folder. Nothing was saved.")
    moved = mailbox is None or _place(mailbox) != _place(fields)
    secrets = _secrets(keyring, fields, None if moved else mailbox)
    if fields.login == "password" and moved and not fields.password:
        why = "." if mailbox is None else ": the one that was saved belongs to another server or user."
        raise Invalid(f"Enter the password{why}", field="password")
    if mailbox is None:
        mailbox = Mailbox()
        db.session.add(mailbox)
    if _letters(mailbox) != _letters(fields):
        mailbox.progress = {}
    for name in ("kind", "host", "port", "security", "username", "folder", "done_folder", "every_minutes", "login"):
        setattr(mailbox, name, getattr(fields, name))
    mailbox.oauth = fields.oauth
    mailbox.oauth_sealed = None if secrets is None else seal_secrets(keyring, secrets)
    if moved or fields.password or any(fields.secrets):
        # Of another login it is an empty one: that it changes tells a visit under way that this was entered anew.
        mailbox.password_sealed = seal(keyring, fields.password if fields.login == "password" else "")
    ask_again(mailbox)
    db.session.flush()
    return mailbox


def ask_again(mailbox: Mailbox) -> None:
    """Forget its failures, that its password was refused, and its access token: it may be allowed more by now."""
    kept = mailbox.progress or {}
    mailbox.progress = {name: value for name, value in kept.items() if name != "refused"}
    mailbox.failures, mailbox.last_words, mailbox.checked_at = 0, "", None
    mailbox.access_sealed = mailbox.access_until = None


def switch_mailbox(mailbox: Mailbox, *, on: bool) -> None:
    """Ask it, or leave it alone; flushes."""
    mailbox.is_enabled = on
    if on:
        ask_again(mailbox)
    db.session.flush()


def _place(owner: Mailbox | MailboxFields) -> tuple[object, ...]:
    """Where a password or a secret goes: in the clear is another place than encrypted."""
    asked = {name: value for name, value in owner.oauth.items() if name != "scope"}
    return owner.kind, owner.host, owner.port, owner.security == "none", owner.username, owner.login, asked


def _letters(owner: Mailbox | MailboxFields) -> tuple[object, ...]:
    """Which mails these are, however one signs in to them."""
    return owner.kind, owner.host, owner.port, owner.username, owner.folder


def _secrets(keyring: Keyring, fields: MailboxFields, same: Mailbox | None) -> Secrets | None:
    """Those entered, and for the same place those kept. Raises Invalid when one is missing."""
    if fields.login == "password":
        return None
    kept = _kept(keyring, same)
    found = Secrets(*(new or old for new, old in zip(fields.secrets, kept, strict=True)))
    if fields.login == "microsoft_app":
        found = found._replace(refresh_token="")
    for name in _NEEDED[fields.login]:
        if not getattr(found, name):
            raise Invalid(
                f"Enter the {_NAMES[name]}: one that was saved belongs to another server, user or app.", field=name
            )
    if not any(found):
        raise Invalid("Enter a client secret, a refresh token, or both.", field="client_secret")
    return found


def _kept(keyring: Keyring, mailbox: Mailbox | None) -> Secrets:
    if mailbox is None:
        return Secrets()
    try:
        return unseal_secrets(keyring, mailbox.oauth_sealed)
    except PasswordRefused:
        return Secrets()  # sealed with a key that is gone
