"""The second half: what was stored becomes facts. Safe beside itself, when repeated, and in any order."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, select
from sqlalchemy.exc import OperationalError

from app.core import clock
from app.core.database import db, every_workspace, in_workspace
from app.core.errors import Unavailable
from app.core.logging import log
from app.messages.evidence import settle_messages
from app.messages.lifecycle import State
from app.messages.models import Message
from app.tracking.acting.act import act
from app.tracking.acting.facts import NotYet
from app.tracking.leaving import Act, leave
from app.tracking.models import Webhook, WebhookEvent
from app.tracking.recipients import find_recipient
from app.tracking.webhooks import fetching
from app.tracking.webhooks.calls import Refused
from app.tracking.webhooks.finding import find_message
from app.tracking.webhooks.kinds import KINDS
from app.tracking.webhooks.reading import text_at
from app.tracking.webhooks.translate.heard import Heard
from app.tracking.webhooks.translate.judging import fact_of
from app.tracking.webhooks.verify.sns import END, SUBSCRIPTION

BATCH = 200
UNMAPPED = "unmapped"
KEPT = "kept; of no consequence"
MOST_TYPES = 50

Unknown = dict[int, Counter[str]]


def is_anything_waiting() -> bool:
    """Whether there are events to take in. Needs every workspace in scope."""
    return bool(db.session.scalar(select(exists().where(WebhookEvent.handled_at.is_(None)))))


def take_in_events() -> int:
    """Work through stored events; returns how many. What changes a message is committed one by one: it holds locks."""
    taken = last = 0
    with every_workspace():
        while batch := _next_batch(last):
            last = batch[-1].id
            telling = _sort_out(batch)
            taken += len(batch) - len(telling)
            db.session.commit()
            for number in telling:
                taken += _take_in(number)
                db.session.commit()
    return taken


def forget_old_events(days: int) -> int:
    """Delete events past their time that were taken in. Needs every workspace in scope; commits nothing."""
    old = delete(WebhookEvent).where(
        WebhookEvent.received_at < clock.now() - timedelta(days=days), WebhookEvent.handled_at.is_not(None)
    )
    return int(db.session.execute(old).rowcount)  # type: ignore[attr-defined]


def _next_batch(last: int) -> list[WebhookEvent]:
    query = select(WebhookEvent).where(WebhookEvent.handled_at.is_(None), WebhookEvent.id > last)
    return list(db.session.scalars(query.order_by(WebhookEvent.id).limit(BATCH).with_for_update(skip_locked=True)))


def _sort_out(batch: list[WebhookEvent]) -> list[int]:
    """Be done with what is of no consequence, and with what nobody here knows; the numbers of the rest."""
    hooks = _hooks(batch)
    unknown: Unknown = defaultdict(Counter)
    telling = []
    for event in batch:
        hook = hooks[event.webhook_id]
        meaning = "confirm" if _is_of_the_topic(event, hook) else KINDS[hook.kind].hear(event.type, event.body).meaning
        if meaning not in (UNMAPPED, "kept"):
            telling.append(event.id)
            continue
        event.note, event.handled_at = (UNMAPPED if meaning == UNMAPPED else KEPT), clock.now()
        if meaning == UNMAPPED:
            unknown[hook.id][event.type] += 1
    _count(unknown)
    return telling


def _hooks(batch: list[WebhookEvent]) -> dict[int, Webhook]:
    wanted = {event.webhook_id for event in batch}
    return {hook.id: hook for hook in db.session.scalars(select(Webhook).where(Webhook.id.in_(wanted)))}


def _take_in(number: int) -> bool:
    query = select(WebhookEvent, Webhook).join(Webhook, Webhook.id == WebhookEvent.webhook_id)
    query = query.where(WebhookEvent.id == number, WebhookEvent.handled_at.is_(None))
    row = db.session.execute(query.with_for_update(of=WebhookEvent, skip_locked=True)).one_or_none()
    if row is None:
        return False
    event, hook = row
    # An event that upsets us must not stop those behind it: its changes alone are undone, and it says why.
    try:
        with db.session.begin_nested(), in_workspace(event.workspace_id):
            event.note = _act(event, hook)
    except NotYet:
        return False
    except OperationalError:
        raise  # the database is away or overrun: this event's turn comes again
    except Exception as error:  # noqa: BLE001 - the event is kept whole; the note and the log name the fault
        event.note = f"could not be worked through: {type(error).__name__}"
        log("webhooks").error("an event could not be worked through", number=event.id, exc_info=error)
    event.handled_at = clock.now()
    return True


def _is_of_the_topic(event: WebhookEvent, hook: Webhook) -> bool:
    return hook.kind == "ses" and event.type in (SUBSCRIPTION, END)


def _act(event: WebhookEvent, hook: Webhook) -> str:
    if _is_of_the_topic(event, hook):
        return _confirm(event, hook) if event.type == SUBSCRIPTION else "the subscription was ended at Amazon SNS"
    heard = KINDS[hook.kind].hear(event.type, event.body)
    moment = _moment(heard, event)
    message = find_message(heard, moment)
    if message is None:
        return "no message of this workspace; nothing was changed"
    if message.state == State.SENDING:
        raise NotYet
    event.message_id = message.id
    if not _is_about(message, heard):
        return "speaks of somebody else; nothing was changed"
    return _consequence(heard, event, message, f"webhook:{hook.kind}", moment)


def _consequence(heard: Heard, event: WebhookEvent, message: Message, source: str, at: datetime) -> str:
    if heard.meaning == "unsubscribed":
        leave(find_recipient(message.id), Act("one-click", by=source, at=at))
        settle_messages([message.id])
        return "unsubscribed"
    fact = fact_of(heard, event.key)
    if fact is None:
        return KEPT
    return act(message, replace(fact, diagnostic=fact.diagnostic.replace("\0", "")), source, at)


def _is_about(message: Message, heard: Heard) -> bool:
    """By address, or the only one there is: providers write an address in their own way."""
    named = {person.strip().lower() for person in heard.recipients}
    return len(named) < 2 or message.address.lower() in named


def _moment(heard: Heard, event: WebhookEvent) -> datetime:
    """When it happened, as far as that is to be believed: not after it was told, nor long before."""
    earliest = event.received_at - timedelta(days=30)
    return heard.at if heard.at is not None and earliest <= heard.at <= event.received_at else event.received_at


def _confirm(event: WebhookEvent, hook: Webhook) -> str:
    """Tell Amazon that we want this topic: at its own address, and only for the topic that the owner entered."""
    topic = text_at(event.body, "TopicArn")
    if topic != hook.options.get("topic"):
        return "a subscription to another topic; not confirmed"
    try:
        fetching.fetch(fetching.confirmation_place(text_at(event.body, "SubscribeURL"), topic))
    except (Refused, Unavailable) as error:
        return f"not confirmed: {error} Let Amazon SNS ask again."
    return "the subscription was confirmed"


def _count(unknown: Unknown) -> None:
    """How often a type came that nobody here knows; the owner sees it."""
    for webhook_id, found in unknown.items():
        hook = db.session.scalar(
            select(Webhook).where(Webhook.id == webhook_id).with_for_update().execution_options(populate_existing=True)
        )
        if hook is not None:
            known = Counter(hook.options.get(UNMAPPED, {}))
            known.update(found)
            hook.options = {**hook.options, UNMAPPED: dict(known.most_common(MOST_TYPES))}
