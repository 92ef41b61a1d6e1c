"""From a reply or a diagnosis to a verdict: reason, scope, persistence. One judge for SMTP replies and for bounces."""

import re
from dataclasses import dataclass

from app.mail.phrases import reason_by_text
from app.mail.providers import names_the_dead_after_data, reason_by_provider
from app.mail.reasons import REASONS, Effect, Persistence, Scope
from app.mail.status_codes import Stage, reason_by_code

ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_DEAD = frozenset({"userunknown", "hasmoved", "hostunknown", "notaccept"})
# Where the code says the same as the words, but more of it (RFC 3463 §3.2, §3.3).
_SHARPENED = {("userunknown", "1.6"): "hasmoved", ("mesgtoobig", "2.3"): "exceedlimit"}


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


def judge(
    text: str,
    *,
    status: str,
    reply_code: int | None,
    stage: Stage | None,
    remote_host: str = "",
    notes: str = "",
    gave_up: bool = False,
) -> Verdict:
    """The verdict by provider's rule, then by words, then by code.

    `status` is an enhanced status code reported beside the text; one in the text counts instead where it says more.
    `notes` is what a report tells people besides: heard when text and code are silent. `gave_up`: the report is a final
    one, so words without any code are final too.
    """
    status = _more_telling(status, text or notes)
    whole = f"{text} {notes}"
    text, about = _reply_within(text)
    notes = _WRAPPED.sub(r"\1", notes[:4000])
    told = f"{status} {text}"
    by_provider = reason_by_provider(told, remote_host)
    if by_provider == "userunknown" and names_the_dead_after_data(told, remote_host):
        stage = "rcpt"
    reason = (
        by_provider
        or reason_by_text(text)
        or (reason_by_text(f"{about} {notes}") if _says_little(status, reply_code, stage) else None)
        or reason_by_code(status, reply_code, stage)
        or ("onhold" if text.strip() else "undefined")
    )
    reason = _SHARPENED.get((reason, status[2:]), reason)
    if reason == "userunknown" and reply_code is None and _UNROUTED.search(text):
        reason = "hostunknown"
    if reason == "userunknown" and not _is_borne_out(whole, status, reply_code, stage):
        reason = "filtered"
    permanent = _is_permanent(status, reply_code) if status or reply_code else gave_up
    reason, lasting = _at_stage(reason, permanent, stage)
    word = REASONS[reason]
    return Verdict(reason, word.scope, word.persistence or ("permanent" if lasting else "temporary"), status)


# A reply on several lines repeats its codes on each (RFC 5321 §4.2.1, RFC 2034 §4): amid a sentence.
_REPLY = re.compile(r"(?<![\d.\-])[45]\d\d[ -](?:#?[45]\.\d{1,3}\.\d{1,3}\b)?")
# Cisco's gateways put their own words around the reply: 5.1.0 - Unknown address error 550-'5.7.1 No relaying'.
_WRAPPED = re.compile(r"[45]\.\d\.\d\s+-\s+[A-Za-z\s]{3,60}[45]\d\d-'([^']{1,1500})'")


def _reply_within(text: str) -> tuple[str, str]:
    """What the other server replied, without codes repeated in it, and what the reporting system put before it."""
    if wrapped := _WRAPPED.search(text[:2000]):
        return wrapped[1], ""
    if ENHANCED.match(text):
        return _REPLY.sub(" ", text[:2000]), ""
    found = _REPLY.search(text[:2000])
    if found is None or not text[found.end() :].strip():
        return text, ""
    return f"{found[0]}{_REPLY.sub(' ', text[found.end() : 2000])}", text[: found.start()]


def _says_little(status: str, reply_code: int | None, stage: Stage | None) -> bool:
    """Whether the code alone would be a guess: none known, or one that only says where the trouble was."""
    return status.endswith((".0.0", ".5.0")) or reason_by_code(status, reply_code, stage) is None


# Words of systems about mailboxes of their own: Exchange, IMail, the local agents of Unix, Notes, Gmail, VText.
_OWN_DIRECTORY = re.compile(
    r"recipient name is not recognized|final delivery userid|mail\.local|address couldn.t be found|000C05A6"
    r"|not (?:listed|found) in (?:the |this )?(?:public )?(?:name|domino|address)|invalid user address"
    r"|not a (?:local|valid) user (?:on|of) this|no such local (?:user|mailbox)",
    re.IGNORECASE,
)

# Exim's words when it could not route an address itself: no mail host was found for the domain.
_UNROUTED = re.compile(r"\bunrouteable address", re.IGNORECASE)


def _is_borne_out(text: str, status: str, reply_code: int | None, stage: Stage | None) -> bool:
    """Whether something besides the words "user unknown" says so: filters hide behind them, mostly after DATA.

    That is a code of its own (x.1.x); or that RCPT was refused, unless a security code (x.7.x) contradicts; or words
    that can only be about the system's own mailboxes. What may exist is scored, not suppressed.
    """
    if status[2:4] == "1.":
        return True
    silent = reply_code is None and (not status or status.endswith((".0.0", ".5.0")))
    own = _OWN_DIRECTORY.search(text[:2000]) is not None
    return status[2:4] != "7." and (stage == "rcpt" or (own and (silent or stage is None)))


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
