"""From a verified body to single events, each with the key by which a repeat is known."""

from collections.abc import Iterator
from typing import Any

from app.tracking.webhooks.calls import Call, Item, TooMuch, Unreadable, event_key
from app.tracking.webhooks.reading import at, read_json, text_at
from app.tracking.webhooks.verify.sns import NOTIFICATION


def split_sns(_call: Call, body: Any) -> Iterator[Item]:
    """What SES put into the envelope; the envelope itself for a subscription."""
    key, kind = event_key(body.get("MessageId")), text_at(body, "Type")
    if kind != NOTIFICATION:
        # The token in it is a secret until it is used: only what the job needs is kept.
        yield Item(key, kind, {name: body.get(name) for name in ("TopicArn", "SubscribeURL", "Timestamp")})
        return
    try:
        event = read_json(text_at(body, "Message").encode("utf-8", "replace"))
    except TooMuch:
        raise
    except Unreadable:
        event = None
    if not isinstance(event, dict):
        # SNS says in words that a new subscription works.
        yield Item(key, "Text", {"Message": text_at(body, "Message")[:2000]})
        return
    yield Item(key, text_at(event, "eventType") or text_at(event, "notificationType"), event)


def split_sendgrid(_call: Call, body: Any) -> Iterator[Item]:
    """A list of events."""
    for event in _objects(body):
        about = (text_at(event, "sg_message_id"), text_at(event, "email"), text_at(event, "event"))
        key = event_key(event.get("sg_event_id"), *about, text_at(event, "timestamp"))
        yield Item(key, about[2], event)


def split_mailgun(_call: Call, body: Any) -> Iterator[Item]:
    """One event beside its signature, which is not kept."""
    event = at(body, "event-data")
    if not isinstance(event, dict):
        raise Unreadable("There is no event-data in the call; older webhooks of Mailgun are not read. Nothing stored.")
    about = (text_at(event, "message", "headers", "message-id"), text_at(event, "recipient"))
    yield Item(
        _mailgun_key(event, *about),
        " ".join(filter(None, (text_at(event, "event"), text_at(event, "severity")))),
        event,
    )


def _mailgun_key(event: dict[str, Any], *about: str) -> str:
    """Mailgun promises an `id` that is unique within a day only."""
    name, moment = text_at(event, "id"), text_at(event, "timestamp")
    return event_key(f"{name}:{moment}") if name and moment else event_key(event.get("id"), *about, moment)


def split_postmark(_call: Call, body: Any) -> Iterator[Item]:
    """One event without an id of its own, or several."""
    for event in _objects(body):
        kind = text_at(event, "RecordType")
        moment = next(filter(None, (text_at(event, name) for name in _POSTMARK_TIMES)), "")
        person = text_at(event, "Recipient") or text_at(event, "Email")
        about = (text_at(event, "MessageID"), person, kind, text_at(event, "Type"), moment)
        yield Item(event_key(None, *about, text_at(event, "ID")), kind, event)


_POSTMARK_TIMES = ("BouncedAt", "DeliveredAt", "ReceivedAt", "ChangedAt")


def split_sparkpost(_call: Call, body: Any) -> Iterator[Item]:
    """A list of wrapped events; when a webhook is added, an empty one comes to try the way."""
    for wrapped in _objects(body):
        for event in (wrapped.get("msys") or {}).values() if isinstance(wrapped.get("msys"), dict) else ():
            if isinstance(event, dict):
                about = (text_at(event, "message_id"), text_at(event, "rcpt_to"), text_at(event, "type"))
                key = event_key(event.get("event_id"), *about, text_at(event, "timestamp"))
                yield Item(key, about[2], event)


def split_brevo(_call: Call, body: Any) -> Iterator[Item]:
    """One event, or a batch; its `id` is the webhook's, not the event's."""
    for event in _objects(body):
        about = (text_at(event, "message-id"), text_at(event, "email"), text_at(event, "event"))
        moment = text_at(event, "ts_event") or text_at(event, "ts_epoch") or text_at(event, "ts")
        yield Item(event_key(None, *about, moment), about[2], event)


def split_resend(call: Call, body: Any) -> Iterator[Item]:
    """One event; its id stands in a header and stays when it is sent again."""
    if not isinstance(body, dict):
        raise Unreadable("The call is not an event of Resend. Nothing was stored.")
    yield Item(event_key(call.headers.get("svix-id")), text_at(body, "type"), body)


def split_generic(_call: Call, body: Any) -> Iterator[Item]:
    """One event, a list, or `{"events": […]}`. A type is what makes an event; one that nobody knows is kept."""
    found = at(body, "events") if isinstance(body, dict) and "events" in body else body
    if found == []:
        raise Unreadable("There is no event in the call. Nothing was stored.")
    for event in _objects(found):
        if not text_at(event, "type"):
            raise Unreadable("An event has no type: docs/webhooks.md tells the format. Nothing was stored.")
        about = (text_at(event, "message"), text_at(event, "recipient"), text_at(event, "type"))
        yield Item(event_key(event.get("id"), *about, text_at(event, "time")), about[2], event)


def _objects(body: Any) -> Iterator[dict[str, Any]]:
    found = body if isinstance(body, list) else [body]
    for event in found:
        if not isinstance(event, dict):
            raise Unreadable("The call holds something that is not an event. Nothing was stored.")
        yield event
