"""Servers in a mood: what real ones do on bad days."""

import threading
import time
from typing import Any

from tests.sending.servers import HangUp, Server, Wire


class ByteByByte(Server):
    """Every reply comes one byte at a time, in two lines."""

    def body(self, wire: Wire, raw: bytes) -> None:
        self.keep(raw)
        wire.say_slowly(b"250-2.0.0 Slowly\r\n250 2.0.0 but surely")


class Garbage(Server):
    """What it says after the greeting is not SMTP."""

    def mail(self, wire: Wire, _line: bytes) -> None:
        wire.say(b"\x16\x03\x01 hello? GET / HTTP/1.1")


class GarbageAfterBody(Server):
    """It takes the message and then talks nonsense."""

    def body(self, wire: Wire, raw: bytes) -> None:
        self.keep(raw)
        wire.say(b"<html>Service temporarily confused</html>")


class Endless(Server):
    """Its reply to MAIL has no last line."""

    def mail(self, wire: Wire, _line: bytes) -> None:
        while True:
            wire.say(b"250-and another thing " + b"x" * 900)


class ClosesAfterBody(Server):
    """Takes the body of every fifth message and closes instead of answering."""

    def body(self, wire: Wire, raw: bytes) -> None:
        with self.lock:
            self.bodies += 1
            closes = self.bodies % 5 == 0
        if closes:
            raise HangUp
        super().body(wire, raw)


class ClosesBefore354(Server):
    """Closes instead of asking for the body, once per connection after the second message."""

    def data(self, wire: Wire) -> None:
        wire.mails += 1
        if wire.mails == 3:
            raise HangUp
        super().data(wire)


class Silent354(Server):
    """Never answers DATA."""

    def data(self, wire: Wire) -> None:
        wire.read_some(10**9)


class SilentAfterBody(Server):
    """Takes the body and says nothing."""

    def body(self, wire: Wire, raw: bytes) -> None:
        self.keep(raw)
        wire.read_some(10**9)


class DropsPipelined(Server):
    """Offers PIPELINING and throws away whatever comes in one piece with the end of a message."""

    def body(self, wire: Wire, raw: bytes) -> None:
        wire.drop_unread()
        super().body(wire, raw)


class ShiftsReplies(Server):
    """Offers PIPELINING and forgets to answer RCPT when it is busy."""

    def rcpt(self, wire: Wire, _line: bytes) -> None:
        wire.recipients += 1
        if not wire._buffer:
            wire.say(b"250 2.1.5 Ok")


class GoodbyeEachTenth(Server):
    """Answers MAIL of the tenth message of every connection with 421."""

    def mail(self, wire: Wire, line: bytes) -> None:
        wire.mails += 1
        if wire.mails == 10:
            wire.say(b"421 4.7.0 Too many messages on this connection")
            raise HangUp
        super().mail(wire, line)


class GoodbyeAtRcpt(Server):
    """Answers every fourth RCPT with 421 and closes."""

    def rcpt(self, wire: Wire, line: bytes) -> None:
        with self.lock:
            self.bodies += 1
            ends = self.bodies % 4 == 0
        if ends:
            wire.say(b"421 4.3.2 Shutting down")
            raise HangUp
        super().rcpt(wire, line)


class TooBigMidBody(Server):
    """Answers 552 in the middle of the body and takes the rest of it for commands."""

    def data(self, wire: Wire) -> None:
        wire.say(b"354 Go ahead")
        wire.read_some(300)
        wire.say(b"552 5.3.4 Message too big")


class Refusing(Server):
    """Turns everybody away at the door."""

    greeting = b"554 5.7.1 No mail from you"

    def greet(self, wire: Wire) -> None:
        wire.say(self.greeting)
        raise HangUp


class Only(Server):
    """Takes so many connections at once and greets further ones with 421."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def greet(self, wire: Wire) -> None:
        with self.lock:
            full = len(self._open) > self.most
        if full:
            wire.say(b"421 4.7.0 Too many connections from your host")
            raise HangUp
        super().greet(wire)


class Says(Server):
    """Refuses recipients by a table of address → reply, at RCPT or after the body."""

    def __init__(self, at_rcpt: dict[str, bytes] | None = None, at_end: dict[str, bytes] | None = None) -> None:
        super().__init__()
        self.at_rcpt, self.at_end = at_rcpt or {}, at_end or {}

    def rcpt(self, wire: Wire, line: bytes) -> None:
        address = line[line.index(b"<") + 1 : line.index(b">")].decode()
        wire.address = address  # type: ignore[attr-defined]
        if reply := self.at_rcpt.get(address) or self.at_rcpt.get("*"):
            wire.say(reply)
        else:
            super().rcpt(wire, line)

    def body(self, wire: Any, raw: bytes) -> None:
        if reply := self.at_end.get(wire.address) or self.at_end.get("*"):
            wire.say(reply)
        else:
            super().body(wire, raw)


class AsksForBodyAnyway(Says):
    """Answers 354 though it refused the only recipient."""

    def data(self, wire: Wire) -> None:
        wire.say(b"354 Go ahead")
        raw = wire.read_body()
        if wire.recipients:
            self.body(wire, raw)
        else:
            assert raw in (b"", b"\r\n"), "no body may be sent to nobody"
            wire.say(b"554 5.5.1 No valid recipients")


class RefusesSender(Server):
    """Refuses every MAIL; a lax one goes on as if nothing had been."""

    def __init__(self, *, lax: bool = False) -> None:
        super().__init__()
        self.lax = lax

    def mail(self, wire: Wire, _line: bytes) -> None:
        wire.has_sender = self.lax
        wire.say(b"553 5.7.1 Sender address rejected: not owned by user")


class Pausing(Server):
    """Calls `then` once, after so many messages, before it answers."""

    def __init__(self, after: int, then: Any, slow: float = 0.0) -> None:
        super().__init__()
        self.after, self.then, self.slow = after, then, slow

    def body(self, wire: Wire, raw: bytes) -> None:
        with self.lock:
            self.bodies += 1
            is_time = self.bodies == self.after
        if is_time:
            self.then()
        time.sleep(self.slow)
        super().body(wire, raw)


class SilentAtTheDoor(Server):
    """Takes the connection and never greets."""

    def greet(self, wire: Wire) -> None:
        wire.read_some(10**9)


class Thoughtful(Server):
    """Takes each body and answers only when `answer` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = threading.Event()

    def body(self, wire: Wire, raw: bytes) -> None:
        self.answer.wait(30)
        super().body(wire, raw)
