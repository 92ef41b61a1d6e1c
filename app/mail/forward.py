"""A person's reply on its way to the marketer: a small mail of our own, with the original attached.

It comes from us, since the person's domain does not let us write in its name (DMARC); answers go to the person.
"""

import re
import secrets
from base64 import encodebytes
from dataclasses import dataclass
from datetime import datetime

from app.mail.addresses import a_label, wire_address
from app.mail.autoreply import autoreply_sign
from app.mail.challenge import challenge_sign
from app.mail.headers import date_text, mailbox_field, text_field
from app.mail.letter import text_of_letter
from app.mail.mime import Part
from app.mail.qp import quoted_printable
from app.mail.recipients import all_addresses, first_address
from app.mail.wire import WireMail

MARK = "X-Merpati-Forward"
LARGEST = 8 * 1024 * 1024
"""Octets of an original that is attached; a larger one is read in the pages."""
LONGEST = 20_000

_LINE = 998
_LIST_MARKS = frozenset({"list-id", "list-post", "list-unsubscribe", "mailing-list", "x-mailing-list"})
_BULK = frozenset({"bulk", "list", "junk"})
_ROBOT = re.compile(r"^(?:no-?reply|do-?not-?reply|donotreply|mailer-daemon|postmaster|bounces?|root|www-data)@", re.I)


@dataclass(frozen=True, slots=True)
class Forward:
    """What stands in the mail. `text` is what the reply says; `raw` its original; `wish` looks like one to leave."""

    to: str
    mail_id: int
    person: str
    person_name: str
    subject: str
    answered: str
    text: str
    page_url: str
    wish: str
    leave_url: str
    raw: bytes
    went_to: str = ""
    """Whom the answered mail went to, where somebody else wrote this."""


def why_not_forwarded(mail: Part, *, to: str, own_domains: frozenset[str]) -> str:
    """Why a mail must not go on, in a word, or an empty text: what a machine wrote would go round for ever."""
    header = mail.header
    sender = first_address(header.get("From")).lower()
    target = to.lower()
    if MARK in header or "X-Merpati-Message" in header or sender.rpartition("@")[2] in own_domains:
        return "ours"
    if not sender or autoreply_sign(header) or _ROBOT.match(sender) or header.get("Return-Path").strip() == "<>":
        return "robot"
    if _LIST_MARKS & header.names() or header.text("Precedence").lower() in _BULK:
        return "list"
    if challenge_sign(header, text_of_letter(mail)[:4000]):
        return "challenge"
    if sender == target:
        return "theirs"
    # A whole visible list of recipients is read: who has it already need not get it again.
    got = {
        one.lower()
        for name in ("To", "Cc", "Delivered-To")
        for value in header.all(name)
        for one in all_addresses(value)
    }
    return "there" if target in got else ""


def compose_forward(forward: Forward, *, mail_domain: str, date: datetime) -> WireMail:
    """The mail. Raises Invalid when an address cannot be written to."""
    domain = a_label(mail_domain)
    to, needs_to = wire_address(forward.to)
    person, needs_person = wire_address(forward.person)
    boundary = f"=_merpati_{secrets.token_hex(12)}"
    sender = f"no-reply@{domain}"
    head = [
        mailbox_field("From", f"{forward.person_name or forward.person.partition('@')[0]} (reply)", sender),
        mailbox_field("Reply-To", forward.person_name, person),
        mailbox_field("To", "", to),
        text_field("Subject", forward.subject or "(no subject)"),
        f"Date: {date_text(date)}",
        f"Message-ID: <{secrets.token_hex(16)}@{domain}>",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
        f"{MARK}: {forward.mail_id}",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        "",
        "",
    ]
    pieces = ["\r\n".join(head).encode(), quoted_printable(_words(forward))]
    if len(forward.raw) <= LARGEST:
        pieces += [f"\r\n--{boundary}\r\n".encode(), _attached(forward.raw)]
    pieces.append(f"\r\n--{boundary}--\r\n".encode())
    return WireMail(sender, to, needs_to or needs_person, b"".join(pieces))


def _words(forward: Forward) -> str:
    quoted = "\n".join(f"> {line}".rstrip() for line in forward.text[:LONGEST].split("\n"))
    lines = [_who(forward), "", quoted, ""]
    if forward.wish:
        whom = forward.went_to or "them"
        lines += [
            f"This looks like a wish to leave (“{forward.wish}”). Nothing was changed. To unsubscribe {whom}:",
            forward.leave_url,
            "",
        ]
    lines += [f"Your answer to this mail goes to {forward.person}.", f"The reply in Merpati: {forward.page_url}", ""]
    return "\n".join(lines)


def _who(forward: Forward) -> str:
    if forward.went_to:
        return f"{forward.person} answered “{forward.answered}”, which went to somebody else, {forward.went_to}:"
    return f"{forward.person} answered “{forward.answered}”:"


def _attached(raw: bytes) -> bytes:
    """The original as a mail in the mail; as a file where it has what no mail server must change on the way.

    RFC 2046 §5.2.1 allows no encoding around a mail, so its own lines would go over the wire as they are.
    """
    plain = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    lines = plain.split(b"\n")
    if plain.isascii() and b"\0" not in plain and not any(line.startswith(b".") or len(line) > _LINE for line in lines):
        return (
            b'Content-Type: message/rfc822; name="reply.eml"\r\n'
            b'Content-Disposition: attachment; filename="reply.eml"\r\n\r\n' + b"\r\n".join(lines)
        )
    return (
        b'Content-Type: application/octet-stream; name="reply.eml"\r\n'
        b'Content-Disposition: attachment; filename="reply.eml"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n" + _base64(raw)
    )


def _base64(raw: bytes) -> bytes:
    return encodebytes(raw).rstrip(b"\n").replace(b"\n", b"\r\n")
