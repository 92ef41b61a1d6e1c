"""Reading delivered bytes quickly must agree with the standard library's slow reading."""

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.simulator.letters import read_letter
from app.simulator.mime import decoded, header, headers_of, html_of
from tests.simulator.worlds import newsletter

SITE = "http://127.0.0.1:8025"
texts = st.text(st.characters(blacklist_categories=["Cs", "Cc"]) | st.just("\n"), max_size=300)


@settings(deadline=None)
@given(text=texts, html=texts, cte=st.sampled_from(["quoted-printable", "base64", "8bit"]), wrapped=st.booleans())
def test_the_html_part_is_what_the_standard_library_reads(text: str, html: str, cte: str, wrapped: bool) -> None:
    mail = EmailMessage(policy=policy.SMTP)
    mail["Subject"] = "x"
    mail.set_content(text)
    mail.add_alternative(html, subtype="html", cte=cte)
    if wrapped:
        mail.add_attachment(b"--=\r\n--data", maintype="application", subtype="octet-stream")
    raw = mail.as_bytes()
    part = BytesParser(policy=policy.default).parsebytes(raw).get_body(("html",))
    assert part is not None
    expected = part.get_payload(decode=True)
    assert isinstance(expected, bytes)
    assert html_of(raw).splitlines() == expected.decode().splitlines()


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    for content in (
        raw,
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n" + raw,
        b"Content-Type: text/html; charset=x-none\r\nContent-Transfer-Encoding: base64\r\n\r\n" + raw,
    ):
        read_letter(content)
        header(headers_of(content), "Subject")


def test_headers_are_unfolded_and_found_without_case() -> None:
    raw = b"X-A: 1\r\nsubject: one\r\n two\r\n\tthree\r\nX-Subject: no\r\n\r\nSubject: body\r\n"
    assert header(headers_of(raw), "Subject") == "one two three"
    assert header(headers_of(raw), "Missing") == ""
    assert decoded("=?utf-8?q?Gr=C3=BC=C3=9Fe?= Ada") == "Grüße Ada"
    assert decoded("=?no-such-charset?q?x?=") == "=?no-such-charset?q?x?="


def test_a_newsletter_shows_its_links_pixel_and_ways_out() -> None:
    letter = read_letter(newsletter(SITE, "ada@x.test", 7).as_bytes(policy=policy.SMTP))
    assert letter.content == (*(f"{SITE}/c/7?l={part}&s=x" for part in range(3)), "https://other.example.com/")
    assert f"{SITE}/v/7" in letter.links
    assert letter.pixel == f"{SITE}/o/7.gif"
    assert letter.one_click == letter.leave_page == f"{SITE}/u/7"


def test_without_the_post_header_the_mailbox_has_no_button() -> None:
    mail = newsletter(SITE, "ada@x.test", 7)
    del mail["List-Unsubscribe-Post"]
    letter = read_letter(mail.as_bytes(policy=policy.SMTP))
    assert letter.one_click == ""
    assert letter.leave_page == f"{SITE}/u/7"


@pytest.mark.parametrize(
    ("html", "content", "leave"),
    [
        ("<A HREF='http://s/1'>one</A><a class=x href=http://s/2>two</a>", ("http://s/1", "http://s/2"), ""),
        ('<a href="http://s/1"><b>Unsub</b>scribe</a>', ("http://s/1",), ""),
        ('<a href="http://s/1">Berhenti berlangganan</a>', (), "http://s/1"),
        ('<a href="mailto:a@x.test">write</a><a href="#top">up</a><a name="x">y</a>', (), ""),
        ('<a href="http://s/?a=1&amp;b=2">x</a><a href="http://s/?a=1&amp;b=2">y</a>', ("http://s/?a=1&b=2",), ""),
    ],
)
def test_links_are_found_as_browsers_find_them(html: str, content: tuple[str, ...], leave: str) -> None:
    letter = read_letter(b"Content-Type: text/html\r\n\r\n" + html.encode())
    assert letter.content == content
    assert letter.leave_page == leave
