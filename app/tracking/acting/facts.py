"""What came back about a message, in one shape for every way in: mail, webhooks, replies while sending."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.mail.reasons import Persistence, Scope

Kind = Literal[
    "bounce", "delayed", "delivered", "complaint", "feedback", "autoreply", "reply", "challenge", "none"
]  # fmt: skip


class NotYet(Exception):
    """The message is being sent at this moment: keep the fact and bring it again."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact. `scope`, `persistence` and `reason` as in `app.mail.reasons`; they matter for bounces and delays.

    `key` tells one fact of a source from the next: the provider's id of the event, the digest of a mail. The same
    message, source, kind and key again is the same fact. `diagnostic` is the other side's words, `feedback_type` that
    of a complaint. `recipient` is the address that failed, where it is not the message's own: forwarding leads there.
    `spoken` is the time of which a report speaks by its own dates; `is_earlier`: of an attempt before the last.
    """

    kind: Kind
    key: str
    scope: Scope = "unknown"
    persistence: Persistence = "none"
    reason: str = ""
    status: str = ""
    code: int | None = None
    diagnostic: str = ""
    feedback_type: str = ""
    recipient: str = ""
    spoken: datetime | None = None
    is_earlier: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """A fact as one way in told it of a message: `source` such as `mail` or `webhook:ses`, `at` when it happened."""

    message_id: int
    fact: Fact
    source: str
    at: datetime
