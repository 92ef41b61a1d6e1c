"""What came back of a large campaign, made up: reports, complaints and answers to our own return addresses."""

from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from typing import Literal

from app.mail.verp import return_address

Fate = Literal["dead", "full", "blocked", "complained", "away", "held"]
FATES: tuple[Fate, ...] = ("dead",) * 12 + ("full",) * 3 + ("blocked",) * 2 + ("complained", "away", "held")
"""Of twenty mails. `dead`: gone, and no more than a few at one provider; `held`: one of many that fail alike there."""
APART = 8
"""So few people share a domain that their failures are no burst."""
TOGETHER: dict[Fate, str] = {"held": "burst.example.com", "blocked": "block.example.com"}
SAID = {
    "dead": ("5.1.1", "550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table"),
    "held": ("5.1.1", "550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table"),
    "full": ("4.2.2", "452 4.2.2 <{to}>: The email account that you tried to reach is over quota"),
    "blocked": ("5.7.1", "550 5.7.1 Message rejected: your IP address 192.0.2.1 is listed on a block list"),
}


@dataclass(frozen=True, slots=True)
class Back:
    """A mail that comes back: to which address of ours, its bytes, and what must become of the person."""

    envelope_to: str
    raw: bytes
    fate: Fate


def fate_of(number: int) -> Fate:
    """What becomes of person `number`."""
    return FATES[number % len(FATES)]


def address_of(number: int) -> str:
    """The person's address."""
    domain = TOGETHER.get(fate_of(number), f"d{number // APART}.example.com")
    return f"person{number}@{domain}"


def make(number: int, token: str, domain: str) -> Back:
    """The mail about the message of person `number`, whose token is given, to the bounce domain."""
    to, fate, envelope = address_of(number), fate_of(number), return_address(token, domain)
    if fate == "complained":
        return Back(envelope, _complaint(envelope, token), fate)
    if fate == "away":
        return Back(envelope, _away(to, envelope, token), fate)
    return Back(envelope, _report(to, envelope, token, *SAID[fate]), fate)


def _report(to: str, envelope: str, token: str, status: str, said: str) -> bytes:
    """As Postfix writes it (RFC 3464)."""
    words = said.format(to=to)
    told = (
        "This is the mail system at host mx.example.net.\r\n\r\nYour message could not be delivered.\r\n"
        f"\r\n<{to}>: host mail.example.org[192.0.2.25] said: {words}"
    )
    fields = (
        "Reporting-MTA: dns; mx.example.net\r\nArrival-Date: Thu, 5 Mar 2026 09:30:10 +0000 (UTC)\r\n\r\n"
        f"Final-Recipient: rfc822; {to}\r\nAction: failed\r\nStatus: {status}\r\n"
        f"Remote-MTA: dns; mail.example.org\r\nDiagnostic-Code: smtp; {words}\r\n"
    )
    parts = [("text/plain", told), ("message/delivery-status", fields), ("text/rfc822-headers", _headers(to, token))]
    return _mail(
        "MAILER-DAEMON@mx.example.net",
        envelope,
        "Undelivered Mail Returned to Sender",
        _many('multipart/report; report-type=delivery-status; boundary="part"', parts),
    )


def _complaint(envelope: str, token: str) -> bytes:
    """As a feedback loop sends it (RFC 5965)."""
    fields = "Feedback-Type: abuse\r\nUser-Agent: Loop/1.0\r\nVersion: 1\r\n"
    parts = [
        ("text/plain", "This is an abuse report for a message.\r\n"),
        ("message/feedback-report", fields),
        ("text/rfc822-headers", _headers("redacted@example.com", token)),
    ]
    body = _many('multipart/report; report-type=feedback-report; boundary="part"', parts)
    return _mail("feedback@fbl.example.net", envelope, "Abuse report", body)


def _away(to: str, envelope: str, token: str) -> bytes:
    mail = EmailMessage(SMTP)
    mail["From"], mail["To"], mail["Subject"] = to, envelope, "Out of office: Spring"
    mail["Auto-Submitted"], mail["In-Reply-To"] = "auto-replied", f"<{token}@mail.example.com>"
    mail.set_content("I am on leave until Monday and answer afterwards.\n")
    return mail.as_bytes()


def _headers(to: str, token: str) -> str:
    return f"From: news@example.com\r\nTo: {to}\r\nMessage-ID: <{token}@mail.example.com>\r\nSubject: Spring\r\n"


def _many(content_type: str, parts: list[tuple[str, str]]) -> str:
    bodies = "".join(f"--part\r\nContent-Type: {kind}\r\n\r\n{text}\r\n" for kind, text in parts)
    return f"MIME-Version: 1.0\r\nContent-Type: {content_type}\r\n\r\n{bodies}--part--\r\n"


def _mail(sender: str, to: str, subject: str, rest: str) -> bytes:
    return f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\nAuto-Submitted: auto-replied\r\n{rest}".encode()
