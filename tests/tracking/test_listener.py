"""The bounce mailbox over real SMTP: stored before the answer, for its own domain only."""

import asyncio
import smtplib
import socket
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from app.core.database import db
from app.core.settings import Settings
from app.messages.models import IncomingMail
from app.tracking.listener import serve

LETTER = b"From: MAILER-DAEMON@mx.example.net\r\nSubject: Undelivered\r\n\r\n.dots and \xff bytes stay\r\n"
OURS = "b+abcdefghijklmnopqrstuvwx23@bounces.example.com"


@pytest.fixture
def listening(settings: Settings, context: None) -> Settings:
    """The settings of a listener on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return settings.model_copy(update={"bounce_listen": f"127.0.0.1:{port}"})


def talk(settings: Settings, say: Callable[[smtplib.SMTP], Any]) -> Any:
    """Run the listener for the length of a conversation."""

    def converse() -> Any:
        host, port = settings.bounce_listen.split(":")
        with smtplib.SMTP(host, int(port), timeout=20) as client:
            return say(client)

    async def main() -> Any:
        ready, stop = asyncio.Event(), asyncio.Event()
        server = asyncio.create_task(serve(settings, ready=ready, stop=stop))
        await ready.wait()
        try:
            return await asyncio.to_thread(converse)
        finally:
            stop.set()
            await server

    return asyncio.run(main())


def stored(to: str) -> list[IncomingMail]:
    db.session.rollback()
    return list(db.session.scalars(select(IncomingMail).where(IncomingMail.envelope_to == to)))


def test_a_mail_is_stored_byte_by_byte(listening: Settings) -> None:
    talk(listening, lambda client: client.sendmail("", [OURS], LETTER))
    (mail,) = stored(OURS)
    assert mail.raw == LETTER
    assert (mail.envelope_from, mail.handled_at) == ("", None)


def test_the_same_mail_twice_is_one_row(listening: Settings) -> None:
    to = OURS.replace("23@", "45@")

    def say(client: smtplib.SMTP) -> None:
        for _ in range(3):
            client.sendmail("", [to], LETTER)

    talk(listening, say)
    talk(listening, say)
    assert len(stored(to)) == 1


def test_one_mail_to_two_addresses_is_stored_for_each(listening: Settings) -> None:
    two = [OURS.replace("23@", "67@"), OURS.replace("23@", "77@")]
    talk(listening, lambda client: client.sendmail("", two, LETTER))
    assert [len(stored(to)) for to in two] == [1, 1]


@pytest.mark.parametrize("to", ["ada@example.org", "ada@bounces.example.com.example.org", "postmaster"])
def test_it_relays_nothing(listening: Settings, to: str) -> None:
    before = db.session.scalar(select(func.count()).select_from(IncomingMail))
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        talk(listening, lambda client: client.sendmail("spam@example.net", [to], LETTER))
    assert refusal.value.recipients[to][0] in (550, 553)
    assert db.session.scalar(select(func.count()).select_from(IncomingMail)) == before


def test_the_domain_is_known_in_any_case(listening: Settings) -> None:
    to = "B+ABCDEFGHIJKLMNOPQRSTUVWX66@BOUNCES.Example.COM"
    talk(listening, lambda client: client.sendmail("", [to], LETTER))
    assert len(stored(to)) == 1


def test_without_the_database_the_sender_is_told_to_come_again(listening: Settings, tmp_path: Any) -> None:
    gone = listening.model_copy(update={"database_url": f"postgresql://merpati@/merpati?host={tmp_path}"})
    with pytest.raises(smtplib.SMTPDataError) as refusal:
        talk(gone, lambda client: client.sendmail("", [OURS], LETTER))
    assert refusal.value.smtp_code == 451


def test_a_connection_the_database_dropped_is_made_anew(listening: Settings) -> None:
    to = OURS.replace("23@", "33@")

    def say(client: smtplib.SMTP) -> list[int]:
        answers = []
        for number in range(4):
            if number == 1:
                _drop_connections(listening)
            try:
                client.sendmail("", [to], LETTER + b"%d\r\n" % number)
                answers.append(250)
            except smtplib.SMTPDataError as error:
                answers.append(error.smtp_code)
        return answers

    answers = talk(listening, say)
    assert answers[0] == 250
    assert answers[-1] == 250
    assert set(answers) <= {250, 451}
    assert len(stored(to)) == answers.count(250)


def _drop_connections(settings: Settings) -> None:
    import psycopg

    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%INTO incoming_mails%'"
        )
