"""What all providers have in common: a call, and what its status alone says about every message in it."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from app.core import clock
from app.sending.apis.account import ApiAccount
from app.sending.apis.answers import Answer, Unanswered, failing, taken, throttled
from app.sending.apis.exchange import Exchange, NoResponse, Request, Response
from app.sending.greeting import NoLine
from app.sending.parcel import Parcel

LONGEST_WORDS = 400
_KEY = re.compile(r"[!-~]{1,512}")
_NOT_BEGUN = frozenset({408, 425})
"""The call did not arrive whole, or is too early to be looked at (RFC 9110 §15.5.9, RFC 8470 §5.2)."""
_ELSEWHERE = frozenset({301, 307, 308})
"""The same call is to be made at another address (RFC 9110 §15.4): nothing was done with it here. The other redirects
may be how somebody answers who has done what was asked."""
_OF_A_MESSAGE = frozenset({400, 413, 422})
"""The only statuses that can speak of what is in a call; every other 4xx speaks of the account, or of how we call."""


class Sender(ABC):
    """Turns messages into calls to one provider, and its answers into one verdict per message."""

    most_per_call = 1
    """Messages the provider takes in one call."""
    most_bytes: int
    """Bytes of one message."""
    base_url: str

    def __init__(self, account: ApiAccount) -> None:
        if not _KEY.fullmatch(account.password) or not (account.username + "x").isascii():
            raise NoLine(
                f"The key for {account.name} is missing, or holds characters that no key has. Nothing was sent; "
                "enter it again in the settings.",
                is_setup=True,
            )
        self._name, self._secret = account.name, account.password

    def obstacle(self, parcel: Parcel) -> tuple[str, str, str] | None:
        """Why the provider cannot take a message, before it is asked: status, reason, words."""
        if parcel.needs_smtputf8:
            return "5.6.7", "contenterror", f"{self._name} takes no addresses with letters beyond ASCII before the @."
        if len(parcel.data) > self.most_bytes:
            words = f"The message has {len(parcel.data):,} bytes; {self._name} takes {self.most_bytes:,}."
            return "5.3.4", "mesgtoobig", words
        return None

    async def send(self, exchange: Exchange, parcels: Sequence[Parcel]) -> list[Answer]:
        """One answer per message, in their order. Raises NoLine when the account cannot be used as it is set up."""
        try:
            response = await exchange.post(self.request(parcels))
        except NoResponse as error:
            return [Unanswered(str(error), error.is_written)] * len(parcels)
        return self.read(response, len(parcels))

    def read(self, response: Response, count: int) -> list[Answer]:
        """The answers in a response, whatever it holds. Raises NoLine."""
        status = response.status
        if status < 300:
            return self._accepted(response, count)
        return [self._refused(response)] * count

    def _refused(self, response: Response) -> Answer:
        """The answer for every message of a call that was refused as a whole."""
        status = response.status
        if status == 429:
            return throttled(self._words(response), self._wait(response))
        if status in _NOT_BEGUN or (status == 503 and self._took_nothing(response)):
            return failing(self._words(response), self._wait(response))
        if status >= 500:
            # The whole call was there when this went wrong: it may have been taken before.
            return self._doubt(response)
        if status in _OF_A_MESSAGE:
            return self._objection(response)
        if status < 400 and status not in _ELSEWHERE:
            return self._doubt(response)._replace(stops=True)
        raise self._trouble(response)

    def _wait(self, response: Response) -> float:
        """Seconds that the provider asks us to wait; 0 when it names none."""
        return wait_asked(response.headers)

    def _took_nothing(self, response: Response) -> bool:
        """Whether a 503 says, as the provider documents it, that nothing of the call was taken."""
        return "retry-after" in response.headers

    @abstractmethod
    def request(self, parcels: Sequence[Parcel]) -> Request:
        """The call that sends these messages, at most `most_per_call`."""

    def _accepted(self, response: Response, count: int) -> list[Answer]:
        """The answers in a 2xx."""
        message_id = self._name_in(response)
        return [self._doubt(response) if message_id is None else taken(message_id)] * count

    def _name_in(self, _response: Response) -> str | None:
        """The provider's name for the one message it took; None when this is no acceptance as we know it."""
        return None

    @abstractmethod
    def _objection(self, response: Response) -> Answer:
        """The answer in a 4xx that speaks of the message. Raises NoLine when it speaks of the account."""

    @abstractmethod
    def _says(self, body: Any) -> str:
        """The words in the body of an error; empty when there are none."""

    def _words(self, response: Response) -> str:
        """What the provider says, for people; without the key, should it repeat that."""
        words = self._says(json_in(response)) or response.body[:LONGEST_WORDS].decode("utf-8", "replace")
        if 300 <= response.status < 400 and (where := response.headers.get("location", "")):
            words = f"sends us to {where[:200]}. {words}"
        words = re.sub(r"[\s\x00-\x1f\x7f]+", " ", words).replace(self._secret, "…").strip()
        return f"{response.status} {words}"[:LONGEST_WORDS].strip()

    def _trouble(self, response: Response) -> NoLine:
        """The account cannot be used as it is set up: the run waits, and nothing is lost."""
        return NoLine(
            f"{self._name} refuses our calls: {self._words(response)}. Nothing was lost; look at the key and the "
            "account, then sending goes on.",
            is_setup=True,
        )

    def _doubt(self, response: Response) -> Unanswered:
        """It answers, and not with a verdict."""
        words = self._words(response).rstrip(".")
        why = f"{self._name} answered in a way that leaves open whether it took the mail: {words}."
        return Unanswered(why, handed_over=True)


def json_in(response: Response) -> Any:
    """The JSON of a body; None for anything else."""
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        return None


def text_in(body: Any, *names: str) -> str:
    """The first of these members of an object that is text."""
    found = (body.get(name) for name in names) if isinstance(body, dict) else ()
    text = next((value for value in found if isinstance(value, str) and value), "")
    # JSON can hold half a character (a lone surrogate), which neither a file nor a database takes.
    return text.encode("utf-8", "replace").decode()


def wait_asked(headers: Mapping[str, str]) -> float:
    """Seconds of `Retry-After` (RFC 9110 §10.2.3) or of `X-RateLimit-Reset`, a Unix time; 0 when there is none."""
    text = headers.get("retry-after", "").strip()
    now = clock.now()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
        return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        pass
    reset = headers.get("x-ratelimit-reset", "").strip()
    return max(0.0, float(reset[:12]) - now.timestamp()) if reset.isascii() and reset.isdigit() else 0.0
