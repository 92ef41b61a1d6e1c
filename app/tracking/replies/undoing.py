"""Taking back a click that unsubscribed who wrote a reply: refused once the person said anything, and never so that an
address found dead meanwhile is written to again.
"""

from datetime import timedelta

from sqlalchemy import or_, select, text

from app.audience.mistakes import hold_mistake, mistake_of, undo_mistake, why_no_mistake, why_stopped
from app.audience.models import ConsentEvent, Subscriber, Suppression
from app.audience.suppressions import Reason, suppress
from app.core.database import db, in_workspace
from app.core.errors import Conflict
from app.messages.models import Event, IncomingMail, Message
from app.tracking.leaving import EVERYTHING, RESUBSCRIBED, Act, hold, note
from app.tracking.recipients import Recipient

LATELY = timedelta(days=1)
"""A bounce may be told by so much later than its provider's clock says."""


def take_back(mail: IncomingMail, recipient: Recipient, user_id: int, who: str) -> str:
    """Undo `wish.unsubscribe_writer`, by whom it was a mistake of, within minutes. Raises Conflict.

    Returns the reason for which the address gets no mail all the same, or nothing.
    """
    person, by = recipient.person, f"reply:{mail.id}"
    assert person is not None
    with in_workspace(recipient.message.workspace_id):
        hold(recipient)
        hold_mistake(person)
        mistake = mistake_of(person, user_id)
        if mistake is None:
            raise _refusal(why_no_mistake(person, user_id))
        if mistake.evidence.get("by") != by:
            raise _refusal("it was another reply on whose account they were unsubscribed")
        if said := _said_since(person, mistake):
            raise _refusal(said)
        undo_mistake(mistake, person, user_id, who)
        _believe_bounces(person, mistake)
        note(recipient, RESUBSCRIBED, Act("operator", by=by, who=who, user_id=user_id), scope=EVERYTHING)
        return why_stopped(person) or ""


def _refusal(why: str) -> Conflict:
    return Conflict(
        f"This cannot be undone any more: {why}. Nothing was changed. Only the person themselves can come back."
    )


def _said_since(person: Subscriber, mistake: ConsentEvent) -> str:
    """What the person said since the click beside the consent record, as the end of a sentence; empty for nothing.

    Heard since is what counts: nobody who clicked had seen it.
    """
    complained = select(Suppression.id).where(
        Suppression.workspace_id == person.workspace_id,
        Suppression.address_hash == person.address_hash,
        Suppression.reason == Reason.COMPLAINED,
        or_(Suppression.lifted_at.is_(None), Suppression.created_at > mistake.at),
    )
    told = select(Event.id).where(Event.subscriber_id == person.id, Event.kind == "complained", Event.at > mistake.at)
    if any(db.session.scalar(query.limit(1)) is not None for query in (complained, told)):
        return "they complained about your mail"
    wish = (
        select(IncomingMail.id)
        .join(Message, Message.id == IncomingMail.message_id)
        .where(
            Message.subscriber_id == person.id,
            IncomingMail.workspace_id == person.workspace_id,
            IncomingMail.kind == "reply",
            IncomingMail.facts.has_key("wish"),
            ~IncomingMail.facts.has_key("by_other"),
            IncomingMail.handled_at > mistake.at,
        )
    )
    return "they wrote once more that they want to leave" if db.session.scalar(wish.limit(1)) is not None else ""


def _believe_bounces(person: Subscriber, mistake: ConsentEvent) -> None:
    """Write what a bounce could not write while the address was suppressed already."""
    binds = {"person": person.id, "workspace": person.workspace_id, "since": mistake.at - LATELY}
    dead = db.session.execute(_UNWRITTEN, binds).one_or_none()
    if dead is not None:
        suppress(person, Reason.BOUNCED, evidence=dead.words, message_id=dead.message_id)


# What was written and lifted since is nobody's belief any more, and what an incident holds waits for its decision.
_UNWRITTEN = text(
    """
SELECT e.message_id, coalesce(nullif(e.data ->> 'diagnostic', ''), e.data ->> 'status', '') AS words
FROM events e
WHERE e.subscriber_id = :person AND e.workspace_id = :workspace AND e.kind = 'bounced' AND e.at > :since
      AND (e.data ->> 'effect' = 'suppress')
      AND NOT EXISTS (SELECT FROM suppressions s WHERE s.workspace_id = :workspace AND s.message_id = e.message_id
                                                       AND s.reason = 'bounced')
      AND NOT EXISTS (SELECT FROM held_suppressions h JOIN incidents i ON i.id = h.incident_id
                      WHERE h.workspace_id = :workspace AND h.message_id = e.message_id AND i.decision <> 'believed')
ORDER BY e.at DESC LIMIT 1
"""
)
