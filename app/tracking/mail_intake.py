"""What came back by mail: read, matched by its signed token, and handed to the one door that acts on it.

Without a valid token nothing is ever changed; private mail that a mailbox holds besides is forgotten at once. A report
can be faster than our own record of the sending: while its message is still being sent, it waits for the next round.
"""

from collections import deque
from collections.abc import Callable
from itertools import accumulate, islice
from typing import NamedTuple

from rq.timeouts import BaseTimeoutException
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from app.audience.consent import REPORT
from app.core import clock
from app.core.database import db, in_workspace
from app.core.errors import BadToken
from app.core.extensions import keyring, queue
from app.core.logging import log
from app.core.tokens import Purpose
from app.mail.incoming import IncomingMail as ReadMail
from app.mail.reading import read_mail
from app.mail.verp import read_return_address
from app.messages.evidence import settle_messages
from app.messages.models import IncomingMail, Message
from app.tracking.acting.act import act
from app.tracking.acting.facts import NotYet
from app.tracking.leaving import Act, leave
from app.tracking.mail_facts import asks_to_be_taken_off, complains_of_other, fact_of, find_message, summary
from app.tracking.mail_together import take_in_together, wishes_to_leave
from app.tracking.mailboxes.private import is_private
from app.tracking.readings import MOST, Readings
from app.tracking.recipients import find_recipient
from app.tracking.replies.writers import NOTE
from app.tracking.set_aside import set_aside

BATCH = 200
FEW = 20
"""Mails of strangers at once: so many a bounce may have to wait for."""
SEEN = 10_000
"""Waiting mails whose turns are told at once."""
BYTES = 32 * 1024 * 1024
"""Of mails that are read at once, unless one alone is longer."""


class Reader(NamedTuple):
    """Makes something of mail that names no message of ours: whether it is for it by its octets, and what became of it.

    That is a note; empty for nothing. It may take its time, since such mail waits until no other does.
    """

    is_for: Callable[[bytes], bool]
    take_in: Callable[[IncomingMail], str]


READERS: list[Reader] = []
"""Of rooms above."""


class _Later(Exception):
    """A reader is to see to this mail, when its time comes."""


def take_in_mail(is_to_stop: Callable[[], bool] = lambda: False) -> int:
    """Work through stored mails; returns how many. Safe beside itself and when repeated.

    A batch is acted upon together and committed as one; what is odd about some of it is then taken in one by one. So
    is what a worker died of while it was reading it, until it is set aside. Mail that came to a return address of ours
    goes first, then that of strangers, last what a reader of other rooms sees to: no flood of anybody's must hold up a
    bounce. Once `is_to_stop`, the batch under way is the last.
    """
    taken = 0
    later: deque[int] = deque()
    turns = _Turns()
    readings = Readings(queue(), IncomingMail.__tablename__)
    while not is_to_stop() and ((batch := turns.next_batch()) or later):
        if not batch:
            taken += _take_in(later.popleft(), readings)
            continue
        died = readings.deaths(batch)
        if fresh := [number for number in batch if number not in died]:
            with readings.begun(fresh):
                left = take_in_together(fresh)
                taken += len(fresh) - len(left)
                db.session.commit()
        else:
            left = []
        for number in sorted([*left, *died]):
            taken += _take_in(number, readings, later)
    return taken


class _Turns:
    """Whose turn it is among the mails that wait, each once."""

    def __init__(self) -> None:
        self._last = 0
        self._ours: deque[int] = deque()
        self._of_strangers: deque[int] = deque()

    def next_batch(self) -> list[int]:
        """The next mails that nobody else works on, locked."""
        self._see()
        while self._ours or self._of_strangers:
            turns, most = (self._ours, BATCH) if self._ours else (self._of_strangers, min(FEW, BATCH))
            asked = list(islice(turns, most))
            found = _locked(asked)
            # What is too much for this batch stays at the head of its queue; what others work on is theirs.
            end = asked.index(found[-1]) + 1 if found else len(asked)
            for _ in range(end):
                turns.popleft()
            if found:
                return found
        return []

    def _see(self) -> None:
        waiting = select(IncomingMail.id, IncomingMail.envelope_to).where(IncomingMail.handled_at.is_(None))
        waiting = waiting.where(IncomingMail.id > self._last).order_by(IncomingMail.id).limit(SEEN)
        for number, address in db.session.execute(waiting):
            self._last = number
            (self._ours if _is_ours(address) else self._of_strangers).append(number)


def _is_ours(address: str) -> bool:
    """Whether the address bears a token that we signed."""
    named = read_return_address(address)
    try:
        return named is not None and keyring().read_from_mail(Purpose.RETURN_PATH, named.token) is not None
    except BadToken:
        return False


def _locked(numbers: list[int]) -> list[int]:
    """The first of these that still wait and that nobody else works on, locked; no more octets than `BYTES`."""
    size = func.octet_length(IncomingMail.raw)
    query = select(IncomingMail.id, size).where(IncomingMail.handled_at.is_(None), IncomingMail.id.in_(numbers))
    rows = db.session.execute(query.order_by(IncomingMail.id).with_for_update(skip_locked=True)).all()
    sums = accumulate(row[1] for row in rows)
    return [row[0] for place, (row, so_far) in enumerate(zip(rows, sums, strict=True)) if place == 0 or so_far <= BYTES]


def _take_in(number: int, readings: Readings, later: deque[int] | None = None) -> bool:
    """Whether the mail is dealt with. What is done about it holds locks that others wait for, so it is committed.

    What can wait is put into `later`, if there is one.
    """
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
        _try_to_read(mail, later)
        handled = mail.handled_at is not None
        db.session.commit()
    return handled


def _try_to_read(mail: IncomingMail, later: deque[int] | None) -> None:
    # A mail that upsets us must not stop those behind it: its changes alone are undone, and it says why.
    try:
        with db.session.begin_nested():
            _read(mail, can_wait=later is not None)
        mail.handled_at = clock.now()
    except NotYet:
        pass
    except _Later:
        if later is not None:
            later.append(mail.id)
    except (OperationalError, BaseTimeoutException):
        raise  # the database is away or overrun, or the job's time is: this mail's turn comes again
    except Exception as error:  # noqa: BLE001 - the mail is kept whole; the note and the log name the fault
        mail.note = f"could not be worked through: {type(error).__name__}"
        mail.handled_at = clock.now()
        log("mailbox").error("a mail could not be worked through", mail=mail.id, exc_info=error)


def _read(mail: IncomingMail, *, can_wait: bool) -> None:
    read = read_mail(mail.raw, envelope_to=mail.envelope_to)
    mail.kind, mail.facts = read.kind, summary(read, mail.raw)
    message = find_message(read)
    if message is not None and mail.workspace_id not in (None, message.workspace_id):
        # A workspace's own mailbox neither acts on another's messages nor gives its mail away.
        message = None
    if message is None:
        readers = [reader for reader in READERS if reader.is_for(mail.raw)]
        if readers and can_wait:
            raise _Later
        notes = (note for reader in readers if (note := reader.take_in(mail)))
        note = next(notes, "")
        if not note and is_private(mail, read):
            db.session.delete(mail)
            return
        mail.note = note or "no token of ours; nothing was changed"
        return
    mail.message_id, mail.workspace_id = message.id, message.workspace_id
    with in_workspace(message.workspace_id):
        if wishes_to_leave(mail.envelope_to, read):
            leave(find_recipient(message.id), Act("mailto", by="mail", at=mail.received_at))
            settle_messages([message.id])
            mail.note = "unsubscribed by mail"
        elif asks_to_be_taken_off(read) and not complains_of_other(read, message):
            everything = read.feedback_type != "opt-out-list"
            leave(find_recipient(message.id), Act(REPORT, by="mail", at=mail.received_at), everything=everything)
            settle_messages([message.id])
            mail.note = "unsubscribed by a report"
        else:
            mail.note = _act(mail, message, read)


def _act(mail: IncomingMail, message: Message, read: ReadMail) -> str:
    fact = fact_of(read, message, mail.digest.hex(), mail.raw)
    if fact is None:
        what = "complaint that names" if read.kind == "complaint" else "bounce that speaks of"
        return f"a {what} somebody else; nothing was changed"
    done = act(message, fact, "mail", mail.received_at)
    if read.kind == "reply" and fact.kind != "reply":
        mail.facts = summary(read, mail.raw, by_other=True)
        return NOTE
    return done
