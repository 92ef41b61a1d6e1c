"""What a person gets, as they see and change it themselves. Needs the message's workspace in scope."""

from dataclasses import dataclass

from sqlalchemy import and_, or_, select

from app.audience.consent import record_consent
from app.audience.models import MailingList, Subscriber, Subscription
from app.audience.subscribers import save_subscriber
from app.audience.subscriptions import CONFIRMED, PENDING, UNSUBSCRIBED, restore, subscribe, unsubscribe
from app.audience.suppressions import Reason, is_suppressed
from app.core.database import db
from app.tracking import leaving
from app.tracking.leaving import Act
from app.tracking.recipients import Recipient
from app.tracking.standing import STOPPED

TRACKING_WORDS = "Do not record which mails I open and which links I follow."


@dataclass(frozen=True, slots=True)
class Choice:
    """A list with a box before it."""

    list_id: int
    name: str
    description: str
    state: str

    @property
    def is_on(self) -> bool:
        return self.state in (CONFIRMED, PENDING)

    @property
    def is_waiting(self) -> bool:
        return self.state == PENDING


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a sent form says. `shown` are the lists that had a box: others stay as they are."""

    shown: frozenset[int]
    chosen: frozenset[int]
    first_name: str
    last_name: str
    tracking: bool


@dataclass(frozen=True, slots=True)
class Saved:
    """What became different, in names of lists."""

    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    name: bool = False
    tracking: bool | None = None

    @property
    def is_nothing(self) -> bool:
        return not (self.joined or self.left or self.name or self.tracking is not None)


def choices_of(person: Subscriber) -> list[Choice]:
    """Every list that is open to all, and those the person is on. Private ones stay unknown to others."""
    held = and_(Subscription.list_id == MailingList.id, Subscription.subscriber_id == person.id)
    rows = db.session.execute(
        select(MailingList, Subscription.state)
        .outerjoin(Subscription, held)
        .where(
            or_(
                Subscription.state.in_((CONFIRMED, PENDING)),
                and_(MailingList.is_public, MailingList.archived_at.is_(None)),
            )
        )
        .order_by(MailingList.name, MailingList.id)
    ).all()
    return [Choice(row.id, row.name, row.description, state or UNSUBSCRIBED) for row, state in rows]


def wishes_of(person: Subscriber) -> Wishes:
    """What a form would have to say to leave everything as it is; sending it later undoes what came between."""
    choices = choices_of(person)
    return Wishes(
        shown=frozenset(choice.list_id for choice in choices),
        chosen=frozenset(choice.list_id for choice in choices if choice.is_on),
        first_name=person.first_name,
        last_name=person.last_name,
        tracking=person.tracking,
    )


def is_stopped(person: Subscriber) -> bool:
    """Whether no box can bring mail to this address, because of a bounce, a complaint or the sender's decision."""
    return is_suppressed(person, reasons=STOPPED)


def has_left_everything(person: Subscriber) -> bool:
    """Whether the person wants nothing from this sender; a ticked box takes that back."""
    return is_suppressed(person, reasons={Reason.UNSUBSCRIBED})


def save(recipient: Recipient, person: Subscriber, wishes: Wishes, act: Act, *, undo: bool = False) -> Saved:
    """Make it so, and say what became different. With `undo`, lists come back in the state they were left in."""
    leaving.hold(recipient)
    before = choices_of(person)
    named = (person.first_name, person.last_name)
    save_subscriber(person.email, first_name=wishes.first_name, last_name=wishes.last_name)
    joined: list[str] = []
    left: list[str] = []
    for choice in before:
        wanted = choice.list_id in wishes.chosen
        if choice.list_id not in wishes.shown or wanted == choice.is_on:
            continue
        if wanted:
            _join(person, choice.list_id, act, undo=undo)
        else:
            unsubscribe(person, choice.list_id, source=act.source, ip=act.ip, user_agent=act.agent)
        (joined if wanted else left).append(choice.name)
        if choice.list_id == recipient.message.list_id:
            kind = leaving.RESUBSCRIBED if wanted else leaving.UNSUBSCRIBED
            leaving.note(recipient, kind, act, scope=leaving.LIST)
    tracking = _set_tracking(person, wishes.tracking, act)
    db.session.flush()
    return Saved(tuple(joined), tuple(left), named != (person.first_name, person.last_name), tracking)


def _join(person: Subscriber, list_id: int, act: Act, *, undo: bool) -> None:
    if undo and restore(person, list_id, source=act.source, ip=act.ip, user_agent=act.agent):
        return
    # The token came to the person's own mailbox, which is all that a confirmation mail would prove.
    subscribe(person, list_id, CONFIRMED, source=act.source, ip=act.ip, user_agent=act.agent)


def _set_tracking(person: Subscriber, tracking: bool, act: Act) -> bool | None:
    if person.tracking == tracking:
        return None
    person.tracking = tracking
    record_consent(
        "tracking-on" if tracking else "tracking-off",
        person,
        source=act.source,
        wording=TRACKING_WORDS,
        ip=act.ip,
        user_agent=act.agent,
    )
    return tracking
