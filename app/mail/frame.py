"""The mail of a campaign: what all recipients share is written once, what differs is filled in per recipient."""

from collections.abc import Mapping
from datetime import datetime

from app.core.errors import Invalid
from app.mail.addresses import a_label, wire_address
from app.mail.alternative import AFTER_HTML, BEFORE_HTML, BEFORE_TEXT, CONTENT_TYPE
from app.mail.headers import checked_uri, date_text, machine_field, mailbox_field, text_field
from app.mail.shared_fields import NO_EXTRA, extra_fields, list_id_field, sender_fields
from app.mail.wire import Sender, WireMail


class MailFrame:
    """The shared part of one campaign variant's mails. Raises Invalid for parts that no header can carry."""

    def __init__(
        self,
        *,
        sender: Sender,
        list_name: str,
        list_id: str,
        feedback_id: str,
        mail_domain: str,
        bounce_domain: str,
        extra_headers: Mapping[str, str] = NO_EXTRA,
    ) -> None:
        self._mail_domain = a_label(mail_domain)
        self._bounce_domain = a_label(bounce_domain)
        origin, self._sender_needs_smtputf8 = sender_fields(sender)
        shared = [
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            list_id_field(list_name, list_id),
            machine_field("Feedback-ID", feedback_id),
            "Precedence: bulk",
            # Never `All`, `NDR` or `DR`: those would keep back the bounces we live on.
            "X-Auto-Response-Suppress: OOF, AutoReply",
            *extra_fields(extra_headers),
            "MIME-Version: 1.0",
            CONTENT_TYPE,
        ]
        self._top = "\r\n".join([*origin, ""])
        self._rest = "\r\n".join([*shared, "", ""])

    def wire(
        self,
        *,
        to_name: str,
        to_email: str,
        subject: str,
        token: str,
        unsubscribe_url: str,
        date: datetime,
        text_qp: bytes,
        html_qp: bytes,
    ) -> WireMail:
        """The mail to one recipient.

        Both bodies are quoted-printable with CRLF and have no line that begins with a dot.
        Raises Invalid when the address, the token or the unsubscribe address cannot stand in a header.
        """
        address, needs_smtputf8 = wire_address(to_email)
        if not (token.isalnum() and token.isascii()):
            raise Invalid(f"{token[:40]!r} is not a token for mail; nothing was sent. Keyring.sign_for_mail makes one.")
        head = (
            f"{self._top}{mailbox_field('To', to_name, address)}\r\n"
            f"{text_field('Subject', subject)}\r\n"
            f"Date: {date_text(date)}\r\n"
            f"Message-ID: <{token}@{self._mail_domain}>\r\n"
            f"X-Merpati-Message: {token}\r\n"
            f"List-Unsubscribe: <{checked_uri(unsubscribe_url)}>,\r\n"
            f" <mailto:u+{token}@{self._bounce_domain}?subject=unsubscribe>\r\n"
            f"{self._rest}"
        ).encode()
        return WireMail(
            f"b+{token}@{self._bounce_domain}",
            address,
            needs_smtputf8 or self._sender_needs_smtputf8,
            b"".join((head, BEFORE_TEXT, text_qp, BEFORE_HTML, html_qp, AFTER_HTML)),
        )
