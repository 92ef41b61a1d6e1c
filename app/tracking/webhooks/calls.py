"""A call as it came in, what a kind of webhook needs to judge it, and the reasons to send it away."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from app.core.errors import Invalid, MerpatiError

PATIENCE = 300
"""Seconds that a signed time may be off, in either direction."""
_KEY = re.compile(r"[!-~]{1,200}").fullmatch


@dataclass(frozen=True, slots=True)
class Call:
    """A call. `body` holds the bytes as they came; names of `headers` are in lower case."""

    body: bytes
    headers: Mapping[str, str]
    at: datetime


@dataclass(frozen=True, slots=True)
class Lock:
    """What a webhook verifies by. `secret` and `options` are the owner's; `webhook_id` keeps memories apart."""

    webhook_id: int
    secret: str = field(repr=False)
    options: Mapping[str, Any]


class Item(NamedTuple):
    """One event of a call. The same key at the same webhook is the same event."""

    key: str
    type: str
    body: dict[str, Any]


class Refused(MerpatiError):
    """The call is not the provider's, or not a fresh one. `status` is 401 where a password would help."""

    def __init__(self, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.status = status


class Unreadable(Invalid):
    """The call is not in the form that its kind has."""

    status = 400


class TooMuch(Unreadable):
    """The call is deeper or holds more than we read. `status` is 413 where less in a call would do."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Once(NamedTuple):
    """What opens the door for one body only, where a signature does not cover the body: see `WebhookToken`."""

    digest: bytes
    call: bytes
    forget_at: datetime


def event_key(given: Any, *otherwise: Any) -> str:
    """The provider's id of an event, or a digest of what tells it from the next."""
    if isinstance(given, str | int) and _KEY(str(given)):
        return str(given)
    text = "\x1f".join(str(part) for part in (given, *otherwise))
    return f"sha256-{sha256(text.encode('utf-8', 'backslashreplace')).hexdigest()}"
