"""The built-in mailbox for bounces: an SMTP server that stores first and answers after the commit.

Listens for the MX of the bounce domain. It takes mail for that domain only, so it relays nothing.
"""

import asyncio
import hashlib
import signal
from collections.abc import Sequence

import psycopg
from aiosmtpd.smtp import SMTP, Envelope, Session

from app.core.logging import log
from app.core.settings import Settings, host_port, libpq_url
from app.core.tokens import Keyring
from app.tracking.incoming_door import Door, House
from app.tracking.strangers import Strangers, names_ours, places_of

POOL = 8
RECIPIENTS = 10
"""Of one mail. A report has one; who has more is asked to send the mail again for the rest (RFC 5321 §4.5.3.1.10)."""
LONG = 1024 * 1024
"""Octets of a mail that is stored while no other long one is: each is in memory twice until it is."""

STORE = """
INSERT INTO incoming_mails (digest, envelope_from, envelope_to, raw) VALUES (%s, %s, %s, %s)
ON CONFLICT (digest) DO NOTHING
"""


class Mailbox:
    """What happens to a mail that comes in. One that names several messages of ours is stored once for each."""

    def __init__(self, database_url: str, domains: frozenset[str], keyring: Keyring, strangers: Strangers) -> None:
        self._url = libpq_url(database_url)
        self._domains = domains
        self._keyring = keyring
        self._strangers = strangers
        self._one_long = asyncio.Lock()
        self._connections: asyncio.LifoQueue[psycopg.AsyncConnection | None] = asyncio.LifoQueue()
        for _ in range(POOL):
            self._connections.put_nowait(None)

    async def handle_RCPT(  # noqa: N802 - the name aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address.rpartition("@")[2].lower() not in self._domains:
            return "550 5.7.1 This server takes reports for its own domain only"
        if len(envelope.rcpt_tos) >= RECIPIENTS:
            return f"452 4.5.3 {RECIPIENTS} recipients at a time; send the mail again for the rest"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        raw = content.encode() if isinstance(content, str) else content or b""
        places, is_ours = places_of(envelope.rcpt_tos, self._keyring)
        is_ours = is_ours or names_ours(raw, self._keyring)
        if not is_ours and not await self._strangers.admits(len(raw)):
            return "452 4.3.1 Enough of such mail was taken today, try again tomorrow"
        try:
            await self._store((envelope.mail_from or "").strip("<>"), places, raw)
        except (psycopg.Error, OSError) as error:
            log("mailbox").error("a mail could not be stored; its sender will try again", error=type(error).__name__)
            return "451 4.3.0 Cannot store mail just now, try again later"
        if not is_ours:
            await self._strangers.count(len(raw))
        return "250 2.0.0 Stored"

    async def handle_exception(self, error: Exception) -> str:
        """What nobody thought of: told to us, not to strangers."""
        log("mailbox").error("a command could not be answered", exc_info=error)
        return "451 4.3.0 That did not work here, try again later"

    async def close(self) -> None:
        """Give the connections back; a mail being stored just now is finished first."""
        for _ in range(POOL):
            connection = await self._connections.get()
            if connection is not None:
                await connection.close()
        await self._strangers.close()

    async def _store(self, sender: str, recipients: Sequence[str], raw: bytes) -> None:
        if len(raw) > LONG:
            async with self._one_long:
                await self._insert(sender, recipients, raw)
        else:
            await self._insert(sender, recipients, raw)

    async def _insert(self, sender: str, recipients: Sequence[str], raw: bytes) -> None:
        connection = await self._connections.get()
        try:
            if connection is None or connection.closed:
                connection = await psycopg.AsyncConnection.connect(self._url, connect_timeout=5)
            async with connection.transaction(), connection.cursor() as cursor:
                for recipient in recipients:
                    digest = hashlib.sha256(recipient.lower().encode() + b"\0")
                    digest.update(raw)
                    await cursor.execute(STORE, (digest.digest(), sender, recipient, raw))
        except BaseException:
            if connection is not None:
                await connection.close()
            connection = None
            raise
        finally:
            self._connections.put_nowait(connection)


async def serve(
    settings: Settings,
    *,
    ready: asyncio.Event | None = None,
    stop: asyncio.Event | None = None,
    house: House | None = None,
) -> None:
    """Take mail until told to stop."""
    host, port = host_port(settings.bounce_listen)
    keyring = Keyring(settings.secret_key, settings.secret_key_fallbacks)
    strangers = Strangers(settings.redis_url, settings.stranger_mail)
    mailbox = Mailbox(settings.database_url, frozenset({settings.bounce_domain.lower()}), keyring, strangers)
    loop, house = asyncio.get_running_loop(), house or House()
    stop = stop or asyncio.Event()
    server = await loop.create_server(lambda: Door(mailbox, house, loop), host=host, port=port)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    log("mailbox").info("listening", address=settings.bounce_listen)
    if ready:
        ready.set()
    await stop.wait()
    server.close()
    await server.wait_closed()
    await mailbox.close()


def run(settings: Settings) -> None:
    """The process that `merpati bounces listen` starts."""
    asyncio.run(serve(settings))
