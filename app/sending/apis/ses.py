"""Amazon SES, API version 2: our own MIME, one message a call.

After the documentation of Amazon SES (API v2 reference, SendEmail; developer guide, quotas, API error codes, manual
DKIM signing): 40 MB a message, 50 recipients a call, no idempotency key, no headers that tell the rate; throttling is
an exception of its own, by status 429 or, in older wording, 400. SES writes Date and Message-ID anew, so the id it
returns, which each event repeats, and the tag are what reports are found by; and a signature over them, as ours is,
arrives broken, which some refuse, so it is left out: SES signs by itself. Tags are letters, digits, `_`, `-`, `.`, `@`,
256 at most.
"""

import json
import re
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from app.sending.apis.account import ApiAccount
from app.sending.apis.answers import Answer, refused, throttled
from app.sending.apis.exchange import Request, Response, address_of
from app.sending.apis.sender import Sender, json_in, text_in
from app.sending.apis.sigv4 import signed_headers
from app.sending.greeting import NoLine
from app.sending.parcel import Parcel

REGION = r"[a-z]{2}(-[a-z]{2,12}){1,3}-[0-9]{1,2}"
TAG = "merpati-token"
_THROTTLING = re.compile(r"throttl|too ?many ?requests|maximum sending rate|limit ?exceeded|quota exceeded", re.I)
_SETUP = re.compile(
    r"not ?verified|SendingPaused|AccountSuspended|NotFoundException|DoesNotExist"
    r"|sending (?:(?:is|has been) )?(?:paused|disabled|suspended)|IncompleteSignature"
    r"|AccessDenied|InvalidClientTokenId|SignatureDoesNotMatch|UnrecognizedClient|RequestExpired|InvalidSignature",
    re.I,
)
_OUR_SIGNATURES = re.compile(rb"(?:DKIM-Signature:[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)*")
"""Those that stand where our signer puts them: before everything else."""


class SesSender(Sender):
    """Calls to SES in one region."""

    most_bytes = 28 * 1024 * 1024
    """40 MB count as sent, in base64."""

    def __init__(self, account: ApiAccount) -> None:
        super().__init__(account)
        self._region = account.options.get("region", "")
        if not re.fullmatch(REGION, self._region) or not account.username:
            raise NoLine(
                f"{account.name} needs an access key id and a region such as eu-central-1. Nothing was sent; "
                "complete the settings.",
                is_setup=True,
            )
        suffix = ".cn" if self._region.startswith("cn-") else ""
        self.base_url = address_of(account, f"https://email.{self._region}.amazonaws.com{suffix}")
        self._key_id = account.username
        self._set = account.options.get("configuration_set", "")
        self._bounces_by_mail = account.options.get("bounces_by_mail") == "yes"

    def request(self, parcels: Sequence[Parcel]) -> Request:
        [parcel] = parcels
        call: dict[str, Any] = {
            "Destination": {"ToAddresses": [parcel.recipient]},
            "Content": {"Raw": {"Data": b64encode(_unsigned(parcel.data)).decode()}},
        }
        if parcel.token:
            call["EmailTags"] = [{"Name": TAG, "Value": parcel.token}]
        if self._set:
            call["ConfigurationSetName"] = self._set
        if self._bounces_by_mail and parcel.return_path:
            call["FeedbackForwardingEmailAddress"] = parcel.return_path
        url, body = f"{self.base_url}/v2/email/outbound-emails", json.dumps(call).encode()
        headers = signed_headers(
            "POST",
            url,
            {"Content-Type": "application/json"},
            body,
            key_id=self._key_id,
            secret=self._secret,
            region=self._region,
            service="ses",
            # Amazon's clock decides, so the true time and not the house's.
            at=datetime.now(UTC),
        )
        return Request(url, headers, body)

    def _name_in(self, response: Response) -> str | None:
        return text_in(json_in(response), "MessageId") or None

    def _took_nothing(self, response: Response) -> bool:
        return bool(_THROTTLING.search(self._exception(response))) or super()._took_nothing(response)

    def _objection(self, response: Response) -> Answer:
        words = f"{self._exception(response)} {self._words(response)}".strip()
        if _THROTTLING.search(words):
            return throttled(words)
        if _SETUP.search(words):
            raise self._trouble(response)
        # Also for an address that is none: the same words come for From and Reply-To, and do not say whose it is.
        return refused(words)

    def _exception(self, response: Response) -> str:
        """Its name stands in a header, with a namespace or an address around it."""
        return response.headers.get("x-amzn-errortype", "").split(":")[0][:80]

    def _says(self, body: Any) -> str:
        name = text_in(body, "__type", "code").rpartition("#")[2]
        return f"{name} {text_in(body, 'message', 'Message')}".strip()


def _unsigned(mail: bytes) -> bytes:
    found = _OUR_SIGNATURES.match(mail)
    return mail[found.end() :] if found else mail
