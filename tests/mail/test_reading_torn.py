"""Mail that is torn, huge, or wrapped in itself: an answer still, in bounded time and memory, and the right one."""

import time
import tracemalloc
from base64 import b64encode

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from app.mail.reading import read_mail
from app.shell.classify import classify_paths
from tests.mail import letters
from tests.mail.letters import letter
from tests.mail.notices import ADA, GRACE
from tests.mail.notices_of_gateways import GATEWAYS
from tests.mail.notices_of_others import OTHERS
from tests.mail.notices_of_servers import SERVERS
from tests.mail.test_reading_never_raises import HOSTILE, PATIENCE, read_and_check

EVERYTHING = (*letters.ALL, *(notice.raw for notice in (SERVERS | OTHERS | GATEWAYS).values()))
CHARSETS = [
    "us-ascii",
    "utf-8",
    "utf-16",
    "utf-7",
    "iso-2022-jp",
    "gb2312",
    "koi8-r",
    "ebcdic-cp-us",
    "x-unknown",
    "hex",
]


@given(st.sampled_from(EVERYTHING), st.floats(0, 1), st.floats(0, 1))
def test_a_letter_torn_at_both_ends(raw, first, last):
    read_and_check(raw[int(first * len(raw)) : int(last * len(raw))])


@given(
    st.sampled_from(EVERYTHING), st.sampled_from(CHARSETS), st.sampled_from(["base64", "quoted-printable", "8bit", "x"])
)
def test_a_letter_under_a_wrong_charset_and_encoding(raw, charset, encoding):
    head = f"From: MAILER-DAEMON@example.org\nSubject: failure notice\nContent-Type: text/plain; charset={charset}\n"
    read_and_check(letter(f"{head}Content-Transfer-Encoding: {encoding}\n\n") + raw)
    read_and_check(letter(f"{head}Content-Transfer-Encoding: {encoding}\n\n") + b64encode(raw))


@given(st.sampled_from(EVERYTHING), st.sampled_from(EVERYTHING), st.integers(1, 4))
def test_a_letter_within_letters(outer, inner, depth):
    raw = inner
    for number in range(depth):
        head = b"From: MAILER-DAEMON@example.org\nSubject: Returned mail\n"
        head += b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\nContent-Type: message/rfc822\n\n' % (
            number,
            number,
        )
        raw = head + raw + b"\n--b%d--\n" % number
    read_and_check(raw)
    read_and_check(outer.replace(b"\r\n\r\n", b"\r\n\r\n" + raw, 1))


@pytest.mark.parametrize("filler", [b"\x00", b"\xff", b"\x1b$B"])
def test_letters_full_of_what_no_mail_has(filler):
    for raw in EVERYTHING:
        read_and_check(filler * 1000 + raw)
        read_and_check(raw.replace(b" ", filler))
        read_and_check(filler.join(raw[at : at + 40] for at in range(0, len(raw), 40)))


def test_parts_a_hundred_deep_hide_nothing_that_is_read():
    opening = b"".join(b"Content-Type: multipart/mixed; boundary=n%d\n\n--n%d\n" % (n, n) for n in range(100))
    read_and_check(opening + letters.POSTFIX_UNKNOWN)
    shallow = b"".join(b"Content-Type: multipart/mixed; boundary=n%d\n\n--n%d\n" % (n, n) for n in range(3))
    assert [one.address for one in read_mail(shallow + letters.POSTFIX_UNKNOWN).recipients] == [ADA]


def test_ten_thousand_parts_behind_the_report_do_not_hide_it():
    end = b"--4Rk2.9/mx.example.org--"
    more = b"--4Rk2.9/mx.example.org\r\nContent-Type: text/plain\r\n\r\nmore\r\n" * 10_000
    mail = read_mail(letters.POSTFIX_UNKNOWN.replace(end, more + end))
    assert (mail.kind, [one.address for one in mail.recipients]) == ("bounce", [ADA])


def test_a_bounce_of_a_bounce_is_about_the_outer_one():
    inner = letters.POSTFIX_UNKNOWN.replace(b"\r\n", b"\n").decode()
    fields = f"Final-Recipient: rfc822; {GRACE}\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 mailbox full"
    mail = read_mail(letters.dsn(fields, returned=inner))
    assert [(one.address, one.reason) for one in mail.recipients] == [(GRACE, "mailboxfull")]


def test_a_loop_of_mail_is_trouble_on_the_way_and_condemns_nobody():
    fields = f"Final-Recipient: rfc822; {ADA}\nAction: failed\nStatus: 5.4.6\n"
    mail = read_mail(letters.dsn(f"{fields}Diagnostic-Code: smtp; 554 5.4.6 Too many hops 26 (25 max)"))
    assert [(one.reason, one.suppress) for one in mail.recipients] == [("networkerror", False)]


def test_a_sentence_said_five_hundred_times_is_read_in_a_moment():
    head = b"From: MAILER-DAEMON@example.org\nSubject: Mail delivery failed\n\n"
    raw = head + f"There was an error delivering your mail to <{ADA}>.\n\n".encode() * 500
    seconds = []
    for _ in range(3):
        start = time.process_time()
        mail = read_mail(raw)
        seconds.append(time.process_time() - start)
    assert [one.address for one in mail.recipients] == [ADA]
    assert min(seconds) < 0.08


def test_a_recipient_told_of_a_hundred_times_with_a_long_story_is_read_in_a_moment():
    story = "while the server did not say why the message for the mailbox of a user is not there\n" * 40
    field = f"Final-Recipient: rfc822; {ADA}\nAction: failed\nStatus: 5.0.0\n"
    prose = f"The following addresses had permanent fatal errors:\n<{ADA}>\n{story}"
    raw = letters.dsn("\n".join([field] * 100), prose=prose)
    seconds = []
    for _ in range(3):
        start = time.process_time()
        mail = read_mail(raw)
        seconds.append(time.process_time() - start)
    assert {one.address for one in mail.recipients} == {ADA}
    assert min(seconds) < 0.3


def test_a_file_of_a_hundred_megabytes_is_read_by_its_beginning(tmp_path):
    path = tmp_path / "huge.eml"
    with path.open("wb") as file:
        file.write(letters.POSTFIX_UNKNOWN.replace(b"--4Rk2.9/mx.example.org--", b""))
        file.truncate(100 * 1024 * 1024)
    tracemalloc.start()
    start = time.perf_counter()
    result = CliRunner().invoke(_classify_command(path))
    seconds, (_, peak) = time.perf_counter() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert '"kind": "bounce"' in result.output
    assert seconds < PATIENCE
    assert peak < 32 * 1024 * 1024


def _classify_command(path):
    import click

    return click.command()(lambda: classify_paths((path,), as_json=True))


@pytest.mark.parametrize(
    "name", ["nested parts", "countless parts", "recipients", "addresses", "entities", "references"]
)
def test_a_hostile_mail_takes_little_memory(name):
    raw = HOSTILE[name]
    tracemalloc.start()
    read_mail(raw)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 1024 * 1024
