"""The incoming mail of the workspace in scope: what was matched to it, and what its own mailboxes hold for us.

What was fetched from a mailbox is shown to nobody before it was read: it may be private, and is forgotten then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select

from app.audience.models import Suppression
from app.audience.suppressions import WITHDRAWN, Reason
from app.core.database import current_workspace_id, db
from app.core.errors import NotFound
from app.messages.models import IncomingMail, Message
from app.tracking.recipients import Recipient
from app.tracking.set_aside import UNREAD

PAGE = 25
KINDS = ("reply", "autoreply", "bounce", "delayed", "complaint", "feedback", "delivered", "challenge", "none", UNREAD)
REPORTS = ("bounce", "delayed", "complaint", "feedback", "delivered")
"""Written by programs."""
STATES = ("understood", "unknown", "waiting")
WISH = "wish"
"""Among the kinds that are looked for: replies that look like a wish to leave."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for. `text` is part of an address."""

    kind: str = ""
    state: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A mail in the list."""

    id: int
    received_at: datetime
    kind: str
    sender: str
    facts: dict[str, Any]
    note: str
    message_id: int | None
    address: str | None
    handled_at: datetime | None


def search_mail(wanted: Wanted, *, before: int | None = None, limit: int = PAGE) -> Sequence[Line]:
    """The latest that match; `before` is the last number of the page before."""
    row = IncomingMail
    query = select(
        row.id,
        row.received_at,
        row.kind,
        func.coalesce(func.nullif(row.facts["from"].astext, ""), row.envelope_from),
        row.facts,
        row.note,
        row.message_id,
        Message.address,
        row.handled_at,
    ).outerjoin(Message, Message.id == row.message_id)
    query = query.where(_is_ours(), *_conditions(wanted))
    if before:
        query = query.where(row.id < before)
    return [Line(*found) for found in db.session.execute(query.order_by(row.id.desc()).limit(limit))]


def find_mail(mail_id: int) -> IncomingMail:
    """One mail of the workspace in scope. Raises NotFound."""
    row = IncomingMail
    found = db.session.scalar(select(row).where(row.id == mail_id, _is_ours()))
    if found is None:
        raise NotFound("There is no such mail in this workspace, or its time is over and it was deleted.")
    return found


def why_no_mail(recipient: Recipient | None) -> str:
    """Why the person gets nothing any more: a reason of `audience.suppressions`, the strongest; empty if they do."""
    if recipient is None or recipient.person is None:
        return ""
    query = select(Suppression.reason).where(
        Suppression.workspace_id == recipient.message.workspace_id,
        Suppression.address_hash == recipient.person.address_hash,
        Suppression.list_id.is_(None),
        Suppression.lifted_at.is_(None),
        Suppression.reason.in_(WITHDRAWN),
    )
    found = set(db.session.scalars(query))
    return next((reason for reason in reversed(Reason) if reason in found), "")


def _is_ours() -> Any:
    row = IncomingMail
    return and_(row.workspace_id == current_workspace_id(), or_(row.handled_at.is_not(None), row.source == "smtp"))


def _conditions(wanted: Wanted) -> list[Any]:
    row = IncomingMail
    found: list[Any] = []
    if wanted.kind == WISH:
        found += [row.kind == "reply", row.facts.has_key("wish")]
    elif wanted.kind in KINDS:
        found.append(row.kind == wanted.kind)
    if wanted.state == "understood":
        found.append(row.message_id.is_not(None))
    elif wanted.state == "unknown":
        found += [row.message_id.is_(None), row.handled_at.is_not(None)]
    elif wanted.state == "waiting":
        found.append(row.handled_at.is_(None))
    if text := wanted.text.strip().lower():
        places = (row.facts["from"].astext, row.envelope_from, Message.address)
        found.append(or_(*(func.strpos(func.lower(place), text) > 0 for place in places)))
    return found
