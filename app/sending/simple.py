"""One mail at once, over a connection of its own: test mails, confirmations, notices."""

import asyncio

from app.core.errors import Invalid, TemporaryFailure
from app.core.extensions import keyring, settings
from app.mail.status_codes import Stage
from app.mail.wire import WireMail
from app.messages.lifecycle import State
from app.sending.account import Account
from app.sending.greeting import open_line
from app.sending.parcel import Parcel
from app.sending.replies import Reply
from app.sending.smtp import Line
from app.sending.transports import workspace_account
from app.sending.verdicts import judge


class Refused(Invalid):
    """The mail server will not take this mail, now or later; the text has its words."""


def send_mail(workspace_id: int, mail: WireMail) -> str:
    """Hand one mail over and return the server's words, such as `250 2.0.0 Ok: queued as 4B2A`.

    Raises Refused when the server says no for good, TemporaryFailure when it may say yes later or cannot be reached. A
    TemporaryFailure after the last dot leaves open whether the mail was taken.
    """
    return asyncio.run(hand_over(workspace_account(workspace_id, settings(), keyring()), mail))


async def hand_over(account: Account, mail: WireMail) -> str:
    """The same by a given account."""
    desk = _Counter(mail)
    line = await open_line(account, desk)
    end = asyncio.get_running_loop().time() + account.timeout * 3
    while not desk.closed.is_set():
        try:
            async with asyncio.timeout(min(1.0, account.timeout / 4)):
                await desk.closed.wait()
        except TimeoutError:
            now = asyncio.get_running_loop().time()
            if now > min(line.deadline, end):
                line.hang_up(f"The mail server at {account.name} did not answer in time.")
    if desk.failure is not None:
        raise desk.failure
    return desk.words


class _Counter:
    """A desk with a single message."""

    def __init__(self, mail: WireMail) -> None:
        parcel = Parcel(0, None, None, 0, mail.envelope_to)
        parcel.return_path, parcel.recipient = mail.envelope_from, mail.envelope_to
        parcel.needs_smtputf8, parcel.data = mail.needs_smtputf8, mail.data
        self._parcel: Parcel | None = parcel
        self.words = ""
        self.failure: Exception | None = None
        self.closed = asyncio.Event()

    def joined(self, _line: Line) -> None:
        """Nothing to note."""

    def take(self, _line: Line) -> Parcel | None:
        parcel, self._parcel = self._parcel, None
        return parcel

    def ready(self, line: Line) -> None:
        line.send_body()

    def answered(self, _parcel: Parcel, stage: Stage, reply: Reply) -> None:
        if stage == "final" and reply.code < 300:
            self.words = reply.words
            return
        is_temporary = reply.code < 500 or judge(0, 0.0, stage, reply).outcome.state is State.DEFERRED
        text = f"The mail server did not take the mail: {reply.words}"
        self.failure = TemporaryFailure(text) if is_temporary else Refused(text)

    def unsendable(self, _parcel: Parcel, _status: str, _reason: str, words: str) -> None:
        self.failure = Refused(words)

    def cut(self, _parcel: Parcel, *, handed_over: bool, why: str) -> None:
        doubt = " It is not known whether the mail was taken." if handed_over else ""
        self.failure = TemporaryFailure(f"{why}{doubt}")

    def idle(self, line: Line) -> None:
        line.finish()

    def gone(self, _line: Line, why: str) -> None:
        if self.failure is None and not self.words:
            self.failure = TemporaryFailure(why)
        self.closed.set()
