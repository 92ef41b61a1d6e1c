"""From a mail to the message it is about, and to the fact that it tells of that message."""

from sqlalchemy import select

from app.core.database import db, every_workspace
from app.core.errors import BadToken
from app.core.extensions import keyring
from app.core.tokens import Purpose
from app.mail.incoming import IncomingMail, RecipientReport
from app.messages.models import Message
from app.tracking.acting.facts import Fact, Kind
from app.tracking.replies.forwarding import wish_of
from app.tracking.replies.writers import is_by_the_person


def find_message(read: IncomingMail) -> Message | None:
    """The message whose token the mail bears. Only a token that we signed counts, whoever sent the mail."""
    with every_workspace():
        for token in read.tokens:
            try:
                number = keyring().read_from_mail(Purpose.RETURN_PATH, token)
            except BadToken:
                continue
            message = db.session.scalar(select(Message).where(Message.id == number))
            if message is not None:
                return message
    return None


def fact_of(read: IncomingMail, message: Message, key: str) -> Fact | None:
    """What the mail says of the message; None when it speaks of somebody else."""
    kind: Kind = "none" if read.kind == "list" or is_by_other(read, message) else read.kind
    if kind not in ("bounce", "delayed"):
        return Fact(kind, key, diagnostic=read.evidence, feedback_type=read.feedback_type or "")
    report = _about(message, read.recipients)
    if report is None:
        return None
    return Fact(
        kind,
        key,
        scope=report.scope,
        persistence=report.persistence,
        reason=report.reason,
        status=report.status,
        code=report.reply_code,
        diagnostic=report.diagnostic,
    )


def is_by_other(read: IncomingMail, message: Message) -> bool:
    """Whether somebody else than the message's person answered it: that says nothing about the person."""
    return read.kind == "reply" and not is_by_the_person(read.from_address, message)


def summary(read: IncomingMail, raw: bytes, *, by_other: bool = False) -> dict[str, object]:
    """What the reader found, for the mail's page. `by_other`: a reply that is not the person's."""
    found = {
        "subject": read.subject,
        "from": read.from_address,
        "evidence": read.evidence,
        "feedback": read.feedback_type or "",
        "wish": wish_of(raw) if read.kind == "reply" else "",
        "by_other": by_other,
        "recipients": [
            {
                "reason": report.reason,
                "scope": report.scope,
                "persistence": report.persistence,
                "status": report.status,
                "diagnostic": report.diagnostic[:500],
            }
            for report in read.recipients[:20]
        ],
    }
    return {name: _storable(value) for name, value in found.items() if value}


def _storable(value: object) -> object:
    """PostgreSQL takes no NUL."""
    if isinstance(value, str):
        return value.replace("\0", " ")
    if isinstance(value, list):
        return [{name: _storable(text) for name, text in one.items()} for one in value]
    return value


def _about(message: Message, reports: tuple[RecipientReport, ...]) -> RecipientReport | None:
    """The report on our recipient: by address, or the only one there is (forwarding changes addresses)."""
    address = message.address.lower()
    for report in reports:
        if address in (report.address.lower(), (report.original_address or "").lower()):
            return report
    return reports[0] if len(reports) == 1 else None
