"""How much waits to be taken in."""

from dataclasses import dataclass

from redis.exceptions import ResponseError
from sqlalchemy import func, select

from app.core.database import db
from app.core.extensions import queue
from app.messages.models import IncomingMail
from app.tracking.hits import STREAM

SET_ASIDE = """
SELECT id FROM incoming_mails
WHERE kind = %(kind)s AND handled_at IS NOT NULL AND id > (SELECT coalesce(max(id), 0) FROM incoming_mails) - 500000
ORDER BY id DESC
"""
"""The numbers of mails that were closed unread, newest first; for the doctor, who has no application."""


@dataclass(frozen=True)
class Waiting:
    """Counts of what came in and has not been made into events yet."""

    hits: int
    mails: int


def waiting() -> Waiting:
    """Hits on the stream, and mails in their table."""
    mails = db.session.scalar(select(func.count()).select_from(IncomingMail).where(IncomingMail.handled_at.is_(None)))
    return Waiting(hits=_hits(), mails=mails or 0)


def _hits() -> int:
    try:
        return int(queue().xlen(STREAM))
    except ResponseError:
        return 0
