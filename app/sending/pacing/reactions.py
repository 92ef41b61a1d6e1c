"""What a refusal asks of our pace: nothing, less, fewer at once, a rest, or the lane held until somebody mends it."""

import re
from enum import StrEnum
from typing import NamedTuple

from app.mail.status_codes import Stage
from app.sending.pacing.rules import rule_of
from app.sending.verdicts import Verdict

FLOOD_REST = 600.0
"""Seconds of rest after x.7.28 (mail flood), from where one hand-over at a time goes on (Google's own advice)."""
BLOCK_REST = 900.0
"""Seconds that a lane is held at first when a provider refuses the sender for good; doubled each time, up to hours."""

GREY = re.compile(r"gr[ae]y[- ]?list", re.IGNORECASE)
"""Words that ask one sender to come again to one recipient."""
_HINTS = re.compile(
    r"temporarily deferred|permanently deferred|rate limited|server busy|too many messages|exceeded.{0,40}rate",
    re.IGNORECASE,
)


class Ask(StrEnum):
    """What a provider asks for."""

    SLOWER = "slower"
    FEWER = "fewer"
    REST = "rest"
    """Stop for a time, go on with one at a time."""
    BLOCK = "block"
    """It refuses us, whoever we write to."""
    MAYBE = "maybe"
    """A fault that means us only when many meet it."""


class Signal(NamedTuple):
    """`rest`: seconds, before they are scaled; 0: as the pacer thinks right."""

    ask: Ask
    rest: float = 0.0


def read_signal(provider: str, stage: Stage, verdict: Verdict) -> Signal | None:
    """What a refusal asks of the pace towards its provider; None when it speaks of the recipient or the message.

    Before RCPT the server did not know for whom the message was: that is between us and the transport.
    """
    outcome, found = verdict.outcome, verdict.found
    if stage in ("connect", "ehlo", "mail") or found.scope in ("address", "domain", "content", "policy", "size"):
        return None
    for words, seconds in rule_of(provider).rests:
        if words in outcome.reply:
            return Signal(Ask.REST, seconds)
    if outcome.code >= 500:
        is_ours = found.scope in ("sender-auth", "sender-reputation")
        return Signal(Ask.BLOCK, BLOCK_REST) if is_ours else None
    return _of_temporary(outcome.status, outcome.reply, found.reason, found.scope, stage, outcome.code)


def _of_temporary(status: str, reply: str, reason: str, scope: str, stage: Stage, code: int) -> Signal | None:
    if status == "4.7.28":
        return Signal(Ask.REST, FLOOD_REST)
    # "That mailbox receives too quickly" and greylisting speak of one recipient, not of our pace.
    if status.startswith("4.2.") or GREY.search(reply):
        return None
    if reason == "toomanyconn":
        return Signal(Ask.FEWER)
    if reason == "speeding" or scope == "sender-reputation" or _HINTS.search(reply):
        return Signal(Ask.SLOWER)
    if scope in ("transient-infra", "unknown") and (code == 421 or stage != "rcpt"):
        return Signal(Ask.MAYBE)
    return None
