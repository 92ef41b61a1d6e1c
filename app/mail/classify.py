"""From a reply or a diagnosis to a verdict: reason, scope, persistence. One judge for SMTP replies and for bounces."""

import re
from dataclasses import dataclass

from app.mail.phrases import reason_by_text
from app.mail.providers import reason_by_provider
from app.mail.reasons import REASONS, Effect, Persistence, Scope
from app.mail.status_codes import Stage, reason_by_code

ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_DEAD = frozenset({"userunknown", "hasmoved", "hostunknown", "notaccept"})
# "User unknown" beside 5.2.1 or 5.7.1: filters hide behind these words. What may exist is scored, not suppressed.
_SPEAKS_OF_OTHER = frozenset({"2", "7"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a recipient was refused, what that speaks of and for how long."""

    reason: str
    scope: Scope
    persistence: Persistence
    enhanced_status: str

    @property
    def suppress(self) -> bool:
        """Whether the address is dead for good. For `hostunknown` the caller asks its own resolver first."""
        return self.reason in _DEAD and self.persistence == "permanent"

    @property
    def effect(self) -> Effect:
        """What to do; a dead address that a 4xx speaks of is only scored."""
        effect = REASONS[self.reason].effect
        return "score" if effect == "suppress" and not self.suppress else effect


def classify_reply(code: int, text: str, *, stage: Stage, remote_host: str = "") -> Verdict:
    """The verdict on a reply met while sending. `text` is the reply's, with or without an enhanced status code."""
    return judge(text, status="", reply_code=code, stage=stage, remote_host=remote_host)


def judge(text: str, *, status: str, reply_code: int | None, stage: Stage | None, remote_host: str = "") -> Verdict:
    """The verdict by provider's rule, then by words, then by code.

    `status` is an enhanced status code reported beside the text; one in the text counts instead where it says more.
    """
    status = _more_telling(status, text)
    reason = (
        reason_by_provider(f"{status} {text}", remote_host)
        or reason_by_text(text)
        or reason_by_code(status, reply_code, stage)
        or ("onhold" if text.strip() else "undefined")
    )
    if reason == "userunknown" and status[2:3] in _SPEAKS_OF_OTHER:
        reason = "filtered"
    reason, lasting = _at_stage(reason, _is_permanent(status, reply_code), stage)
    word = REASONS[reason]
    return Verdict(reason, word.scope, word.persistence or ("permanent" if lasting else "temporary"), status)


def _more_telling(status: str, text: str) -> str:
    found = ENHANCED.search(text[:2000])
    inner = found[0] if found else ""
    return inner if inner and (not status or status.endswith((".0.0", ".4.7"))) else status


def _is_permanent(status: str, reply_code: int | None) -> bool:
    """Both, where both are there: a 450 with 5.1.1 will be answered otherwise tomorrow."""
    first_digits = {str(reply_code)[:1] if reply_code else "", status[:1]} - {""}
    return first_digits == {"5"}


def _at_stage(reason: str, lasting: bool, stage: Stage | None) -> tuple[str, bool]:
    """Only a reply to RCPT, or one of unknown stage, can declare an address dead."""
    if stage is None or stage == "rcpt":
        return reason, lasting
    if stage == "connect" and reason == "notaccept":
        # RFC 7504: 521 as a greeting speaks of this host; another MX of the domain may be more willing.
        return reason, False
    scope = REASONS[reason].scope
    if stage in ("data", "final"):
        # The recipient was taken before, so what refuses now has read the message.
        return ("filtered" if reason in _DEAD else reason), lasting
    if scope in ("address", "domain"):
        return ("rejected" if stage == "mail" else "blocked"), lasting
    return reason, lasting
