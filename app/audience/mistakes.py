"""Taking back that a member unsubscribed somebody by mistake: by that member, at once, while nothing else was said.

Who left by an act of their own comes back by one only. Here the person did nothing: a member clicked for them. Both
acts stay in the consent record.
"""

from datetime import timedelta

from sqlalchemy import select

from app.audience.consent import record_consent
from app.audience.models import ConsentEvent, Subscriber, Subscription, Suppression
from app.audience.suppressions import Reason
from app.core import clock
from app.core.database import db

AT_ONCE = timedelta(minutes=10)
_SAME_ACT = timedelta(seconds=5)
"""The suppression is written a moment before the consent record."""


def mistake_of(person: Subscriber, user_id: int) -> ConsentEvent | None:
    """The unsubscription from everything that this user may take back now: the very last thing on record."""
    query = select(ConsentEvent).where(
        ConsentEvent.workspace_id == person.workspace_id, ConsentEvent.address_hash == person.address_hash
    )
    last = db.session.scalar(query.order_by(ConsentEvent.id.desc()).limit(1))
    if last is None or (last.action, last.source, last.list_id) != ("withdrawn", "operator", None):
        return None
    is_theirs = last.evidence.get("user") == user_id
    return last if is_theirs and last.at > clock.now() - AT_ONCE else None


def undo_mistake(person: Subscriber, user_id: int, who: str) -> bool:
    """Put the person back where they were. False when there is nothing to take back any more."""
    db.session.execute(select(Subscriber.id).where(Subscriber.id == person.id).with_for_update())
    mistake = mistake_of(person, user_id)
    if mistake is None:
        return False
    now, restored = clock.now(), []
    for number, state in mistake.evidence.get("before", {}).items():
        row = db.session.scalar(
            select(Subscription)
            .where(Subscription.subscriber_id == person.id, Subscription.list_id == int(number))
            .with_for_update()
        )
        if row is not None and row.state == "unsubscribed":
            row.state, row.changed_at = state, now
            restored.append(row.list_id)
    for suppression in _written_by(mistake, person):
        suppression.lifted_at = now
    evidence = {"lists": restored, "undoes": mistake.id, "user": user_id, "who": who}
    record_consent("restored", person, source="operator", evidence=evidence)
    return True


def _written_by(mistake: ConsentEvent, person: Subscriber) -> list[Suppression]:
    """The suppression that the mistake itself wrote: what stood before it stays."""
    query = select(Suppression).where(
        Suppression.workspace_id == person.workspace_id,
        Suppression.address_hash == person.address_hash,
        Suppression.list_id.is_(None),
        Suppression.lifted_at.is_(None),
        Suppression.reason == Reason.UNSUBSCRIBED,
        Suppression.evidence == "operator",
        Suppression.created_at.between(mistake.at - _SAME_ACT, mistake.at),
    )
    return list(db.session.scalars(query.with_for_update()))
