"""Resend. After the documentation of Resend (Webhooks: event types, email.bounced, email.failed, email.suppressed). Its
bounces are those of Amazon SES, with the same types; the servers' own words come as a list."""

import re
from typing import Any

from app.tracking.webhooks.reading import at, text_at
from app.tracking.webhooks.translate.heard import Heard, Hint, Meaning, first_moment, texts_in, tokens_in
from app.tracking.webhooks.translate.ses import HINTS, amazon_meaning

MEANINGS: dict[str, Meaning] = {
    "email.delivered": "delivered",
    "email.delivery_delayed": "delayed",
    "email.bounced": "bounce",
    "email.failed": "bounce",
    "email.suppressed": "theirs",
    "email.complained": "complaint",
    "email.sent": "kept",
    "email.scheduled": "kept",
    "email.opened": "kept",
    "email.clicked": "kept",
    "email.received": "kept",
}


_OTHERS = frozenset({"suppression", "domain", "contact"})
"""What types begin with that speak of no message."""
_ANSWERS = re.compile(
    r"\bauto(?:matic|mated)?[- ]?(?:repl|respon|answer)|\bout of (?:the )?office|\bvacation|\bon leave\b"
    r"|\babwesen|\babsence\b",
    re.IGNORECASE,
).search


def hear_resend(kind: str, event: dict[str, Any]) -> Heard:
    """One event."""
    data = at(event, "data")
    said, meaning, hint = at(data, "bounce"), _meaning(kind), Hint()
    reasons = (at(data, "failed", "reason"), at(data, "suppressed", "message"))
    texts = texts_in(at(said, "diagnosticCode"), at(said, "message"), *reasons)
    words = texts[0] if texts else ""
    if kind == "email.bounced":
        pair = (text_at(said, "type"), text_at(said, "subType"))
        meaning, hint = amazon_meaning(*pair, words), HINTS.get(pair, Hint())
        # Where Amazon is silent Resend puts a sentence of its own, which is no sign of a reply.
        if meaning == "autoreply" and not _ANSWERS(words):
            meaning = "bounce"
    elif kind == "email.failed":
        hint = Hint("systemerror")
    return Heard(
        meaning,
        texts=tokens_in(at(data, "tags")) + tokens_in(at(data, "headers")) + texts_in(at(data, "message_id")),
        names=texts_in(at(data, "email_id")),
        recipients=texts_in(at(data, "to")),
        at=first_moment((at(event, "created_at"), at(data, "created_at"))),
        words=words,
        hint=hint,
    )


def _meaning(kind: str) -> Meaning:
    return "kept" if kind.partition(".")[0] in _OTHERS else MEANINGS.get(kind, "unmapped")
