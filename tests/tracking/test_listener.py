"""The bounce mailbox over real SMTP: stored before the answer, for its own domain only."""

import asyncio
import smtplib
import socket
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.core import clock
from app.core.database import db
from app.core.errors import Unavailable
from app.core.extensions import queue
from app.core.settings import Settings
from app.mail.mime import MAX_SIZE
from app.mail.verp import read_return_address
from app.messages.models import IncomingMail
from app.tracking.incoming_door import LINE_LIMIT, SIZE_LIMIT
from app.tracking.listener import serve
from app.tracking.strangers import taken_today
from tests.tracking.listener_talk import LETTER, OURS, on_a_free_port, ours, send, stored, talk, token_of


@pytest.fixture
def listening(settings: Settings, context: None) -> Settings:
    return on_a_free_port(settings)


def test_a_mail_is_stored_byte_by_byte(listening: Settings) -> None:
    talk(listening, lambda client: client.sendmail("", [OURS], LETTER))
    (mail,) = stored(OURS)
    assert mail.raw == LETTER
    assert (mail.envelope_from, mail.handled_at) == ("", None)


def test_late_bounces_to_an_earlier_domain_are_taken_and_name_their_message(listening: Settings) -> None:
    """Mail that went out before a change of the bounce domain comes back for days."""
    late, other = ours(79).replace("bounces.example.com", "Former.example.com"), "x@other.example.com"

    def say(client: smtplib.SMTP) -> list[int]:
        client.ehlo()
        client.mail("")
        return [client.rcpt(late)[0], client.rcpt(other)[0]]

    assert talk(listening, say) == [550, 550]
    former = listening.model_copy(update={"bounce_domain_fallbacks": ("former.example.com", "first.example.com")})
    assert talk(former, say) == [250, 550]
    talk(former, lambda client: client.sendmail("", [late], LETTER))
    (mail,) = stored(late)
    assert mail.raw == LETTER
    read = read_return_address(mail.envelope_to)
    assert read is not None
    assert read.token == token_of(79)
    # Not counted among the mail of strangers: its token is ours.
    assert taken_today(queue()).octets == 0


@pytest.mark.parametrize("where", ["taken", "192.0.2.7:8026"])
def test_where_nothing_can_listen_is_said_in_a_line(listening: Settings, where: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        place = f"127.0.0.1:{other.getsockname()[1]}" if where == "taken" else where
        with pytest.raises(Unavailable) as refused:
            asyncio.run(serve(listening.model_copy(update={"bounce_listen": place})))
    assert str(refused.value).startswith(f"Nothing can listen on {place}: ")
    assert "\n" not in str(refused.value)


def test_the_same_mail_twice_is_one_row(listening: Settings) -> None:
    to = OURS.replace("23@", "45@")

    def say(client: smtplib.SMTP) -> None:
        for _ in range(3):
            client.sendmail("", [to], LETTER)

    talk(listening, say)
    talk(listening, say)
    assert len(stored(to)) == 1


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
        return [send(client, to, raw) for to, raw in mails]

    long = b"Subject: x\r\n\r\n" + (b"y" * 70 + b"\r\n") * 80
    token = token_of(5).encode()
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
        assert talk(listening, lambda client: (client.ehlo(), send(client, *mails[1]))[1]) == 250


LONG = b"Subject: long\r\n\r\n" + (b"y" * 998 + b"\r\n") * 8_000
"""Eight megabytes."""


def test_a_reply_is_kept_whole_and_its_copies_as_far_as_they_are_read(listening: Settings) -> None:
    to = [ours(number) for number in range(301, 311)]
    talk(listening, lambda client: client.sendmail("ada@example.net", ["replies@bounces.example.com", *to[:9]], LONG))
    assert [mail.raw for mail in stored(to[0])] == [LONG]
    assert all([mail.raw for mail in stored(each)] == [LONG[:MAX_SIZE]] for each in to[1:9])
    assert [mail.raw for mail in stored("replies@bounces.example.com")] == [LONG[:MAX_SIZE]]


def test_of_a_report_what_is_read_is_kept(listening: Settings) -> None:
    talk(listening, lambda client: client.sendmail("", [ours(311)], LONG))
    assert [mail.raw for mail in stored(ours(311))] == [LONG[:MAX_SIZE]]


def test_who_has_a_token_has_an_allowance_too(listening: Settings) -> None:
    listening = listening.model_copy(update={"stranger_mail": 9_000_000})
    token = token_of(312).encode()
    in_the_text = b"In-Reply-To: <" + token + b"@mail.example.com>\r\n"

    def say(client: smtplib.SMTP) -> list[int]:
        client.ehlo()
        first = [_reply(client, ours(312), b"%d" % number + LONG) for number in range(2)]
        return [
            *first,
            _reply(client, "fbl@bounces.example.com", in_the_text + LONG),
            _reply(client, ours(312), b"3" + LONG),
            _reply(client, ours(312), b"4" + LONG),
            _reply(client, "fbl@bounces.example.com", b"5" + in_the_text + LONG),
            _reply(client, ours(312), LETTER),
            _reply(client, ours(313), LONG),
        ]

    # Three are its share of the day, the fourth counts as a stranger's; small ones and other messages are not held up.
    assert talk(listening, say) == [250, 250, 250, 250, 452, 452, 250, 250]
    assert sum(len(mail.raw) for mail in stored(ours(312))) < 25 * 1024**2
    with clock.moved(timedelta(days=1)):
        assert talk(listening, lambda client: (client.ehlo(), _reply(client, ours(312), b"6" + LONG))[1]) == 250


def _reply(client: smtplib.SMTP, to: str, raw: bytes) -> int:
    return send(client, to, raw, sender="ada@example.net")


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
        return [send(client, to, b"x" * (SIZE_LIMIT + 10)), send(client, to, LETTER)]

    assert talk(listening, say) == [552, 250]
    assert [mail.raw for mail in stored(to)] == [LETTER]


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


def test_no_mail_is_smuggled_in(listening: Settings) -> None:
    letter = b"\r\n".join(
        [
            b"Subject: one",
            b"",
            b"\n.\nMAIL FROM:<a@example.net>\n",
            b"\n.",
            b"RSET",
            b"\r.\rRSET",
            b"\0.",
            b"RSET\n.",
            b"end",
            b"",
        ]
    )
    to = OURS.replace("23@", "77@")

    def say(client: smtplib.SMTP) -> list[int]:
        client.ehlo()
        codes = [client.mail("")[0], client.rcpt(to)[0], client.docmd("DATA")[0]]
        client.send(letter + b".\r\n")
        return [*codes, client.getreply()[0], client.noop()[0]]

    assert talk(listening, say) == [250, 250, 354, 250, 250]
    assert [mail.raw for mail in stored(to)] == [letter]
