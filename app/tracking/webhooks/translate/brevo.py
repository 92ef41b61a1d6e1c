"""Brevo. After the documentation of Brevo (Transactional webhooks; Batched webhooks; the names of events in Get the
content of a sent transactional email).

Brevo explains `invalid_email` and `blocked` by the sender's address, and shows the recipient's: so neither is believed
to speak of a person.
"""

from typing import Any

from app.tracking.webhooks.reading import text_at
from app.tracking.webhooks.translate.heard import Heard, Hint, Meaning, first_moment, texts_in

MEANINGS: dict[str, Meaning] = {
    "delivered": "delivered",
    "deferred": "delayed",
    "hard_bounce": "bounce",
    "soft_bounce": "bounce",
    "invalid_email": "bounce",
    "error": "bounce",
    "blocked": "theirs",
    "spam": "complaint",
    "complaint": "complaint",
    "unsubscribed": "unsubscribed",
    "unsubscribe": "unsubscribed",
    "request": "kept",
    "sent": "kept",
    "opened": "kept",
    "unique_opened": "kept",
    "proxy_open": "kept",
    "unique_proxy_open": "kept",
    "loaded_by_proxy": "kept",
    "click": "kept",
    "list_addition": "kept",
}
_HINTS = {
    "hard_bounce": Hint("", True, True),
    "soft_bounce": Hint("", False, True),
    "invalid_email": Hint("syntaxerror", True),
    "error": Hint("systemerror"),
}
_TIMES = ("ts_epoch", "ts_event", "ts")
"""Only the first is surely UTC, in milliseconds."""


def hear_brevo(kind: str, event: dict[str, Any]) -> Heard:
    """One event. Brevo carries one header of ours, keeps the Message-ID, and names no code."""
    return Heard(
        MEANINGS.get(kind, "unmapped"),
        texts=texts_in(text_at(event, "X-Mailin-custom"), text_at(event, "message-id")),
        names=texts_in(text_at(event, "message-id").strip("<>")),
        recipients=texts_in(text_at(event, "email")),
        at=first_moment(event.get(name) for name in _TIMES),
        words=text_at(event, "reason"),
        hint=_HINTS.get(kind, Hint()),
    )
