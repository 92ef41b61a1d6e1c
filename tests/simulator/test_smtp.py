"""The SMTP server as clients meet it, good ones and bad ones."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.simulator.smtp import Limits, unstuff
from tests.simulator.worlds import Running, config_for, running, wait_for


@pytest.fixture(scope="module")
def catcher() -> Iterator[Running]:
    limits = Limits(message=200_000, recipients=3)
    with running(config_for(quiet=True, limits=limits)) as world:
        yield world


class Wire:
    """A raw connection that reads replies one by one."""

    def __init__(self, world: Running) -> None:
        self.socket = socket.create_connection(world.smtp, timeout=10)
        self.file = self.socket.makefile("rb")

    def say(self, *lines: bytes) -> None:
        self.socket.sendall(b"".join(line + b"\r\n" for line in lines))

    def reply(self) -> str:
        lines = []
        while line := self.file.readline():
            lines.append(line.decode().rstrip("\r\n"))
            if line[3:4] != b"-":
                break
        return "\n".join(lines)

    def code(self) -> int:
        return int(self.reply()[:3])


@contextmanager
def wire(world: Running, greet: bool = True) -> Iterator[Wire]:
    line = Wire(world)
    try:
        assert line.code() == 220
        if greet:
            line.say(b"EHLO sender.test")
            assert line.code() == 250
        yield line
    finally:
        line.file.close()
        line.socket.close()


def last(world: Running) -> bytes:
    return next(world.world.mailbox.newest()).raw


def test_ehlo_offers_what_a_fast_sender_wants(catcher: Running) -> None:
    with catcher.client() as talk:
        for feature in ("pipelining", "8bitmime", "smtputf8", "dsn", "enhancedstatuscodes"):
            assert talk.has_extn(feature)
        assert talk.esmtp_features["size"] == "200000"


def test_a_mail_arrives_as_it_was_sent(catcher: Running) -> None:
    with catcher.client() as talk:
        talk.sendmail("a@x.test", ["p@y.test"], b"Subject: dots\r\n\r\n.\r\n..two\r\n.three\r\nend\r\n")
    assert last(catcher) == b"Subject: dots\r\n\r\n.\r\n..two\r\n.three\r\nend\r\n"


def test_everything_pipelined_in_one_write_is_answered_in_order(catcher: Running) -> None:
    with wire(catcher) as line:
        envelope = [b"MAIL FROM:<a@x.test> BODY=8BITMIME SIZE=20", b"RCPT TO:<p@y.test>", b"DATA"]
        line.say(*envelope)
        assert [line.code() for _ in range(3)] == [250, 250, 354]
        line.say(b"Subject: 1", b"", b"one", b".", *envelope)
        assert [line.code() for _ in range(4)] == [250, 250, 250, 354]
        line.say(b"Subject: 2", b"", b"two", b".", b"QUIT")
        assert [line.code() for _ in range(2)] == [250, 221]
        assert line.file.read() == b""
    assert last(catcher).endswith(b"two\r\n")


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=400), cuts=st.lists(st.integers(1, 400), max_size=6))
def test_any_bytes_cut_anywhere_arrive_unchanged(catcher: Running, body: bytes, cuts: list[int]) -> None:
    content = re.sub(rb"\r?\n|\r", b"\r\n", body)
    content = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
    stuffed = re.sub(rb"(?m)^\.", b"..", content) + b".\r\n"
    with wire(catcher) as line:
        line.say(b"MAIL FROM:<>", b"RCPT TO:<p@y.test>", b"DATA")
        assert [line.code() for _ in range(3)] == [250, 250, 354]
        start = 0
        for cut in [*sorted(cut for cut in cuts if cut < len(stuffed)), len(stuffed)]:
            line.socket.sendall(stuffed[start:cut])
            start = cut
        assert line.code() == 250
    assert last(catcher) == content


@given(st.binary(max_size=200))
def test_unstuffing_undoes_stuffing(body: bytes) -> None:
    content = re.sub(rb"\r?\n|\r", b"\r\n", body)
    assert unstuff(re.sub(rb"(?m)^\.", b"..", content)) == content


@pytest.mark.parametrize("ending", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r"])
def test_only_a_dot_between_proper_line_ends_ends_a_message(catcher: Running, ending: bytes) -> None:
    before = catcher.world.mailbox.received
    with wire(catcher) as line:
        line.say(b"MAIL FROM:<a@x.test>", b"RCPT TO:<p@y.test>", b"DATA")
        assert [line.code() for _ in range(3)] == [250, 250, 354]
        line.socket.sendall(b"text" + ending + b"MAIL FROM:<smuggled@x.test>\r\n.\r\n")
        assert line.code() == 250
    assert catcher.world.mailbox.received == before + 1
    assert b"smuggled" in last(catcher)


@pytest.mark.parametrize(
    ("lines", "codes"),
    [
        ([b"MAIL FROM:<a@x.test>"], [503]),
        ([b"EHLO x", b"RCPT TO:<p@y.test>"], [250, 503]),
        ([b"EHLO x", b"DATA"], [250, 503]),
        ([b"EHLO x", b"MAIL FROM:<a@x.test>", b"DATA"], [250, 250, 554]),
        ([b"EHLO x", b"MAIL FROM:<a@x.test>", b"MAIL FROM:<a@x.test>"], [250, 250, 503]),
        ([b"EHLO x", b"MAIL FROM:a@x.test"], [250, 501]),
        ([b"EHLO x", b"MAIL FROM:<a@x.test> SIZE=200001"], [250, 552]),
        ([b"EHLO x", b"MAIL FROM:<a@x.test> SIZE=many"], [250, 501]),
        ([b"EHLO x", b"MAIL FROM:<a@x.test>", b"RCPT TO:<>"], [250, 250, 501]),
        ([b"EHLO x", b"MAIL FROM:<a@x.test>", b"RCPT TO:<nobody>"], [250, 250, 501]),
        ([b"EHLO x", b"MAIL FROM:<a@x.test>", "RCPT TO:<jürgen@y.test>".encode()], [250, 250, 553]),
        ([b"EHLO x", b"MAIL FROM:<a@x.test> SMTPUTF8", "RCPT TO:<jürgen@y.test>".encode()], [250, 250, 250]),
        ([b"EHLO x", b"MAIL FROM:<a@x.test> SMTPUTF8", b"RCPT TO:<j\xfc@y.test>"], [250, 250, 501]),
        ([b"EHLO"], [501]),
        ([b"HELO x", b"noop", b"vrfy ada", b"rset", b"XYZZY", b"quit"], [250, 250, 252, 250, 500, 221]),
        ([b"\x00\xff\xfe", b"GET / HTTP/1.1"], [500, 500]),
    ],
)
def test_each_command_gets_its_proper_answer(catcher: Running, lines: list[bytes], codes: list[int]) -> None:
    with wire(catcher, greet=False) as line:
        line.say(*lines)
        assert [line.code() for _ in codes] == codes


def test_the_last_recipient_over_the_limit_is_asked_to_wait(catcher: Running) -> None:
    with wire(catcher) as line:
        line.say(b"MAIL FROM:<a@x.test>", *(b"RCPT TO:<p%d@y.test>" % number for number in range(4)))
        assert [line.code() for _ in range(5)] == [250, 250, 250, 250, 452]


def test_a_message_over_the_limit_is_refused_and_the_next_one_taken(catcher: Running) -> None:
    with wire(catcher) as line:
        for content, code in ((b"x" * 900 + b"\r\n" * 150_000, 552), (b"Subject: small", 250)):
            line.say(b"MAIL FROM:<a@x.test>", b"RCPT TO:<p@y.test>", b"DATA")
            assert [line.code() for _ in range(3)] == [250, 250, 354]
            line.say(content, b".")
            assert line.code() == code
    assert last(catcher) == b"Subject: small\r\n"


def test_an_endless_line_ends_the_talk(catcher: Running) -> None:
    with wire(catcher) as line:
        line.socket.sendall(b"A" * 20_000)
        assert line.code() == 500
        assert line.file.read() == b""


def test_a_babbler_is_shown_out(catcher: Running) -> None:
    with wire(catcher) as line:
        line.say(*[b"WHAT"] * 25)
        codes = [line.code() for _ in range(21)]
        assert codes == [500] * 20 + [421]
        assert line.file.read() == b""


def test_a_connection_lost_inside_a_message_delivers_nothing(catcher: Running) -> None:
    before = catcher.world.mailbox.received
    with wire(catcher) as line:
        line.say(b"MAIL FROM:<a@x.test>", b"RCPT TO:<p@y.test>", b"DATA")
        assert [line.code() for _ in range(3)] == [250, 250, 354]
        line.socket.sendall(b"Subject: half\r\n\r\nhal")
    wait_for(lambda: catcher.world.status()["connections"] == 0)
    assert catcher.world.mailbox.received == before


def test_too_many_connections_are_refused_politely() -> None:
    limits = Limits(connections=5)
    with running(config_for(quiet=True, limits=limits)) as world:
        inside = [Wire(world) for _ in range(5)]
        assert [line.code() for line in inside] == [220] * 5
        for _ in range(40):
            outside = Wire(world)
            assert outside.reply().startswith("421 4.3.2")
            assert outside.file.read() == b""
            outside.file.close()
            outside.socket.close()
        for line in inside:
            line.say(b"QUIT")
            assert line.code() == 221
            line.file.close()
            line.socket.close()
        wait_for(lambda: world.world.status()["connections"] == 0)
        with world.client() as talk:
            assert talk.noop()[0] == 250


def test_a_silent_client_is_sent_home() -> None:
    with running(config_for(quiet=True, limits=Limits(idle=0.2))) as world, wire(world) as line:
        started = time.monotonic()
        assert line.reply().startswith("421 4.4.2")
        assert 0.15 < time.monotonic() - started < 5


@pytest.mark.slow
def test_a_client_that_reads_slowly_loses_nothing(catcher: Running) -> None:
    with wire(catcher) as line:
        line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.socket.settimeout(10)
        line.say(*[b"NOOP"] * 8_000)
        assert all(line.code() == 250 for _ in range(8_000))


def test_stopping_says_goodbye() -> None:
    with running(config_for(quiet=True)) as world:
        line = Wire(world)
        assert line.code() == 220
    assert line.reply().startswith("421")
    line.file.close()
    line.socket.close()
