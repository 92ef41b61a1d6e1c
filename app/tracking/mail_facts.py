"""From a mail to the message it is about, and to the fact that it tells of that message."""

from dataclasses import replace

from sqlalchemy import select

from app.core.database import db, every_workspace
from app.core.errors import BadToken
from app.core.extensions import keyring
from app.core.tokens import Purpose
from app.mail.dates_of_reports import spoken_of
from app.mail.incoming import IncomingMail, RecipientReport
from app.mail.mime import read_parts
from app.mail.reasons import REASONS, Scope
from app.mail.same_mailbox import is_same_mailbox, named_in_report, names_other
from app.messages.models import Message
from app.tracking.acting.facts import Fact, Kind
from app.tracking.replies.forwarding import wish_of
from app.tracking.replies.writers import is_by_the_person

OPT_OUTS = frozenset({"opt-out", "opt-out-list"})
"""Types of feedback reports that ask to leave."""
_LONGEST_NAME = 320
_FEW_NAMES = 3


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


def fact_of(read: IncomingMail, message: Message, key: str, raw: bytes) -> Fact | None:
    """What the mail says of the message; None when it speaks of somebody else."""
    kind: Kind = "none" if read.kind == "list" or is_by_other(read, message) else read.kind
    if kind == "complaint" and complains_of_other(read, message):
        return None
    spoken = spoken_of(read_parts(raw), message.address) if kind in ("bounce", "delayed", "delivered") else None
    if kind not in ("bounce", "delayed"):
        return Fact(kind, key, diagnostic=read.evidence, feedback_type=read.feedback_type or "", spoken=spoken)
    report = _about(message, read.recipients)
    if report is None:
        return None
    fact = Fact(
        kind,
        key,
        scope=report.scope,
        persistence=report.persistence,
        reason=report.reason,
        status=report.status,
        code=report.reply_code,
        diagnostic=report.diagnostic,
        spoken=spoken,
    )
    other = _forwarded_to(message, report, raw)
    return _of_forwarding(fact, other) if other else fact


def complains_of_other(read: IncomingMail, message: Message) -> bool:
    """Whether a feedback report names people, readably, and the message's is none of them."""
    return bool(names_other((person.address for person in read.recipients), message.address, may_hide=True))


def asks_to_be_taken_off(read: IncomingMail) -> bool:
    """A provider's report that somebody wants no more mail: a wish to leave, and no complaint about spam."""
    return read.kind == "complaint" and read.feedback_type in OPT_OUTS


def is_by_other(read: IncomingMail, message: Message) -> bool:
    """Whether somebody else than the message's person answered it: that says nothing about the person."""
    return read.kind == "reply" and not is_by_the_person(read.from_address, message)


def summary(read: IncomingMail, raw: bytes, *, by_other: bool = False) -> dict[str, object]:
    """What the reader found, for the mail's page. `by_other`: a reply that is not the person's."""
    found = {
        "subject": read.subject,
        "from": read.from_address,
        "evidence": _evidence(read),
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


def _evidence(read: IncomingMail) -> str:
    """Why the mail was read so; of a failure, with whom it speaks of."""
    if read.kind not in ("bounce", "delayed", "complaint"):
        return read.evidence
    named = ", ".join(filter(None, (report.address[:_LONGEST_NAME] for report in read.recipients[:_FEW_NAMES])))
    return f"{named}: {read.evidence}" if named else read.evidence


def _storable(value: object) -> object:
    """PostgreSQL takes no NUL."""
    if isinstance(value, str):
        return value.replace("\0", " ")
    if isinstance(value, list):
        return [{name: _storable(text) for name, text in one.items()} for one in value]
    return value


def _about(message: Message, reports: tuple[RecipientReport, ...]) -> RecipientReport | None:
    """The report on our recipient: by address, else by one that may be theirs, or the only one there is."""
    ours = message.address.lower()
    exact = (report for report in reports if ours in (name.lower() for name in _names(report)))
    alike = (report for report in reports if any(is_same_mailbox(name, ours) for name in _names(report)))
    found = next(exact, None) or next(alike, None)
    return found or (reports[0] if len(reports) == 1 else None)


def _names(report: RecipientReport) -> tuple[str, str]:
    return report.address, report.original_address or report.address


def _forwarded_to(message: Message, report: RecipientReport, raw: bytes) -> str:
    """The address that failed, where it is plainly not ours and nothing else in the report names ours."""
    other = names_other(_names(report), message.address)
    if not other or any(is_same_mailbox(name, message.address) for name in named_in_report(read_parts(raw))):
        return ""
    return other[:_LONGEST_NAME]


def _of_forwarding(fact: Fact, other: str) -> Fact:
    """Our address took the mail; what it was passed on to says nothing lasting about it, nor anything of us."""
    if fact.kind == "delayed":
        return replace(fact, recipient=other)
    scope: Scope = "address" if fact.scope in ("address", "domain") else "unknown"
    reason = REASONS["forwarded"].word
    return replace(fact, scope=scope, persistence="temporary", reason=reason, recipient=other)
