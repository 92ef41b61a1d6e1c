"""A mail from a mailbox becomes a row of `incoming_mails`, once, however often it is fetched.

It is read here no further than its header, to learn where it was delivered. What cannot even be read so far is stored
all the same: a mailbox must not stop at one mail.
"""

from dataclasses import dataclass
from hashlib import sha256

from rq.timeouts import BaseTimeoutException
from sqlalchemy.dialects.postgresql import insert

from app.core.database import db
from app.core.extensions import queue
from app.core.logging import log
from app.mail.mime import read_parts
from app.mail.recipients import first_address
from app.mail.verp import read_return_address
from app.messages.models import IncomingMail
from app.tracking.readings import MOST, Readings
from app.tracking.set_aside import set_aside

SOURCE = "mailbox:{}"
_DELIVERED = ("Delivered-To", "X-Original-To", "X-Envelope-To", "Envelope-To", "X-Delivered-To", "To", "Cc")
_HEADER = 128 * 1024
"""Octets: more of a header than is read of any."""


@dataclass(frozen=True, slots=True)
class _Envelope:
    """Who sent it, and where it was delivered; both empty when nobody knows."""

    sender: str = ""
    recipient: str = ""


def store_mail(workspace_id: int, mailbox_id: int, raw: bytes) -> int:
    """The row of a mail; flushes. A workspace has it once: two mailboxes of one workspace do not double it.

    A mail whose header kills the worker is set aside unread the third time. Needs the only visit to this mailbox.
    """
    digest = sha256(f"workspace:{workspace_id}".encode() + b"\0" + raw).digest()
    # By content, not by its number in the mailbox: that changes with the mailbox's era.
    number = int.from_bytes(digest[:8])
    readings = Readings(queue(), f"mailbox:{mailbox_id}")
    if readings.deaths([number]).get(number, 0) >= MOST:
        row = _store(workspace_id, mailbox_id, raw, digest, _Envelope())
        _set_aside(row)
        readings.forget([number])
        return row
    with readings.begun([number]):
        envelope = _envelope(raw, mailbox_id)
    return _store(workspace_id, mailbox_id, raw, digest, envelope)


def _set_aside(row: int) -> None:
    mail = db.session.get_one(IncomingMail, row)
    # Another mailbox of the workspace may have brought it, and somebody may have got through it since.
    if mail.handled_at is None:
        set_aside(mail)


def _envelope(raw: bytes, mailbox_id: int) -> _Envelope:
    try:
        header = read_parts(raw, most=_HEADER).header
        found = [address for name in _DELIVERED for value in header.all(name)[:5] if (address := first_address(value))]
        # Our own kind of address if the server wrote one on it.
        ours = next((address for address in found if read_return_address(address)), found[0] if found else "")
        return _Envelope(first_address(header.get("Return-Path"))[:320], ours[:320])
    except BaseTimeoutException:
        raise  # the job's time is over: this mail's turn comes again
    except Exception as error:  # noqa: BLE001 - the mail is kept whole; what comes next reads it once more and says why
        log("mailbox").error("the header of a mail could not be read", mailbox=mailbox_id, exc_info=error)
        return _Envelope()


def _store(workspace_id: int, mailbox_id: int, raw: bytes, digest: bytes, envelope: _Envelope) -> int:
    values = {
        "digest": digest,
        "raw": raw,
        "workspace_id": workspace_id,
        "source": SOURCE.format(mailbox_id),
        "envelope_from": envelope.sender,
        "envelope_to": envelope.recipient,
    }
    # One statement for both cases: between two, the row could be forgotten as private mail is.
    statement = insert(IncomingMail).values(values)
    statement = statement.on_conflict_do_update(index_elements=[IncomingMail.digest], set_={"digest": digest})
    return db.session.scalars(statement.returning(IncomingMail.id)).one()
