"""Feedback reports: people who pressed "this is spam" (RFC 5965), and Microsoft's older form of them."""

from dataclasses import dataclass

from app.mail.fields import Fields, read_fields
from app.mail.incoming import Kind, RecipientReport
from app.mail.mime import Part
from app.mail.reasons import REASONS
from app.mail.recipients import MAX_RECIPIENTS, first_address

# What asks to stop. `not-spam` is praise, `auth-failure` (RFC 6591) speaks of a signature, other types are for people.
_COMPLAINTS = frozenset({"abuse", "fraud", "virus", "other", "opt-out", "opt-out-list", "miscategorized"})
_JMRP_RECIPIENT = "X-HmXmrOriginalRecipient"


@dataclass(frozen=True, slots=True)
class FeedbackReport:
    """A feedback report. Recipients are often redacted (RFC 6590) or missing: the tokens say whose mail it was."""

    feedback_type: str
    recipients: tuple[RecipientReport, ...]

    @property
    def kind(self) -> Kind:
        """A complaint, or feedback that asks for nothing."""
        return "complaint" if self.feedback_type in _COMPLAINTS else "feedback"


def read_feedback(mail: Part) -> FeedbackReport | None:
    """The feedback report in a mail, or None."""
    for part in mail.walk():
        if part.content_type == "message/feedback-report":
            return _standard(read_fields(part.content.lstrip(b"\n")))
        if part.is_enclosed_mail and part.parts and _JMRP_RECIPIENT in part.parts[0].header:
            return FeedbackReport("abuse", _recipients([part.parts[0].header.text(_JMRP_RECIPIENT)]))
    return None


def _standard(fields: Fields) -> FeedbackReport:
    stated = fields.text("Feedback-Type").lower()
    addresses = [*fields.all("Original-Rcpt-To"), *fields.all("Removal-Recipient")]
    return FeedbackReport(stated[:50] or "other", _recipients(addresses))


def _recipients(values: list[str]) -> tuple[RecipientReport, ...]:
    addresses = dict.fromkeys(filter(None, map(first_address, values[:MAX_RECIPIENTS])))
    word = REASONS["feedback"]
    return tuple(
        RecipientReport(
            address=address,
            original_address=address,
            action="",
            status="",
            reply_code=None,
            diagnostic="",
            remote_host="",
            scope=word.scope,
            persistence="none",
            reason=word.word,
            suppress=False,
        )
        for address in addresses
    )
