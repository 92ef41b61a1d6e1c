"""The caught mail: the last messages that came in, kept in memory for a person to look at."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from functools import cached_property

from app.core import clock
from app.simulator.letters import read_letter
from app.simulator.mime import decoded, header, headers_of

MOST_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Caught:
    """One message as it was delivered."""

    number: int
    at: datetime
    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @cached_property
    def subject(self) -> str:
        return decoded(header(headers_of(self.raw), "Subject"))

    @cached_property
    def author(self) -> str:
        return decoded(header(headers_of(self.raw), "From"))

    @property
    def headers(self) -> str:
        """The header block as it came."""
        return headers_of(self.raw).decode("utf-8", "replace")

    @property
    def links(self) -> tuple[str, ...]:
        return read_letter(self.raw).links

    def body(self, kind: str) -> str:
        """The text of the "plain" or "html" part; empty when there is none."""
        message = BytesParser(policy=default).parsebytes(self.raw)
        for part in message.walk():
            if part.get_content_type() == f"text/{kind}" and not part.is_attachment():
                return _content(part)
        return ""

    def has(self, words: str) -> bool:
        """Whether a recipient, the author or the subject contains the words."""
        return any(words.lower() in text.lower() for text in (*self.recipients, self.author, self.subject))


class Mailbox:
    """Keeps the newest messages, up to a number and a size."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._mails: OrderedDict[int, Caught] = OrderedDict()
        self._size = 0
        self.received = 0

    def put(self, sender: str, recipients: tuple[str, ...], raw: bytes) -> None:
        self.received += 1
        if self._keep <= 0:
            return
        self._mails[self.received] = Caught(self.received, clock.now(), sender, recipients, raw)
        self._size += len(raw)
        while len(self._mails) > self._keep or self._size > MOST_BYTES:
            self._size -= len(self._mails.popitem(last=False)[1].raw)

    def get(self, number: int) -> Caught | None:
        return self._mails.get(number)

    def newest(self, words: str = "") -> Iterator[Caught]:
        """The kept messages, newest first; with words, only those that contain them."""
        return (mail for mail in reversed(self._mails.values()) if not words or mail.has(words))

    def __len__(self) -> int:
        return len(self._mails)


def _content(part: EmailMessage) -> str:
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError):
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
