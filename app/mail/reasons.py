"""Why a mail was not taken: one vocabulary on two axes, and what each word leads to.

The scope says what the failure speaks of, the persistence for how long. The first digit of a reply says neither: most
refusals speak of the sender, the content or a fault on the way. Only an address dead for good may be suppressed.
"""

from dataclasses import dataclass
from typing import Literal

Scope = Literal[
    "address", "domain", "sender-auth", "sender-reputation", "content", "policy", "size", "transient-infra", "unknown",
    "none",
]  # fmt: skip
Persistence = Literal["permanent", "temporary", "delayed", "none"]
Effect = Literal["suppress", "score", "alert", "slow", "retry", "note"]


@dataclass(frozen=True, slots=True)
class Reason:
    """A word of the vocabulary. `persistence` is None where the code decides: 4xx temporary, 5xx permanent."""

    word: str
    scope: Scope
    persistence: Persistence | None
    effect: Effect


_TABLE = (
    Reason("userunknown", "address", None, "suppress"),
    Reason("hasmoved", "address", None, "suppress"),
    # The caller asks its own resolver first: only a name that does not exist is gone, not one that cannot be looked up.
    Reason("hostunknown", "domain", None, "suppress"),
    Reason("notaccept", "domain", None, "suppress"),
    Reason("mailboxfull", "address", "temporary", "score"),
    Reason("suspend", "address", "temporary", "score"),
    Reason("filtered", "address", "temporary", "score"),
    Reason("norelaying", "domain", "temporary", "score"),
    # The mailbox took the mail and passed it on to another, which did not: a matter of whoever reads it there.
    Reason("forwarded", "address", "temporary", "score"),
    Reason("exceedlimit", "size", "permanent", "note"),
    Reason("mesgtoobig", "size", "permanent", "note"),
    Reason("authfailure", "sender-auth", None, "alert"),
    Reason("requireptr", "sender-auth", None, "alert"),
    Reason("securityerror", "sender-auth", None, "alert"),
    Reason("failedstarttls", "sender-auth", "temporary", "alert"),
    Reason("rejected", "sender-reputation", None, "alert"),
    Reason("blocked", "sender-reputation", None, "alert"),
    Reason("badreputation", "sender-reputation", None, "alert"),
    Reason("speeding", "sender-reputation", "temporary", "slow"),
    Reason("toomanyconn", "sender-reputation", "temporary", "slow"),
    Reason("spamdetected", "content", None, "alert"),
    Reason("virusdetected", "content", "permanent", "alert"),
    Reason("contenterror", "content", None, "alert"),
    Reason("notcompliantrfc", "content", None, "alert"),
    Reason("policyviolation", "policy", None, "alert"),
    Reason("syntaxerror", "transient-infra", None, "alert"),
    Reason("networkerror", "transient-infra", "temporary", "retry"),
    Reason("systemerror", "transient-infra", "temporary", "retry"),
    Reason("systemfull", "transient-infra", "temporary", "retry"),
    Reason("mailererror", "transient-infra", "temporary", "retry"),
    Reason("expired", "transient-infra", "temporary", "note"),
    Reason("onhold", "unknown", None, "note"),
    Reason("undefined", "unknown", None, "note"),
    Reason("delivered", "none", "none", "note"),
    Reason("feedback", "none", "none", "note"),
    Reason("vacation", "none", "none", "note"),
)

REASONS = {reason.word: reason for reason in _TABLE}

OF_SENDER: frozenset[Scope] = frozenset({"sender-auth", "sender-reputation"})
"""The scopes that speak of the sender, whatever is written."""
OF_US: frozenset[Scope] = OF_SENDER | {"content", "policy"}
"""The scopes that speak of the sender or of what was written, and so never of a person."""
