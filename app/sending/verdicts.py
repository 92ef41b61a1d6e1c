"""What a reply means for one message: its next state, the reason, and whether the address is dead."""

import re
from typing import NamedTuple

from app.mail import classify
from app.mail.classify import classify_reply
from app.mail.status_codes import Stage
from app.messages.lifecycle import State
from app.sending.replies import Reply

LONGEST_REPLY = 500
"""Characters of a reply that the ledger keeps."""

_OF_THE_SENDER = frozenset({"sender-auth", "sender-reputation"})
_PLAIN_WORD = re.compile(r"(?<!\S)[A-Za-z]+(?=[.,:;!]?(?:\s|$))")
_BEFORE_RECIPIENT = frozenset({"connect", "ehlo", "mail"})


class Outcome(NamedTuple):
    """What became of one message; `at` in seconds since 1970. `deferred` becomes `failed` when its time has run out.

    `wait`: seconds after which a deferred one is tried again because of the pace; 0: by the schedule. `is_kept`: the
    server refuses everybody, so the try counts for nothing and the next transport may have the message soon.
    """

    message_id: int
    at: float
    state: State
    code: int = 0
    status: str = ""
    reason: str = ""
    reply: str = ""
    suppress: bool = False
    wait: float = 0.0
    is_kept: bool = False


class Verdict(NamedTuple):
    """An outcome, what the reply was found to mean, and whether that speaks of more than this one recipient."""

    outcome: Outcome
    is_general: bool
    found: classify.Verdict


def judge(message_id: int, at: float, stage: Stage, reply: Reply, host: str = "") -> Verdict:
    """The verdict on a refusal (4xx, 5xx).

    A 5xx at RCPT is final for this recipient, since some providers punish a retry; but one that speaks of the sender
    keeps the person: the message waits for the repair. Only an address that is dead for good is suppressed.
    """
    text = " ".join(reply.text.split())
    found = classify_reply(reply.code, text, stage=stage, remote_host=host)
    keeps = (
        reply.code < 500
        or stage in _BEFORE_RECIPIENT
        or found.scope in _OF_THE_SENDER
        or found.reason == "norelaying"
        or (found.scope == "transient-infra" and found.persistence != "permanent")
    )
    # A host that is said not to exist may only be unknown to that server's resolver: bounced, but not suppressed.
    dead = found.suppress and found.reason != "hostunknown" and not keeps
    outcome = Outcome(
        message_id,
        at,
        State.DEFERRED if keeps else State.BOUNCED,
        reply.code,
        found.enhanced_status,
        found.reason,
        text[:LONGEST_REPLY],
        dead,
    )
    return Verdict(outcome, found.scope != "address" and (reply.code >= 500 or stage != "rcpt"), found)


def untaken(message_id: int, at: float) -> Outcome:
    """The outcome of a message to a domain that takes no mail: it is not even tried (RFC 7505 §4.1)."""
    words = "Not tried: the domain says that it takes no mail (null MX, RFC 7505)."
    return Outcome(message_id, at, State.BOUNCED, 556, "5.1.10", "notaccept", words, suppress=True)


def doubtful(message_id: int, at: float, why: str) -> Outcome:
    """The outcome of a message that was handed over and never answered."""
    return Outcome(message_id, at, State.UNCERTAIN, reason="unanswered", reply=shortened(why))


def put_off(message_id: int, at: float, why: str) -> Outcome:
    """The outcome of a message that no connection lasted for."""
    return Outcome(message_id, at, State.DEFERRED, reason="networkerror", reply=shortened(why))


def gist(reply: str) -> str:
    """What a reply says to whoever it is said: its code and its words, without addresses, numbers and marks."""
    return f"{reply[:3]} {' '.join(_PLAIN_WORD.findall(reply))}".casefold()


def shortened(text: str) -> str:
    """Words in one line, as long as the ledger keeps."""
    return " ".join(text.split())[:LONGEST_REPLY]
