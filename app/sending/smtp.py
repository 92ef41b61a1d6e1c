"""One SMTP connection that carries message after message, pipelined (RFC 5321, 2920, 3461, 6531).

With PIPELINING one write holds the body of a message, its final dot and MAIL, RCPT and DATA of the next one, which
RFC 2920 §3.1 allows: one round trip per message. No coroutine and no timer per message: replies drive a small state
machine, and the desk, which owns the messages, looks at `deadline` from time to time.
"""

import asyncio
from enum import Enum
from typing import cast

from app.mail.status_codes import Stage
from app.sending.account import Account
from app.sending.giver import Desk
from app.sending.parcel import Parcel
from app.sending.replies import BadReply, Reply, ReplyReader

_END = b".\r\n"
_MOST_UNREAD = 20
_NOT_A_VERDICT = (500, 502, 503)
"""Replies to a command that was not understood or came at the wrong time."""


class At(Enum):
    """What the line waits for."""

    HANDSHAKE = 0
    IDLE = 1
    FINAL = 2
    RSET = 3
    MAIL = 4
    RCPT = 5
    DATA = 6
    DESK = 7
    DOT = 8
    QUIT = 9
    CLOSED = 10


class Line(asyncio.Protocol):
    """A connection. `current` was handed over and has no answer yet; `waiting` is announced and not handed over."""

    def __init__(self, account: Account, desk: Desk) -> None:
        self.account, self.desk = account, desk
        self.at = At.HANDSHAKE
        self.current: Parcel | None = None
        self.waiting: Parcel | None = None
        self.deadline = float("inf")
        self.carried = 0
        """Messages handed over and answered."""
        self.verdicts = 0
        """Verdicts of any kind: a line without one was of no use."""
        self.extensions: dict[str, str] = {}
        self.pipelining = False
        self.is_ending = False
        self.lost_step = False
        """Whether replies and commands came apart: for other connections, pipelining is not to be trusted."""
        self.held_since = 0.0
        self.transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()
        self._reader = ReplyReader()
        self._replies: asyncio.Queue[Reply | Exception] = asyncio.Queue()
        self._refusal: tuple[Stage, Reply] | None = None
        self._sizes = self._dsn = False
        self._size_limit = 0

    @property
    def is_idle(self) -> bool:
        """Whether it would take a message at once."""
        return self.at is At.IDLE

    @property
    def parcels(self) -> list[Parcel]:
        """What it has announced, and of which nothing is known yet."""
        return [parcel for parcel in (self.current, self.waiting) if parcel is not None]

    @property
    def is_out_of_step(self) -> bool:
        """Whether a deadline that passes now says that pipelining is not to be trusted."""
        return self.pipelining and self.at in (At.MAIL, At.RCPT, At.DATA)

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        reader = self._reader
        for reply in reader.feed(data):
            if self.at is At.CLOSED:
                return
            if self.at is At.HANDSHAKE:
                self._replies.put_nowait(reply)
                if self._replies.qsize() > _MOST_UNREAD:
                    self.hang_up("The mail server speaks without being asked.")
            else:
                self._on_reply(reply)
        if reader.broken and self.at is not At.CLOSED:
            self.hang_up(str(reader.broken))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.at is not At.CLOSED:
            self._settle(f"The mail server closed the connection{f' ({exc})' if exc and str(exc) else ''}.")

    # the handshake's side

    async def ask(self, command: bytes = b"") -> Reply:
        """Say something during the handshake and wait for the reply. Raises TemporaryFailure, TimeoutError."""
        if command:
            self.transport.write(command + b"\r\n")
        async with asyncio.timeout(self.account.timeout):
            reply = await self._replies.get()
        if isinstance(reply, Exception):
            raise reply
        return reply

    @property
    def has_unread(self) -> bool:
        """Whether the server said more than it was asked: before TLS, somebody in the middle may have (RFC 3207 §6)."""
        return not self._replies.empty() or not self._reader.is_empty

    def start(self, extensions: dict[str, str]) -> None:
        """The handshake is over: begin to carry messages."""
        self.extensions = extensions
        self.pipelining = "PIPELINING" in extensions
        self._sizes, self._dsn = "SIZE" in extensions, "DSN" in extensions
        limit = extensions.get("SIZE", "")
        self._size_limit = int(limit) if limit.isascii() and limit.isdigit() else 0
        self.desk.joined(self)
        self._begin(reset=False)

    # the desk's side

    def wake(self) -> None:
        """There may be a message now."""
        if self.at is At.IDLE:
            self._begin(reset=False)

    def send_body(self) -> None:
        """Hand the message over, and announce the next one in the same breath."""
        parcel = cast(Parcel, self.waiting)
        self.current, self.waiting, self.at = parcel, None, At.FINAL
        following = self._following() if self.pipelining else None
        if following is None:
            self.transport.write(parcel.data + _END)
        else:
            self.waiting = following
            self.transport.write(b"".join((parcel.data, _END, self._announce(following))))
        self.deadline = self._loop.time() + self.account.timeout * 2

    def finish(self) -> None:
        """Take no further message; say goodbye when those under way are answered."""
        self.is_ending = True
        if self.at is At.IDLE:
            self._quit()

    def hang_up(self, why: str) -> None:
        """Close at once. Only messages already handed over are in doubt after this."""
        if self.at is not At.CLOSED:
            self.transport.abort()
            self._settle(why)

    # what the server says

    def _on_reply(self, reply: Reply) -> None:
        at, code = self.at, reply.code
        self.deadline = self._loop.time() + self.account.timeout
        if at is At.FINAL:
            self._on_final(reply)
        elif at is At.MAIL or at is At.RCPT:
            if 300 <= code < 400 or (at is At.MAIL and self.pipelining and code in _NOT_A_VERDICT):
                self._out_of_step(reply)
                return
            if code >= 400 and not self._refuse("mail" if at is At.MAIL else "rcpt", reply):
                return
            self.at = At.RCPT if at is At.MAIL else At.DATA
            if not self.pipelining:
                parcel = cast(Parcel, self.waiting)
                self._say(self._rcpt(parcel) if at is At.MAIL else "DATA\r\n")
        elif at is At.DATA:
            self._on_data(reply)
        elif at is At.RSET and code < 300:
            self._on_reset()
        elif at is At.DOT and code != 421:
            self._begin(reset=True)
        elif at is At.QUIT or code == 421:
            self.hang_up(reply.words)
        else:
            self._out_of_step(reply)

    def _on_reset(self) -> None:
        if self.waiting is None:
            self._begin(reset=False)
            return
        self.at = At.MAIL
        if not self.pipelining:
            self._say(self._mail(self.waiting))

    def _on_final(self, reply: Reply) -> None:
        code = reply.code
        if 300 <= code < 400:
            self._out_of_step(reply)
            return
        parcel, self.current = cast(Parcel, self.current), None
        self.carried += 1
        self.verdicts += 1
        self.desk.answered(parcel, "final", reply)
        if code == 421:
            self.hang_up(reply.words)
        elif code >= 500 and (code < 505 or self.transport.get_write_buffer_size()):
            # It answers before the end, or took lines of the body for commands: what it says next means nothing.
            self.lost_step = self.pipelining
            self.hang_up(f"The mail server lost step: {reply.words}")
        elif self.waiting is not None:
            self.at = At.MAIL
        else:
            # Who refuses early may take the rest of the body for commands; RSET shows whether it listens again.
            self._begin(reset=code >= 500)

    def _refuse(self, stage: Stage, reply: Reply) -> bool:
        """Note a refusal. True when the replies to commands already sent are still to come."""
        if reply.code == 421:
            self._verdict(stage, reply)
            self.hang_up(reply.words)
            return False
        self._refusal = self._refusal or (stage, reply)
        if self.pipelining:
            return True
        self._verdict(*self._refusal)
        self._begin(reset=True)
        return False

    def _on_data(self, reply: Reply) -> None:
        code = reply.code
        if code == 354 and self._refusal is None:
            self.at, self.deadline = At.DESK, float("inf")
            self.desk.ready(self)
        elif code == 354 and self._refusal:
            stage = self._refusal[0]
            self._verdict(*self._refusal)
            if stage == "rcpt":
                # No recipient is left, and yet it wants a message: an empty one, which it must refuse.
                self.transport.write(_END)
                self.at = At.DOT
            else:
                self._out_of_step(reply)
        elif code >= 400:
            self._verdict(*(self._refusal or ("data", reply)))
            if code == 421:
                self.hang_up(reply.words)
            else:
                self._begin(reset=True)
        else:
            self._out_of_step(reply)

    def _verdict(self, stage: Stage, reply: Reply) -> None:
        parcel, self.waiting, self._refusal = cast(Parcel, self.waiting), None, None
        if stage == "mail" and reply.code == 421 and self.carried:
            # Goodbye between two messages: a limit per connection, and no word about this message.
            self.desk.cut(parcel, handed_over=False, why=reply.words)
        else:
            self.verdicts += reply.code != 421
            self.desk.answered(parcel, stage, reply)

    def _out_of_step(self, reply: Reply) -> None:
        self.lost_step = self.pipelining
        self.hang_up(f"The mail server answered {reply.words[:200]!r} where that makes no sense.")

    # what we say

    def _begin(self, *, reset: bool) -> None:
        """Announce the next message, after RSET where a transaction is still open (RFC 5321 §4.1.1.5)."""
        parcel = self._following()
        if parcel is None:
            if self.is_ending or self.carried >= self.account.messages_per_connection:
                self._quit()
                return
            if reset:
                self.transport.write(b"RSET\r\n")
                self.at = At.RSET
                return
            self.at, self.deadline = At.IDLE, float("inf")
            self.desk.idle(self)
            return
        self.waiting = parcel
        self.at = At.RSET if reset else At.MAIL
        if self.pipelining:
            self.transport.write((b"RSET\r\n" if reset else b"") + self._announce(parcel))
        else:
            self._say("RSET\r\n" if reset else self._mail(parcel))
        self.deadline = self._loop.time() + self.account.timeout

    def _following(self) -> Parcel | None:
        if self.is_ending or self.carried + (self.current is not None) >= self.account.messages_per_connection:
            return None
        while (parcel := self.desk.take(self)) is not None:
            if parcel.needs_smtputf8 and "SMTPUTF8" not in self.extensions:
                words = "The mail server takes no addresses with letters beyond ASCII before the @."
                self.desk.unsendable(parcel, "5.6.7", "contenterror", words)
            elif 0 < self._size_limit < len(parcel.data):
                words = f"The message has {len(parcel.data):,} bytes; the mail server takes {self._size_limit:,}."
                self.desk.unsendable(parcel, "5.3.4", "mesgtoobig", words)
            else:
                return parcel
        return None

    def _say(self, command: str) -> None:
        self.transport.write(command.encode())

    def _announce(self, parcel: Parcel) -> bytes:
        return f"{self._mail(parcel)}{self._rcpt(parcel)}DATA\r\n".encode()

    def _mail(self, parcel: Parcel) -> str:
        size = f" SIZE={len(parcel.data)}" if self._sizes else ""
        dsn = f" RET=HDRS ENVID={parcel.token}" if self._dsn and parcel.token else ""
        utf8 = " SMTPUTF8 BODY=8BITMIME" if parcel.needs_smtputf8 else ""
        return f"MAIL FROM:<{parcel.return_path}>{size}{dsn}{utf8}\r\n"

    def _rcpt(self, parcel: Parcel) -> str:
        return f"RCPT TO:<{parcel.recipient}>{' NOTIFY=FAILURE,DELAY' if self._dsn else ''}\r\n"

    def _quit(self) -> None:
        self.transport.write(b"QUIT\r\n")
        self.at, self.deadline = At.QUIT, self._loop.time() + min(self.account.timeout, 5.0)

    def _settle(self, why: str) -> None:
        """Give everything this line still holds back to the desk."""
        handshaking, self.at = self.at is At.HANDSHAKE, At.CLOSED
        if handshaking:
            self._replies.put_nowait(BadReply(why))
            return
        current, waiting = self.current, self.waiting
        self.current = self.waiting = None
        if current is not None:
            self.desk.cut(current, handed_over=True, why=why)
        if waiting is not None:
            self.desk.cut(waiting, handed_over=False, why=why)
        self.desk.gone(self, why)
