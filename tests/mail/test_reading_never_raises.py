"""Whatever the bytes: an answer, soon, and one that can be stored."""

import random
import time
from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail import reading
from app.mail.forward import why_not_forwarded
from app.mail.letter import letter_text, own_part
from app.mail.mime import MAX_SIZE, read_parts
from app.mail.phrases import reason_by_text
from app.mail.reading import UNREADABLE, read_mail
from app.mail.wishes import leaving_wish
from tests.mail import letters
from tests.mail.notices_of_others import OTHERS
from tests.mail.notices_of_servers import SERVERS

PATIENCE = 5.0
"""Seconds for the worst mail; on a machine to itself it takes less than half a second."""


def read_and_check(raw: bytes) -> None:
    mail = read_mail(raw)
    assert not mail.evidence.startswith(UNREADABLE)
    letter = letter_text(raw)
    leaving_wish(own_part(letter))
    why_not_forwarded(read_parts(raw), to="desk@example.com", own_domains=frozenset())
    assert len(mail.recipients) <= 100
    for text in _texts(astuple(mail)):
        assert "\x00" not in text
        text.encode("utf-8")


def _texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _texts(item)


@given(st.binary(max_size=2000))
def test_any_bytes(raw):
    read_and_check(raw)


PIECES = [
    *(
        b"\n",
        b"\r\n",
        b"\n\n",
        b" ",
        b";",
        b":",
        b"--b",
        b"--b--",
        b'"',
        b"<",
        b">",
        b"\x00",
        b"\xff",
        b"=",
        b"=?x?b?=?=",
    ),
    *(b"Content-Type: multipart/report; boundary=b", b"Content-Type: message/rfc822", b"message/delivery-status"),
    *(b"Content-Type: text/plain; charset=", b"punycode", b"unicode_escape", b"utf-7", b"a\x00b", b"hex", b"idna"),
    *(b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: quoted-printable", b"Subject: ", b"To: "),
    *(b"Final-Recipient: rfc822; ", b"Action: ", b"failed", b"Status: 5.1.1", b"Diagnostic-Code: smtp; 550 ", b"a@b.c"),
    *(
        b"X-Failed-Recipients: ",
        b"From: MAILER-DAEMON",
        b"failure notice",
        b"=?utf-8?b?////?=",
        b"=?utf-8?q?=ED=A0=80?=",
    ),
]
# What Python itself stumbles over: numbers beyond its limit of digits, digits of other scripts, code points that are
# none, names of codecs that are no charsets, nesting.
STUMBLES = [
    *(b"&#" + b"1" * 5600 + b";", b"&#x" + b"f" * 5600, b"&#" + b"0" * 5600, b"&#55296;", b"&#x110000;", b"&#-1;"),
    *(b"1" * 5600, b"-" + b"9" * 5000, b"5." + b"1" * 5000 + b".1", "٥.١.١".encode(), "５５０ ".encode(), "²".encode()),
    *(
        b"+x" + b"F" * 5000 + b"+",
        b"\\x{" + b"F" * 5000 + b"}",
        b"=?utf-32?b?////?=",
        b"=?idna?q?" + b"a" * 300 + b"?=",
    ),
    *(
        b"; charset=" + name
        for name in (b"zip", b"rot13", b"mbcs", b"aliases", b"unicode-escape", b"..", b"utf-32", b"a" * 9000)
    ),
    *(
        b'{"a":' * 900,
        b"[" * 1900,
        b'{"notificationType":"Bounce","bounce":{"bouncedRecipients":[1' + b"0" * 5000 + b"]}}",
    ),
    *(b"<p>" * 5000, b"<" * 5000, b"<!--" * 2000, b"multipart/mixed; boundary=b"),
    *(b"Content-Type: text/html\n\n", b"Content-Type: message/feedback-report\n\n", b"Feedback-Type: abuse\n"),
    *(b"Arrival-Date: Mon, 99 " + b"9" * 5000, b"Date: " + b"1" * 5000, b"Received: from " + b"(" * 5000),
]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8)), max_size=60))
def test_any_arrangement_of_what_mail_is_made_of(pieces):
    read_and_check(b"".join(pieces))


@given(
    st.lists(st.sampled_from(PIECES + STUMBLES), max_size=30),
    st.sampled_from((b"", *letters.ALL)),
    st.integers(0, 4000),
)
def test_what_python_stumbles_over_anywhere_in_a_letter(pieces, letter, at):
    read_and_check(letter[:at] + b"".join(pieces) + letter[at:])


@pytest.mark.parametrize("stumble", range(len(STUMBLES)))
@pytest.mark.parametrize("head", ["PAGE", "HEAD", "REPORT", "FIELD"])
def test_each_of_them_in_each_place(stumble, head):
    before = {"FIELD": REPORT + b"Final-Recipient: rfc822; a@b.cd\nAction: failed\nStatus: "}.get(head) or globals()[
        head
    ]
    read_and_check(before + STUMBLES[stumble] + b"\n\nThe end.\n")


def test_the_last_resort_is_a_mail_for_a_person_to_look_at(monkeypatch):
    def raises(_raw):
        raise RecursionError("too deep")

    monkeypatch.setattr(reading, "read_parts", raises)
    mail = read_mail(b"From: a@b.cd\n\nx")
    assert (mail.kind, mail.tokens, mail.evidence) == ("none", (), f"{UNREADABLE}: RecursionError")


@given(st.sampled_from((*letters.ALL, *(notice.raw for notice in (SERVERS | OTHERS).values()))), st.integers(0, 2**32))
def test_any_damage_to_a_letter(raw, seed):
    chance = random.Random(seed)
    damaged = bytearray(raw)
    for _ in range(chance.randint(1, 20)):
        start = chance.randrange(len(damaged) + 1)
        match chance.randrange(4):
            case 0:
                del damaged[start : start + chance.randint(1, 80)]
            case 1:
                damaged[start:start] = chance.choice(PIECES)
            case 2:
                damaged[start : start + 4] = chance.randbytes(4)
            case 3:
                damaged[start:start] = damaged[: chance.randint(0, 400)]
    read_and_check(bytes(damaged))


MEGABYTE = 1_000_000
HEAD = b"From: MAILER-DAEMON@example.org\nSubject: failure notice\n\n"
PAGE = b"Content-Type: text/html\n" + HEAD
REPORT = b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"


def nested(count: int) -> bytes:
    return b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(count))


HOSTILE = {
    "nested parts": nested(20_000),
    "nested mails": b"Content-Type: message/rfc822\n\n" * 30_000,
    "countless parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 200_000,
    "countless headers": b"a: b\n" * 200_000,
    "one endless header": b"Subject: " + b"=?utf-8?q?a?= " * 70_000,
    "one endless fold": b"Subject: a\n" + b" a\n" * 300_000,
    "blank lines": b"\n" * MEGABYTE,
    "semicolons": b"Content-Type: multipart/mixed" + b"; " * 300_000 + b"\n\n",
    "brackets": HEAD + b"<" * MEGABYTE,
    "at signs": HEAD + b"a@" * 500_000,
    "addresses": HEAD + b"a@b.cd " * 140_000,
    "bracketed addresses": HEAD + b"<a@b.cd>: 550 no\n" * 60_000,
    "spaces": HEAD + b" " * MEGABYTE,
    "dashes": HEAD + b"-" * MEGABYTE,
    "failed recipients": b"X-Failed-Recipients: " + b"a@b.cd, " * 100_000 + b"\n\n" + b"a@b.cd " * 10_000,
    "recipients": REPORT + b"Final-Recipient: rfc822; a@b.cd\nAction: failed\nStatus: 5.1.1\n\n" * 15_000,
    "diagnoses": REPORT
    + b"".join(
        b"Final-Recipient: rfc822; a%d@b.cd\nDiagnostic-Code: smtp; %d " % (n, n)
        + b"user message mail " * 500
        + b"\n\n"
        for n in range(100)
    ),
    "base64": b"Content-Transfer-Encoding: base64\nContent-Type: message/rfc822\n\n" + b"QUFB" * 250_000,
    "punycode": b"Content-Type: text/plain; charset=punycode\n" + HEAD + b"a-" * 500_000,
    "references": b"References: " + b"<abcdefghijklmnopqrstuvwx23@x> " * 30_000 + b"\n\n",
    "unclosed styles": PAGE + b"<style>" * 140_000,
    "styles": PAGE + b"<style></style>" * 60_000,
    "tags": PAGE + b"<a" * 500_000,
    "long tags": PAGE + (b"<a " + b"x" * 3990) * 250,
    "entities": PAGE + b"&lt;" * 250_000,
    "lines of dashes": HEAD + (b"-" * 200 + b"\n") * 5_000,
    "announcements": HEAD + b"the following recipients:\n" * 40_000,
    "long announcements": HEAD + b"following a-a-a a-a-a a-a-a " * 40_000,
    "announced lines": HEAD + b"following recipients:\n" + b"Ada Lovelace of the people <\n" * 40_000,
    "labels": HEAD + b"Recipient: <ada@example.org>\n" * 40_000,
    "blank labels": HEAD + b"could not be delivered to" + b" " * MEGABYTE,
    "dialogue": HEAD + b"RCPT TO:<a@b.cd>\n550 no\n" * 40_000,
    "deep notification": b"\n" + b'{"Message":' * 90_000,
    "deep lists": b'\n{"bounce":' + b"[" * MEGABYTE,
    "glued groups": REPORT + b"Final-Recipient: rfc822; a@b.cd\n" * 30_000,
    "long subject": b"From: postmaster@example.org\nSubject: " + b"delivery a " * 90_000 + b"\n\nx\n",
    "japanese in name only": b"Content-Type: text/plain; charset=iso-2022-jp\n" + HEAD + b"\x1b$B\xa4" * 250_000,
    "beyond the limit": HEAD + b"x" * 4 * MAX_SIZE,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_mail_is_over_soon(name):
    start = time.perf_counter()
    read_and_check(HOSTILE[name])
    assert time.perf_counter() - start < PATIENCE


@given(
    st.lists(
        st.sampled_from(
            [
                "user",
                "mailbox",
                "message",
                "mail",
                "not",
                "no",
                "is",
                "exceed",
                "quota",
                "spam",
                "relay",
                "a",
                ".",
                "-",
                "it",
            ]
        ),
        max_size=600,
    )
)
def test_no_wording_takes_long(words):
    start = time.perf_counter()
    reason_by_text(" ".join(words))
    assert time.perf_counter() - start < 1
