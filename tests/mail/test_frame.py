"""What a receiver sees in the mail of a campaign."""

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.mail.frame import MailFrame
from app.mail.qp import quoted_printable
from app.mail.wire import Sender, WireMail

TOKEN = "abcdefghijklmnopqrstuvwx23"
SUNDAY = datetime(2026, 3, 1, 9, 30, 12, 345678, tzinfo=UTC)
ONCE = (
    *("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "List-Id", "List-Unsubscribe"),
    *("List-Unsubscribe-Post", "Feedback-ID", "Precedence", "X-Auto-Response-Suppress", "X-Merpati-Message"),
    "Content-Type",
)


def frame(sender: Sender | None = None, **changed) -> MailFrame:
    parts = {
        "sender": sender or Sender("Weekly Digest", "news@example.com", "hello@example.com"),
        "list_name": "Weekly Digest",
        "list_id": "weekly.lists.example.com",
        "feedback_id": "c12:l3:w1:merpati",
        "mail_domain": "mail.example.com",
        "bounce_domain": "bounce.example.com",
    }
    return MailFrame(**{**parts, **changed})


def wire(of: MailFrame | None = None, **changed) -> WireMail:
    parts = {
        "to_name": "Ada Lovelace",
        "to_email": "ada@example.org",
        "subject": "Your weekly digest",
        "token": TOKEN,
        "unsubscribe_url": "https://track.example.com/u/AbCdEfGhIjKlMnOpQrStUv",
        "date": SUNDAY,
        "text_qp": b"Good morning=2C Ada.\r\n",
        "html_qp": b"<p>Good morning, Ada.</p>\r\n",
    }
    return (of or frame()).wire(**{**parts, **changed})


def seen(mail: WireMail) -> EmailMessage:
    message = message_from_bytes(mail.data, policy=policy.default)
    assert not message.defects
    assert not [defect for value in message.values() for defect in value.defects]
    return message


def assert_well_formed(mail: WireMail) -> None:
    assert b"\r" not in mail.data.replace(b"\r\n", b"")
    assert b"\n" not in mail.data.replace(b"\r\n", b"")
    assert mail.data.endswith(b"\r\n")
    lines = mail.data.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(line.startswith(b".") for line in lines)
    head = mail.data.partition(b"\r\n\r\n")[0]
    for line in head.split(b"\r\n"):
        assert line.strip()
        assert len(line) <= 76 or b"=?" not in line
    assert all(len(word) <= 75 for word in re.findall(rb"=\?[^\s]*\?=", head))


def test_every_header_stands_once_and_says_what_it_should():
    mail = wire()
    message = seen(mail)
    assert_well_formed(mail)
    assert {name: len(message.get_all(name)) for name in ONCE} == dict.fromkeys(ONCE, 1)
    assert message["From"] == "Weekly Digest <news@example.com>"
    assert message["Reply-To"] == "hello@example.com"
    assert message["To"] == "Ada Lovelace <ada@example.org>"
    assert message["Date"].datetime == SUNDAY.replace(microsecond=0)
    assert message["Message-ID"] == f"<{TOKEN}@mail.example.com>"
    assert message["X-Merpati-Message"] == TOKEN
    assert message["List-Id"] == "Weekly Digest <weekly.lists.example.com>"
    assert message["Feedback-ID"] == "c12:l3:w1:merpati"
    assert message["Precedence"] == "bulk"
    assert message["X-Auto-Response-Suppress"] == "OOF, AutoReply"


def test_one_click_unsubscribe_has_one_https_address_and_one_mailto():
    message = seen(wire())
    uris = re.findall(r"<([^<>]*)>", message["List-Unsubscribe"])
    assert uris == [
        "https://track.example.com/u/AbCdEfGhIjKlMnOpQrStUv",
        f"mailto:u+{TOKEN}@bounce.example.com?subject=unsubscribe",
    ]
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in wire().data


def test_the_envelope_names_the_message_and_the_recipient():
    mail = wire()
    assert mail.envelope_from == f"b+{TOKEN}@bounce.example.com"
    assert mail.envelope_to == "ada@example.org"
    assert mail.needs_smtputf8 is False
    assert len(mail.envelope_from.partition("@")[0]) <= 64


def test_bodies_come_text_first_in_utf_8():
    message = seen(wire(text_qp=b"Z=C3=BCrich\r\n", html_qp=b"<p>=E6=9D=8E</p>\r\n"))
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert text.get_content() == "Zürich\r\n"
    assert html.get_content() == "<p>李</p>\r\n"
    assert len(message.get_boundary()) <= 70


def test_a_body_that_imitates_the_boundary_stays_a_body():
    boundary = seen(wire()).get_boundary()
    text = f"--{boundary}\nContent-Type: text/html\n\nFake\n--{boundary}--\n"
    parts = list(seen(wire(text_qp=quoted_printable(text))).iter_parts())
    assert len(parts) == 2
    assert parts[0].get_content().replace("\r\n", "\n") == text


NAMES = [
    "李小龙",
    "محمد بن سلمان",
    "Ada 🕊️ Lovelace 👩‍👩‍👧‍👦",
    "Lovelace, Ada",
    'Ada "Countess" Lovelace',
    "Back\\slash",
    "Ada (London)",
    "ada@example.com",
    "Jürgen Müller-Lüdenscheidt von und zu Hohenlohe-Langenburg-Schillingsfürst",
    "A name in plain English that goes on for far too long to fit on any line of a mail header whatsoever",
    "=?utf-8?q?not=20encoded?=",
    "O'Brien; Group: x",
    "<script>",
    "名" * 100,
    "Mr. T.",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_names_arrive_as_they_were_written(name):
    mail = wire(frame(Sender(name, "news@example.com")), to_name=name)
    assert_well_formed(mail)
    message = seen(mail)
    for field, email in (("To", "ada@example.org"), ("From", "news@example.com")):
        assert display_name(mail, field) == name
        assert [address.addr_spec for address in message[field].addresses] == [email]


def display_name(mail: WireMail, field: str) -> str:
    """The older interface: the newer one puts spaces between encoded-words of a phrase, against RFC 2047 §6.2."""
    name, _ = parseaddr(message_from_bytes(mail.data)[field].replace("\r\n", ""))
    return str(make_header(decode_header(name)))


SUBJECTS = [
    "Your weekly digest",
    "本周新闻：你好，世界。" * 12,
    "مرحبا بالعالم",
    "Ada's news 🕊️" * 20,
    "A long subject in plain words that must be folded somewhere, because no line of a mail may run on like this",
    "x" * 300,
    "x" * 2000,
    "Fake =?utf-8?q?Re=3A?= word",
    "",
    "Grüße aus Zürich, " * 10 + "Ende",
]


@pytest.mark.parametrize("subject", SUBJECTS, ids=range(len(SUBJECTS)))
def test_subjects_arrive_as_they_were_written(subject):
    mail = wire(subject=subject)
    assert_well_formed(mail)
    assert seen(mail)["Subject"] == subject
    lines = mail.data.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert all(len(line) <= 78 for line in lines if b"mailto:" not in line)


INJECTIONS = [
    "Hello\r\nBcc: victim@example.org",
    "Hello\nBcc: victim@example.org",
    "Hello\rBcc: victim@example.org",
    "Hello\x00Bcc: victim@example.org",
    "Hello\x0bBcc: x\x0cBcc: y\x85Bcc: z\u2028Bcc: a\u2029Bcc: b",
    "Hello\r\n\r\n<p>Body</p>",
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_nobody_can_put_a_header_in(text):
    of = frame(Sender(text, "news@example.com"), list_name=text, extra_headers={"X-Campaign": text})
    mail = wire(of, subject=text, to_name=text)
    assert_well_formed(mail)
    message = seen(mail)
    assert "Bcc" not in message
    assert len(list(message.iter_parts())) == 2
    flat = re.sub("[\x00-\x20\x85\u2028\u2029]+", " ", text)
    assert message["Subject"] == flat
    assert message["To"].addresses[0].display_name == flat


@pytest.mark.parametrize(
    "changed",
    [
        {"to_email": "ada@example.org\r\nBcc: x@example.org"},
        {"to_email": "ada@example.org>\r\n"},
        {"to_email": "ada lovelace@example.org"},
        {"to_email": "ada@exam ple.org"},
        {"to_email": "ada,eve@example.org"},
        {"to_email": "ada"},
        {"to_email": "@example.org"},
        {"to_email": "ada@"},
        {"to_email": "a" * 400 + "@example.org"},
        {"token": "abc\r\nBcc: x"},
        {"token": ""},
        {"unsubscribe_url": "https://track.example.com/u/a>, <https://evil.example/"},
        {"unsubscribe_url": "https://track.example.com/u/a,b"},
        {"unsubscribe_url": "https://track.example.com/\r\nBcc: x"},
        {"unsubscribe_url": "javascript:alert(1)"},
        {"unsubscribe_url": "https://track.example.com/" + "a" * 1000},
    ],
)
def test_what_no_header_can_carry_is_refused(changed):
    with pytest.raises(Invalid):
        wire(**changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"mail_domain": "exam\r\nple.com"},
        {"bounce_domain": "<x>"},
        {"list_id": "weekly>x.example.com"},
        {"list_id": "a." * 200 + "example.com"},
        {"sender": Sender("News", "news@example.com\r\nBcc: x@example.org")},
        {"sender": Sender("News", "news@example.com", "x y@example.com")},
        {"extra_headers": {"Subject": "twice"}},
        {"extra_headers": {"X-One": "1", "x-one": "2"}},
        {"extra_headers": {"X Bad": "1"}},
        {"extra_headers": {"X-Bad:\r\nBcc": "1"}},
        {"extra_headers": {"X-Long": "y" * 1200}},
    ],
)
def test_a_frame_that_cannot_be_carried_is_refused_before_anything_is_sent(changed):
    with pytest.raises(Invalid):
        frame(**changed)


def test_a_domain_beyond_ascii_goes_out_in_a_labels():
    of = frame(Sender("News", "news@bücher.example"), mail_domain="bücher.example", bounce_domain="b.bücher.example")
    mail = wire(of, to_email="ada@例え.example")
    assert mail.envelope_to == "ada@xn--r8jz45g.example"
    assert mail.envelope_from.endswith("@b.xn--bcher-kva.example")
    assert mail.needs_smtputf8 is False
    assert mail.data.isascii()


@pytest.mark.parametrize(
    ("sender", "to_email"),
    [(None, "jürgen@example.org"), (Sender("News", "grüße@example.com"), "ada@example.org")],
)
def test_a_local_part_beyond_ascii_needs_smtputf8(sender, to_email):
    mail = wire(frame(sender), to_email=to_email)
    assert mail.needs_smtputf8 is True
    assert to_email.encode() in mail.data


def test_extra_headers_of_the_operator_are_carried():
    message = seen(wire(frame(extra_headers={"X-Campaign": "spring sale", "Organization": "Bücherei"})))
    assert (message["X-Campaign"], message["Organization"]) == ("spring sale", "Bücherei")


people = st.text(max_size=120).filter(lambda text: not re.search("[\ud800-\udfff]", text))


@given(people, people)
@example("\u3000wide space\u3000", " leading and trailing ")
@example("a" * 74 + "é", "e\u0301" * 60)
def test_any_text_makes_a_well_formed_mail(name, subject):
    mail = wire(to_name=name, subject=subject)
    assert_well_formed(mail)
    message = message_from_bytes(mail.data, policy=policy.default)
    assert set(message.keys()) == set(ONCE)
    assert message["Subject"] == re.sub("[\x00-\x20\x7f-\x9f\u2028\u2029]+", " ", subject).strip(" ")
    assert message["To"].addresses[0].addr_spec == "ada@example.org"
