"""Mailgun. After the documentation of Mailgun (Webhook Payloads, Tracking Failures).

`failed` with severity `temporary` is tried again by Mailgun. Codes from 600 on are its own, for its own lists.
"""

from typing import Any

from app.tracking.webhooks.reading import at, text_at
from app.tracking.webhooks.translate.heard import Heard, Hint, Meaning, moment, texts_in, tokens_in

MEANINGS: dict[str, Meaning] = {
    "delivered": "delivered",
    "failed permanent": "bounce",
    "failed temporary": "delayed",
    "failed": "bounce",
    "rejected": "bounce",
    "complained": "complaint",
    "unsubscribed": "unsubscribed",
    "accepted": "kept",
    "stored": "kept",
    "opened": "kept",
    "clicked": "kept",
}
_REASONS = {
    "bounce": Hint("", True, True),
    "hardfail": Hint("", True),
    "espblock": Hint("blocked"),
    "greylisted": Hint("speeding"),
    "old": Hint("expired"),
}


def hear_mailgun(kind: str, event: dict[str, Any]) -> Heard:
    """One event; the severity stands in its type."""
    meaning, status, reason = MEANINGS.get(kind, "unmapped"), at(event, "delivery-status"), text_at(event, "reason")
    code = text_at(status, "code")
    if meaning in ("bounce", "delayed") and (reason.startswith("suppress-") or (code[:1] == "6" and len(code) == 3)):
        meaning = "theirs"
    hint = Hint("rejected") if kind == "rejected" else _REASONS.get(reason, Hint())
    words = text_at(status, "message") or text_at(status, "description") or text_at(event, "reject", "reason")
    return Heard(
        meaning,
        texts=tokens_in(at(event, "user-variables")) + texts_in(text_at(event, "message", "headers", "message-id")),
        names=texts_in(text_at(event, "message", "headers", "message-id").strip("<>")),
        recipients=texts_in(text_at(event, "recipient")),
        at=moment(at(event, "timestamp")),
        words=words or reason,
        notes=text_at(status, "description"),
        status=text_at(status, "enhanced-code"),
        code=code,
        hint=hint,
    )
