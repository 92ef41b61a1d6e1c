"""Our own format, for relays and scripts: docs/webhooks.md."""

from typing import Any

from app.tracking.webhooks.reading import at, text_at
from app.tracking.webhooks.translate.heard import Heard, Hint, Meaning, moment, texts_in

MEANINGS: dict[str, Meaning] = {
    "delivered": "delivered",
    "deferred": "delayed",
    "bounced": "bounce",
    "suppressed": "theirs",
    "complained": "complaint",
    "unsubscribed": "unsubscribed",
    "auto-replied": "autoreply",
    "opened": "kept",
    "clicked": "kept",
}


def hear_generic(kind: str, event: dict[str, Any]) -> Heard:
    """One event."""
    return Heard(
        MEANINGS.get(kind, "unmapped"),
        texts=texts_in(text_at(event, "message"), text_at(event, "return_path")),
        names=texts_in(text_at(event, "message").strip("<>")),
        recipients=texts_in(text_at(event, "recipient")),
        at=moment(at(event, "time")),
        words=text_at(event, "text"),
        status=text_at(event, "status"),
        code=text_at(event, "code"),
        hint=Hint("", False, text_at(event, "stage") == "rcpt"),
        feedback_type=text_at(event, "feedback_type"),
    )
