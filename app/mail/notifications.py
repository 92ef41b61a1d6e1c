"""Amazon's notifications about mail sent through SES, where a topic delivers them by mail (Amazon SES Developer Guide,
"Amazon SNS notification contents"). They are JSON, alone or as the `Message` of an SNS envelope, with a footer below.
"""

import json
from typing import Any

from app.mail.arf import COMPLAINTS, FeedbackReport, feedback_recipients
from app.mail.dsn import StatusReport
from app.mail.incoming import RecipientReport
from app.mail.mime import Part
from app.mail.own_words import own_words
from app.mail.recipients import MAX_RECIPIENTS, enhanced_status, first_address, report, room_for

_LONGEST = 256 * 1024
_MAX_NESTING = 40


def read_notification(mail: Part) -> StatusReport | FeedbackReport | None:
    """What a notification from SES says, or None when the mail is none."""
    whole = mail.text[:_LONGEST] if mail.content_type in ("text/plain", "application/json") else ""
    # Gateways pack the text with others, make a page of it, or put a warning above it.
    told = _object(whole) or _object(own_words(mail))
    if isinstance(told.get("Message"), str):
        told = _object(told["Message"])
    match told.get("notificationType") or told.get("eventType"):
        case "Bounce":
            return _status(_list(told, "bounce", "bouncedRecipients"), "failed")
        case "Delivery":
            return _status(_list(told, "delivery", "recipients"), "delivered")
        case "Complaint":
            return _complaint(told)
    return None


def _object(text: str) -> dict[str, Any]:
    """The JSON object that the text begins with, or an empty one."""
    # Old relays break lines above the limit of SMTP with an exclamation mark (RFC 5321 §4.5.3.1.6).
    text = text.replace("!\n ", "").lstrip()
    # The decoder recurses; hostile nesting is not worth an error.
    if not text.startswith("{") or text.count("[") + text.count("{") > _MAX_NESTING * 50:
        return {}
    try:
        # Lines that were broken on the way may end within a string.
        found = json.JSONDecoder(strict=False).raw_decode(text)[0]
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _list(told: dict[str, Any], name: str, inner: str) -> list[Any]:
    group = told.get(name)
    found = group.get(inner) if isinstance(group, dict) else None
    return found[:MAX_RECIPIENTS] if isinstance(found, list) else []


def _status(people: list[Any], action: str) -> StatusReport | None:
    recipients = tuple(_recipient(person, action, room_for(len(people))) for person in people)
    return StatusReport(recipients, "") if recipients else None


def _recipient(person: Any, action: str, room: int) -> RecipientReport:
    fields = person if isinstance(person, dict) else {"emailAddress": person}
    address, status, diagnosis = (_text(fields, name) for name in ("emailAddress", "status", "diagnosticCode"))
    return report(
        address=first_address(address),
        action=action,
        status=enhanced_status(status),
        diagnostic=diagnosis.removeprefix("smtp;").strip()[:room],
    )


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    # A surrogate can be escaped into JSON, and cannot be stored.
    return value[:2000].encode("utf-8", "replace").decode().replace("\x00", "") if isinstance(value, str) else ""


def _complaint(told: dict[str, Any]) -> FeedbackReport:
    complaint = told.get("complaint")
    stated = _text(complaint if isinstance(complaint, dict) else {}, "complaintFeedbackType").lower()
    people = (person for person in _list(told, "complaint", "complainedRecipients") if isinstance(person, dict))
    named = [_text(person, "emailAddress") for person in people]
    known = stated in COMPLAINTS or stated == "not-spam"
    return FeedbackReport(stated if known else "abuse", feedback_recipients(named))
