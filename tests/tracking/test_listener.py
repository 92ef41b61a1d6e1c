"""The bounce mailbox over real SMTP: stored before the answer, for its own domain only."""

import asyncio
import smtplib
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.core import clock
from app.core.database import db
from app.core.extensions import keyring, queue
from app.core.settings import Settings
from app.core.tokens import Purpose
from app.messages.models import IncomingMail
from app.tracking import incoming_door
from app.tracking.incoming_door import LINE_LIMIT, SIZE_LIMIT, House
from app.tracking.listener import serve

LETTER = b"From: MAILER-DAEMON@mx.example.net\r\nSubject: Undelivered\r\n\r\n.dots and \xff bytes stay\r\n"
OURS = "b+abcdefghijklmnopqrstuvwx23@bounces.example.com"


@pytest.fixture
def listening(settings: Settings, context: None) -> Settings:
    """The settings of a listener on a free port. Strangers have sent nothing yet today."""
    for key in queue().scan_iter("merpati:strangers:*"):
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


def ours(number: int, kind: str = "b") -> str:
    """An address that names a message of ours."""
    return f"{kind}+{keyring().sign_for_mail(Purpose.RETURN_PATH, number)}@bounces.example.com"


def test_one_mail_that_names_two_messages_is_stored_for_each(listening: Settings) -> None:
    named = [ours(71), ours(72), ours(72, "u")]
    talk(listening, lambda client: client.sendmail("", [*named, named[0].upper()], LETTER))
    assert [len(stored(to)) for to in named] == [1, 1, 1]
    assert stored(named[0].upper()) == []


def test_one_mail_to_many_addresses_that_name_nothing_is_stored_once(listening: Settings) -> None:
    nobody = [f"r{number}@bounces.example.com" for number in range(9)]
    talk(listening, lambda client: client.sendmail("", [ours(73), *nobody], LETTER))
    assert len(stored(ours(73))) == 1
    assert sum(len(stored(to)) for to in nobody) == 1


def test_ten_recipients_are_taken_at_a_time(listening: Settings) -> None:
    def say(client: smtplib.SMTP) -> Any:
        client.ehlo()
        client.mail("")
        return [client.rcpt(ours(number)) for number in range(200, 212)]

    answers = talk(listening, say)
    assert [code for code, _words in answers] == [250] * 10 + [452] * 2
    assert answers[-1][1].startswith(b"4.5.3")


def test_what_names_nothing_has_an_allowance_for_a_day(listening: Settings) -> None:
    listening = listening.model_copy(update={"stranger_mail": 10_000})

    def say(client: smtplib.SMTP) -> list[int]:
        client.ehlo()
        return [_send(client, to, raw) for to, raw in mails]

    long = b"Subject: x\r\n\r\n" + (b"y" * 70 + b"\r\n") * 80
    token = keyring().sign_for_mail(Purpose.RETURN_PATH, 5).encode()
    mails = [
        ("a@bounces.example.com", b"1" + long),
        ("a@bounces.example.com", b"2" + long),
        ("b+abcdefghijklmnopqrstuvwx23@bounces.example.com", b"3" + long),
        ("a@bounces.example.com", LETTER),
        (ours(74), b"4" + long),
        ("fbl@bounces.example.com", b"In-Reply-To: <" + token + b"@mail.example.com>\r\n" + long),
    ]
    assert talk(listening, say) == [250, 452, 452, 250, 250, 250]
    with clock.moved(timedelta(days=1)):
        assert talk(listening, lambda client: (client.ehlo(), _send(client, *mails[1]))[1]) == 250


def _send(client: smtplib.SMTP, to: str, raw: bytes) -> int:
    client.mail("")
    client.rcpt(to)
    return client.data(raw)[0]


def test_a_long_line_is_kept_whole(listening: Settings) -> None:
    lines = [
        b"x" * 2_000,
        b"." + b"y" * 70_000,
        b"z" * (LINE_LIMIT - 2),
        b"." * LINE_LIMIT,
        b"w" * 300_000,
        b".",
        b"end",
    ]
    letter = b"Subject: long\r\n\r\n" + b"\r\n".join(lines) + b"\r\n"
    to = OURS.replace("23@", "44@")
    talk(listening, lambda client: client.sendmail("", [to], letter))
    assert [mail.raw for mail in stored(to)] == [letter]


def test_a_mail_longer_than_20_mb_is_refused_for_good_and_the_next_is_taken(listening: Settings) -> None:
    to = OURS.replace("23@", "55@")

    def say(client: smtplib.SMTP) -> list[int]:
        client.ehlo()
        return [_send(client, to, b"x" * (SIZE_LIMIT + 10)), _send(client, to, LETTER)]

    assert talk(listening, say) == [552, 250]
    assert [mail.raw for mail in stored(to)] == [LETTER]


@pytest.mark.parametrize(
    "command",
    [
        b"MAIL FROM:<a\0b@example.net>",
        b"MAIL FROM:<\xe9@example.net>",
        b"MAIL FROM:<>\r\nRCPT TO:<b\0@bounces.example.com>",
        b"MAIL FROM:<>\r\nRCPT TO:<\xff\xfe@bounces.example.com>",
        b"MAIL FROM:<>\r\nRCPT TO:<a\x7fb@bounces.example.com>",
    ],
)
def test_addresses_that_are_no_text_are_refused_for_good(listening: Settings, command: bytes) -> None:
    def say(client: smtplib.SMTP) -> Any:
        client.ehlo()
        *before, last = command.split(b"\r\n")
        for line in before:
            client.send(line + b"\r\n")
            client.getreply()
        client.send(last + b"\r\n")
        return client.getreply()

    code, words = talk(listening, say)
    assert code == 553
    assert b"Error: (" not in words


@pytest.mark.parametrize(
    "command", [b"VRFY \xff", b"HELP \xff", b"RCPT \xff", b"VRFY <", b'MAIL FROM:<"', b"EHLO \xff"]
)
def test_inner_words_are_not_told(listening: Settings, command: bytes) -> None:
    def say(client: smtplib.SMTP) -> Any:
        client.ehlo()
        client.send(command + b"\r\n")
        first = client.getreply()
        client.rset()
        return first, client.noop()[0]

    (_code, words), after = talk(listening, say)
    assert b"Error: (" not in words
    assert after == 250


def test_connections_are_counted_and_given_back(listening: Settings) -> None:
    house = House(connections=3)

    def say(client: smtplib.SMTP) -> Any:
        address = client.sock.getpeername()
        more = [smtplib.SMTP(*address, timeout=20) for _ in range(2)]
        with pytest.raises(smtplib.SMTPConnectError) as refusal:
            smtplib.SMTP(*address, timeout=20)
        more.pop().quit()
        with smtplib.SMTP(*address, timeout=20) as again:
            again.ehlo()
            answer = again.sendmail("", [OURS.replace("23@", "46@")], LETTER)
        more.pop().close()
        return refusal.value.smtp_code, answer

    assert talk(listening, say, house) == (421, {})
    assert house.addresses.total() == 0


def test_of_one_address_ten_may_be_in_unless_it_is_this_machine() -> None:
    house = House()
    assert [house.enter("192.0.2.1") for _ in range(12)] == [True] * 10 + [False] * 2
    assert [house.enter(address) for address in ("2001:db8::1", "fe80::1%eth0")] == [True, True]
    assert all(house.enter("127.0.0.1") for _ in range(19))
    assert all(house.enter("::1") for _ in range(19))
    assert not house.enter("192.0.2.9")
    house.leave("127.0.0.1")
    assert house.enter("192.0.2.9")


def test_when_all_mails_are_too_much_the_longest_gives_way(listening: Settings) -> None:
    house = House(octets=3_000_000)

    def say(client: smtplib.SMTP) -> Any:
        address = client.sock.getpeername()
        slow = [_unfinished(address, octets) for octets in (1_500_000, 900_000)]
        client.ehlo()
        last = _send(client, OURS.replace("23@", "22@"), b"x" * 700_000)
        code = slow[0].getreply()[0]
        slow[1].send(b"\r\n.\r\n")
        answers = last, code, slow[1].getreply()[0]
        for each in slow:
            each.close()
        return answers

    assert talk(listening, say, house) == (250, 421, 250)
    assert house.held == {}


def _unfinished(address: tuple[str, int], octets: int) -> smtplib.SMTP:
    client = smtplib.SMTP(*address, timeout=20)
    client.ehlo()
    client.mail("")
    client.rcpt(OURS)
    client.docmd("DATA")
    client.send(b"%d" % octets + b"x" * octets)
    return client


def test_data_has_its_time_and_is_told_when_it_is_over(listening: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming_door, "DATA_SECONDS", 0.3)

    def say(client: smtplib.SMTP) -> Any:
        other = _unfinished(client.sock.getpeername(), 10)
        answer = other.getreply()
        other.close()
        return answer

    code, words = talk(listening, say)
    assert (code, words[:5]) == (421, b"4.4.2")


def test_commands_without_end_are_ended(listening: Settings) -> None:
    def say(client: smtplib.SMTP) -> Any:
        return [client.noop()[0] for _ in range(101)]

    assert talk(listening, say) == [250] * 100 + [421]


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
