"""Postmark. After the documentation of Postmark (Subscription change webhook; Bounce API, bounce types, as its clients
have them)."""

from typing import Any

from app.tracking.webhooks.reading import at, text_at
from app.tracking.webhooks.translate.heard import Heard, Hint, Meaning, first_moment, texts_in, tokens_in

MEANINGS: dict[str, Meaning] = {
    "Delivery": "delivered",
    "Bounce": "bounce",
    "SpamComplaint": "complaint",
    "SubscriptionChange": "unsubscribed",
    "Open": "kept",
    "Click": "kept",
}
_BOUNCES: dict[str, tuple[Meaning, Hint]] = {
    "HardBounce": ("bounce", Hint("", True, True)),
    "BadEmailAddress": ("bounce", Hint("userunknown", True, True)),
    "Transient": ("bounce", Hint("networkerror")),
    "SoftBounce": ("bounce", Hint()),
    "DnsError": ("bounce", Hint("networkerror")),
    "SpamNotification": ("bounce", Hint("spamdetected", True)),
    "VirusNotification": ("bounce", Hint("virusdetected", True)),
    "Blocked": ("bounce", Hint("blocked")),
    "DMARCPolicy": ("bounce", Hint("authfailure")),
    "TemplateRenderingFailed": ("bounce", Hint("contenterror", True)),
    "SMTPApiError": ("bounce", Hint("systemerror")),
    "Unknown": ("bounce", Hint()),
    "ManuallyDeactivated": ("theirs", Hint()),
    "ManualSuppression": ("theirs", Hint()),
    "Unconfirmed": ("theirs", Hint()),
    "SpamComplaint": ("complaint", Hint()),
    "Unsubscribe": ("unsubscribed", Hint()),
    "AutoResponder": ("autoreply", Hint()),
    "AddressChange": ("autoreply", Hint()),
    "ChallengeVerification": ("challenge", Hint()),
    "Subscribe": ("kept", Hint()),
    "OpenRelayTest": ("kept", Hint()),
    "InboundError": ("kept", Hint()),
}
_TIMES = ("BouncedAt", "DeliveredAt", "ReceivedAt", "ChangedAt")


def hear_postmark(kind: str, event: dict[str, Any]) -> Heard:
    """One record."""
    meaning, hint = MEANINGS.get(kind, "unmapped"), Hint()
    if kind == "Bounce":
        meaning, hint = _BOUNCES.get(text_at(event, "Type"), ("bounce", Hint()))
    elif kind == "SubscriptionChange" and not _left(event):
        meaning = "kept"
    return Heard(
        meaning,
        texts=tokens_in(at(event, "Metadata")),
        names=texts_in(text_at(event, "MessageID")),
        recipients=texts_in(text_at(event, "Recipient") or text_at(event, "Email")),
        at=first_moment(event.get(name) for name in _TIMES),
        words=text_at(event, "Details"),
        notes=text_at(event, "Description"),
        hint=hint,
    )


def _left(event: dict[str, Any]) -> bool:
    """The person's own wish; that an address bounced or complained is a record of its own."""
    wished = text_at(event, "SuppressionReason") == "ManualSuppression" and text_at(event, "Origin") == "Recipient"
    return event.get("SuppressSending") is True and wished
