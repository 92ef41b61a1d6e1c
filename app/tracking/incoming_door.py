"""SMTP as the bounce mailbox speaks it: what strangers may take of memory, connections and time is bounded.

Only what can be refused for a while is: 421 and 452 make a mail server try again (RFC 5321 §4.5.4.1).
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope

from app.core.logging import log

SIZE_LIMIT = 20 * 1024 * 1024
LINE_LIMIT = 64 * 1024
"""Octets that are waited for until a line ends; a longer line is read in parts. Of commands, 512 are read."""
CONNECTIONS = 50
CONNECTIONS_EACH = 10
"""Of one address; this machine's own relays may have more."""
IN_FLIGHT = 128 * 1024 * 1024
"""Octets of mails that are being read and stored, all together."""
DATA_SECONDS = 600
COMMANDS = {"*": 20, "NOOP": 100, "RSET": 1000, "MAIL": 1000, "RCPT": 2000, "DATA": 1000}
"""How often a command may come in one connection."""

_BUSY = b"421 4.3.2 Too many connections just now, try again later\r\n"
_NO_ROOM = b"421 4.3.2 Too much mail at once, try again later\r\n"
_SLOW = b"421 4.4.2 It took too long, try again later\r\n"


@dataclass
class House:
    """Who is in, and how much each of them holds."""

    connections: int = CONNECTIONS
    each: int = CONNECTIONS_EACH
    octets: int = IN_FLIGHT
    addresses: Counter[str] = field(default_factory=Counter)
    held: dict["Door", int] = field(default_factory=dict)
    _sum: int = 0

    def enter(self, address: str) -> bool:
        """Whether there is a place for one more of this address; `leave` gives it back."""
        if self.addresses.total() >= self.connections:
            return False
        if self.addresses[address] >= self.each and not _is_here(address):
            return False
        self.addresses[address] += 1
        return True

    def leave(self, address: str) -> None:
        """Give a place back."""
        self.addresses[address] -= 1
        if not self.addresses[address]:
            del self.addresses[address]

    def hold(self, door: "Door", octets: int) -> None:
        """Count what a mail has come to. While all are too much, the longest has to go: a short one always gets in."""
        self._sum += octets - self.held.get(door, 0)
        self.held[door] = octets
        while self._sum > self.octets:
            longest = max(self.held, key=self.held.__getitem__)
            self.let_go(longest)
            longest.give_way(_NO_ROOM)

    def let_go(self, door: "Door") -> None:
        """A mail is stored, or given up."""
        self._sum -= self.held.pop(door, 0)


def _is_here(address: str) -> bool:
    try:
        return ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


class Door(SMTP):
    """One connection."""

    line_length_limit = LINE_LIMIT

    def __init__(self, handler: Any, house: House, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            handler,
            data_size_limit=SIZE_LIMIT,
            enable_SMTPUTF8=True,
            ident="Merpati",
            command_call_limit=COMMANDS,
            loop=loop,
        )
        self._house, self._address, self._is_in = house, "", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, or say that there is no place."""
        self._address = str((transport.get_extra_info("peername") or ("",))[0])
        self._is_in = self._house.enter(self._address)
        if self._is_in:
            super().connection_made(transport)
            return
        log("mailbox").warning("a connection was refused: too many", open=self._house.addresses.total())
        transport.write(_BUSY)  # type: ignore[attr-defined]
        transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Give back what was taken."""
        if self._is_in:
            self._is_in = False
            self._house.leave(self._address)
            self._house.let_go(self)
            super().connection_lost(error)

    def give_way(self, words: bytes) -> None:
        """End the connection, in words; the sender tries again."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(words)  # type: ignore[attr-defined]
            self.transport.close()
            # One that does not read what it is told would stay for ever.
            self.loop.call_later(5, self.transport.abort)  # type: ignore[attr-defined]

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - the name aiosmtpd calls
        """Read a mail, lines of any length, and hand it on (RFC 5321 §4.1.1.4)."""
        if await self.check_helo_needed():
            return
        if self.envelope is None or not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
        elif arg:
            await self.push("501 5.5.4 Syntax: DATA")
        else:
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            self._reset_timeout(DATA_SECONDS)
            content = bytearray()
            try:
                await self._take_mail(self.envelope, content)
            finally:
                # At once: when a connection is cut, the frames live on with their exception until they are collected.
                content.clear()
                self._house.let_go(self)
                self._set_post_data_state()  # type: ignore[no-untyped-call]

    async def _take_mail(self, envelope: Envelope, content: bytearray) -> None:
        if not await self._read_into(content):
            await self.push("552 5.3.4 The mail is longer than 20 MB")
            return
        envelope.content = content  # type: ignore[assignment]  # not copied: it may be 20 MB
        await self.push(await self._call_handler_hook("DATA"))

    async def _read_into(self, content: bytearray) -> bool:
        """The mail without transparent dots; False when it is too long, after it was heard to its end."""
        is_new_line, is_too_long = True, False
        while (line := await self._line()) != b".\r\n" or not is_new_line:
            if is_new_line and line.startswith(b"."):
                line = line[1:]
            is_new_line = line.endswith(b"\r\n")
            if len(content) + len(line) > SIZE_LIMIT:
                content.clear()
                is_too_long = True
            if not is_too_long:
                content += line
            self._house.hold(self, len(content))
        return not is_too_long

    async def _line(self) -> bytes:
        """The next line with its end, or a part of one that is too long to wait for."""
        try:
            return await self._reader.readuntil(b"\r\n")
        except asyncio.LimitOverrunError as error:
            return await self._reader.read(error.consumed)

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """Refuse for good what is no text: control characters, octets that are not UTF-8, what upsets the parser."""
        if not arg.isprintable():
            return None, None
        try:
            return super()._getaddr(arg)
        except (ValueError, LookupError, AttributeError):
            return None, None

    def _timeout_cb(self) -> None:
        self.give_way(_SLOW)
