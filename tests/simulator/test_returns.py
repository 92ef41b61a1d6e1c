"""Letters that come back must be readable by a stranger: the standard library's parser."""

from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime

import pytest

from app.simulator.providers import GMAIL, OUTLOOK, YAHOO, Provider
from app.simulator.returns import Original, answer, complaint, delivery_report, vacation
from app.simulator.words import say
from tests.simulator.worlds import newsletter


def original(to: str = "ada@yahoo.example.com", provider: Provider = YAHOO) -> Original:
    raw = newsletter("http://127.0.0.1:8025", to, 7).as_bytes(policy=policy.SMTPUTF8)
    return Original(to, "b+m7@bounces.example.com", raw, provider, "ticket-7", datetime(2026, 6, 1, tzinfo=UTC))


def parsed(letter: bytes) -> EmailMessage:
    assert b"\n" not in letter.replace(b"\r\n", b"")
    message = BytesParser(policy=policy.default).parsebytes(letter)
    assert message["From"]
    assert parsedate_to_datetime(message["Date"])
    assert all(not part.defects for part in message.walk())
    return message


@pytest.mark.parametrize(
    ("to", "kind", "address_type"),
    [
        ("ada@gmail.example.com", "message/delivery-status", "rfc822"),
        ("jürgen@gmail.example.com", "message/global-delivery-status", "utf-8"),
    ],
)
def test_a_delivery_report_names_recipient_reason_and_message(to: str, kind: str, address_type: str) -> None:
    about = original(to, GMAIL)
    report = parsed(delivery_report(about, say("gmail", "unknown", address=to)))
    assert report.get_content_type() == "multipart/report"
    assert report["Content-Type"].params["report-type"] == "delivery-status"
    text, status, returned = report.iter_parts()
    assert to in text.get_content()
    assert status.get_content_type() == kind
    raw = status.as_bytes(policy=policy.SMTPUTF8).decode()
    assert f"Final-Recipient: {address_type}; {to}" in raw
    for line in (
        "Original-Envelope-Id: ticket-7",
        "Action: failed",
        "Status: 5.1.1",
        "Diagnostic-Code: smtp; 550 5.1.1",
    ):
        assert line in raw
    assert returned.get_content_type() == "text/rfc822-headers"
    assert "<m7@mail.example.com>" in returned.get_content()


def test_a_complaint_keeps_the_tokens_and_hides_the_person() -> None:
    letter = complaint(original(), "fbl@bounces.example.com")
    report = parsed(letter)
    assert report["Content-Type"].params["report-type"] == "feedback-report"
    assert b"Feedback-Type: abuse" in letter
    assert b"Original-Mail-From: <b+m7@bounces.example.com>" in letter
    assert b"<m7@mail.example.com>" in letter
    assert b"ada@yahoo.example.com" not in letter


def test_microsoft_returns_the_whole_mail() -> None:
    about = original("ada@outlook.example.com", OUTLOOK)
    report = parsed(complaint(about, "fbl@bounces.example.com"))
    (part,) = report.iter_parts()
    assert part.get_content_type() == "message/rfc822"
    inner = part.get_content()
    assert inner["X-HmXmrOriginalRecipient"] == "ada@outlook.example.com"
    assert inner["Message-ID"] == "<m7@mail.example.com>"


def test_answers_say_whether_a_robot_wrote_them() -> None:
    assert parsed(vacation(original()))["Auto-Submitted"] == "auto-replied"
    written = parsed(answer(original()))
    assert written["Auto-Submitted"] is None
    assert written["In-Reply-To"] == "<m7@mail.example.com>"
    assert written["Subject"] == "Re: June news"
