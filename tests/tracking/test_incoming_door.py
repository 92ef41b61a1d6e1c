"""SMTP at the bounce mailbox: what it says, and what strangers may take of places, memory and time."""

import smtplib
import time
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.core.settings import Settings
from app.tracking import incoming_door
from app.tracking.incoming_house import House
from tests.tracking.listener_talk import LETTER, OURS, on_a_free_port, send, talk


@pytest.fixture
def listening(settings: Settings, context: None) -> Settings:
    return on_a_free_port(settings)


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
    assert not house.guests


def test_when_all_mails_are_too_much_the_longest_gives_way(listening: Settings) -> None:
    house = House(octets=3_000_000)

    def say(client: smtplib.SMTP) -> Any:
        address = client.sock.getpeername()
        slow = [_unfinished(address, octets) for octets in (1_500_000, 900_000)]
        client.ehlo()
        last = send(client, OURS.replace("23@", "22@"), b"x" * 700_000)
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
    client.rcpt(OURS.replace("23@", "24@"))
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


def say_line(line: bytes) -> Callable[[smtplib.SMTP], tuple[int, bytes]]:
    """Greet, and say a line."""

    def say(client: smtplib.SMTP) -> tuple[int, bytes]:
        client.ehlo()
        client.send(line + b"\r\n")
        return client.getreply()

    return say


@pytest.mark.parametrize(
    "size", ["²", "٣", "1²", "-1", "+1", "1_000", "1.5", "", "9" * 21, "9" * 200, "1 SIZE=²", "² SIZE=1"]
)
def test_sizes_that_are_no_numbers_are_refused_for_good(listening: Settings, size: str) -> None:
    for line in (f"MAIL FROM:<> SIZE={size}", f"MAIL FROM:<a@example.net> BODY=8BITMIME ſize={size}"):
        with capture_logs() as told:
            code, words = talk(listening, say_line(line.encode()))
        assert (code, words[:5]) == (501, b"5.5.4")
        assert not [line for line in told if line["log_level"] == "error"]


@pytest.mark.parametrize("command", [b"VRFY \xc5", b"VRFY <", b"VRFY ada@bounces.example.com", b"VRFY"])
def test_vrfy_says_neither_yes_nor_no(listening: Settings, command: bytes) -> None:
    code, words = talk(listening, say_line(command))
    assert (code, words[:5]) == (252, b"2.5.2")


def test_sizes_that_are_numbers_are_believed(listening: Settings) -> None:
    assert talk(listening, say_line(b"MAIL FROM:<> SIZE=0020971520 BODY=8BITMIME"))[0] == 250
    assert talk(listening, say_line(b"MAIL FROM:<> SIZE=20971521"))[0] == 552
    assert talk(listening, say_line(b"MAIL FROM:<a@example.net> size=10"))[0] == 250


def test_it_says_the_name_that_is_published(listening: Settings) -> None:
    def names(client: smtplib.SMTP) -> tuple[bytes, bytes, bytes]:
        with smtplib.SMTP() as other:
            banner = other.connect(*client.sock.getpeername())[1]
        return banner.split()[0], client.helo()[1], client.ehlo()[1].splitlines()[0]

    public = listening.model_copy(update={"mail_domain": "mail.teehaus-jäger.test"})
    assert talk(public, names) == (b"mail.xn--teehaus-jger-ocb.test",) * 3
    # mail.example.com is somebody else's.
    assert talk(listening, names) == (b"localhost",) * 3


def test_a_connection_has_its_life(listening: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming_door, "SESSION_SECONDS", 0.2)
    code, words = talk(listening, lambda client: client.getreply())
    assert (code, words[:5]) == (421, b"4.4.2")


def test_a_mail_on_its_way_may_still_arrive(listening: Settings) -> None:
    house = House()

    def say(client: smtplib.SMTP) -> Any:
        other = _unfinished(client.sock.getpeername(), 10)
        for door in list(house.guests):
            door.loop.call_soon_threadsafe(door._end_life)  # type: ignore[attr-defined]
        ended = client.getreply()[0]
        other.send(b"\r\n.\r\n")
        answers = ended, other.getreply()[0], other.getreply()[0]
        other.close()
        return answers

    assert talk(listening, say, house) == (421, 250, 421)


def test_who_brings_no_mail_makes_room(listening: Settings) -> None:
    house = House(connections=3, grace=0.2)

    def say(client: smtplib.SMTP) -> Any:
        address = client.sock.getpeername()
        fast = _unfinished(address, 900_000)
        idle = smtplib.SMTP(*address, timeout=20)
        time.sleep(0.25)
        # The first of all has just brought a mail, the second is bringing one.
        brought = client.sendmail("", [OURS.replace("23@", "56@")], LETTER)
        new = smtplib.SMTP(*address, timeout=20)
        asked = idle.getreply()
        fast.send(b"\r\n.\r\n")
        answers = brought, asked[0], asked[1][:5], fast.getreply()[0], new.ehlo()[0], client.noop()[0]
        for each in (fast, idle, new):
            each.close()
        return answers

    assert talk(listening, say, house) == ({}, 421, b"4.3.2", 250, 250, 250)
    assert not house.guests


def test_commands_may_end_in_a_bare_lf(listening: Settings) -> None:
    def say(client: smtplib.SMTP) -> Any:
        client.send(b"EHLO a\nMAIL FROM:<>\nRCPT TO:<" + OURS.replace("23@", "57@").encode() + b">\n")
        return [client.getreply()[0] for _ in range(3)]

    assert talk(listening, say) == [250, 250, 250]
