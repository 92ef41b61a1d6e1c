"""Many mails at once: those whose token names a message of ours and that tell a fact of it."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from rq.timeouts import BaseTimeoutException
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from app.core import clock
from app.core.database import db, every_workspace, in_workspace
from app.core.errors import BadToken
from app.core.extensions import keyring
from app.core.logging import log
from app.core.tokens import Purpose
from app.mail.incoming import IncomingMail as ReadMail
from app.mail.reading import read_mail
from app.mail.verp import read_return_address
from app.messages.models import IncomingMail, Message
from app.tracking.acting.facts import Told
from app.tracking.acting.together import act_together
from app.tracking.mail_facts import asks_to_be_taken_off, fact_of, summary
from app.tracking.replies.writers import NOTE


class _Stored(NamedTuple):
    id: int
    digest: bytes
    received_at: datetime
    envelope_to: str
    raw: bytes
    workspace_id: int | None


class _Telling(NamedTuple):
    mail_id: int
    read: ReadMail
    raw: bytes
    told: Told

    @property
    def by_other(self) -> bool:
        """A reply of which no fact follows was not written by the message's person."""
        return self.read.kind == "reply" and self.told.fact.kind != "reply"


def take_in_together(numbers: Sequence[int]) -> list[int]:
    """Act on mails that are locked and close them; the caller commits. Returns the numbers of those that are left."""
    if not numbers:
        return []
    try:
        with db.session.begin_nested():
            done = _take_in(_load(numbers))
    except BaseTimeoutException:
        raise  # the job's time is over: nobody would stop what takes for ever, were it begun once more
    except Exception as error:
        # Undone as a whole; one by one, the mail at fault says why.
        if isinstance(error, OperationalError) and error.connection_invalidated:
            raise
        log("mailbox").warning("a batch was undone and goes one by one", error=type(error).__name__)
        done = frozenset()
    return [number for number in numbers if number not in done]


def wishes_to_leave(envelope_to: str, read: ReadMail) -> bool:
    """A mail to the address of the header List-Unsubscribe."""
    wish = read_return_address(envelope_to)
    # Some mail programs mark the wish as written by a program; the reader knows it as an opt-out.
    wishes = read.kind in ("none", "reply") or read.feedback_type == "opt-out"
    return wish is not None and wish.kind == "unsubscribe" and wishes


def _load(numbers: Sequence[int]) -> list[_Stored]:
    columns = (getattr(IncomingMail, name) for name in _Stored._fields)
    query = select(*columns).where(IncomingMail.id.in_(numbers)).order_by(IncomingMail.id)
    return [_Stored(*row) for row in db.session.execute(query)]


def _take_in(mails: Sequence[_Stored]) -> frozenset[int]:
    reads = {mail.id: read_mail(mail.raw, envelope_to=mail.envelope_to) for mail in mails}
    claims = {number: _numbers(read.tokens) for number, read in reads.items()}
    messages = _messages(number for claim in claims.values() for number in claim)
    telling: dict[int, list[_Telling]] = defaultdict(list)
    for mail in mails:
        message = next((messages[number] for number in claims[mail.id] if number in messages), None)
        if message is not None and (told := _told(mail, reads[mail.id], message)):
            telling[message.workspace_id].append(_Telling(mail.id, reads[mail.id], mail.raw, told))
    closed: list[int] = []
    for workspace_id, ones in sorted(telling.items()):
        with in_workspace(workspace_id):
            notes = act_together([one.told for one in ones])
        closed += _close(workspace_id, ones, notes)
    return frozenset(closed)


def _numbers(tokens: Iterable[str]) -> list[int]:
    found = []
    for token in tokens:
        try:
            found.append(keyring().read_from_mail(Purpose.RETURN_PATH, token))
        except BadToken:
            continue
    return found


def _messages(numbers: Iterable[int]) -> dict[int, Message]:
    with every_workspace():
        query = select(Message).where(Message.id.in_(set(numbers)))
        return {message.id: message for message in db.session.scalars(query)}


def _told(mail: _Stored, read: ReadMail, message: Message) -> Told | None:
    """The fact of a mail; None when there is something else to do about it, or nothing."""
    if mail.workspace_id not in (None, message.workspace_id):
        return None
    if wishes_to_leave(mail.envelope_to, read) or asks_to_be_taken_off(read):
        return None
    fact = fact_of(read, message, mail.digest.hex(), mail.raw)
    return None if fact is None else Told(message.id, fact, "mail", mail.received_at)


def _close(workspace_id: int, ones: Sequence[_Telling], notes: Mapping[int, str]) -> list[int]:
    rows: list[dict[str, Any]] = [
        {
            "id": ones[place].mail_id,
            "kind": ones[place].read.kind,
            "facts": summary(ones[place].read, ones[place].raw, by_other=ones[place].by_other),
            "message_id": ones[place].told.message_id,
            "note": NOTE if ones[place].by_other else note,
        }
        for place, note in notes.items()
    ]
    if rows:
        db.session.execute(_CLOSE, {"rows": json.dumps(rows), "now": clock.now(), "workspace": workspace_id})
    return [row["id"] for row in rows]


_CLOSE = text(
    """
    UPDATE incoming_mails i
    SET handled_at = :now, kind = d.kind, facts = d.facts, message_id = d.message_id, workspace_id = :workspace,
        note = d.note
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS d
        (id bigint, kind text, facts jsonb, message_id bigint, note text)
    WHERE i.id = d.id AND i.handled_at IS NULL
    """
)
