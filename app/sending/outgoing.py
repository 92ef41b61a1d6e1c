"""Mail of the system itself, tried until a server has taken it.

Only the kind of mail and a row's number are kept; each attempt composes the mail anew, so nobody gets one that is not
wanted any more. A confirmation that is lost costs a subscriber, one that comes twice costs nothing: a crash between
the server's answer and our commit may send it again. Campaign mail is handled the other way round (engine.py).
"""

from datetime import timedelta

from sqlalchemy import delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from app.core import clock
from app.core.database import db, every_workspace
from app.core.errors import MerpatiError, TemporaryFailure
from app.core.extensions import enqueue_job, settings
from app.core.jobs import Job
from app.core.logging import log
from app.sending.models import OutgoingMail
from app.sending.simple import send_mail
from app.sending.stand_ins import why_held
from app.sending.system_mails import compose_system_mail

LEASE = timedelta(minutes=10)
"""After this time a mail whose worker has said nothing is tried again."""
HELD = timedelta(minutes=15)
"""After this time a mail that may not go as things are set up is looked at again, as often as it takes."""
MOST = 500
"""Mails queued again in one round."""


def send_outgoing(kind: str, row_id: int) -> None:
    """Try a system mail once; on a temporary failure it stays for `queue_outgoing`. Commits."""
    with every_workspace():
        composed = compose_system_mail(kind, row_id)
        if composed is None:
            _forget(kind, row_id)
            return
        workspace_id, mail = composed
        if words := why_held(workspace_id, mail.envelope_from):
            _hold(workspace_id, kind, row_id, words)
            return
        attempts = _note(workspace_id, kind, row_id)
        if attempts is None:
            return
        try:
            send_mail(workspace_id, mail)
        except TemporaryFailure as error:
            _put_off(kind, row_id, attempts, str(error))
        except MerpatiError as error:
            log("sending").warning("system mail refused", kind=kind, row_id=row_id, error=type(error).__name__)
            _forget(kind, row_id)
        else:
            _forget(kind, row_id)


def waiting_mails() -> list[tuple[str, int]]:
    """Why mails of the workspace in scope wait, and how many for each reason; those being tried are not told."""
    row = OutgoingMail
    query = select(row.reply, func.count()).where(row.reply != "").group_by(row.reply).order_by(func.count().desc())
    return [(words, count) for words, count in db.session.execute(query.limit(5))]


def queue_outgoing() -> None:
    """Queue every system mail whose time has come again; for the schedule."""
    with every_workspace():
        due = db.session.execute(
            select(OutgoingMail.kind, OutgoingMail.row_id)
            .where(OutgoingMail.next_attempt_at <= clock.now())
            .order_by(OutgoingMail.next_attempt_at)
            .limit(MOST)
        ).all()
        db.session.rollback()
    for kind, row_id in due:
        enqueue_job(Job.SEND_SYSTEM_MAIL, kind, row_id, once_as=f"mail-{kind}-{row_id}")


def _note(workspace_id: int, kind: str, row_id: int) -> int | None:
    """Write down that the mail is being tried, and how often it was; None when somebody else is at it just now."""
    statement = (
        insert(OutgoingMail)
        .values(
            workspace_id=workspace_id,
            kind=kind,
            row_id=row_id,
            attempts=1,
            next_attempt_at=clock.now() + LEASE,
            reply="",
        )
        .on_conflict_do_update(
            index_elements=["kind", "row_id"],
            set_={"attempts": OutgoingMail.attempts + 1, "next_attempt_at": clock.now() + LEASE, "reply": ""},
            # With words it only waits; without them somebody is at it, or died over it.
            where=or_(OutgoingMail.reply != "", OutgoingMail.next_attempt_at <= clock.now()),
        )
        .returning(OutgoingMail.attempts)
    )
    attempts = db.session.execute(statement).scalar_one_or_none()
    db.session.commit()
    return attempts


def _hold(workspace_id: int, kind: str, row_id: int, words: str) -> None:
    """Keep it without using up an attempt: nobody was asked to take it, and what composing noted did not happen."""
    db.session.rollback()
    known = _find(kind, row_id)
    before = "" if known is None else known.reply
    is_ours = _note(workspace_id, kind, row_id) is not None
    row = _find(kind, row_id)
    if row is not None and is_ours:
        if before != words:
            log("sending").warning("system mail held", kind=kind, row_id=row_id, why=words)
        row.next_attempt_at, row.attempts, row.reply = clock.now() + HELD, row.attempts - 1, words
    db.session.commit()


def _put_off(kind: str, row_id: int, attempts: int, words: str) -> None:
    waits = settings().retry_seconds
    if attempts > len(waits):
        log("sending").warning("system mail expired", kind=kind, row_id=row_id)
        _forget(kind, row_id)
        return
    row = _find(kind, row_id)
    if row is not None:
        row.next_attempt_at = clock.now() + timedelta(seconds=waits[attempts - 1])
        row.reply = words[:500]
    db.session.commit()


def _find(kind: str, row_id: int) -> OutgoingMail | None:
    return db.session.scalar(select(OutgoingMail).where(OutgoingMail.kind == kind, OutgoingMail.row_id == row_id))


def _forget(kind: str, row_id: int) -> None:
    db.session.execute(delete(OutgoingMail).where(OutgoingMail.kind == kind, OutgoingMail.row_id == row_id))
    db.session.commit()
