"""Taking back that a member unsubscribed somebody by mistake: by that member, at once, while nothing else was said.

Who left by an act of their own comes back by one only. Here the person did nothing: a member clicked for them. Both
acts stay in the consent record.
"""

from datetime import timedelta

from sqlalchemy import Select, select

from app.audience.consent import is_their_wish, record_consent
from app.audience.models import ConsentEvent, Subscriber, Subscription, Suppression
from app.audience.suppressions import Reason
from app.core import clock
from app.core.database import db

AT_ONCE = timedelta(minutes=10)
_SAME_ACT = timedelta(seconds=5)
"""The suppression is written a moment before the consent record."""


def mistake_of(person: Subscriber, user_id: int) -> ConsentEvent | None:
    """The unsubscription from everything that this user may take back now: the very last thing on record."""
    last = _last(person)
    return last if last is not None and not _why_not(last, user_id) else None


def why_no_mistake(person: Subscriber, user_id: int) -> str:
    """Why there is nothing that this user may take back, as the end of a sentence."""
    last = _last(person)
    return _why_not(last, user_id) if last is not None else "nobody unsubscribed them here"


def hold_mistake(person: Subscriber) -> None:
    """Lock what a mistake changed, in the order of whoever changes it: then nobody says anything until the commit."""
    for query in (_subscriptions(person), _active(person)):
        db.session.scalars(query.with_for_update(key_share=True).execution_options(populate_existing=True)).all()


def undo_mistake(mistake: ConsentEvent, person: Subscriber, user_id: int, who: str) -> None:
    """Put the person back where they were. What is held: `hold_mistake`."""
    now, restored = clock.now(), []
    before = mistake.evidence.get("before", {})
    for row in db.session.scalars(_subscriptions(person)):
        if row.state == "unsubscribed" and str(row.list_id) in before:
            row.state, row.changed_at = before[str(row.list_id)], now
            restored.append(row.list_id)
    for suppression in _written_by(mistake, person):
        suppression.lifted_at = now
    # No two are in force at once.
    db.session.flush()
    _put_back(mistake, person)
    evidence = {"lists": restored, "undoes": mistake.id, "user": user_id, "who": who}
    record_consent("restored", person, source="operator", evidence=evidence)


def why_stopped(person: Subscriber) -> str | None:
    """The reason for which the address gets no mail at all; None when there is none."""
    return db.session.scalar(_active(person).with_only_columns(Suppression.reason))


def _last(person: Subscriber) -> ConsentEvent | None:
    query = select(ConsentEvent).where(
        ConsentEvent.workspace_id == person.workspace_id, ConsentEvent.address_hash == person.address_hash
    )
    return db.session.scalar(query.order_by(ConsentEvent.id.desc()).limit(1))


def _why_not(last: ConsentEvent, user_id: int) -> str:
    if is_their_wish(last.source):
        withdrew = last.action == "withdrawn"
        return "they have left by themselves" if withdrew else "they have said themselves what they want since"
    if (last.action, last.source, last.list_id) != ("withdrawn", "operator", None):
        return "it is undone already" if "undoes" in last.evidence else "what they get was changed since"
    if last.evidence.get("user") != user_id:
        return "only who unsubscribed them can take it back"
    return "it is more than ten minutes ago" if last.at <= clock.now() - AT_ONCE else ""


def _subscriptions(person: Subscriber) -> Select[Subscription]:
    return select(Subscription).where(Subscription.subscriber_id == person.id).order_by(Subscription.id)


def _of_workspace(person: Subscriber) -> Select[Suppression]:
    return select(Suppression).where(
        Suppression.workspace_id == person.workspace_id,
        Suppression.address_hash == person.address_hash,
        Suppression.list_id.is_(None),
    )


def _active(person: Subscriber) -> Select[Suppression]:
    return _of_workspace(person).where(Suppression.lifted_at.is_(None))


def _written_by(mistake: ConsentEvent, person: Subscriber) -> list[Suppression]:
    """The suppression that the mistake itself wrote: what stood before it stays."""
    query = _active(person).where(
        Suppression.reason == Reason.UNSUBSCRIBED,
        Suppression.evidence == "operator",
        Suppression.created_at.between(mistake.at - _SAME_ACT, mistake.at),
    )
    return list(db.session.scalars(query))


def _put_back(mistake: ConsentEvent, person: Subscriber) -> None:
    """The weaker suppression, such as that of a bounce, whose place the mistake took."""
    if why_stopped(person) is not None:
        return
    gone = _of_workspace(person).where(
        Suppression.reason.in_((Reason.BOUNCED, Reason.IMPORTED)),
        Suppression.lifted_at.between(mistake.at - _SAME_ACT, mistake.at),
        Suppression.created_at < mistake.at - _SAME_ACT,
    )
    before = db.session.scalar(gone.order_by(Suppression.id.desc()).limit(1))
    if before is not None:
        before.lifted_at = None
        db.session.flush()
