"""A person on a list: asked for, confirmed, withdrawn, restored. Every change leaves a row in the consent record.

(nothing) ──► pending ──► confirmed ──► unsubscribed
    │            └────────────────────────► │
    └──────────────► confirmed              └──► pending, confirmed   (only by the person's own act)
"""

from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.audience.consent import OWN_ACTS, is_their_wish, record_consent
from app.audience.lists import get_list, usable_list
from app.audience.models import ConsentEvent, MailingList, Subscriber, Subscription
from app.audience.suppressions import LIFTED_BY_CONFIRMING, WITHDRAWN, Reason, is_suppressed, lift_for, suppress
from app.core import clock
from app.core.database import db
from app.core.errors import Conflict, Invalid, NotFound

PENDING, CONFIRMED, UNSUBSCRIBED = "pending", "confirmed", "unsubscribed"


def subscribe(
    subscriber: Subscriber | int,
    mailing_list: MailingList | int,
    state: str = CONFIRMED,
    *,
    source: str,
    wording: str = "",
    ip: str = "",
    user_agent: str = "",
    evidence: dict[str, Any] | None = None,
) -> Subscription:
    """Put a person on a list as `pending` or `confirmed`; a confirmed person stays confirmed.

    Raises Conflict when the person unsubscribed or is suppressed and `source` is not an act of their own.
    """
    if state not in (PENDING, CONFIRMED):
        raise Invalid(f"{state!r} is not a state to subscribe in. Choose pending or confirmed.", field="state")
    person = _person(subscriber)
    target = usable_list(mailing_list if isinstance(mailing_list, int) else mailing_list.id)
    own = source in OWN_ACTS
    subscription, is_new = _row(person, target.id, state)
    if not own and (_has_left(person, subscription, is_new=is_new) or is_suppressed(person, target.id)):
        if is_new:
            db.session.delete(subscription)
            db.session.flush()
        raise Conflict(
            f"This person unsubscribed from {target.name} or is suppressed. Only they themselves can come back: "
            "send them the address of the list's sign-up form."
        )
    if own and state == CONFIRMED:
        lift_for(person, target.id, {Reason.UNSUBSCRIBED})
    if is_new or subscription.state == UNSUBSCRIBED or (subscription.state == PENDING and state == CONFIRMED):
        before = None if is_new else subscription.state
        _change(subscription, state)
        action = CONFIRMED if state == CONFIRMED else "requested"
        if source == "import":
            action = "imported"
    elif subscription.state == PENDING:
        before, action = PENDING, "requested"
    else:
        return subscription
    record_consent(
        action,
        person,
        list_id=target.id,
        source=source,
        wording=wording or target.consent_text,
        ip=ip,
        user_agent=user_agent,
        evidence={**(evidence or {}), **({"before": before} if before else {})},
    )
    return subscription


def confirm(
    subscription: Subscription | int, *, source: str = "form", wording: str = "", ip: str = "", user_agent: str = ""
) -> bool:
    """The person said yes from their own mailbox. False when nothing was waiting: confirmed already, or withdrawn."""
    number = subscription if isinstance(subscription, int) else subscription.id
    found = db.session.scalar(select(Subscription).where(Subscription.id == number).with_for_update())
    if found is None:
        raise NotFound("This subscription does not exist any more. Sign up again with the form.")
    if found.state != PENDING:
        return False
    person = _person(found.subscriber_id)
    lift_for(person, found.list_id, LIFTED_BY_CONFIRMING)
    _change(found, CONFIRMED)
    wording = wording or get_list(found.list_id).consent_text
    record_consent(
        CONFIRMED, person, list_id=found.list_id, source=source, wording=wording, ip=ip, user_agent=user_agent
    )
    return True


def unsubscribe(
    subscriber: Subscriber | int,
    list_id: int | None,
    *,
    source: str,
    wording: str = "",
    ip: str = "",
    user_agent: str = "",
    evidence: dict[str, Any] | None = None,
) -> bool:
    """Take a person off one list or, with None, off everything for good. Twice is once: False then."""
    person = _person(subscriber)
    rows = _held(person, get_list(list_id).id) if list_id is not None else _held(person)
    before = {str(row.list_id): row.state for row in rows}
    if list_id is None:
        if not rows and is_suppressed(person, reasons=WITHDRAWN):
            done_for_them = _done_for_them(person, None, source)
            if done_for_them is None:
                return False
            before = done_for_them
        suppress(person, Reason.UNSUBSCRIBED, evidence=source)
    elif not rows:
        row, is_new = _row(person, list_id, UNSUBSCRIBED)
        done_for_them = None if is_new else _done_for_them(person, list_id, source)
        if not is_new and done_for_them is None:
            return False
        rows, before = [row], done_for_them or before
    for row in rows:
        _change(row, UNSUBSCRIBED)
    record_consent(
        "withdrawn",
        person,
        list_id=list_id,
        source=source,
        wording=wording,
        ip=ip,
        user_agent=user_agent,
        evidence={**(evidence or {}), "before": before},
    )
    return True


def restore(
    subscriber: Subscriber | int,
    list_id: int | None,
    *,
    source: str,
    wording: str = "",
    ip: str = "",
    user_agent: str = "",
) -> bool:
    """Undo the person's last `unsubscribe` of the same scope, by their own act. False when there is nothing to undo."""
    if source not in OWN_ACTS:
        raise Conflict(
            "Only the person themselves can undo an unsubscription. Send them the address of the sign-up form."
        )
    person = _person(subscriber)
    withdrawal = _last_withdrawal(person, list_id)
    before = withdrawal.evidence.get("before", {}) if withdrawal else {}
    lifted = lift_for(person, None, {Reason.UNSUBSCRIBED}) if list_id is None else []
    restored = []
    for number, state in before.items():
        row, _ = _row(person, int(number), UNSUBSCRIBED)
        if row.state == UNSUBSCRIBED:
            _change(row, state)
            restored.append(row.list_id)
    if not restored and not lifted:
        return False
    record_consent(
        "restored",
        person,
        list_id=list_id,
        source=source,
        wording=wording,
        ip=ip,
        user_agent=user_agent,
        evidence={"lists": restored},
    )
    return True


def _person(subscriber: Subscriber | int) -> Subscriber:
    if isinstance(subscriber, Subscriber):
        return subscriber
    found = db.session.scalar(select(Subscriber).where(Subscriber.id == subscriber))
    if found is None:
        raise NotFound("There is no such person in this workspace.")
    return found


def _row(person: Subscriber, list_id: int, state: str) -> tuple[Subscription, bool]:
    """The person's row on the list, locked; made in `state` when there was none. Of two at once, one makes it."""
    made = db.session.scalar(
        insert(Subscription)
        .values(
            workspace_id=person.workspace_id,
            list_id=list_id,
            subscriber_id=person.id,
            state=state,
            changed_at=clock.now(),
        )
        .on_conflict_do_nothing()
        .returning(Subscription.id)
    )
    row = db.session.scalars(
        select(Subscription)
        .where(Subscription.list_id == list_id, Subscription.subscriber_id == person.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    return row, made is not None


def _held(person: Subscriber, list_id: int | None = None) -> list[Subscription]:
    query = select(Subscription).where(Subscription.subscriber_id == person.id, Subscription.state != UNSUBSCRIBED)
    if list_id is not None:
        query = query.where(Subscription.list_id == list_id)
    return list(db.session.scalars(query.with_for_update().execution_options(populate_existing=True)))


def _change(subscription: Subscription, state: str) -> None:
    subscription.state = state
    subscription.changed_at = clock.now()
    db.session.flush()


def _done_for_them(person: Subscriber, list_id: int | None, source: str) -> dict[str, str] | None:
    """What the person had before a member took them off, who now say so themselves: from here on it is their own wish,
    and that is what they come back to. None when there is nothing new in it.
    """
    ends = [_last_withdrawal(person, scope) for scope in {list_id, None}]
    last = max((end for end in ends if end is not None), key=lambda end: end.id, default=None)
    if not is_their_wish(source) or last is None or is_their_wish(last.source):
        return None
    before: dict[str, str] = last.evidence.get("before", {})
    return before if list_id is None else {number: state for number, state in before.items() if int(number) == list_id}


def _has_left(person: Subscriber, subscription: Subscription, *, is_new: bool) -> bool:
    """Whether the person left and has not come back by an act of their own; a request to come back is not one yet."""
    if is_new or subscription.state == CONFIRMED:
        return False
    if subscription.state == UNSUBSCRIBED:
        return True
    last = db.session.scalar(
        select(ConsentEvent.action)
        .where(
            ConsentEvent.address_hash == person.address_hash,
            ConsentEvent.action != "requested",
            (ConsentEvent.list_id == subscription.list_id) | ConsentEvent.list_id.is_(None),
        )
        .order_by(ConsentEvent.id.desc())
        .limit(1)
    )
    return last == "withdrawn"


def _last_withdrawal(person: Subscriber, list_id: int | None) -> ConsentEvent | None:
    scope = ConsentEvent.list_id.is_(None) if list_id is None else ConsentEvent.list_id == list_id
    return db.session.scalar(
        select(ConsentEvent)
        .where(ConsentEvent.address_hash == person.address_hash, ConsentEvent.action == "withdrawn", scope)
        .order_by(ConsentEvent.id.desc())
        .limit(1)
    )
