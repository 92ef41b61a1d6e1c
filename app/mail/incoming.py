"""What reading a mail gives."""

from dataclasses import dataclass
from typing import Literal

from app.mail.reasons import Persistence, Scope

Kind = Literal[
    "bounce", "delayed", "delivered", "complaint", "feedback", "autoreply", "challenge", "list", "reply", "none"
]
"""`feedback`: a report that complains of nothing. `challenge`: a program asks the sender to prove to be a person.
`list`: a mailing list distributed it. `none`: anything else, for a person to look at.
"""


@dataclass(frozen=True, slots=True)
class RecipientReport:
    """What a report says of one recipient. Texts are empty where the report is silent.

    `address` is where the mail ended, `original_address` whom we wrote to: forwarding makes two of them.
    `evidence` names what the reason was taken from: a code, a phrase, a provider's own words, the stage.
    `suppress`: the address is dead for good. Complaints are not marked so: their `kind` says all.
    """

    address: str
    original_address: str
    action: str
    status: str
    reply_code: int | None
    diagnostic: str
    remote_host: str
    scope: Scope
    persistence: Persistence
    reason: str
    suppress: bool
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class IncomingMail:
    """A mail that came to one of our addresses.

    `tokens` are candidates in order of trust, lower case, each once; their MACs are not checked. `feedback_type` is
    that of a feedback report. `evidence` is a line that shows a person why the mail was read so.
    """

    kind: Kind
    recipients: tuple[RecipientReport, ...]
    tokens: tuple[str, ...]
    feedback_type: str | None
    subject: str
    from_address: str
    evidence: str
