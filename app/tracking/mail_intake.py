"""What came back by mail: read, matched by its signed token, and handed to the one door that acts on it.

Without a valid token nothing is ever changed. A report can be faster than our own record of the sending: while its
message is still being sent, it waits for the next round.
"""

from collections.abc import Callable
from itertools import accumulate

from rq.timeouts import BaseTimeoutException
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from app.core import clock
from app.core.database import db, in_workspace
from app.core.extensions import queue
from app.core.logging import log
from app.mail.incoming import IncomingMail as ReadMail
from app.mail.reading import read_mail
from app.messages.evidence import settle_messages
from app.messages.models import IncomingMail, Message
from app.tracking.acting.act import act
from app.tracking.acting.facts import NotYet
from app.tracking.leaving import Act, leave
from app.tracking.mail_facts import fact_of, find_message, summary
from app.tracking.mail_together import take_in_together, wishes_to_leave
from app.tracking.readings import MOST, Readings
from app.tracking.recipients import find_recipient
from app.tracking.replies.writers import NOTE
from app.tracking.set_aside import set_aside

BATCH = 200
BYTES = 32 * 1024 * 1024
"""Of mails that are read at once, unless one alone is longer."""
READERS: list[Callable[[IncomingMail], str]] = []
"""What else may be made of mail that names no message of ours, by rooms above: from a mail to a note, empty for no."""


def take_in_mail(is_to_stop: Callable[[], bool] = lambda: False) -> int:
    """Work through stored mails; returns how many. Safe beside itself and when repeated.

    A batch is acted upon together and committed as one; what is odd about some of it is then taken in one by one. So
    is what a worker died of while it was reading it, until it is set aside. Once `is_to_stop`, the batch under way is
    the last.
    """
    taken = last = 0
    readings = Readings(queue(), IncomingMail.__tablename__)
    while not is_to_stop() and (batch := _next_batch(last)):
        last = batch[-1]
        died = readings.deaths(batch)
        fresh = [number for number in batch if number not in died]
        with readings.begun(fresh):
            left = take_in_together(fresh)
            taken += len(fresh) - len(left)
            db.session.commit()
        for number in sorted([*left, *died]):
            taken += _take_in(number, readings)
    return taken


def _next_batch(last: int) -> list[int]:
    """The next mails that nobody else works on, locked."""
    size = func.octet_length(IncomingMail.raw)
    query = select(IncomingMail.id, size).where(IncomingMail.handled_at.is_(None), IncomingMail.id > last)
    query = query.order_by(IncomingMail.id).limit(BATCH).with_for_update(skip_locked=True)
    rows = db.session.execute(query).all()
    sums = accumulate(row[1] for row in rows)
    return [row[0] for place, (row, so_far) in enumerate(zip(rows, sums, strict=True)) if place == 0 or so_far <= BYTES]


def _take_in(number: int, readings: Readings) -> bool:
    """Whether the mail is dealt with. What is done about it holds locks that others wait for, so it is committed."""
    waiting = select(IncomingMail).where(IncomingMail.id == number, IncomingMail.handled_at.is_(None))
    mail = db.session.scalar(waiting.with_for_update(skip_locked=True))
    if mail is None:
        db.session.commit()
        return False
    if readings.deaths([number]).get(number, 0) >= MOST:
        set_aside(mail)
        db.session.commit()
        readings.forget([number])
        return True
    with readings.begun([number]):
        _try_to_read(mail)
        handled = mail.handled_at is not None
        db.session.commit()
    return handled


def _try_to_read(mail: IncomingMail) -> None:
    # A mail that upsets us must not stop those behind it: its changes alone are undone, and it says why.
    try:
        with db.session.begin_nested():
            _read(mail)
        mail.handled_at = clock.now()
    except NotYet:
        pass
    except (OperationalError, BaseTimeoutException):
        raise  # the database is away or overrun, or the job's time is: this mail's turn comes again
    except Exception as error:  # noqa: BLE001 - the mail is kept whole; the note and the log name the fault
        mail.note = f"could not be worked through: {type(error).__name__}"
        mail.handled_at = clock.now()
        log("mailbox").error("a mail could not be worked through", mail=mail.id, exc_info=error)


def _read(mail: IncomingMail) -> None:
    read = read_mail(mail.raw, envelope_to=mail.envelope_to)
    mail.kind, mail.facts = read.kind, summary(read, mail.raw)
    message = find_message(read)
    if message is not None and mail.workspace_id not in (None, message.workspace_id):
        # A workspace's own mailbox neither acts on another's messages nor gives its mail away.
        message = None
    if message is None:
        notes = (note for read_otherwise in READERS if (note := read_otherwise(mail)))
        mail.note = next(notes, "no token of ours; nothing was changed")
        return
    mail.message_id, mail.workspace_id = message.id, message.workspace_id
    with in_workspace(message.workspace_id):
        if wishes_to_leave(mail.envelope_to, read):
            leave(find_recipient(message.id), Act("one-click", by="mail", at=mail.received_at))
            settle_messages([message.id])
            mail.note = "unsubscribed by mail"
        else:
            mail.note = _act(mail, message, read)


def _act(mail: IncomingMail, message: Message, read: ReadMail) -> str:
    fact = fact_of(read, message, mail.digest.hex())
    if fact is None:
        return "a bounce that speaks of somebody else; nothing was changed"
    done = act(message, fact, "mail", mail.received_at)
    if read.kind == "reply" and fact.kind != "reply":
        mail.facts = summary(read, mail.raw, by_other=True)
        return NOTE
    return done
