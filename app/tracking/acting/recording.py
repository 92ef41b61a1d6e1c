"""Writing a fact down once: as an event of its message, and in the message's state."""

from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import ColumnElement, Select, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.database import db
from app.messages.lifecycle import State, sources
from app.messages.models import Event, Message
from app.tracking.acting.facts import Fact, NotYet

EVENTS = {
    "bounce": "bounced",
    "complaint": "complained",
    "delayed": "deferred",
    "delivered": "delivered",
    "autoreply": "auto-replied",
    "challenge": "auto-replied",
    "reply": "replied",
}
"""How a fact is called on the timeline; kinds that are not here leave no trace."""
LONGEST = 500
LAG = timedelta(seconds=2)
"""A provider's clock may be that much behind ours, and tell whole seconds only."""


def lock(message: Message) -> None:
    """Facts about one message wait for each other. Raises NotYet while it is being sent."""
    state = db.session.scalar(select(Message.state).where(Message.id == message.id).with_for_update(key_share=True))
    if state == State.SENDING:
        raise NotYet


def is_known(message: Message, fact: Fact, source: str, at: datetime) -> bool:
    """Whether the fact was told before: the same report again, or the same news by another way.

    A message is complained about once, and bounces once a day for one reason for as long. Tried again, it may come
    back anew: what was told of an earlier attempt is no news of the last.
    """
    events = _events(message, EVENTS[fact.kind])
    if db.session.scalar(events.where(Event.id == event_id(message.id, fact, source)).limit(1)):
        return True
    if fact.kind == "complaint":
        return db.session.scalar(events.limit(1)) is not None
    if fact.kind == "bounce":
        begin = at.replace(hour=0, minute=0, second=0, microsecond=0)
        same_day = Event.at >= begin, Event.at < begin + timedelta(days=1)
        alike = {"reason": fact.reason, "persistence": fact.persistence}
        told = events.where(*same_day, Event.data.contains(alike), _of_attempt(at))
        return db.session.scalar(told.limit(1)) is not None
    return False


def has_bounced_for(message: Message, reason: str, since: datetime) -> bool:
    """Whether a bounce or a refusal for this reason is on record, of that time or later."""
    alike = _events(message, "bounced").where(Event.data["reason"].astext == reason, Event.at >= since)
    return db.session.scalar(alike.limit(1)) is not None


def was_found_dead(message: Message, at: datetime) -> bool:
    """Whether the attempt that news of that time is about has suppressed before: what was lifted stays lifted."""
    found = _events(message, "bounced").where(Event.data["effect"].astext == "suppress", _of_attempt(at))
    return db.session.scalar(found.limit(1)) is not None


def is_of_attempt(told: datetime, event: datetime, taken: datetime | None) -> bool:
    """Whether an event may speak of the attempt that a fact of the time `told` is about; `taken`: its last."""
    return taken is None or told < taken - LAG or event >= taken - LAG


def _of_attempt(told: datetime) -> ColumnElement[bool]:
    """`is_of_attempt` for the events of a query."""
    taken = select(Message.sent_at).where(Message.id == Event.message_id).scalar_subquery()
    return or_(taken.is_(None), told < taken - LAG, Event.at >= taken - LAG)


def write_down(message: Message, fact: Fact, source: str, at: datetime, effect: str = "") -> None:
    """The event. `effect` is what a bounce leads to."""
    db.session.execute(insert(Event).values(event_values(message, fact, source, at, effect)).on_conflict_do_nothing())


def event_values(message: Message, fact: Fact, source: str, at: datetime, effect: str = "") -> dict[str, Any]:
    """The row of the event. Its id follows from the fact, so told again it is the same."""
    data: dict[str, object] = {"by": source}
    if fact.kind in ("bounce", "delayed"):
        data |= {"reason": fact.reason, "scope": fact.scope, "persistence": fact.persistence, "effect": effect}
        data |= {"status": fact.status, "code": fact.code, "recipient": fact.recipient}
    elif fact.kind == "complaint":
        data["feedback"] = fact.feedback_type
    elif fact.kind == "challenge":
        data["challenge"] = True
    if fact.is_earlier:
        data["earlier"] = True
    data["evidence" if fact.kind in ("autoreply", "reply", "challenge", "delivered") else "diagnostic"] = (
        fact.diagnostic[:LONGEST]
    )
    return {
        "id": event_id(message.id, fact, source),
        "at": at,
        "workspace_id": message.workspace_id,
        "message_id": message.id,
        "campaign_id": message.campaign_id,
        "subscriber_id": message.subscriber_id,
        "kind": EVENTS[fact.kind],
        "label": "human" if fact.kind == "complaint" else "",
        "data": {name: value for name, value in data.items() if value},
    }


def event_id(message_id: int, fact: Fact, source: str) -> UUID:
    """The same for the same fact of the same source."""
    return uuid5(NAMESPACE_URL, f"merpati:{source}:{message_id}:{fact.key}:{EVENTS[fact.kind]}")


def mark_bounced(message: Message, reason: str, at: datetime) -> None:
    """Move the message, where its life allows that; it stays history, whatever becomes of the address."""
    db.session.execute(
        update(Message)
        .where(Message.id == message.id, Message.state.in_(sources(State.BOUNCED)), Message.state != State.SENDING)
        .values(state=State.BOUNCED, reason=reason, changed_at=at)
    )


def _events(message: Message, kind: str) -> Select[Any]:
    return select(Event.id).where(Event.message_id == message.id, Event.kind == kind)
