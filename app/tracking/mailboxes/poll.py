"""A visit to a mailbox: new mails are stored and committed first; those that were understood meanwhile are put away.

What was not understood stays where it is. A visit that ends anywhere is repeated without harm: keys and digests tell
what is known already.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select, text

from app.core import clock
from app.core.database import db, every_workspace, in_workspace
from app.core.extensions import keyring, settings
from app.core.logging import log
from app.messages.models import IncomingMail
from app.tracking.mailboxes.account import MailboxAccount, MailboxTrouble, PasswordRefused, TokenRefused, account_of
from app.tracking.mailboxes.bounds import LARGEST
from app.tracking.mailboxes.door import Door, Letter
from app.tracking.mailboxes.imap import open_imap
from app.tracking.mailboxes.oauth.access import access_token
from app.tracking.mailboxes.pop3 import open_pop3
from app.tracking.mailboxes.progress import read_progress, written
from app.tracking.mailboxes.storing import store_mail
from app.tracking.models import Mailbox

MOST = 500
"""Mails read in one visit; the next one follows at once."""
LONGEST = 120.0
"""Seconds after which a visit begins no further mail."""
LONGEST_PAUSE = timedelta(hours=6)
_LOCK = 7_382_191
_DOUBLINGS = 10
_AT_ONCE = 20
"""Mails after which the progress is written; those behind it are known by their digests."""


class _Changed(Exception):
    """Somebody has changed or removed the mailbox meanwhile: what was read belongs to another one."""


def mailboxes_due() -> Sequence[int]:
    """The mailboxes whose time has come."""
    with every_workspace():
        rows = db.session.scalars(select(Mailbox).where(Mailbox.is_enabled)).all()
        return [row.id for row in rows if (due := next_visit(row)) is not None and due <= clock.now()]


def next_visit(mailbox: Mailbox) -> datetime | None:
    """When a mailbox is asked again; None while it is switched off or its password is refused."""
    if not mailbox.is_enabled or mailbox.progress.get("refused"):
        return None
    if mailbox.checked_at is None:
        return mailbox.created_at
    if mailbox.progress.get("more") and not mailbox.failures:
        return mailbox.checked_at
    pause = timedelta(minutes=mailbox.every_minutes) * 2 ** min(mailbox.failures, _DOUBLINGS)
    due: datetime = mailbox.checked_at + min(pause, max(LONGEST_PAUSE, timedelta(minutes=mailbox.every_minutes)))
    return due


def poll(mailbox_id: int) -> None:
    """Visit a mailbox once; commits. Nothing happens while another visit is under way."""
    with _alone(mailbox_id) as is_alone:
        if not is_alone:
            return
        with every_workspace():
            mailbox = db.session.get(Mailbox, mailbox_id, populate_existing=True)
        if mailbox is None or next_visit(mailbox) is None:
            db.session.rollback()
            return
        with in_workspace(mailbox.workspace_id):
            _Visit(mailbox).go()


def open_door(account: MailboxAccount) -> AbstractContextManager[Door]:
    """The mailbox, by its protocol."""
    return open_imap(account) if account.kind == "imap" else open_pop3(account)


class _Visit:
    def __init__(self, mailbox: Mailbox) -> None:
        self._id, self._workspace_id = mailbox.id, mailbox.workspace_id
        self._place = _place_of(mailbox)
        self._progress = read_progress(mailbox.progress)
        self._mailbox = mailbox

    def go(self) -> None:
        try:
            account = account_of(keyring(), self._mailbox, internal=settings().internal_hosts)
            # Whatever ends this visit, the next one does not follow at once. And no transaction stays open while a
            # server is waited for.
            self._mailbox.checked_at = clock.now()
            db.session.commit()
            if self._mailbox.login == "password":
                self._go_in(account)
            else:
                self._go_in_by_token(account)
            self._keep("well", self._summary())
        except _Changed:
            db.session.rollback()
        except MailboxTrouble as error:
            db.session.rollback()
            self._fail(error)

    def _go_in_by_token(self, account: MailboxAccount) -> None:
        token = access_token(keyring(), self._mailbox, internal=account.internal)
        try:
            self._go_in(replace(account, token=token.text))
        except TokenRefused:
            # It may have been taken back before its time, or be older than what its owner was allowed since.
            if token.is_new:
                raise
            token = access_token(keyring(), self._mailbox, internal=account.internal, anew=True)
            self._go_in(replace(account, token=token.text))

    def _go_in(self, account: MailboxAccount) -> None:
        db.session.commit()
        with open_door(account) as door:
            self._read(door)
            self._put_away(door)

    def _read(self, door: Door) -> None:
        begun = time.monotonic()
        self._progress = self._progress.begun_in(door.era).limited_to(door.present())
        letters = door.new(self._progress, MOST + 1)
        self._progress = replace(self._progress, more=len(letters) > MOST)
        for number, letter in enumerate(letters[:MOST], 1):
            if time.monotonic() - begun > LONGEST:
                self._progress = replace(self._progress, more=True)
                break
            self._take(door, letter)
            if number % _AT_ONCE == 0:
                self._keep()
        self._keep()

    def _take(self, door: Door, letter: Letter) -> None:
        if letter.size > LARGEST:
            self._progress = self._progress.passed(letter, "large")
        elif self._progress.is_hopeless(letter):
            self._progress = self._progress.passed(letter, "unreadable")
        else:
            self._progress = self._progress.trying(letter)
            raw = door.fetch(letter)
            if raw:
                row = store_mail(self._workspace_id, self._id, raw)
                db.session.commit()
                self._progress = self._progress.took(letter, row)
            else:
                self._progress = self._progress.passed(letter, "unreadable")

    def _put_away(self, door: Door) -> None:
        understood, settled = _understood(self._progress.waiting, deletes=door.present() is not None)
        door.put_away(understood)
        # What POP3 deletes is gone only after QUIT; until the next listing shows that, it is remembered.
        gone = settled if door.present() is not None else [*settled, *understood]
        self._progress = self._progress.without(gone)

    def _summary(self) -> str:
        count = len(self._progress.left)
        if not count:
            return ""
        were = "1 mail was" if count == 1 else f"{count} mails were"
        return f"{were} left in the mailbox: larger than {LARGEST // 1024**2} MB, or visits broke off at it."

    def _keep(self, outcome: Literal["", "well", "ill"] = "", words: str = "") -> None:
        mailbox = db.session.scalar(
            select(Mailbox).where(Mailbox.id == self._id).with_for_update().execution_options(populate_existing=True)
        )
        if mailbox is None or _place_of(mailbox) != self._place:
            raise _Changed
        mailbox.progress = written(self._progress)
        if outcome:
            mailbox.failures = 0 if outcome == "well" else mailbox.failures + 1
            mailbox.last_words, mailbox.checked_at = words, clock.now()
        db.session.commit()

    def _fail(self, error: MailboxTrouble) -> None:
        cause = error.__cause__
        log("mailbox").warning("a mailbox could not be read", mailbox=self._id, error=type(cause or error).__name__)
        if isinstance(error, PasswordRefused):
            self._progress = replace(self._progress, refused=True)
        try:
            self._keep("ill", str(error)[:500])
        except _Changed:
            db.session.rollback()


def _understood(waiting: dict[str, int], *, deletes: bool) -> tuple[list[str], list[str]]:
    """The keys of mails that were understood, and of those that stay in the mailbox because they were not.

    Where mail is deleted, what a person wrote stays at least until it has gone on to somebody.
    """
    row = IncomingMail
    columns = (row.id, row.handled_at, row.message_id, row.kind, row.forwarded_at)
    rows = db.session.execute(select(*columns).where(row.id.in_(waiting.values()))).all()
    db.session.commit()
    known = {each.id: each for each in rows}
    understood, settled = [], []
    for key, number in waiting.items():
        mail = known.get(number)
        if mail is None or (mail.handled_at is not None and mail.message_id is None):
            settled.append(key)
        elif mail.handled_at is not None and not (deletes and mail.kind == "reply" and mail.forwarded_at is None):
            understood.append(key)
    return understood, settled


def _place_of(mailbox: Mailbox) -> tuple[object, ...]:
    return mailbox.kind, mailbox.host, mailbox.port, mailbox.username, mailbox.folder, mailbox.password_sealed


@contextmanager
def _alone(mailbox_id: int) -> Iterator[bool]:
    """Whether this is the only visit: an advisory lock on a connection of its own, which ends with the process."""
    names = {"lock": _LOCK, "mailbox": mailbox_id % 2**31}
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        got = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:lock, :mailbox)"), names))
        try:
            yield got
        finally:
            if got:
                connection.execute(text("SELECT pg_advisory_unlock(:lock, :mailbox)"), names)
