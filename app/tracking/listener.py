"""The built-in mailbox for bounces: an SMTP server that stores first and answers after the commit.

Listens for the MX of the bounce domain. It takes mail for that domain only, so it relays nothing.
"""

import asyncio
import hashlib
import signal
from typing import Any

import psycopg
from aiosmtpd.smtp import SMTP, Envelope, Session

from app.core.logging import log
from app.core.settings import Settings, host_port, libpq_url

SIZE_LIMIT = 20 * 1024 * 1024
POOL = 8

STORE = """
INSERT INTO incoming_mails (digest, envelope_from, envelope_to, raw) VALUES (%s, %s, %s, %s)
ON CONFLICT (digest) DO NOTHING
"""


class Mailbox:
    """What happens to a mail that comes in. One mail to several of our addresses is stored once for each."""

    def __init__(self, database_url: str, domains: frozenset[str]) -> None:
        self._url = libpq_url(database_url)
        self._domains = domains
        self._connections: asyncio.LifoQueue[psycopg.AsyncConnection | None] = asyncio.LifoQueue()
        for _ in range(POOL):
            self._connections.put_nowait(None)

    async def handle_RCPT(  # noqa: N802 - the name aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address.rpartition("@")[2].lower() not in self._domains:
            return "550 5.7.1 This server takes reports for its own domain only"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        content: Any = envelope.content
        raw = content if isinstance(content, bytes) else str(content).encode()
        try:
            await self._store((envelope.mail_from or "").strip("<>"), envelope.rcpt_tos, raw)
        except (psycopg.Error, OSError) as error:
            log("mailbox").error("a mail could not be stored; its sender will try again", error=type(error).__name__)
            return "451 4.3.0 Cannot store mail just now, try again later"
        return "250 2.0.0 Stored"

    async def close(self) -> None:
        """Give the connections back; a mail being stored just now is finished first."""
        for _ in range(POOL):
            connection = await self._connections.get()
            if connection is not None:
                await connection.close()

    async def _store(self, sender: str, recipients: list[str], raw: bytes) -> None:
        connection = await self._connections.get()
        try:
            if connection is None or connection.closed:
                connection = await psycopg.AsyncConnection.connect(self._url, connect_timeout=5)
            async with connection.transaction(), connection.cursor() as cursor:
                for recipient in recipients:
                    digest = hashlib.sha256(recipient.lower().encode() + b"\0" + raw).digest()
                    await cursor.execute(STORE, (digest, sender, recipient, raw))
        except BaseException:
            if connection is not None:
                await connection.close()
            connection = None
            raise
        finally:
            self._connections.put_nowait(connection)


async def serve(settings: Settings, *, ready: asyncio.Event | None = None, stop: asyncio.Event | None = None) -> None:
    """Take mail until told to stop."""
    host, port = host_port(settings.bounce_listen)
    mailbox = Mailbox(settings.database_url, frozenset({settings.bounce_domain.lower()}))
    loop = asyncio.get_running_loop()
    stop = stop or asyncio.Event()
    server = await loop.create_server(
        lambda: SMTP(mailbox, data_size_limit=SIZE_LIMIT, enable_SMTPUTF8=True, ident="Merpati", loop=loop),
        host=host,
        port=port,
    )
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
