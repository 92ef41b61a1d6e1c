"""SparkPost. After the documentation of SparkPost (Webhooks API; Bounce Classification Codes, which knows all classes
here but 26)."""

from typing import Any

from app.tracking.webhooks.reading import at, text_at
from app.tracking.webhooks.translate.heard import Heard, Hint, Meaning, moment, texts_in, tokens_in

MEANINGS: dict[str, Meaning] = {
    "delivery": "delivered",
    "delay": "delayed",
    "bounce": "bounce",
    "out_of_band": "bounce",
    "policy_rejection": "theirs",
    "generation_rejection": "theirs",
    "generation_failure": "bounce",
    "spam_complaint": "complaint",
    "list_unsubscribe": "unsubscribed",
    "link_unsubscribe": "unsubscribed",
    "injection": "kept",
    "open": "kept",
    "initial_open": "kept",
    "click": "kept",
    "amp_open": "kept",
    "amp_initial_open": "kept",
    "amp_click": "kept",
    "sms_status": "kept",
    "relay_injection": "kept",
    "relay_delivery": "kept",
    "relay_rejection": "kept",
    "relay_tempfail": "kept",
    "relay_permfail": "kept",
}
_CLASSES: dict[str, tuple[Meaning, Hint]] = {
    "1": ("bounce", Hint()),
    "10": ("bounce", Hint("userunknown", True, True)),
    "20": ("bounce", Hint("", False, True)),
    "21": ("bounce", Hint("networkerror")),
    "22": ("bounce", Hint("mailboxfull")),
    "23": ("bounce", Hint("mesgtoobig")),
    "24": ("bounce", Hint("expired")),
    "25": ("theirs", Hint()),
    "26": ("theirs", Hint()),
    "30": ("bounce", Hint("", True, True)),
    "40": ("bounce", Hint()),
    "50": ("bounce", Hint("blocked")),
    "51": ("bounce", Hint("spamdetected")),
    "52": ("bounce", Hint("spamdetected")),
    "53": ("bounce", Hint("contenterror")),
    "54": ("bounce", Hint("norelaying")),
    "60": ("autoreply", Hint()),
    "70": ("bounce", Hint("systemerror")),
    "80": ("kept", Hint()),
    "90": ("unsubscribed", Hint()),
    "100": ("challenge", Hint()),
}


def hear_sparkpost(kind: str, event: dict[str, Any]) -> Heard:
    """One event, out of its wrapping."""
    meaning, hint = MEANINGS.get(kind, "unmapped"), Hint()
    if meaning in ("bounce", "delayed"):
        by_class, hint = _CLASSES.get(text_at(event, "bounce_class"), (meaning, Hint()))
        meaning = by_class if meaning == "bounce" else meaning
    return Heard(
        meaning,
        texts=tokens_in(at(event, "rcpt_meta")) + texts_in(text_at(event, "msg_from")),
        names=texts_in(text_at(event, "transmission_id"), text_at(event, "message_id")),
        recipients=texts_in(text_at(event, "raw_rcpt_to") or text_at(event, "rcpt_to")),
        at=moment(at(event, "timestamp")),
        words=text_at(event, "raw_reason") or text_at(event, "reason"),
        code=text_at(event, "error_code"),
        hint=hint,
        feedback_type=text_at(event, "fbtype"),
    )
