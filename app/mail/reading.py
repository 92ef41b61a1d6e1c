"""Reading what comes back: bounces, complaints, automatic answers, and mail from people."""

from app.core.logging import log
from app.mail.arf import FeedbackReport, read_feedback
from app.mail.correspondence import read_correspondence
from app.mail.dsn import StatusReport, read_dsn
from app.mail.fields import parameter
from app.mail.incoming import IncomingMail, Kind, RecipientReport
from app.mail.mime import Part, read_parts
from app.mail.notifications import read_notification
from app.mail.prose import read_prose
from app.mail.recipients import first_address
from app.mail.traces import find_tokens

UNREADABLE = "could not be read"
"""How the evidence of a mail begins that the reader stumbled over; its kind is `none`."""
_LONGEST_EVIDENCE = 500


def read_mail(raw: bytes, *, envelope_to: str | None = None) -> IncomingMail:
    """What a mail to one of our addresses says. Never raises, whatever the bytes; takes no more than a moment.

    `envelope_to` is the address the mail was delivered to, if the receiving side knows it: its token is trusted most.
    """
    try:
        return _read(raw, envelope_to)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a fault of ours with one mail: a person looks at it, the log names it
        log("mail").error("a mail could not be read", octets=len(raw), exc_info=error)
        return IncomingMail(
            kind="none",
            recipients=(),
            tokens=(),
            feedback_type=None,
            subject="",
            from_address="",
            evidence=f"{UNREADABLE}: {type(error).__name__}",
        )


def _read(raw: bytes, envelope_to: str | None) -> IncomingMail:
    """Reports are looked for before automatic answers, since reports call themselves automatic too."""
    mail = read_parts(raw)
    dsn, feedback = _reports(mail)
    envelope_id = dsn.original_envelope_id if dsn else ""
    tokens = find_tokens(mail, envelope_to=envelope_to, original_envelope_id=envelope_id)
    kind: Kind
    recipients: tuple[RecipientReport, ...] = ()
    if dsn:
        kind, recipients, evidence = dsn.kind, dsn.recipients, _said_of(dsn.recipients)
    elif feedback:
        kind, recipients, evidence = feedback.kind, feedback.recipients, f"feedback report: {feedback.feedback_type}"
    elif _is_receipt(mail):
        kind, evidence = "none", "read receipt"
    elif recipients := read_prose(mail):
        kind, evidence = _kind_of(recipients), _said_of(recipients)
    else:
        kind, recipients, evidence = read_correspondence(mail, tokens)
    return IncomingMail(
        kind=kind,
        recipients=recipients,
        tokens=tokens,
        feedback_type=feedback.feedback_type if feedback else None,
        subject=mail.header.text("Subject")[:_LONGEST_EVIDENCE],
        from_address=first_address(mail.header.text("From")),
        evidence=evidence[:_LONGEST_EVIDENCE],
    )


def _reports(mail: Part) -> tuple[StatusReport | None, FeedbackReport | None]:
    """The report by fields, of whichever kind there is."""
    if dsn := read_dsn(mail):
        return dsn, None
    if feedback := read_feedback(mail):
        return None, feedback
    notified = read_notification(mail)
    return (notified, None) if isinstance(notified, StatusReport) else (None, notified)


def _said_of(recipients: tuple[RecipientReport, ...]) -> str:
    first = recipients[0]
    return " ".join(filter(None, (first.action, first.status, first.diagnostic)))


def _kind_of(recipients: tuple[RecipientReport, ...]) -> Kind:
    return StatusReport(recipients, "").kind


def _is_receipt(mail: Part) -> bool:
    """A person's program says that the mail was shown or deleted (RFC 8098): no failure, and no answer."""
    return any(part.content_type == "message/disposition-notification" for part in mail.walk()) or (
        parameter(mail.header.get("Content-Type"), "report-type").lower() == "disposition-notification"
    )
