"""An event by itself: found by its token or by the provider's name for the message, acted upon, and closed."""

from dataclasses import replace
from datetime import datetime, timedelta

from rq.timeouts import BaseTimeoutException
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import defer

from app.audience.consent import WEBHOOK
from app.core import clock
from app.core.database import db, in_workspace
from app.core.errors import Unavailable
from app.core.logging import log
from app.mail.same_mailbox import names_other
from app.messages.evidence import settle_messages
from app.messages.lifecycle import State
from app.messages.models import Message
from app.tracking.acting.act import act
from app.tracking.acting.facts import Fact, NotYet
from app.tracking.leaving import Act, leave
from app.tracking.mail_facts import OPT_OUTS
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

KEPT = "kept; of no consequence"
OTHER = "speaks of another recipient than its message; nothing was changed"


def take_in_one(number: int) -> bool:
    """Whether the event is dealt with. Needs every workspace in scope; the caller commits."""
    # Its body is loaded within the try: whether it can be read at all is not known.
    query = select(WebhookEvent, Webhook).join(Webhook, Webhook.id == WebhookEvent.webhook_id)
    query = query.options(defer(WebhookEvent.body))
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
    except (OperationalError, BaseTimeoutException):
        raise  # the database is away or overrun, or the job's time is: this event's turn comes again
    except Exception as error:  # noqa: BLE001 - the event is kept whole; the note and the log name the fault
        event.note = f"could not be worked through: {type(error).__name__}"
        log("webhooks").error("an event could not be worked through", number=event.id, exc_info=error)
    event.handled_at = clock.now()
    return True


def lock(number: int) -> bool:
    """Whether the event still waits and nobody else works on it; it is locked until the next commit."""
    waiting = select(WebhookEvent.id).where(WebhookEvent.id == number, WebhookEvent.handled_at.is_(None))
    return db.session.scalar(waiting.with_for_update(skip_locked=True)) is not None


def is_of_the_topic(kind: str, event_type: str) -> bool:
    """Whether it speaks of the way itself, not of a message: Amazon SNS asks whether its topic is wanted."""
    return kind == "ses" and event_type in (SUBSCRIPTION, END)


def is_about(address: str, heard: Heard) -> bool:
    """Whether what was heard may speak of this address: it names it, in whichever spelling, or nobody readable."""
    return not names_other(heard.recipients, address, may_hide=heard.meaning in ("complaint", "feedback"))


def storable_fact(heard: Heard, key: str) -> Fact | None:
    """The fact in what was heard, fit for PostgreSQL, which takes no NUL; None when there is none."""
    fact = fact_of(heard, key)
    return None if fact is None else replace(fact, diagnostic=fact.diagnostic.replace("\0", ""))


def moment_of(heard: Heard, received_at: datetime) -> datetime:
    """When it happened, as far as that is to be believed: not after it was told, nor long before."""
    earliest = received_at - timedelta(days=30)
    return heard.at if heard.at is not None and earliest <= heard.at <= received_at else received_at


def _act(event: WebhookEvent, hook: Webhook) -> str:
    if is_of_the_topic(hook.kind, event.type):
        return _confirm(event, hook) if event.type == SUBSCRIPTION else "the subscription was ended at Amazon SNS"
    heard = KINDS[hook.kind].hear(event.type, event.body)
    moment = moment_of(heard, event.received_at)
    message = find_message(heard, moment)
    if message is None:
        return "no message of this workspace; nothing was changed"
    if message.state == State.SENDING:
        raise NotYet
    event.message_id = message.id
    if not is_about(message.address, heard):
        return OTHER
    return _consequence(heard, event, message, hook, moment)


def asks_to_leave(heard: Heard) -> bool:
    """A complaint whose type says that it is a wish to leave, and none about spam."""
    return heard.meaning == "complaint" and heard.feedback_type.lower() in OPT_OUTS


def _consequence(heard: Heard, event: WebhookEvent, message: Message, hook: Webhook, at: datetime) -> str:
    source, opts_out = f"{WEBHOOK}{hook.kind}", asks_to_leave(heard)
    if opts_out or heard.meaning == "unsubscribed":
        told = Act(source, by=source, at=at, who=hook.name if hook.name != KINDS[hook.kind].title else "")
        leave(find_recipient(message.id), told, everything=opts_out)
        settle_messages([message.id])
        return "unsubscribed"
    fact = storable_fact(heard, event.key)
    if fact is None:
        return KEPT
    return act(message, fact, source, at)


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
