"""Mail to our own listener that belongs to nobody's workspace: only counted, and only for who runs the installation."""

from dataclasses import dataclass

from sqlalchemy import func, select

from app.accounts.models import Workspace
from app.core.database import db
from app.messages.models import IncomingMail

UNPROVED = (
    "a DMARC report on a domain that nobody here has shown to own; it is kept, and taken in once a key is in its DNS"
)
"""The note of such a mail, word for word: it is found by it again."""


@dataclass(frozen=True, slots=True)
class Unmatched:
    """How many mails nothing was made of; `reports` wait for their domain to be shown to be somebody's here."""

    others: int
    reports: int


def count_unmatched(workspace_id: int) -> Unmatched | None:
    """Those there are, for the first workspace of the installation; None for every other."""
    if db.session.scalar(select(func.min(Workspace.id))) != workspace_id:
        return None
    waits = IncomingMail.note == UNPROVED
    taken = IncomingMail.note.startswith("DMARC report of ")
    query = select(func.count().filter(~waits, ~taken), func.count().filter(waits)).where(
        IncomingMail.workspace_id.is_(None), IncomingMail.handled_at.is_not(None)
    )
    others, reports = db.session.execute(query).one()
    return Unmatched(others, reports)
