"""What came back by mail: read, matched by its signed token, and acted upon.

Without a valid token nothing is ever suppressed. A report can be faster than our own record of the sending: while its
message is still being sent, it waits for the next round.
"""

from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError

from app.audience.suppressions import Reason, suppress
from app.core import clock
from app.core.database import db, every_workspace, in_workspace
from app.core.errors import BadToken
from app.core.extensions import keyring
from app.core.logging import log
from app.core.tokens import Purpose
from app.mail.incoming import IncomingMail as ReadMail
from app.mail.incoming import RecipientReport
from app.mail.reading import read_mail
from app.mail.verp import read_return_address
from app.messages.evidence import settle_messages
from app.messages.lifecycle import State, sources
from app.messages.models import Event, IncomingMail, Message
from app.tracking.leaving import Act, leave
from app.tracking.recipients import find_recipient

BATCH = 200


class NotYet(Exception):
    """The message this mail is about is on its way; come back to it."""


KINDS = {"autoreply": "auto-replied", "reply": "replied", "delayed": "deferred", "delivered": "delivered"}


def take_in_mail() -> int:
    """Work through stored mails in batches, each committed; returns how many. Safe beside itself and when repeated."""
    taken = last = 0
    while batch := _next_batch(last):
        for mail in batch:
            _take_in(mail)
        last = batch[-1].id
        taken += sum(mail.handled_at is not None for mail in batch)
        db.session.commit()
    return taken


def _next_batch(last: int) -> list[IncomingMail]:
    query = select(IncomingMail).where(IncomingMail.handled_at.is_(None), IncomingMail.id > last)
    query = query.order_by(IncomingMail.id)
    return list(db.session.scalars(query.limit(BATCH).with_for_update(skip_locked=True)))


def _take_in(mail: IncomingMail) -> None:
    # A mail that upsets us must not stop those behind it: its changes alone are undone, and it says why.
    try:
        with db.session.begin_nested():
            _act(mail)
    except NotYet:
        return
    except OperationalError:
        raise  # the database is away or overrun: this mail's turn comes again
    except Exception as error:  # noqa: BLE001 - the mail is kept whole; the note and the log name the fault
        mail.note = f"could not be worked through: {type(error).__name__}"
        log("mailbox").error("a mail could not be worked through", mail=mail.id, exc_info=error)
    mail.handled_at = clock.now()


def _act(mail: IncomingMail) -> None:
    read = read_mail(mail.raw, envelope_to=mail.envelope_to)
    mail.kind = read.kind
    message = _message(read)
    if message is None:
        mail.note = "no token of ours; nothing was changed"
        return
    if message.state == State.SENDING:
        raise NotYet
    mail.message_id, mail.workspace_id = message.id, message.workspace_id
    with in_workspace(message.workspace_id):
        wish = read_return_address(mail.envelope_to)
        # Some mail programs mark the wish as written by a program; the reader knows it as an opt-out.
        wishes = read.kind in ("none", "reply") or read.feedback_type == "opt-out"
        if wish is not None and wish.kind == "unsubscribe" and wishes:
            mail.note = _unsubscribe(mail, message)
        elif read.kind == "bounce":
            mail.note = _bounce(mail, message, read)
        elif read.kind == "complaint":
            mail.note = _complain(mail, message, read)
        elif kind := KINDS.get(read.kind):
            write_event(mail, message, kind, {"evidence": read.evidence})
            mail.note = kind
        else:
            mail.note = f"{read.kind}; nothing was changed"
        settle_messages([message.id])


def _message(read: ReadMail) -> Message | None:
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


def _bounce(mail: IncomingMail, message: Message, read: ReadMail) -> str:
    report = _about(message, read.recipients)
    if report is None:
        return "a bounce that speaks of somebody else; nothing was changed"
    write_event(
        mail,
        message,
        "bounced",
        {
            "reason": report.reason,
            "scope": report.scope,
            "persistence": report.persistence,
            "status": report.status,
            "diagnostic": report.diagnostic[:500],
        },
    )
    db.session.execute(
        update(Message)
        .where(Message.id == message.id, Message.state.in_(sources(State.BOUNCED)), Message.state != State.SENDING)
        .values(state=State.BOUNCED, reason=report.reason, changed_at=mail.received_at)
    )
    if not report.suppress:
        return f"bounced: {report.reason}; the address is kept"
    _suppress(message, Reason.BOUNCED, report.diagnostic[:500] or report.status)
    return f"bounced: {report.reason}; the address is suppressed"


def _about(message: Message, reports: tuple[RecipientReport, ...]) -> RecipientReport | None:
    """The report on our recipient: by address, or the only one there is (forwarding changes addresses)."""
    address = message.address.lower()
    for report in reports:
        if address in (report.address.lower(), (report.original_address or "").lower()):
            return report
    return reports[0] if len(reports) == 1 else None


def _complain(mail: IncomingMail, message: Message, read: ReadMail) -> str:
    write_event(mail, message, "complained", {"feedback": read.feedback_type or ""})
    _suppress(message, Reason.COMPLAINED, read.evidence)
    return "complained; the address is suppressed"


def _suppress(message: Message, reason: Reason, evidence: str) -> None:
    # Of somebody who was erased, the address is not known any more; its hash is suppressed already.
    if message.subscriber_id is not None:
        suppress(message.address, reason, evidence=evidence, message_id=message.id)


def _unsubscribe(mail: IncomingMail, message: Message) -> str:
    leave(find_recipient(message.id), Act("one-click", by="mail", at=mail.received_at))
    return "unsubscribed by mail"


def write_event(mail: IncomingMail, message: Message, kind: str, data: dict[str, str]) -> None:
    """Write the fact once: its id follows from the mail's bytes, so the same mail again is the same event."""
    db.session.execute(
        insert(Event)
        .values(
            id=_event_id(mail, kind),
            at=mail.received_at,
            workspace_id=message.workspace_id,
            message_id=message.id,
            campaign_id=message.campaign_id,
            subscriber_id=message.subscriber_id,
            kind=kind,
            label="human" if kind == "complained" else "",
            data={name: value for name, value in data.items() if value},
        )
        .on_conflict_do_nothing()
    )


def _event_id(mail: IncomingMail, kind: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"merpati:mail:{mail.digest.hex()}:{kind}")
