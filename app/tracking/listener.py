"""The built-in mailbox for bounces: an SMTP server that stores first and answers after the commit.

Listens for the MX of the bounce domain. It takes mail for that domain and earlier ones only, so it relays nothing.
"""

import asyncio
import hashlib
import signal

import psycopg
from aiosmtpd.smtp import SMTP, Envelope, Session

from app.core.errors import Unavailable
from app.core.logging import log
from app.core.settings import Settings, host_port, libpq_url
from app.core.tokens import Keyring
from app.mail.addresses import a_label
from app.tracking.incoming_door import Door
from app.tracking.incoming_house import House
from app.tracking.places import Place, places_of
from app.tracking.shares import Shares
from app.tracking.strangers import Strangers

_STORED = "250 2.0.0 Stored"
_ENOUGH = "452 4.3.1 Enough of such mail was taken today, try again tomorrow"
_NOT_NOW = "451 4.3.0 Cannot store mail just now, try again later"

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

    def __init__(self, settings: Settings) -> None:
        self._url = libpq_url(settings.database_url)
        self._domains = settings.bounce_domains
        self._keyring = Keyring(settings.secret_key, settings.secret_key_fallbacks)
        self._strangers = Strangers(settings.redis_url, settings.stranger_mail)
        self._shares = Shares(settings.redis_url)
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
        sender = (envelope.mail_from or "").strip("<>")
        places = places_of(sender, envelope.rcpt_tos, raw, self._keyring)
        paid = [place for place in places if await self._shares.take(place.message, place.octets)]
        foreign = sum(place.octets for place in places) - sum(place.octets for place in paid)
        answer = _ENOUGH
        if not foreign or await self._strangers.admits(foreign):
            answer = await self._try_to_store(sender, places, raw)
        if answer != _STORED:
            for place in paid:
                self._shares.give_back(place.message, place.octets)
        elif foreign:
            await self._strangers.count(foreign)
        return answer

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
        await self._shares.close()

    async def _try_to_store(self, sender: str, places: list[Place], raw: bytes | bytearray) -> str:
        try:
            if len(raw) > LONG:
                async with self._one_long:
                    await self._insert(sender, places, raw)
            else:
                await self._insert(sender, places, raw)
        except (psycopg.Error, OSError) as error:
            log("mailbox").error("a mail could not be stored; its sender will try again", error=type(error).__name__)
            return _NOT_NOW
        return _STORED

    async def _insert(self, sender: str, places: list[Place], raw: bytes | bytearray) -> None:
        connection = await self._connections.get()
        try:
            if connection is None or connection.closed:
                connection = await psycopg.AsyncConnection.connect(self._url, connect_timeout=5)
            async with connection.transaction(), connection.cursor() as cursor:
                for place in places:
                    digest = hashlib.sha256(place.recipient.lower().encode() + b"\0")
                    digest.update(raw)
                    kept = raw if place.octets == len(raw) else raw[: place.octets]
                    await cursor.execute(STORE, (digest.digest(), sender, place.recipient, kept))
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
    """Take mail until told to stop. Raises Unavailable when the address is not to be had."""
    host, port = host_port(settings.bounce_listen)
    mailbox, name = Mailbox(settings), name_of(settings)
    loop, house = asyncio.get_running_loop(), house or House()
    stop = stop or asyncio.Event()
    try:
        server = await loop.create_server(lambda: Door(mailbox, house, loop, name), host=host, port=port)
    except OSError as error:
        await mailbox.close()
        raise Unavailable(f"Nothing can listen on {settings.bounce_listen}: {error.strerror or error}.") from error
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    log("mailbox").info("listening", address=settings.bounce_listen)
    if ready:
        ready.set()
    await stop.wait()
    server.close()
    await server.wait_closed()
    await mailbox.close()


def name_of(settings: Settings) -> str:
    """Who we say we are (RFC 5321 §4.1.1.1): the name that our MX records point to, once there is one."""
    return a_label(settings.mail_domain) if settings.has_mail_domain else "localhost"


def run(settings: Settings) -> None:
    """The process that `merpati bounces listen` starts."""
    asyncio.run(serve(settings))
