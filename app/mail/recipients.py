"""Reports on single recipients: addresses as reports write them, and the verdict on what is said of them."""

import re
from dataclasses import replace

from app.mail.classify import Verdict, judge
from app.mail.incoming import RecipientReport
from app.mail.reasons import REASONS, Reason
from app.mail.replies_within import ENHANCED
from app.mail.stages import stage_in

MAX_RECIPIENTS = 100
_LONGEST = 2000

ADDRESS = (
    r"(?:\"[^\"\s@]{1,64}\"|[^\s<>()\[\]:;,\"'@=|/]{1,64})"
    r"@[^\s<>()\[\]:;,\"'@=|/]{1,253}\.(?:[A-Za-z]{2,24}|xn--[A-Za-z0-9-]{2,59})"
)
"""An address in prose, as a pattern without groups: a complete domain, none of the signs that prose puts around it."""

_ADDRESS = re.compile(r"<([^<>\s@]{1,256}@[^<>\s@]{1,255})>|([^\s<>()\[\]:;,\"'@]{1,256}@[^\s<>()\[\]:;,\"'@]{1,255})")
# RFC 6533 §3: characters beyond ASCII in a utf-8 address may be written \x{4E00}.
_EMBEDDED = re.compile(r"\\x\{([0-9A-Fa-f]{1,5})\}")
_REPLY = re.compile(r"(?<![\d.\-])([45]\d\d)(?=[\s\-#:,;)\]]|$)(?!\.\d)")
_SUCCEEDED = frozenset({"delivered", "relayed", "expanded"})


def room_for(count: int) -> int:
    """How many characters of each diagnosis to hear where there are so many: the whole report takes a moment."""
    return max(300, min(_LONGEST, 20_000 // max(count, 1)))


def first_address(text: str) -> str:
    """The first mail address in a text, or an empty text."""
    found = _ADDRESS.search(text[:_LONGEST])
    if found is None:
        return ""
    return embedded_characters((found[1] or found[2]).rstrip("."))


def embedded_characters(address: str) -> str:
    """An address with the characters that RFC 6533 §3 lets be written by their numbers."""
    return _EMBEDDED.sub(_character, address)


def all_addresses(text: str) -> list[str]:
    """The mail addresses in a text, each once."""
    return list(dict.fromkeys(found[1] or found[2] for found in _ADDRESS.finditer(text[:_LONGEST])))


def _character(found: re.Match[str]) -> str:
    number = int(found[1], 16)
    return chr(number) if 0xA0 <= number < 0xD800 or 0xE000 <= number <= 0xFFFF else found[0]


def enhanced_status(text: str) -> str:
    """The first enhanced status code in a text, or an empty text."""
    found = ENHANCED.search(text[:_LONGEST])
    return found[0] if found else ""


def report(
    *,
    address: str,
    action: str,
    diagnostic: str,
    original: str = "",
    status: str = "",
    notes: str = "",
    host: str = "",
    reporter: str = "",
    by_program: bool = False,
) -> RecipientReport:
    """What is said of one recipient, judged.

    `notes` is what the report tells people: it may name the SMTP stage, and the reason where the diagnostic does not.
    `by_program`: the diagnostic is what a local program printed (`x-unix`). `reporter` is who wrote the report.
    """
    if action in _SUCCEEDED:
        reply_code, verdict = None, Verdict("delivered", "none", "none", status, f"action: {action}")
    else:
        reply_code, verdict = _verdict(diagnostic, notes, status, host, reporter, gave_up=action == "failed")
    forwarded = original.lower() not in ("", address.lower())
    if by_program and verdict.suppress and (forwarded or not status[2:].startswith("1.")):
        # A program behind an alias failed; whom or what it did not find was hardly the mailbox we wrote to.
        word = REASONS["mailererror"]
        verdict = Verdict(word.word, word.scope, "temporary", verdict.enhanced_status, "the failure of a program")
    if action == "delayed":
        verdict = _still_trying(verdict)
    return RecipientReport(
        address=address,
        original_address=original or address,
        action=action,
        status=status or verdict.enhanced_status,
        reply_code=reply_code,
        diagnostic=diagnostic[:_LONGEST],
        remote_host=host[:255],
        scope=verdict.scope,
        persistence=verdict.persistence,
        reason=verdict.reason,
        suppress=verdict.suppress,
        evidence=verdict.evidence[:200],
    )


def unjudged(address: str, word: Reason, evidence: str = "") -> RecipientReport:
    """A report on somebody whose address nothing failed for: who complains, or who is away."""
    return RecipientReport(
        address=address,
        original_address=address,
        action="",
        status="",
        reply_code=None,
        diagnostic="",
        remote_host="",
        scope=word.scope,
        persistence="none",
        reason=word.word,
        suppress=False,
        evidence=evidence[:200],
    )


def _verdict(
    diagnostic: str, notes: str, status: str, host: str, reporter: str, *, gave_up: bool
) -> tuple[int | None, Verdict]:
    """The reply code and the verdict, from what is told to people where the diagnosis tells nothing."""
    found = _REPLY.search(diagnostic[:_LONGEST])
    reply_code = int(found[1]) if found else None
    stage = stage_in(diagnostic) or stage_in(notes)
    # Without another server's name it is the reporting one that refused (RFC 3464 §2.3.5).
    host = host or _host_in(diagnostic) or _host_in(notes) or reporter
    verdict = judge(
        diagnostic,
        status=status,
        reply_code=reply_code,
        stage=stage,
        remote_host=host,
        reporter=reporter,
        notes=notes,
        gave_up=gave_up,
    )
    return reply_code, verdict


# "host mx.example.org[192.0.2.1] said", "while talking to mx.example.org.:", "rejected by mx.example.org".
_HOST = re.compile(
    r"(?:\bhost|talking to|\bby|connected to|dns;)\s+([a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8})", re.IGNORECASE
)


def _host_in(text: str) -> str:
    found = _HOST.search(text[:_LONGEST])
    return found[1] if found else ""


def _still_trying(verdict: Verdict) -> Verdict:
    """A warning of delay settles nothing, whatever it says."""
    if verdict.scope == "unknown":
        return Verdict("expired", "transient-infra", "delayed", verdict.enhanced_status, "a warning of delay")
    return replace(verdict, persistence="delayed")
