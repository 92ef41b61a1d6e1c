"""Delivery status notifications (RFC 3464, 6533)."""

import re
from dataclasses import dataclass

from app.mail.charsets import header_text
from app.mail.fields import Fields, read_fields
from app.mail.incoming import Kind, RecipientReport
from app.mail.mime import Part
from app.mail.recipients import MAX_RECIPIENTS, enhanced_status, first_address, report

_REPORTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_GROUPS = re.compile(rb"\n[ \t]*\n")
_MISLABELLED = re.compile(rb"^(?:Final|Original)-Recipient[ \t]*:", re.IGNORECASE | re.MULTILINE)
_ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")


@dataclass(frozen=True, slots=True)
class StatusReport:
    """A delivery status notification: what it says per recipient, and the id that our own request gave the envelope."""

    recipients: tuple[RecipientReport, ...]
    original_envelope_id: str

    @property
    def kind(self) -> Kind:
        """The gravest of what is reported."""
        actions = {recipient.action for recipient in self.recipients}
        return "bounce" if "failed" in actions else "delayed" if "delayed" in actions else "delivered"


def read_dsn(mail: Part) -> StatusReport | None:
    """The delivery status notification in a mail, or None."""
    body = next((part for part in mail.walk() if _holds_status(part)), None)
    if body is None:
        return None
    groups = [read_fields(group) for group in _GROUPS.split(body.content, 2 * MAX_RECIPIENTS) if group.strip()]
    notes = _prose(mail, body)
    told = [group for group in groups if "Final-Recipient" in group or "Original-Recipient" in group]
    recipients = tuple(_recipient(group, notes if len(told) == 1 else "") for group in told[:MAX_RECIPIENTS])
    envelope_id = next((group.text("Original-Envelope-Id") for group in groups if "Original-Envelope-Id" in group), "")
    return StatusReport(recipients, envelope_id) if recipients else None


def _holds_status(part: Part) -> bool:
    """By its type, or by its fields: some systems send the status part as plain text."""
    if part.content_type in _REPORTS:
        return True
    return part.content_type == "text/plain" and _MISLABELLED.search(part.content) is not None


def _prose(mail: Part, body: Part) -> str:
    """What the report says to people, for reports whose fields give no diagnosis."""
    texts = (part.text for part in mail.walk() if part.content_type == "text/plain" and part is not body)
    return " ".join(next(texts, "").split())[:2000]


def _recipient(group: Fields, notes: str) -> RecipientReport:
    diagnostic = _without_type(group.text("Diagnostic-Code"))
    status = enhanced_status(group.text("Status"))
    return report(
        address=_address(group, "Final-Recipient") or _address(group, "Original-Recipient"),
        original=_address(group, "Original-Recipient"),
        action=_action(group.text("Action").lower(), status),
        status=status,
        diagnostic=diagnostic,
        notes=notes,
        host=_without_type(group.text("Remote-MTA")).partition(" ")[0],
    )


def _address(group: Fields, name: str) -> str:
    value = _without_type(header_text(group.get(name)))
    return first_address(value) or value[:320].strip("<> ")


def _without_type(value: str) -> str:
    """`smtp; 550 …` without its type (RFC 3464 §2.1.2). Not every semicolon follows a type."""
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon and kind.strip().replace("-", "").isalnum() and len(kind) < 20 else value


def _action(stated: str, status: str) -> str:
    """The action's first word; by the status where it is missing or unheard of."""
    known = next((action for action in _ACTIONS if stated.startswith(action)), None)
    return known or ("delivered" if status.startswith("2") else "failed")
