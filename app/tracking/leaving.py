"""Unsubscribing through a message, coming back, and saying why. Needs the message's workspace in scope."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import func, or_, select, text
from sqlalchemy.dialects.postgresql import insert

from app.audience.consent import OWN_ACTS, is_their_wish
from app.audience.models import ConsentEvent, Subscriber
from app.audience.subscriptions import restore, unsubscribe
from app.core import clock
from app.core.database import db
from app.core.errors import Conflict
from app.messages.models import Event, Message
from app.tracking.recipients import Recipient

LIST, EVERYTHING = "list", "everything"
UNSUBSCRIBED, RESUBSCRIBED = "unsubscribed", "resubscribed"
UNDO = timedelta(days=30)
REASONS = ("too-many", "not-relevant", "never-asked", "other")
LONGEST_WORDS = 1000


@dataclass(frozen=True, slots=True)
class Act:
    """What a person did: `source` is one of `audience.consent.OWN_ACTS`; `at` when it is heard of only later.

    Who tells us what the person did is the source instead: `REPORT`, or `WEBHOOK` and its kind with the name in `who`.
    A member who acts for them is the source `operator`: `who` is the member's name, and `wished_at` the time of the
    person's words, which no longer hold once the person has changed their mind.
    """

    source: str
    ip: str = ""
    agent: str = ""
    by: str = "web"
    at: datetime | None = None
    who: str = ""
    user_id: int | None = None
    wished_at: datetime | None = None


def leave(recipient: Recipient, act: Act, *, everything: bool = False) -> None:
    """Unsubscribe the person from the message's list or from everything, once, however often it is asked."""
    hold(recipient)
    person, list_id = recipient.person, _scope(recipient, everything)
    if person is not None:
        wished_at = act.wished_at or act.at
        if wished_at is not None and _changed_their_mind(person, list_id, wished_at):
            return
        evidence = {"message": recipient.message.id, "by": act.by, **_member(act)}
        unsubscribe(person, list_id, source=act.source, ip=act.ip, user_agent=act.agent, evidence=evidence)
    note(recipient, UNSUBSCRIBED, act, scope=LIST if list_id else EVERYTHING)


def hold(recipient: Recipient) -> None:
    """Lock the person and the message, in this order: whoever says what the person wants waits for the other."""
    if recipient.person is not None:
        db.session.execute(
            select(Subscriber.id).where(Subscriber.id == recipient.person.id).with_for_update(key_share=True)
        )
    db.session.execute(select(Message.id).where(Message.id == recipient.message.id).with_for_update(key_share=True))


def come_back(recipient: Recipient, act: Act, *, everything: bool = False) -> bool:
    """Undo `leave` within 30 days. False when nothing was left to undo. Raises Conflict when it is too late."""
    person, list_id = recipient.person, _scope(recipient, everything)
    if person is None or not can_come_back(recipient, everything=everything):
        raise Conflict(
            "This cannot be undone any more: it is too long ago, or the address was deleted. "
            "Nothing was changed. To get mail again, sign up anew."
        )
    hold(recipient)
    if not restore(person, list_id, source=act.source, ip=act.ip, user_agent=act.agent):
        return False
    note(recipient, RESUBSCRIBED, act, scope=LIST if list_id else EVERYTHING)
    return True


def can_come_back(recipient: Recipient, *, everything: bool = False) -> bool:
    """Whether it is early enough for `come_back`."""
    person = recipient.person
    return person is not None and _left_lately(person, _scope(recipient, everything))


def give_reason(recipient: Recipient, reason: str, words: str) -> bool:
    """Keep why the person left, beside the fact that they did. False when they did not, or said nothing."""
    said = {"reason": reason if reason in REASONS else "", "words": words.replace("\0", "").strip()[:LONGEST_WORDS]}
    said = {name: value for name, value in said.items() if value}
    fact = _last_fact(recipient.message)
    if not said or fact is None or fact[1] != UNSUBSCRIBED:
        return False
    values = {"id": fact[0], "at": fact[2], "said": json.dumps(said)}
    db.session.execute(
        text("UPDATE events SET data = data || CAST(:said AS jsonb) WHERE id = :id AND at = :at"), values
    )
    return True


def note(recipient: Recipient, kind: str, act: Act, *, scope: str) -> None:
    """Write down that the person left or came back, unless that is the last thing known.

    The id follows from the message and how often it happened before, so the same act twice is one event.
    """
    message = recipient.message
    # Two at once, from a provider that asks again, wait for each other here.
    db.session.execute(select(Message.id).where(Message.id == message.id).with_for_update(key_share=True))
    fact = _last_fact(message)
    if (fact[1] if fact else RESUBSCRIBED) == kind and not (is_their_wish(act.source) and _is_of_member(fact)):
        return
    number = db.session.scalar(
        select(func.count()).select_from(Event).where(Event.message_id == message.id, Event.kind == kind)
    )
    db.session.execute(
        insert(Event)
        .values(
            id=_event_id(message.id, kind, number or 0),
            at=act.at or clock.now(),
            workspace_id=message.workspace_id,
            message_id=message.id,
            campaign_id=message.campaign_id,
            subscriber_id=message.subscriber_id,
            kind=kind,
            label="human" if act.source in OWN_ACTS else "",
            data={"by": act.by, "source": act.source, "scope": scope, **_member(act)},
        )
        .on_conflict_do_nothing()
    )


def _member(act: Act) -> dict[str, object]:
    """Which member acted for the person, or which webhook told of it."""
    said = {"who": act.who, "user": act.user_id}
    return {name: value for name, value in said.items() if value}


def _scope(recipient: Recipient, everything: bool) -> int | None:
    # Without its list, a message can only be answered by leaving everything.
    return None if everything or recipient.mailing_list is None else recipient.mailing_list.id


def _changed_their_mind(person: Subscriber, list_id: int | None, since: datetime) -> bool:
    """Whether the person came back, by an act of their own, after the one that is heard of now."""
    came_back = select(ConsentEvent.id).where(
        ConsentEvent.address_hash == person.address_hash,
        ConsentEvent.action.in_(("confirmed", "restored")),
        ConsentEvent.source.in_(OWN_ACTS),
        ConsentEvent.at > since,
    )
    if list_id is not None:
        came_back = came_back.where(or_(ConsentEvent.list_id == list_id, ConsentEvent.list_id.is_(None)))
    return db.session.scalar(came_back.limit(1)) is not None


def _left_lately(person: Subscriber, list_id: int | None) -> bool:
    last = db.session.scalar(
        select(func.max(ConsentEvent.at)).where(
            ConsentEvent.address_hash == person.address_hash,
            ConsentEvent.action == "withdrawn",
            ConsentEvent.list_id.is_(None) if list_id is None else ConsentEvent.list_id == list_id,
        )
    )
    return last is not None and clock.now() - last <= UNDO


def _last_fact(message: Message) -> tuple[UUID, str, datetime] | None:
    """The last time the person left or came back through this message: id, kind, time."""
    row = db.session.execute(
        select(Event.id, Event.kind, Event.at)
        .where(Event.message_id == message.id, Event.kind.in_((UNSUBSCRIBED, RESUBSCRIBED)))
        .order_by(Event.at.desc())
        .limit(1)
    ).one_or_none()
    return (row[0], row[1], row[2]) if row else None


def _is_of_member(fact: tuple[UUID, str, datetime] | None) -> bool:
    """Whether a member did it for the person: what they then say themselves is news."""
    if fact is None:
        return False
    source = db.session.scalar(select(Event.data["source"].astext).where(Event.id == fact[0], Event.at == fact[2]))
    return source == "operator"


def _event_id(message_id: int, kind: str, number: int) -> UUID:
    return uuid5(NAMESPACE_URL, f"merpati:message:{message_id}:{kind}:{number}")
