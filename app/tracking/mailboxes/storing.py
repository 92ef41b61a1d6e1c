"""A mail from a mailbox becomes a row of `incoming_mails`, once, however often it is fetched."""

from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.core.database import db
from app.mail.fields import Fields
from app.mail.mime import read_parts
from app.mail.recipients import first_address
from app.mail.verp import read_return_address
from app.messages.models import IncomingMail

SOURCE = "mailbox:{}"
_DELIVERED = ("Delivered-To", "X-Original-To", "X-Envelope-To", "Envelope-To", "X-Delivered-To", "To", "Cc")


def store_mail(workspace_id: int, mailbox_id: int, raw: bytes) -> int:
    """The row of a mail; flushes. A workspace has it once: two mailboxes of one workspace do not double it."""
    digest = sha256(f"workspace:{workspace_id}".encode() + b"\0" + raw).digest()
    header = read_parts(raw).header
    values = {
        "digest": digest,
        "raw": raw,
        "workspace_id": workspace_id,
        "source": SOURCE.format(mailbox_id),
        "envelope_from": first_address(header.get("Return-Path"))[:320],
        "envelope_to": _recipient(header),
    }
    statement = insert(IncomingMail).values(values).on_conflict_do_nothing().returning(IncomingMail.id)
    made = db.session.scalar(statement)
    return made or db.session.scalars(select(IncomingMail.id).where(IncomingMail.digest == digest)).one()


def _recipient(header: Fields) -> str:
    """Where it was delivered, from what the server wrote on it: our own kind of address if there is one."""
    found = [address for name in _DELIVERED for value in header.all(name)[:5] if (address := first_address(value))]
    return next((address for address in found if read_return_address(address)), found[0] if found else "")[:320]
