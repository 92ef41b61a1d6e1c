"""SendGrid. After the documentation of Twilio SendGrid (Event Webhook Reference; Glossary, Drops; Bounces API).

A `bounce` of type `blocked` is about the sender. `dropped` was never tried: mostly SendGrid's own lists, of which it
has one of addresses that it calls invalid. The type `expired` is not in the reference; clients know it.
"""

from typing import Any

from app.tracking.webhooks.reading import at, text_at
from app.tracking.webhooks.translate.heard import Heard, Hint, Meaning, moment, texts_in, tokens_in

MEANINGS: dict[str, Meaning] = {
    "delivered": "delivered",
    "deferred": "delayed",
    "bounce": "bounce",
    "blocked": "bounce",
    "dropped": "theirs",
    "spamreport": "complaint",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed",
    "group_resubscribe": "kept",
    "processed": "kept",
    "open": "kept",
    "click": "kept",
    "account_status_change": "kept",
}
_TRIED_IN_VAIN = {
    "spam content": Hint("contenterror", True),
    "invalid smtpapi header": Hint("syntaxerror", True),
    "recipient list over package quota": Hint("systemerror"),
}
"""Reasons for dropping that are not a list of SendGrid's."""
_CLASSES = {
    "invalid address": Hint("userunknown", True, True),
    "mailbox unavailable": Hint("suspend", False, True),
    "reputation": Hint("badreputation"),
    "content": Hint("contenterror"),
    "technical": Hint("mailererror"),
    "technical failure": Hint("mailererror"),
    "frequency or volume too high": Hint("speeding"),
}


def hear_sendgrid(kind: str, event: dict[str, Any]) -> Heard:
    """One event of the list."""
    meaning, words = MEANINGS.get(kind, "unmapped"), text_at(event, "reason") or text_at(event, "response")
    hint = _CLASSES.get(text_at(event, "bounce_classification").lower(), Hint())
    if kind == "dropped" and (found := _TRIED_IN_VAIN.get(words.lower().strip())):
        meaning, hint = "bounce", found
    elif kind == "blocked" or (kind == "bounce" and text_at(event, "type") == "blocked"):
        # What is blocked speaks of the sender, so it cannot declare an address dead unless the reply itself does.
        hint = hint._replace(reason=hint.reason or "blocked", is_final=False, names_person=False)
    elif kind == "bounce" and text_at(event, "type") == "expired":
        hint = Hint("expired")
    elif kind == "bounce":
        hint = hint._replace(names_person=True)
    name = text_at(event, "sg_message_id")
    return Heard(
        meaning,
        texts=tokens_in(event) + tokens_in(at(event, "unique_args")) + texts_in(text_at(event, "smtp-id")),
        names=texts_in(name.partition(".")[0], name),
        recipients=texts_in(text_at(event, "email")),
        at=moment(at(event, "timestamp")),
        words=words,
        status=text_at(event, "status"),
        hint=hint,
    )
