"""Mailgun. After the documentation of Mailgun (User Manual, Tracking Failures; Events) and the reasons in its client.

`failed` with severity `temporary` is tried again by Mailgun, for eight hours; then the reason is `old`. `hardfail` is
an address that bounced, left or complained before. Codes from 600 on are its own, and no document lists them: 605 to
607 are its three lists, 602 is the end of its eight hours.
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
    "espblock": Hint("blocked"),
    "blacklisted": Hint("blocked"),
    "greylisted": Hint("speeding"),
    "old": Hint("expired"),
}
_LISTS = frozenset({"605", "606", "607"})
_TOO_OLD = "602"


def hear_mailgun(kind: str, event: dict[str, Any]) -> Heard:
    """One event; the severity stands in its type."""
    meaning, status, reason = MEANINGS.get(kind, "unmapped"), at(event, "delivery-status"), text_at(event, "reason")
    code = text_at(status, "code")
    if meaning in ("bounce", "delayed") and _is_listed(reason, code):
        meaning = "theirs"
    hint = Hint("rejected") if kind == "rejected" else _REASONS.get("old" if code == _TOO_OLD else reason, Hint())
    words = text_at(status, "message") or text_at(status, "description") or text_at(event, "reject", "reason")
    return Heard(
        meaning,
        texts=tokens_in(at(event, "user-variables")) + texts_in(text_at(event, "message", "headers", "message-id")),
        names=texts_in(text_at(event, "message", "headers", "message-id").strip("<>")),
        recipients=texts_in(text_at(event, "recipient")) or texts_in(at(event, "message", "recipients")),
        at=moment(at(event, "timestamp")),
        words=words or reason,
        notes=text_at(status, "description"),
        status=text_at(status, "enhanced-code"),
        code=code,
        hint=hint,
    )


def _is_listed(reason: str, code: str) -> bool:
    """Whether Mailgun's own lists kept the mail back. A mail server that spoke is believed, whatever the reason."""
    return reason.startswith("suppress-") or code in _LISTS or (reason == "hardfail" and code[:1] not in ("4", "5"))
