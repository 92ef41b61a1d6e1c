"""Mail that nobody can read without dying of it: closed unread, kept whole, shown to whom it most likely concerns."""

from sqlalchemy import select

from app.core import clock
from app.core.database import db, every_workspace
from app.core.errors import BadToken
from app.core.extensions import keyring
from app.core.logging import log
from app.core.tokens import Purpose
from app.mail.verp import read_return_address
from app.messages.models import IncomingMail, Message

UNREAD = "unread"
"""Its kind: pages must not read it either, or they die as well."""
NOTE = "set aside unread; its reading ended the worker three times, and it is kept whole"


def set_aside(mail: IncomingMail) -> None:
    """Close it without a look into it; flushes."""
    mail.kind, mail.note, mail.handled_at = UNREAD, NOTE, clock.now()
    if mail.workspace_id is None:
        mail.workspace_id = _workspace_of(mail.envelope_to)
    db.session.flush()
    log("mailbox").error("a mail was set aside: its reading ended the worker three times", mail=mail.id)


def _workspace_of(envelope_to: str) -> int | None:
    """Whose message the address names that it was delivered to."""
    address = read_return_address(envelope_to)
    if address is None:
        return None
    try:
        number = keyring().read_from_mail(Purpose.RETURN_PATH, address.token)
    except BadToken:
        return None
    with every_workspace():
        return db.session.scalar(select(Message.workspace_id).where(Message.id == number))
