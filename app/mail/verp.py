"""Return addresses: one envelope sender per message (VERP), so that a bounce names its message by where it arrives.

The token's MAC is not checked here; whoever acts on what was read must do so with the keyring first.
"""

import re
from dataclasses import dataclass
from typing import Literal

_LONGEST = 1000
# `=`, `-` and `_` for `+`: gateways rewrite plus signs. What stands around it is let be: brackets, `rfc822;` and
# the wrappings of forwarders (SRS0=…=b+token@…) and of BATV (prvs=…=b+token@…).
_OURS = re.compile(r"(?<![a-z0-9])([bu])[+=_-]([a-z2-7]{26})(?![a-z0-9])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ReturnAddress:
    """What an address of ours says: a failure, or a wish to leave, about the message of this (unverified) token."""

    kind: Literal["bounce", "unsubscribe"]
    token: str


def return_address(token: str, domain: str) -> str:
    """The envelope sender of one message."""
    return f"b+{token}@{domain}"


def unsubscribe_address(token: str, domain: str) -> str:
    """Where a mail unsubscribes the recipient of one message."""
    return f"u+{token}@{domain}"


def read_return_address(address: str) -> ReturnAddress | None:
    """The token in an address of ours, whatever mail systems did to its case and its surroundings; else None."""
    found = _OURS.search(address[:_LONGEST])
    if found is None:
        return None
    kind: Literal["bounce", "unsubscribe"] = "bounce" if found[1] in "bB" else "unsubscribe"
    return ReturnAddress(kind, found[2].lower())
