"""SendGrid, API version 3: one message a call, since each person's mail differs in more than a few words.

After the documentation of Twilio SendGrid (Mail Send reference, Errors, Rate Limits, 4XX API Errors): 30 MB a message,
custom arguments of 10,000 bytes; fields with a place of their own may not stand in `headers`; 202 says that the mail
was taken, without a body, its name in X-Message-Id, with which `sg_message_id` of each event begins; 401 also when the
credit is used up, 403 also for a sender that was not verified and for too many bad calls; 429 with X-RateLimit-Reset, a
Unix time; 400 names the fields it means.
"""

import json
from collections.abc import Sequence
from typing import Any

from app.sending.apis.account import ApiAccount
from app.sending.apis.answers import Answer, no_address, refused
from app.sending.apis.content import Mailbox, content_of
from app.sending.apis.exchange import Request, Response, address_of
from app.sending.apis.sender import Sender, json_in, text_in
from app.sending.parcel import Parcel

ARGUMENT = "merpati_token"
_OF_EVERYBODY = ("from", "reply_to", "tracking_settings", "mail_settings", "asm", "ip_pool_name")
"""What these fields begin with is the same in every call: an objection to it speaks of no single message."""
_NO_TRACKING = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
    "ganalytics": {"enable": False},
}
"""Links and pixel are ours: a second redirect would hide where a link leads, and be counted twice."""


class SendGridSender(Sender):
    """Calls to SendGrid."""

    most_bytes = 22 * 1024 * 1024
    """30 MB count after JSON has escaped what needs it."""

    def __init__(self, account: ApiAccount) -> None:
        super().__init__(account)
        host = "api.eu.sendgrid.com" if account.options.get("region") == "eu" else "api.sendgrid.com"
        self.base_url = address_of(account, f"https://{host}")

    def request(self, parcels: Sequence[Parcel]) -> Request:
        [parcel] = parcels
        content = content_of(parcel.data, parcel.recipient)
        parts = (("text/plain", content.text), ("text/html", content.html))
        call: dict[str, Any] = {
            "personalizations": [{"to": [_mailbox(content.to)]}],
            "from": _mailbox(content.sender),
            "subject": content.subject,
            "content": [{"type": kind, "value": value} for kind, value in parts if value],
            "headers": dict(content.headers),
            "tracking_settings": _NO_TRACKING,
        }
        if content.reply_to is not None:
            call["reply_to"] = _mailbox(content.reply_to)
        if parcel.token:
            call["custom_args"] = {ARGUMENT: parcel.token}
        headers = {"Authorization": f"Bearer {self._secret}", "Content-Type": "application/json"}
        return Request(f"{self.base_url}/v3/mail/send", headers, json.dumps(call).encode())

    def _name_in(self, response: Response) -> str | None:
        return response.headers.get("x-message-id", "") if response.status == 202 else None

    def _objection(self, response: Response) -> Answer:
        words = self._words(response)
        fields = [text_in(error, "field") for error in _errors(json_in(response))]
        if any(field.startswith(_OF_EVERYBODY) for field in fields):
            raise self._trouble(response)
        is_address = bool(fields) and all(field.startswith("personalizations") and ".to" in field for field in fields)
        return no_address(words) if is_address else refused(words)

    def _says(self, body: Any) -> str:
        return "; ".join(text_in(error, "message") for error in _errors(body))


def _errors(body: Any) -> list[Any]:
    found = body.get("errors") if isinstance(body, dict) else None
    return found if isinstance(found, list) else []


def _mailbox(mailbox: Mailbox) -> dict[str, str]:
    return {"email": mailbox.email, **({"name": mailbox.name} if mailbox.name else {})}
