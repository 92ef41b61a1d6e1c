"""Feedback reports: people who pressed "this is spam" (RFC 5965), and Microsoft's older form of them."""

import re
from dataclasses import dataclass

from app.mail.failure_words import untagged
from app.mail.fields import Fields, parameter, read_fields
from app.mail.incoming import Kind, RecipientReport
from app.mail.mime import Part
from app.mail.own_words import own_words
from app.mail.reasons import REASONS
from app.mail.recipients import MAX_RECIPIENTS, first_address, unjudged
from app.mail.returned import returned_recipient

# What asks to stop. `not-spam` is praise, `auth-failure` (RFC 6591) speaks of a signature, other types are for people.
COMPLAINTS = frozenset({"abuse", "fraud", "virus", "other", "opt-out", "opt-out-list", "miscategorized"})
_FIELDS = re.compile(
    rb"^(?:[A-Za-z-]{1,60}:[^\n]{0,998}\n){0,20}Feedback-Type:[^\n]{0,998}\n(?:[^\n]{1,998}\n?){0,40}", re.M | re.I
)
_BY_APPLE_MAIL = re.compile(r"^apple mail\b.{0,60}\bunsubscribe\b", re.IGNORECASE)
_JMRP_RECIPIENT = "X-HmXmrOriginalRecipient"


@dataclass(frozen=True, slots=True)
class FeedbackReport:
    """A feedback report. Recipients are often redacted (RFC 6590) or missing: the tokens say whose mail it was."""

    feedback_type: str
    recipients: tuple[RecipientReport, ...]

    @property
    def kind(self) -> Kind:
        """A complaint, or feedback that asks for nothing."""
        return "complaint" if self.feedback_type in COMPLAINTS else "feedback"


def read_feedback(mail: Part) -> FeedbackReport | None:
    """The feedback report in a mail, or None."""
    for part in mail.walk():
        if _holds_report(part, mail):
            return _standard(read_fields(_fields_of(part)), mail)
        if part.is_enclosed_mail and part.parts and _JMRP_RECIPIENT in part.parts[0].header:
            return FeedbackReport("abuse", feedback_recipients([part.parts[0].header.text(_JMRP_RECIPIENT)]))
    if _JMRP_RECIPIENT in mail.header:
        return FeedbackReport("abuse", feedback_recipients([mail.header.text(_JMRP_RECIPIENT)]))
    return _wish_to_leave(mail)


def _holds_report(part: Part, mail: Part) -> bool:
    """By its type; in a mail that calls itself a feedback report, by its fields as well."""
    if part.content_type == "message/feedback-report":
        return True
    stated = parameter(mail.header.get("Content-Type"), "report-type").lower()
    return (
        stated == "feedback-report" and part.content_type == "text/plain" and _FIELDS.search(part.content) is not None
    )


def _wish_to_leave(mail: Part) -> FeedbackReport | None:
    """The mail that Apple Mail sends for a person to the mailto of List-Unsubscribe (RFC 2369 §3.2).

    It calls itself an automatic answer. Of other programs' requests only the address that they come to tells.
    """
    asks = untagged(mail.header.text("Subject")).lower().startswith("unsubscribe")
    if asks and "Auto-Submitted" in mail.header and _BY_APPLE_MAIL.search(own_words(mail)[:1000]):
        return FeedbackReport("opt-out", feedback_recipients([mail.header.text("From")]))
    return None


def _fields_of(part: Part) -> bytes:
    """The report's fields, without blank lines or words before them."""
    found = _FIELDS.search(part.content)
    return part.content.lstrip(b"\n") if found is None or part.content_type != "text/plain" else found[0]


def _standard(fields: Fields, mail: Part) -> FeedbackReport:
    stated = fields.text("Feedback-Type").lower()
    addresses = [*fields.all("Original-Rcpt-To"), *fields.all("Removal-Recipient")] or [returned_recipient(mail)]
    return FeedbackReport(stated[:50] or "other", feedback_recipients(addresses))


def feedback_recipients(values: list[str]) -> tuple[RecipientReport, ...]:
    """A report without a verdict for each address in the values."""
    addresses = dict.fromkeys(filter(None, map(first_address, values[:MAX_RECIPIENTS])))
    word = REASONS["feedback"]
    return tuple(unjudged(address, word) for address in addresses)
