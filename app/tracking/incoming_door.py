"""SMTP as the bounce mailbox speaks it: what strangers may take of memory, connections and time is bounded.

Only what can be refused for a while is: 421 and 452 make a mail server try again (RFC 5321 §4.5.4.1).
"""

import asyncio
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope

from app.core.logging import log
from app.tracking.incoming_house import SLOW, House

SIZE_LIMIT = 20 * 1024 * 1024
LINE_LIMIT = 64 * 1024
"""Octets that are waited for until a line ends; a longer line is read in parts. Of commands, 512 are read."""
DATA_SECONDS = 600
SESSION_SECONDS = 900
"""The life of a connection. A mail that is on its way then may still arrive within its own time."""
COMMANDS = {"*": 20, "NOOP": 100, "RSET": 1000, "MAIL": 1000, "RCPT": 2000, "DATA": 1000}
"""How often a command may come in one connection."""

_BUSY = b"421 4.3.2 Too many connections just now, try again later\r\n"
_SLOW = b"421 4.4.2 It took too long, try again later\r\n"
_OVER = b"421 4.4.2 This connection has lasted long enough, make a new one\r\n"
_SIZE_DIGITS = 20
"""RFC 1870 §4."""


class Door(SMTP):
    """One connection. `name`: who we say we are.

    Commands that end in a bare LF are taken, although RFC 5321 §2.3.8 knows none. It does no harm: nothing is relayed,
    so nobody behind us reads the same octets in another way, and a mail ends at `CRLF . CRLF` and nowhere else, so none
    can be smuggled in by whoever relays to us.
    """

    line_length_limit = LINE_LIMIT

    def __init__(self, handler: Any, house: House, loop: asyncio.AbstractEventLoop, name: str) -> None:
        super().__init__(
            handler,
            data_size_limit=SIZE_LIMIT,
            enable_SMTPUTF8=True,
            hostname=name,
            ident="Merpati",
            command_call_limit=COMMANDS,
            loop=loop,
        )
        self._house = house
        self._life: asyncio.TimerHandle | None = None
        self._useful_at = loop.time()
        self._data_since: float | None = None
        self._data_octets = 0
        self._is_storing = False
        self._is_over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, or say that there is no place."""
        address = str((transport.get_extra_info("peername") or ("",))[0])
        if self._house.enter(self, address):
            self._life = self.loop.call_later(SESSION_SECONDS, self._end_life)
            super().connection_made(transport)
            return
        log("mailbox").warning("a connection was refused: too many", open=len(self._house.guests))
        transport.write(_BUSY)  # type: ignore[attr-defined]
        transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Give back what was taken."""
        self._house.leave(self)
        if self._life is not None:
            self._life.cancel()
            self._life = None
            super().connection_lost(error)

    def idle(self) -> float:
        """Seconds since it came or brought its last mail; none while it brings one, unless slowly."""
        now = self.loop.time()
        if self._data_since is None:
            return now - self._useful_at
        lasted = now - self._data_since
        return lasted if not self._is_storing and self._data_octets < lasted * SLOW else 0.0

    def give_way(self, words: bytes) -> None:
        """End the connection, in words; the sender tries again."""
        self._house.leave(self)
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(words)  # type: ignore[attr-defined]
            self.transport.close()
            # One that does not read what it is told would stay for ever.
            self.loop.call_later(5, self.transport.abort)  # type: ignore[attr-defined]

    def _end_life(self) -> None:
        self._is_over = True
        if self._data_since is None:
            self.give_way(_OVER)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - the name aiosmtpd calls
        """Refuse sizes that are no numbers of RFC 1870 §4, over which aiosmtpd stumbles: it takes `²` for a digit."""
        words = (arg or "").rpartition(">")[2].split()
        sizes = [value for name, _, value in (word.partition("=") for word in words) if name.upper() == "SIZE"]
        if all(size.isascii() and size.isdigit() and len(size) <= _SIZE_DIGITS for size in sizes):
            await super().smtp_MAIL(arg)
        else:
            await self.push("501 5.5.4 SIZE takes a number of octets, up to 20 digits (RFC 1870)")

    async def smtp_VRFY(self, _arg: str | None) -> None:  # noqa: N802 - the name aiosmtpd calls
        """Say neither yes nor no (RFC 5321 §3.5.3), and repeat nothing: octets that are no text upset aiosmtpd."""
        await self.push("252 2.5.2 Cannot VRFY, but will take mail for this server's own domain")

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
            self._data_since, self._data_octets, self._is_storing = self.loop.time(), 0, False
            content = bytearray()
            try:
                await self._take_mail(self.envelope, content)
            finally:
                # At once: when a connection is cut, the frames live on with their exception until they are collected.
                content.clear()
                self._data_since, self._useful_at = None, self.loop.time()
                self._house.let_go(self)
                self._set_post_data_state()  # type: ignore[no-untyped-call]
            if self._is_over:
                self.give_way(_OVER)

    async def _take_mail(self, envelope: Envelope, content: bytearray) -> None:
        if not await self._read_into(content):
            await self.push("552 5.3.4 The mail is longer than 20 MB")
            return
        self._is_storing = True
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
            self._data_octets += len(line)
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
