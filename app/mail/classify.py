"""From a reply or a diagnosis to a verdict: reason, scope, persistence. One judge for SMTP replies and for bounces."""

import re
from dataclasses import dataclass

from app.mail.borne_out import (
    is_borne_out,
    refuses_address,
    refuses_by_name,
    refuses_mail,
    refuses_mailbox,
    says_unroutable,
)
from app.mail.phrases import reason_by_text
from app.mail.providers import ProviderRule, reason_by_provider
from app.mail.reasons import REASONS, Effect, Persistence, Scope
from app.mail.replies_within import ENHANCED, reply_within, unwrapped
from app.mail.status_codes import Stage, reason_by_code

_DEAD = frozenset({"userunknown", "hasmoved", "hostunknown", "notaccept"})
_UNCLEAR = frozenset({"onhold", "undefined"})
# Where the code says the same as the words, but more of it (RFC 3463 §3.2, §3.3).
_SHARPENED = {("userunknown", "1.6"): "hasmoved", ("mesgtoobig", "2.3"): "exceedlimit"}

# What DNS says for good, whatever class the code has: Gmail reports it as 4.0.0 when it has given up (RFC 8020).
_NO_SUCH_NAME = re.compile(r"\bNXDOMAIN\b|domain name not found", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a recipient was refused, what that speaks of and for how long; `evidence` is what says so."""

    reason: str
    scope: Scope
    persistence: Persistence
    enhanced_status: str
    evidence: str = ""

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


def judge(
    text: str,
    *,
    status: str,
    reply_code: int | None,
    stage: Stage | None,
    remote_host: str = "",
    reporter: str = "",
    notes: str = "",
    gave_up: bool = False,
) -> Verdict:
    """The verdict by provider's rule, then by words, then by code.

    `status` is an enhanced status code reported beside the text; one in the text counts instead where it says more.
    `notes` is what a report tells people besides: heard when text and code are silent. `reporter` is the system that
    wrote the report. `gave_up`: the report is a final one, so words without any code are final too.
    """
    status = _more_telling(status, text or notes)
    whole = f"{text} {notes}"
    text, about = reply_within(text)
    notes = unwrapped(notes[:4000])
    told = f"{status} {text}"
    by_provider = reason_by_provider(told, remote_host, reporter)
    vouched = by_provider is not None and by_provider.reason == "userunknown" and by_provider.vouches
    if vouched:
        stage = "rcpt"
    reason, evidence = (
        _by_provider(by_provider)
        or _by_words(text)
        or (_by_words(f"{about} {notes}") if _says_little(status, reply_code, stage) else None)
        or _by_code(status, reply_code, stage)
        or (("onhold", "words that are not known") if text.strip() else ("undefined", "no words and no telling code"))
    )
    reason = _SHARPENED.get((reason, status[2:]), reason)
    if says_unroutable(text, reason, reply_code):
        reason, evidence = "hostunknown", "the words of the system that found no host for the domain"
    if refuses_by_name(text, reason, stage):
        reason = "userunknown"
    elif refuses_mailbox(text, reason, reply_code, stage):
        told_at = "userunknown" if stage == "rcpt" and status[2:4] != "7." else "filtered"
        reason, evidence = told_at, "mailbox unavailable, for good (RFC 5321 §4.2.3)"
    elif reason in _UNCLEAR and refuses_address(text, status, stage):
        reason, evidence = "userunknown", "the address is rejected (RFC 3463 §3.2)"
    elif by_provider and vouched and by_provider.firsthand:
        pass
    elif evidence.startswith("code: ") and reason == "userunknown" and refuses_mail(text):
        reason, evidence = "filtered", f"{evidence}, but the words refuse the mail"
    elif reason == "userunknown" and not is_borne_out(whole, text, status, reply_code, stage):
        reason, evidence = "filtered", f"{evidence}; nothing else bears it out"
    permanent = _is_permanent(status, reply_code) if status or reply_code else gave_up
    if reason == "hostunknown" and gave_up and reply_code is None and _NO_SUCH_NAME.search(text):
        permanent = True
    found, (reason, lasting) = reason, _at_stage(reason, permanent, stage)
    if reason != found:
        evidence += f"; said at {stage}"
    word = REASONS[reason]
    return Verdict(reason, word.scope, word.persistence or ("permanent" if lasting else "temporary"), status, evidence)


def _by_provider(found: ProviderRule | None) -> tuple[str, str] | None:
    return (found.reason, f"{found.provider}: {found.said}") if found else None


def _by_words(text: str) -> tuple[str, str] | None:
    found = reason_by_text(text)
    return (found[0], f"words: {found[1]}") if found else None


def _by_code(status: str, reply_code: int | None, stage: Stage | None) -> tuple[str, str] | None:
    reason = reason_by_code(status, reply_code, stage)
    return (reason, f"code: {status or reply_code}") if reason else None


def _says_little(status: str, reply_code: int | None, stage: Stage | None) -> bool:
    """Whether the code alone would be a guess: none known, or one that only says where the trouble was."""
    return status.endswith((".0.0", ".5.0")) or reason_by_code(status, reply_code, stage) is None


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
    if scope in ("address", "domain") or (scope == "unknown" and lasting):
        return ("rejected" if stage == "mail" else "blocked"), lasting
    return reason, lasting
