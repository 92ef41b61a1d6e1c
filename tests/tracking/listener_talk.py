"""A conversation with the real listener, and what it stored."""

import asyncio
import smtplib
import socket
from collections.abc import Callable
from typing import Any

from sqlalchemy import delete, select

from app.core.database import db
from app.core.extensions import keyring, queue
from app.core.settings import Settings
from app.core.tokens import Purpose
from app.messages.models import IncomingMail
from app.tracking.incoming_house import House
from app.tracking.listener import serve

LETTER = b"From: MAILER-DAEMON@mx.example.net\r\nSubject: Undelivered\r\n\r\n.dots and \xff bytes stay\r\n"
OURS = "b+abcdefghijklmnopqrstuvwx23@bounces.example.com"


def on_a_free_port(settings: Settings) -> Settings:
    """The settings of a listener. Nobody has sent anything yet today, nor ever to us."""
    db.session.execute(delete(IncomingMail).where(IncomingMail.envelope_to == OURS))
    db.session.commit()
    for key in [*queue().scan_iter("merpati:strangers:*"), *queue().scan_iter("merpati:shares:*")]:
        queue().delete(key)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return settings.model_copy(update={"bounce_listen": f"127.0.0.1:{port}"})


def talk(settings: Settings, say: Callable[[smtplib.SMTP], Any], house: House | None = None) -> Any:
    """Run the listener for the length of a conversation."""

    def converse() -> Any:
        host, port = settings.bounce_listen.split(":")
        with smtplib.SMTP(host, int(port), timeout=20) as client:
            return say(client)

    async def main() -> Any:
        ready, stop = asyncio.Event(), asyncio.Event()
        server = asyncio.create_task(serve(settings, ready=ready, stop=stop, house=house))
        await ready.wait()
        try:
            return await asyncio.to_thread(converse)
        finally:
            stop.set()
            await server

    return asyncio.run(main())


def stored(to: str) -> list[IncomingMail]:
    """What is kept for this recipient."""
    db.session.rollback()
    return list(db.session.scalars(select(IncomingMail).where(IncomingMail.envelope_to == to)))


def ours(number: int, kind: str = "b") -> str:
    """An address that names a message of ours."""
    return f"{kind}+{token_of(number)}@bounces.example.com"


def token_of(number: int) -> str:
    """The token of a message that no other test has."""
    return keyring().sign_for_mail(Purpose.RETURN_PATH, 10**9 + number)


def send(client: smtplib.SMTP, to: str, raw: bytes, sender: str = "") -> int:
    """The answer to a mail."""
    client.mail(sender)
    client.rcpt(to)
    return client.data(raw)[0]
