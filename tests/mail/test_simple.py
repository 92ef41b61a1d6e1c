"""Mail of the system itself."""

import quopri
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.mail.qp import quoted_printable
from app.mail.simple import compose_simple
from app.mail.wire import Sender


def confirmation(**changed):
    parts = {
        "sender": Sender("Weekly Digest", "news@example.com"),
        "to_name": "",
        "to_email": "ada@example.org",
        "subject": "Please confirm your subscription",
        "text": "Grüße,\n.\n.hidden\nFrom here on\nbye \n",
        "html": "<p>Grüße</p>",
        "date": datetime(2026, 3, 1, tzinfo=UTC),
        "mail_domain": "mail.example.com",
    }
    return compose_simple(**{**parts, **changed})


def test_a_confirmation_is_marked_as_generated_and_reads_well():
    mail = confirmation()
    message = message_from_bytes(mail.data, policy=policy.default)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["To"] == "ada@example.org"
    text, html = message.iter_parts()
    assert text.get_content().replace("\r\n", "\n") == "Grüße,\n.\n.hidden\nFrom here on\nbye \n"
    assert html.get_content() == "<p>Grüße</p>"
    assert mail.envelope_from == "news@example.com"
    assert not any(line.startswith((b".", b"From ")) for line in mail.data.split(b"\r\n"))
    assert not [name for name in message if name.startswith(("List-", "Precedence", "Feedback"))]


def test_message_ids_differ_unless_given():
    first, second = (message_from_bytes(confirmation().data)["Message-ID"] for _ in range(2))
    assert first != second
    assert message_from_bytes(confirmation(message_id="abc").data)["Message-ID"] == "<abc@mail.example.com>"


def test_the_envelope_sender_may_be_another():
    assert confirmation(envelope_from="b+abc@bounce.example.com").envelope_from == "b+abc@bounce.example.com"


@pytest.mark.parametrize("changed", [{"message_id": "a>\r\nBcc: x"}, {"envelope_from": "a\r\nRCPT TO:<x@example.org>"}])
def test_what_cannot_be_carried_is_refused(changed):
    with pytest.raises(Invalid):
        confirmation(**changed)


@given(st.text(alphabet=st.one_of(st.sampled_from(" .=\r\n\tF"), st.characters(codec="utf-8")), max_size=400))
@example("." * 200)
@example("From " * 40)
@example(" " * 80 + "\n" + "é" * 80)
@example("x" * 75 + "." * 3)
def test_quoted_printable_gives_back_what_went_in(text):
    encoded = quoted_printable(text)
    assert encoded.isascii()
    for line in encoded.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith((b".", b"From "))
        assert not line.endswith(b" ")
    decoded = quopri.decodestring(encoded).decode().replace("\r\n", "\n")
    assert decoded == text.replace("\r\n", "\n").replace("\r", "\n")
