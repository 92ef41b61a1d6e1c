"""Postmark: many messages in one call, each with a verdict of its own.

After the documentation of Postmark (API overview with error codes, Email API, batch emails, metadata; Troubleshooting
422; What does Error Code 300 mean): 500 messages and 50 MB a call, 5 MB each for text and HTML; the call answers 200
even where messages in it are refused, one result per message in their order; code 300 stands for a wrong recipient,
sender or form and only its words tell which; metadata names of 20 and values of 80 characters; X-PM-KeepID keeps our
Message-ID; 429 without a time to wait. Newsletters belong on a broadcast stream.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from app.sending.apis.account import ApiAccount
from app.sending.apis.answers import Answer, Unanswered, failing, no_address, on_their_list, refused, taken, throttled
from app.sending.apis.content import content_of
from app.sending.apis.exchange import Request, Response, address_of
from app.sending.apis.sender import LONGEST_WORDS, Sender, json_in, text_in
from app.sending.parcel import Parcel

METADATA = "merpati-token"
_INACTIVE, _INVALID, _RATE, _MAINTENANCE, _BROKEN = 406, 300, 429, 100, 101
_SETUP = frozenset({10, 400, 401, 402, 403, 405, 409, 410, 412, 413, 422, 1235, 1236, 1480})
"""Token, sender, credit, approval, stream, address of ours, form of the call: all speak of the account or of us."""
_OF_SENDER = re.compile(r"'(?:from|reply-?to)'|sender signature", re.I)


class PostmarkSender(Sender):
    """Calls to Postmark for one server and stream."""

    most_per_call = 500
    most_bytes = 5 * 1024 * 1024

    def __init__(self, account: ApiAccount) -> None:
        super().__init__(account)
        self.base_url = address_of(account, "https://api.postmarkapp.com")
        self._stream = account.options.get("stream") or "broadcast"

    def request(self, parcels: Sequence[Parcel]) -> Request:
        headers = {"X-Postmark-Server-Token": self._secret, "Content-Type": "application/json"}
        body = json.dumps([self._message(parcel) for parcel in parcels]).encode()
        return Request(f"{self.base_url}/email/batch", headers, body)

    def _message(self, parcel: Parcel) -> dict[str, Any]:
        content = content_of(parcel.data, parcel.recipient)
        message: dict[str, Any] = {
            "From": str(content.sender),
            "To": str(content.to),
            "Subject": content.subject,
            "TextBody": content.text,
            "HtmlBody": content.html,
            "Headers": [
                {"Name": "X-PM-KeepID", "Value": "true"},
                *({"Name": name, "Value": value} for name, value in content.headers),
            ],
            "MessageStream": self._stream,
            # Links and pixel are ours.
            "TrackOpens": False,
            "TrackLinks": "None",
        }
        if content.reply_to is not None:
            message["ReplyTo"] = str(content.reply_to)
        if parcel.token:
            message["Metadata"] = {METADATA: parcel.token}
        return message

    def _accepted(self, response: Response, count: int) -> list[Answer]:
        results = json_in(response)
        if not isinstance(results, list) or len(results) != count:
            return [self._doubt(response)] * count
        codes = [_code(result) for result in results]
        trouble = next((result for result in results if self._is_setup(result)), None)
        if trouble is not None and all(codes):
            # Nothing of the call was taken: the rest can wait until the account is in order.
            raise self._trouble(response._replace(body=json.dumps(trouble).encode()))
        return [self._verdict(result) for result in results]

    def _verdict(self, result: Any) -> Answer:
        code, words = _code(result), self._line(result)
        message_id = text_in(result, "MessageID")
        if code == 0 and message_id:
            return taken(message_id)
        if code == _INACTIVE:
            return on_their_list(words)
        if code == _RATE:
            return throttled(words)
        if code == _MAINTENANCE or self._is_setup(result):
            return failing(words)
        if code == _INVALID and "'to'" in words.lower():
            return no_address(words)
        if code is None or code in (0, _BROKEN):
            why = f"{self._name} answered in a way that leaves open whether it took the mail: {words}"
            return Unanswered(why, handed_over=True)
        return refused(words)

    def _is_setup(self, result: Any) -> bool:
        """Whether the verdict would be the same on every message."""
        code = _code(result)
        return code in _SETUP or (code == _INVALID and bool(_OF_SENDER.search(self._says(result))))

    def _took_nothing(self, response: Response) -> bool:
        # Maintenance is announced, and answered with this code.
        return _code(json_in(response)) == _MAINTENANCE or super()._took_nothing(response)

    def _objection(self, response: Response) -> Answer:
        if _code(json_in(response)) == _RATE:
            return throttled(self._words(response))
        # A verdict on the whole call speaks of the account or of us, never of a hundred people.
        raise self._trouble(response)

    def _line(self, result: Any) -> str:
        words = f"{_code(result) or ''} {self._says(result)}".replace(self._secret, "…")
        return " ".join(words.split())[:LONGEST_WORDS]

    def _says(self, body: Any) -> str:
        return text_in(body, "Message")


def _code(result: Any) -> int | None:
    code = result.get("ErrorCode") if isinstance(result, dict) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None
