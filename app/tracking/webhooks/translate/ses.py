"""Amazon SES, as events and as older notifications.

After the documentation of Amazon SES (Contents of event data that Amazon SES publishes to Amazon SNS).
Transient/General is mostly an auto-reply that SES took for a bounce; it is one unless a reply of a mail server stands
in it. Subtypes of lists of tenants and of validated addresses are newer than the copy of that table that was read; code
that reads them is.
"""

import re
from collections.abc import Iterable
from typing import Any

from app.tracking.webhooks.reading import at, text_at
from app.tracking.webhooks.translate.heard import Heard, Hint, Meaning, moment, texts_in, tokens_in

MEANINGS: dict[str, Meaning] = {
    "Bounce": "bounce",
    "Complaint": "complaint",
    "Delivery": "delivered",
    "DeliveryDelay": "delayed",
    "Reject": "bounce",
    "Rendering Failure": "bounce",
    "Subscription": "unsubscribed",
    "Send": "kept",
    "Open": "kept",
    "Click": "kept",
    "Text": "kept",
    "AmazonSnsSubscriptionSucceeded": "kept",
}
_PLACES = {"DeliveryDelay": "deliveryDelay", "Rendering Failure": "failure"}
_THEIRS = frozenset(
    {"Suppressed", "OnAccountSuppressionList", "OnTenantSuppressionList", "EmailValidationSuppressed"}
    | {"UnsubscribedRecipient"}
)
HINTS = {
    ("Permanent", "General"): Hint("", True, True),
    ("Permanent", "NoEmail"): Hint("userunknown", True, True),
    ("Transient", "MailboxFull"): Hint("mailboxfull"),
    ("Transient", "MessageTooLarge"): Hint("mesgtoobig"),
    ("Transient", "ContentRejected"): Hint("contenterror"),
    ("Transient", "AttachmentRejected"): Hint("contenterror"),
    ("Transient", "CustomTimeoutExceeded"): Hint("expired"),
    ("Transient", "General"): Hint(),
}
_DELAYS = {
    "MailboxFull": Hint("mailboxfull"),
    "SpamDetected": Hint("spamdetected"),
    "IPFailure": Hint("blocked"),
    "RecipientServerError": Hint("mailererror"),
    "TransientCommunicationFailure": Hint("networkerror"),
    "InternalFailure": Hint("systemerror"),
    "SendingDeferral": Hint("speeding"),
    "BYOIPHostNameLookupUnavailable": Hint("requireptr"),
    "General": Hint(),
    "Undetermined": Hint(),
}
_REPLY = re.compile(r"\b[45]\d\d[ -]|\b[45]\.\d{1,3}\.\d{1,3}\b").search


def hear_ses(kind: str, event: dict[str, Any]) -> Heard:
    """An event of SES, out of its envelope."""
    mail, said = at(event, "mail"), at(event, _PLACES.get(kind, kind.lower()))
    people = _people(said)
    first = people[0] if people else {}
    meaning = MEANINGS.get(kind, "unmapped")
    words = texts_in(at(first, "diagnosticCode"), at(said, "reason"), at(said, "errorMessage"))
    return Heard(
        _meaning(meaning, said, "".join(words[:1])),
        texts=tokens_in(_flat(at(mail, "tags"))) + texts_in(at(mail, "commonHeaders", "messageId"), *_ids(mail)),
        names=texts_in(at(mail, "messageId")),
        recipients=texts_in(*(at(one, "emailAddress") for one in people), at(said, "recipients"))
        or texts_in(at(mail, "destination")),
        at=moment(at(said, "timestamp")) or moment(at(mail, "timestamp")),
        words="".join(words[:1]),
        status=text_at(first, "status"),
        hint=_hint(kind, said),
        feedback_type=text_at(said, "complaintFeedbackType"),
    )


def amazon_meaning(kind: str, subtype: str, words: str) -> Meaning:
    """What a bounce of this type and subtype is; Resend sends by SES and uses the same words."""
    if subtype in _THEIRS:
        return "theirs"
    return "autoreply" if (kind, subtype) == ("Transient", "General") and not _REPLY(words) else "bounce"


def _meaning(meaning: Meaning, said: Any, words: str) -> Meaning:
    if meaning == "bounce" and text_at(said, "bounceType"):
        return amazon_meaning(text_at(said, "bounceType"), text_at(said, "bounceSubType"), words)
    if meaning == "complaint":
        return "theirs" if text_at(said, "complaintSubType") in _THEIRS else "complaint"
    if meaning == "unsubscribed" and at(said, "newTopicPreferences", "unsubscribeAll") is not True:
        return "kept"
    return meaning


def _hint(kind: str, said: Any) -> Hint:
    if kind == "DeliveryDelay":
        return _DELAYS.get(text_at(said, "delayType"), Hint())
    if kind in ("Reject", "Rendering Failure"):
        return Hint("virusdetected" if kind == "Reject" else "contenterror", True)
    return HINTS.get((text_at(said, "bounceType"), text_at(said, "bounceSubType")), Hint())


def _people(said: Any) -> list[dict[str, Any]]:
    for name in ("bouncedRecipients", "complainedRecipients", "delayedRecipients"):
        found = at(said, name)
        if isinstance(found, list):
            return [one for one in found if isinstance(one, dict)]
    return []


def _flat(tags: Any) -> Any:
    """SES gives a list of values for each tag."""
    if not isinstance(tags, dict):
        return None
    return {name: value[0] if isinstance(value, list) and value else value for name, value in tags.items()}


def _ids(mail: Any) -> Iterable[str]:
    headers = at(mail, "headers")
    for header in headers if isinstance(headers, list) else ():
        if text_at(header, "name").lower() == "message-id":
            yield text_at(header, "value")
