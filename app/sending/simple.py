"""One mail at once, over a connection of its own: test mails, confirmations, notices."""

import asyncio
import math
import time

from app.core.errors import Invalid, SettingsError, TemporaryFailure
from app.core.extensions import keyring, settings
from app.mail.status_codes import Stage
from app.mail.wire import WireMail
from app.messages.lifecycle import State
from app.sending.account import Account
from app.sending.apis.account import ApiAccount
from app.sending.apis.answers import Unanswered
from app.sending.apis.exchange import Exchange, open_client
from app.sending.apis.registry import sender_for
from app.sending.domains.signing import sign_mail
from app.sending.domains.theirs import signs_alone
from app.sending.greeting import NoLine, open_line
from app.sending.parcel import Parcel
from app.sending.quotas import grant
from app.sending.replies import Reply
from app.sending.smtp import Line
from app.sending.transports import AnyAccount, account_of, installation_account, row_of, ways_of_workspace
from app.sending.verdicts import judge

WAIT = 30.0
"""Seconds for all mails of a request that somebody waits for."""
_LONGEST = 3600.0


class Refused(Invalid):
    """The mail server will not take this mail, now or later; the text has its words."""


def send_mail(workspace_id: int, mail: WireMail, until: float = math.inf) -> str:
    """Sign one mail, hand it over and return the server's words, such as `250 2.0.0 Ok: queued as 4B2A`.

    By the workspace's transactional way; when that cannot be reached, by the next one.
    Raises Refused when the server says no for good, TemporaryFailure when it may say yes later or cannot be reached. A
    TemporaryFailure after the last dot leaves open whether the mail was taken. `until`: a moment of the monotonic clock
    after which no server is waited for.
    """
    last: NoLine | SettingsError | None = None
    try:
        ways = ways_of_workspace(workspace_id)
    except SettingsError as error:
        raise TemporaryFailure(str(error)) from error
    for way in ways:
        try:
            signed = sign_mail(workspace_id, mail, relay_signs=way.signs)
            return send_by(account_of(settings(), keyring(), row_of(way)), signed, counts_for=way.id, until=until)
        except (NoLine, SettingsError) as error:
            # Nothing was handed over, so the next one may: no mail comes twice by this.
            last = error
    if last is not None:
        raise TemporaryFailure(str(last)) from last
    account = installation_account(settings())
    return send_by(account, sign_mail(workspace_id, mail, relay_signs=signs_alone("smtp", account.host)), until=until)


def send_by(account: AnyAccount, mail: WireMail, *, counts_for: int | None = None, until: float = math.inf) -> str:
    """The same by one account and no other. `counts_for`: the transport whose limits this mail uses, whatever is left.

    One mail that somebody waits for does not wait itself; the campaigns beside it go the slower for it.
    """
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise TemporaryFailure("The mail servers took all the time there is; this mail was not handed over.")
    return asyncio.run(_hand_over(account, mail, counts_for, min(seconds, _LONGEST)))


async def _hand_over(account: AnyAccount, mail: WireMail, counts_for: int | None, seconds: float) -> str:
    words = await hand_over(account, mail, seconds)
    if counts_for is not None:
        await grant(counts_for, {}, 1)
    return words


async def hand_over(account: Account | ApiAccount, mail: WireMail, seconds: float = _LONGEST) -> str:
    """The same by a given account, and within so many seconds."""
    parcel = Parcel(0, None, None, 0, mail.envelope_to)
    parcel.return_path, parcel.recipient = mail.envelope_from, mail.envelope_to
    parcel.needs_smtputf8, parcel.data = mail.needs_smtputf8, mail.data
    if isinstance(account, Account):
        return await _say(account, parcel, seconds)
    try:
        async with asyncio.timeout(seconds) as whole:
            return await _call(account, parcel)
    except TimeoutError:
        if not whole.expired():
            raise
        raise _cut(f"{account.name} answers too slowly.", handed_over=True) from None


async def _call(account: ApiAccount, parcel: Parcel) -> str:
    sender = sender_for(account)
    if obstacle := sender.obstacle(parcel):
        raise Refused(obstacle[-1])
    async with open_client(account) as client:
        exchange = Exchange(client, account)
        await exchange.knock(sender.base_url)
        [answer] = await sender.send(exchange, [parcel])
    if isinstance(answer, Unanswered):
        raise _cut(answer.why, handed_over=answer.handed_over)
    if answer.stage == "final" and answer.reply.code < 300:
        return answer.reply.words
    raise _refusal(answer.stage, answer.reply)


async def _say(account: Account, parcel: Parcel, seconds: float) -> str:
    desk, until = _Counter(parcel), asyncio.get_running_loop().time() + seconds
    try:
        async with asyncio.timeout_at(until) as whole:
            line = await open_line(account, desk)
    except TimeoutError:
        if not whole.expired():
            raise
        raise NoLine(f"The mail server at {account.name} answers too slowly.") from None
    end = min(until, asyncio.get_running_loop().time() + account.timeout * 3)
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

    def __init__(self, parcel: Parcel) -> None:
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
        self.failure = _refusal(stage, reply)

    def unsendable(self, _parcel: Parcel, _status: str, _reason: str, words: str) -> None:
        self.failure = Refused(words)

    def cut(self, _parcel: Parcel, *, handed_over: bool, why: str) -> None:
        self.failure = _cut(why, handed_over=handed_over)

    def idle(self, line: Line) -> None:
        line.finish()

    def gone(self, _line: Line, why: str) -> None:
        if self.failure is None and not self.words:
            self.failure = TemporaryFailure(why)
        self.closed.set()


def _refusal(stage: Stage, reply: Reply) -> Refused | TemporaryFailure:
    is_temporary = reply.code < 500 or judge(0, 0.0, stage, reply).outcome.state is State.DEFERRED
    text = f"The mail server did not take the mail: {reply.words}"
    return TemporaryFailure(text) if is_temporary else Refused(text)


def _cut(why: str, *, handed_over: bool) -> TemporaryFailure:
    doubt = " It is not known whether the mail was taken." if handed_over else ""
    return TemporaryFailure(f"{why}{doubt}")
