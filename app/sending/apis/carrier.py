"""Carries messages to a provider, a call at a time. The desk sees it as it sees an SMTP connection."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from app.sending.apis.answers import Answer, Said, Unanswered
from app.sending.apis.exchange import Exchange
from app.sending.apis.sender import Sender
from app.sending.desk import SendDesk
from app.sending.greeting import NoLine
from app.sending.parcel import Parcel

ENOUGH = 8 * 1024 * 1024
"""Bytes after which a call takes no further message; a call is in memory twice."""


class Pacer(Protocol):
    """Who decides how fast the carriers go."""

    @property
    def is_holding(self) -> bool:
        """Whether no call may begin now."""

    @property
    def is_trusted(self) -> bool:
        """Whether the provider has judged messages, and no call has ended in doubt since."""

    def heard(self, answers: Sequence[Answer]) -> None:
        """A call was answered."""

    def call(self, sending: Coroutine[Any, Any, list[Answer]]) -> asyncio.Task[list[Answer]]:
        """Begin a call, and see to it that it ends before the connections are closed."""

    def broke(self, error: BaseException) -> None:
        """A carrier met something that nobody foresaw."""


class ApiCarrier:
    """One of the account's connections. `most` is how many messages it puts in a call."""

    def __init__(self, desk: SendDesk, sender: Sender, exchange: Exchange, pacer: Pacer, most: int) -> None:
        self.verdicts = 0
        self.deadline = float("inf")
        """Never: a call ends by itself in time (exchange.py)."""
        self.lost_step = False
        self.is_out_of_step = False
        self._desk, self._sender, self._exchange, self._pacer, self._most = desk, sender, exchange, pacer, most
        self._begun: list[Parcel] = []
        self._call: asyncio.Task[list[Answer]] | None = None
        self._is_ending = self._is_closed = False

    @property
    def is_idle(self) -> bool:
        """Whether it would take a message at once."""
        return self._call is None and not (self._is_ending or self._is_closed or self._pacer.is_holding)

    @property
    def parcels(self) -> list[Parcel]:
        """What is in the call under way."""
        return self._begun

    def start(self) -> None:
        """The provider was reached: begin to take messages."""
        self._desk.joined(self)
        self._begin()

    def wake(self) -> None:
        """There may be a message now."""
        if self.is_idle:
            self._begin()

    def finish(self) -> None:
        """Take no further message; end when the call under way is answered."""
        self._is_ending = True
        if self._call is None:
            self._close("The work is done.")

    def hang_up(self, why: str) -> None:
        """End at once. What the call under way had begun to say is in doubt after this."""
        if self._is_closed:
            return
        begun, self._begun = self._begun, []
        if self._call is not None:
            self._call.cancel()
        for parcel in begun:
            self._desk.cut(parcel, handed_over=self._exchange.is_written, why=why)
        self._close(why)

    def _begin(self) -> None:
        """Make a call of what the desk gives; taken and noted in the journal in one turn."""
        if self._is_ending:
            self._close("The work is done.")
            return
        begun = [] if self._pacer.is_holding else self._desk.begin(self._take())
        if begun:
            # A desk that cannot write its journal ends the run within `begin`, and then gives nothing.
            self._exchange.is_written = False
            self._begun = begun
            self._call = self._pacer.call(self._sender.send(self._exchange, begun))
            self._call.add_done_callback(self._answered)
        elif not self._is_closed:
            self._desk.idle(self)

    def _take(self) -> list[Parcel]:
        taken: list[Parcel] = []
        size = 0
        # Until the provider has judged a message, one is all that a call may leave in doubt.
        most = self._most if self._pacer.is_trusted else 1
        while len(taken) < most and size < ENOUGH and (parcel := self._desk.take(self)) is not None:
            # What the API says of its own pace must not slow the mail to whoever keeps this mailbox.
            parcel.provider = ""
            if obstacle := self._sender.obstacle(parcel):
                self._desk.unsendable(parcel, *obstacle)
            else:
                taken.append(parcel)
                size += len(parcel.data)
        return taken

    def _answered(self, call: asyncio.Task[list[Answer]]) -> None:
        self._call = None
        if call.cancelled() or self._is_closed:
            return
        error = call.exception()
        if isinstance(error, NoLine):
            self._desk.is_setup_fault = error.is_setup
            self._desk.stop("waiting", str(error))
            self._lost(error, handed_over=False)
        elif error is not None:
            self._pacer.broke(error)
            self._lost(error, handed_over=self._exchange.is_written)
        else:
            self._settle(call.result())

    def _settle(self, answers: list[Answer]) -> None:
        begun, self._begun = self._begun, []
        for parcel, answer in zip(begun, answers, strict=True):
            # Should the desk choke on one answer, it still knows that the others were handed over (`doubt_rest`).
            if isinstance(answer, Said):
                self.verdicts += answer.hold is None
                self._desk.answered(parcel, answer.stage, answer.reply)
            else:
                self._desk.cut(parcel, handed_over=answer.handed_over, why=answer.why)
        self._pacer.heard(answers)
        lost = [answer for answer in answers if isinstance(answer, Unanswered)]
        if lost and lost[0].stops:
            self._desk.is_setup_fault = True
            self._desk.stop(
                "waiting", f"{lost[0].why} Nothing else was sent; look at the account, then sending goes on."
            )
        if len(lost) == len(answers):
            self._close(lost[0].why)
        elif not self._is_closed:
            self._begin()

    def _lost(self, error: BaseException, *, handed_over: bool) -> None:
        begun, self._begun = self._begun, []
        for parcel in begun:
            self._desk.cut(parcel, handed_over=handed_over, why=str(error))
        self._close(str(error))

    def _close(self, why: str) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._desk.gone(self, why)
