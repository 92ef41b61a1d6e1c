"""Mailgun: our own MIME, one message a call.

After the documentation of Mailgun (Messages, "Send an email in MIME format"; API Response Codes; Regions): 25 MB a
message, options of 16 KB; MIME as a file of a form; calls for domains in Europe go to a host of their own; 400 with a
`message` for people, 401 and 403 for key and domain, 404 for a domain it does not know, 429 to be tried again as the
answer says (`retry-seconds` in the one example there is), 500 to be tried again. The id it returns, without its angle
brackets, is `message-id` in each event, `v:` variables come back as `user-variables`. That a 400 also speaks of
account, domain and sender is in no document; the words are those that users met.
"""

import re
import secrets
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from app.sending.apis.account import ApiAccount
from app.sending.apis.answers import Answer, no_address, refused
from app.sending.apis.exchange import Request, Response, address_of
from app.sending.apis.sender import Sender, json_in, text_in
from app.sending.greeting import NoLine
from app.sending.parcel import Parcel

DOMAIN = r"(?=.{3,253}$)([A-Za-z0-9_]([A-Za-z0-9_\-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9\-]{2,63}"
VARIABLE = "merpati-token"
_OPTIONS = {"o:tracking": "no", "o:tracking-clicks": "no", "o:tracking-opens": "no"}
_SENDER = re.compile(r"'from' parameter|not allowed to send|test purposes only|authorized recipients", re.I)
_ADDRESS = re.compile(r"not a valid address|invalid (?:recipient|address)|syntax.{0,20}address", re.I)
_SETUP = re.compile(r"(?:domain|account|sandbox|authorized|from)s?\b.{0,80}\b(?:not|disabled|unverified|only)", re.I)
_LONGEST_WAIT = 24 * 3600


class MailgunSender(Sender):
    """Calls to Mailgun for one domain."""

    most_bytes = 25 * 1000 * 1000 - 20_000

    def __init__(self, account: ApiAccount) -> None:
        super().__init__(account)
        domain = account.options.get("domain", "")
        if not re.fullmatch(DOMAIN, domain):
            raise NoLine(
                f"{account.name} needs the domain that is set up at Mailgun. Nothing was sent; complete the settings.",
                is_setup=True,
            )
        host = "api.eu.mailgun.net" if account.options.get("region") == "eu" else "api.mailgun.net"
        self.base_url = address_of(account, f"https://{host}")
        self._url = f"{self.base_url}/v3/{domain}/messages.mime"
        self._authorization = f"Basic {b64encode(f'api:{account.password}'.encode()).decode()}"

    def request(self, parcels: Sequence[Parcel]) -> Request:
        [parcel] = parcels
        fields = {"to": parcel.recipient, **_OPTIONS}
        if parcel.token:
            fields[f"v:{VARIABLE}"] = parcel.token
        boundary = secrets.token_hex(16)
        headers = {
            "Authorization": self._authorization,
            "Content-Type": f"multipart/form-data; boundary={boundary}",
        }
        return Request(self._url, headers, _form(fields, parcel.data, boundary))

    def _name_in(self, response: Response) -> str | None:
        return text_in(json_in(response), "id") or None

    def _objection(self, response: Response) -> Answer:
        words = self._words(response)
        if _SENDER.search(words):
            raise self._trouble(response)
        if _ADDRESS.search(words):
            return no_address(words)
        if response.status == 402 or _SETUP.search(words):
            raise self._trouble(response)
        return refused(words)

    def _wait(self, response: Response) -> float:
        body = json_in(response)
        seconds = body.get("retry-seconds") if isinstance(body, dict) else None
        if isinstance(seconds, int) and not isinstance(seconds, bool) and 0 < seconds <= _LONGEST_WAIT:
            return float(seconds)
        return super()._wait(response)

    def _says(self, body: Any) -> str:
        return text_in(body, "message", "Error")


def _form(fields: dict[str, str], mime: bytes, boundary: str) -> bytes:
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    file = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="message"; filename="message.mime"\r\n'
        "Content-Type: message/rfc822\r\n\r\n"
    )
    return b"".join((head.encode(), file.encode(), mime, f"\r\n--{boundary}--\r\n".encode()))
