"""Letters that come back: delivery reports (RFC 3464), complaints (RFC 5965, and Microsoft's own form), and answers.

All are bytes with CRLF line ends, ready for SMTP.
"""

from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from hashlib import blake2b

from app.core import clock
from app.simulator.mime import decoded, header, headers_of
from app.simulator.providers import Provider
from app.simulator.smtp import NAME
from app.simulator.words import Saying

REPORTER = "feedback@arf.example.test"


@dataclass(frozen=True, slots=True)
class Original:
    """The message a letter is about."""

    to: str
    sender: str
    raw: bytes
    provider: Provider
    envelope_id: str = ""
    arrived: datetime | None = None

    @property
    def head(self) -> bytes:
        return headers_of(self.raw)


def delivery_report(original: Original, saying: Saying) -> bytes:
    """A report that the message failed after it had been accepted, with its headers returned."""
    utf8 = not original.to.isascii()
    kind = "global-delivery-status" if utf8 else "delivery-status"
    address_type = "utf-8" if utf8 else "rfc822"
    host = f"mx.{original.to.rpartition('@')[2]}"
    status = [f"Reporting-MTA: dns; {NAME}", f"Arrival-Date: {_date(original.arrived)}"]
    if original.envelope_id:
        status.insert(0, f"Original-Envelope-Id: {original.envelope_id}")
    status += [
        "",
        f"Final-Recipient: {address_type}; {original.to}",
        "Action: failed",
        f"Status: {saying.status}",
        f"Remote-MTA: dns; {host}",
        f"Diagnostic-Code: smtp; {saying.code} {saying.status} {saying.text}",
        f"Last-Attempt-Date: {_date(None)}",
        "",
    ]
    words = (
        f"This is the mail system at host {NAME}.\r\n\r\n"
        "Your message could not be delivered to the person below. There is no use in sending this copy again.\r\n\r\n"
        f"<{original.to}>: host {host} said: {saying.code} {saying.status} {saying.text}\r\n"
    )
    parts = [
        _part("text/plain; charset=utf-8", words),
        _part(f"message/{kind}", "\r\n".join(status)),
        _part("text/rfc822-headers", original.head + b"\r\n"),
    ]
    top = _head(original, f"MAILER-DAEMON@{NAME}", original.sender, "Undelivered Mail Returned to Sender", "dsn")
    return _multipart([*top, "Auto-Submitted: auto-replied"], "report; report-type=delivery-status", parts)


def free_text_report(original: Original, saying: Saying) -> bytes:
    """The same news from a server that writes for people only: plain words, and the headers below them."""
    words = (
        "A message that you sent could not be delivered to one of its recipients. This is a permanent failure.\r\n\r\n"
        f"  {original.to}\r\n"
        f"    host mx.{original.to.rpartition('@')[2]} [192.0.2.80] said after RCPT TO:<{original.to}>:\r\n"
        f"    {saying.code} {saying.status} {saying.text}\r\n\r\n"
        "------ This is a copy of your message's headers. ------\r\n\r\n"
    )
    top = _head(original, f"Mailer-Daemon@{NAME}", original.sender, "Mail failure: your message comes back", "words")
    lines = [*top, "Auto-Submitted: auto-replied", "Content-Type: text/plain; charset=utf-8"]
    coding = [] if original.to.isascii() and original.head.isascii() else ["Content-Transfer-Encoding: 8bit"]
    return "\r\n".join([*lines, *coding, "", words]).encode() + original.head + b"\r\n"


def complaint(original: Original, to: str) -> bytes:
    """What the provider tells the sender when a person presses "spam"."""
    if original.provider.feedback_format == "jmrp":
        return _junk_report(original, to)
    fields = [
        "Feedback-Type: abuse",
        "User-Agent: SomeInbox-Feedback/1.0",
        "Version: 1",
        f"Original-Mail-From: <{original.sender}>",
        f"Reported-Domain: {original.sender.rpartition('@')[2]}",
        f"Arrival-Date: {_date(original.arrived)}",
        "",
    ]
    words = "A person marked the mail below as spam. The name in the address was left out.\r\n"
    parts = [
        _part("text/plain; charset=us-ascii", words),
        _part("message/feedback-report", "\r\n".join(fields)),
        _part("text/rfc822-headers", _redacted(original.head, original.to) + b"\r\n"),
    ]
    return _multipart(
        _head(original, REPORTER, to, "Complaint about a mail from you", "arf"),
        "report; report-type=feedback-report",
        parts,
    )


def _junk_report(original: Original, to: str) -> bytes:
    inner = f"X-HmXmrOriginalRecipient: {original.to}\r\n".encode() + original.raw
    top = _head(original, "staff@hotmail.example.test", to, "complaint about message from 127.0.0.1", "jmrp")
    return _multipart(top, "mixed", [_part("message/rfc822", inner)])


def vacation(original: Original) -> bytes:
    """An automatic answer (RFC 3834)."""
    top = _head(original, original.to, original.sender, f"Out of office: {_subject(original)}", "vacation")
    words = "I am away until the first of next month and read no mail. Please write again when I am back.\r\n"
    return _plain([*top, "Auto-Submitted: auto-replied", "X-Auto-Response-Suppress: All"], words)


def answer(original: Original) -> bytes:
    """A person's own words."""
    top = _head(original, original.to, original.sender, f"Re: {_subject(original)}", "answer")
    words = "Thank you, I liked this one. Does the second offer hold until Friday, too?\r\n"
    reference = header(original.head, "Message-ID")
    return _plain([*top, f"In-Reply-To: {reference}", f"References: {reference}"], words)


def _head(original: Original, sender: str, to: str, subject: str, kind: str) -> list[str]:
    mark = blake2b(f"{kind}\0{original.to}\0{original.sender}".encode() + original.head, digest_size=12).hexdigest()
    return [
        f"From: {sender}",
        f"To: {to}",
        f"Subject: {subject}",
        f"Date: {_date(None)}",
        f"Message-ID: <{mark}.{kind}@{NAME}>",
        "MIME-Version: 1.0",
    ]


def _subject(original: Original) -> str:
    text = decoded(header(original.head, "Subject"))
    return text if text.isascii() else "your message"


def _redacted(head: bytes, address: str) -> bytes:
    local, _, domain = address.rpartition("@")
    mark = blake2b(local.encode(), digest_size=6).hexdigest()
    return head.replace(address.encode(), f"redacted-{mark}@{domain}".encode())


def _date(moment: datetime | None) -> str:
    return format_datetime(moment or clock.now())


def _part(kind: str, content: str | bytes) -> bytes:
    data = content.encode() if isinstance(content, str) else content
    coding = b"" if data.isascii() else b"Content-Transfer-Encoding: 8bit\r\n"
    return b"Content-Type: " + kind.encode() + b"\r\n" + coding + b"\r\n" + data


def _multipart(top: list[str], kind: str, parts: list[bytes]) -> bytes:
    boundary = "=_" + blake2b(b"".join(parts), digest_size=12).hexdigest()
    head = "\r\n".join([*top, f'Content-Type: multipart/{kind}; boundary="{boundary}"', "", ""]).encode()
    mark = f"\r\n--{boundary}".encode()
    return head + b"".join(mark + b"\r\n" + part for part in parts) + mark + b"--\r\n"


def _plain(top: list[str], words: str) -> bytes:
    return "\r\n".join([*top, "Content-Type: text/plain; charset=us-ascii", "", words]).encode()
