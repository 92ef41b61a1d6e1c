"""The SMTP server (RFC 5321): one protocol object per connection, no coroutine and no timer per line.

It reads and speaks; what an address or a message deserves is decided by a `Host`. Only CRLF.CRLF ends a message.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol, cast

from app.simulator.envelope import BadEnvelope, Envelope, read_mail, read_recipient
from app.simulator.guests import Guests

NAME = "inbox.example.test"
LONGEST_LINE = 4096
MISTAKES = 20
LINGER = 2.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the host says. An empty reply with `closes` hangs up without a word; `delay` is in seconds."""

    reply: bytes
    ok: bool
    closes: bool = False
    delay: float = 0.0


class Host(Protocol):
    """Who decides."""

    def recipient(self, envelope: Envelope, address: str) -> Answer: ...

    def message(self, envelope: Envelope, raw: bytes) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What the server takes; sizes in bytes, times in seconds."""

    message: int = 25 * 1024 * 1024
    recipients: int = 100
    connections: int = 1000
    idle: float = 300.0


class Connection(asyncio.Protocol):
    """One client. Replies to everything that came in one piece leave in one piece."""

    def __init__(self, host: Host, limits: Limits, guests: Guests) -> None:
        self._host, self._limits, self._guests = host, limits, guests
        self._buffer = bytearray()
        self._replies: list[bytes] = []
        self._envelope: Envelope | None = None
        self._greeted = self._reading = self._too_big = self._held = self._closing = False
        self._searched = self._mistakes = 0
        self._heard = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()
        if len(self._guests.inside) >= self._limits.connections:
            self._transport.write(f"421 4.3.2 {NAME} Too many connections, try again later\r\n".encode())
            self._leave()
            return
        self._guests.let_in(self)
        self._heard = self._loop.time()
        self._timer = self._loop.call_later(self._limits.idle, self._watch)
        self._transport.write(f"220 {NAME} ESMTP\r\n".encode())

    def connection_lost(self, _: Exception | None) -> None:
        self._closing = True
        self._guests.gone(self)
        if self._timer:
            self._timer.cancel()
        self._buffer.clear()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        self._heard = self._loop.time()
        self._buffer += data
        self._work()

    def pause_writing(self) -> None:
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        if not self._held:
            self._transport.resume_reading()

    def dismiss(self) -> None:
        """Say goodbye because the server stops."""
        self._say(f"421 4.3.2 {NAME} Shutting down")
        self._flush()
        self._closing = True
        self._transport.close()

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def _work(self) -> None:
        while not self._held and not self._closing and (self._take_message() if self._reading else self._take_line()):
            pass
        self._flush()

    def _flush(self) -> None:
        if self._replies:
            self._transport.write(b"".join(self._replies))
            self._replies.clear()

    def _take_line(self) -> bool:
        buffer = self._buffer
        end = buffer.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(buffer)
            if len(buffer) > LONGEST_LINE:
                self._say("500 5.5.2 Line too long")
                self._flush()
                self._leave()
            return False
        self._searched = 0
        line = bytes(buffer[:end]).rstrip(b"\r")
        del buffer[: end + 1]
        if end > LONGEST_LINE:
            self._mistake("500 5.5.2 Line too long")
            return True
        verb, _, argument = line.partition(b" ")
        command = self._COMMANDS.get(verb.upper())
        if command:
            command(self, argument)
        else:
            self._mistake("500 5.5.1 Command not recognized")
        return True

    def _take_message(self) -> bool:
        buffer = self._buffer
        if buffer.startswith(b".\r\n") and not self._searched and not self._too_big:
            end, after = 0, 3
        else:
            found = buffer.find(b"\r\n.\r\n", max(self._searched - 4, 0))
            if found < 0:
                if len(buffer) > self._limits.message:
                    self._too_big = True
                    del buffer[:-4]
                # The first three octets may still turn out to be a message without any line.
                self._searched = len(buffer) if len(buffer) > 3 else 0
                return False
            end, after = found + 2, found + 5
        raw = b"" if self._too_big else bytes(buffer[:end])
        del buffer[:after]
        self._reading, self._searched = False, 0
        self._deliver(raw)
        return True

    def _deliver(self, raw: bytes) -> None:
        envelope, self._envelope = self._envelope, None
        if self._too_big or len(raw) > self._limits.message:
            self._too_big = False
            self._say("552 5.3.4 Message too big")
            return
        if envelope:
            self._answer(self._host.message(envelope, unstuff(raw)))

    def _answer(self, answer: Answer) -> None:
        self._replies.append(answer.reply)
        if answer.delay:
            self._hold(answer)
        elif answer.closes:
            self._flush()
            self._leave()

    def _hold(self, answer: Answer) -> None:
        late = self._replies.pop()
        self._flush()
        self._held = True
        self._transport.pause_reading()
        self._loop.call_later(answer.delay, self._release, Answer(late, answer.ok, answer.closes))

    def _release(self, answer: Answer) -> None:
        self._held = False
        if self._closing:
            return
        self._answer(answer)
        if not self._closing:
            self._transport.resume_reading()
            self._work()

    def _leave(self) -> None:
        # Closing at once would reset the connection while the client still sends, and lose the last reply with it.
        self._closing = True
        if self._timer:
            self._timer.cancel()
        if self._transport.is_closing():
            return
        self._guests.show_out(self)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._loop.call_later(LINGER, self._transport.abort)

    def _watch(self) -> None:
        left = self._heard + self._limits.idle - self._loop.time()
        if left > 0 or self._held:
            self._timer = self._loop.call_later(max(left, 1.0), self._watch)
            return
        self._say(f"421 4.4.2 {NAME} Timeout, closing the connection")
        self._flush()
        self._leave()

    def _say(self, line: str) -> None:
        self._replies.append(f"{line}\r\n".encode())

    def _mistake(self, line: str) -> None:
        self._say(line)
        self._mistakes += 1
        if self._mistakes >= MISTAKES:
            self._say(f"421 4.7.0 {NAME} Too many errors, closing the connection")
            self._flush()
            self._leave()

    def _ehlo(self, argument: bytes) -> None:
        if not argument.strip():
            self._mistake("501 5.5.4 Say your name, too")
            return
        self._greeted, self._envelope = True, None
        lines = (
            NAME,
            "PIPELINING",
            "8BITMIME",
            "SMTPUTF8",
            "ENHANCEDSTATUSCODES",
            "DSN",
            f"SIZE {self._limits.message}",
        )
        self._say("\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"]))

    def _helo(self, argument: bytes) -> None:
        if not argument.strip():
            self._mistake("501 5.5.4 Say your name, too")
            return
        self._greeted, self._envelope = True, None
        self._say(f"250 {NAME}")

    def _mail(self, argument: bytes) -> None:
        if not self._greeted or self._envelope:
            self._mistake("503 5.5.1 Not now: first EHLO, and one MAIL at a time")
            return
        try:
            envelope = read_mail(argument)
        except BadEnvelope as error:
            self._mistake(str(error))
            return
        if envelope.size > self._limits.message:
            self._say("552 5.3.4 Message too big")
            return
        self._envelope = envelope
        self._replies.append(b"250 2.1.0 Ok\r\n")

    def _rcpt(self, argument: bytes) -> None:
        envelope = self._envelope
        if not envelope:
            self._mistake("503 5.5.1 Not now: first MAIL")
            return
        if len(envelope.recipients) >= self._limits.recipients:
            self._say("452 4.5.3 Too many recipients")
            return
        try:
            address = read_recipient(argument, utf8=envelope.utf8)
        except BadEnvelope as error:
            self._mistake(str(error))
            return
        answer = self._host.recipient(envelope, address)
        if answer.ok:
            envelope.recipients.append(address)
        self._answer(answer)

    def _data(self, _: bytes) -> None:
        if not self._envelope:
            self._mistake("503 5.5.1 Not now: first MAIL")
        elif not self._envelope.recipients:
            self._say("554 5.5.1 No valid recipients")
        else:
            self._reading = True
            self._replies.append(b"354 End data with <CR><LF>.<CR><LF>\r\n")

    def _reset(self, _: bytes) -> None:
        self._envelope = None
        self._say("250 2.0.0 Ok")

    def _noop(self, _: bytes) -> None:
        self._say("250 2.0.0 Ok")

    def _verify(self, _: bytes) -> None:
        self._say("252 2.5.0 Send some mail, then we shall see")

    def _quit(self, _: bytes) -> None:
        self._say("221 2.0.0 Bye")
        self._flush()
        self._closing = True
        self._transport.close()

    _COMMANDS: ClassVar[dict[bytes, Callable[["Connection", bytes], None]]] = {
        b"EHLO": _ehlo,
        b"HELO": _helo,
        b"MAIL": _mail,
        b"RCPT": _rcpt,
        b"DATA": _data,
        b"RSET": _reset,
        b"NOOP": _noop,
        b"VRFY": _verify,
        b"QUIT": _quit,
    }


def unstuff(raw: bytes) -> bytes:
    """Take away the dot that the sender put before each line that begins with one (RFC 5321 §4.5.2)."""
    raw = raw.replace(b"\r\n.", b"\r\n") if b"\r\n." in raw else raw
    return raw[1:] if raw.startswith(b".") else raw
