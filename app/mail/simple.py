"""Mail of the system itself: confirmations, notices, password resets."""

import secrets
from collections.abc import Mapping
from datetime import datetime

from app.mail.addresses import a_label, wire_address
from app.mail.alternative import AFTER_HTML, BEFORE_HTML, BEFORE_TEXT, CONTENT_TYPE
from app.mail.headers import date_text, mailbox_field, text_field
from app.mail.qp import quoted_printable
from app.mail.shared_fields import NO_EXTRA, extra_fields, sender_fields
from app.mail.wire import Sender, WireMail


def compose_simple(
    *,
    sender: Sender,
    to_name: str,
    to_email: str,
    subject: str,
    text: str,
    html: str,
    date: datetime,
    mail_domain: str,
    envelope_from: str | None = None,
    message_id: str | None = None,
    extra_headers: Mapping[str, str] = NO_EXTRA,
) -> WireMail:
    """One mail to one person, marked as generated so that no responder answers it (RFC 3834 §5).

    `message_id` is the part before the @, random if not given; `envelope_from` is the sender's address if not given.
    """
    address, needs_smtputf8 = wire_address(to_email)
    origin, sender_needs_smtputf8 = sender_fields(sender)
    return_to, return_needs_smtputf8 = wire_address(envelope_from or sender.email)
    fields = [
        *origin,
        mailbox_field("To", to_name, address),
        text_field("Subject", subject),
        f"Date: {date_text(date)}",
        f"Message-ID: <{wire_address(f'{message_id or secrets.token_hex(16)}@{a_label(mail_domain)}')[0]}>",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: OOF, AutoReply",
        *extra_fields(extra_headers),
        "MIME-Version: 1.0",
        CONTENT_TYPE,
        "",
        "",
    ]
    head = "\r\n".join(fields).encode()
    bodies = (BEFORE_TEXT, quoted_printable(text), BEFORE_HTML, quoted_printable(html), AFTER_HTML)
    needs = needs_smtputf8 or sender_needs_smtputf8 or return_needs_smtputf8
    return WireMail(return_to, address, needs, head + b"".join(bodies))
