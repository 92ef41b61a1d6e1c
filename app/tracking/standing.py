"""How a person stands to what a message came from, for the pages behind its links. Needs its workspace in scope."""

from dataclasses import dataclass

from sqlalchemy import select

from app.audience.models import Subscription
from app.audience.subscriptions import UNSUBSCRIBED
from app.audience.suppressions import Reason, is_suppressed
from app.core.database import db
from app.tracking.leaving import EVERYTHING, LIST, can_come_back
from app.tracking.recipients import Recipient

STOPPED = frozenset(Reason) - {Reason.UNSUBSCRIBED}
"""Suppressions that are no wish of the person's to leave."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds now. `left`: the list, everything, or nothing (empty)."""

    left: str = ""
    is_stopped: bool = False
    """No mail goes there, because of a bounce, a complaint or the sender's decision."""
    can_undo: bool = False


def standing_of(recipient: Recipient) -> Standing:
    """How the person stands to the message's list and sender. Who was erased has left everything."""
    person, mailing_list = recipient.person, recipient.mailing_list
    if person is None:
        return Standing(EVERYTHING)
    list_id = mailing_list.id if mailing_list else None
    stopped = is_suppressed(person, list_id, reasons=STOPPED)
    left = ""
    if is_suppressed(person, reasons={Reason.UNSUBSCRIBED}):
        left = EVERYTHING
    elif list_id is not None and _has_left(person.id, list_id):
        left = LIST
    return Standing(left, stopped, bool(left) and can_come_back(recipient, everything=left == EVERYTHING))


def _has_left(person_id: int, list_id: int) -> bool:
    state = select(Subscription.state).where(Subscription.subscriber_id == person_id, Subscription.list_id == list_id)
    return db.session.scalar(state) == UNSUBSCRIBED
