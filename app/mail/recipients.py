"""Reports on single recipients: addresses as reports write them, and the verdict on what is said of them."""

import re
from dataclasses import replace

from app.mail.classify import ENHANCED, Verdict, judge
from app.mail.incoming import RecipientReport
from app.mail.stages import stage_in

MAX_RECIPIENTS = 100
_LONGEST = 2000

_ADDRESS = re.compile(r"<([^<>\s@]{1,256}@[^<>\s@]{1,255})>|([^\s<>()\[\]:;,\"'@]{1,256}@[^\s<>()\[\]:;,\"'@]{1,255})")
# RFC 6533 §3: characters beyond ASCII in a utf-8 address may be written \x{4E00}.
_EMBEDDED = re.compile(r"\\x\{([0-9A-Fa-f]{1,5})\}")
_REPLY = re.compile(r"(?<![\d.\-])([245]\d\d)(?=[\s\-#:,;)\]]|$)(?!\.\d)")
_SUCCEEDED = frozenset({"delivered", "relayed", "expanded"})


def first_address(text: str) -> str:
    """The first mail address in a text, or an empty text."""
    found = _ADDRESS.search(text[:_LONGEST])
    if found is None:
        return ""
    return _EMBEDDED.sub(_character, (found[1] or found[2]).rstrip("."))


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
) -> RecipientReport:
    """What is said of one recipient, judged.

    `notes` is what the report tells people: it may name the SMTP stage, and the reason where there is no diagnostic.
    """
    found = _REPLY.search(diagnostic[:_LONGEST])
    reply_code = int(found[1]) if found else None
    if action in _SUCCEEDED:
        verdict = Verdict("delivered", "none", "none", status)
    else:
        stage = stage_in(diagnostic) or stage_in(notes)
        verdict = judge(diagnostic or notes, status=status, reply_code=reply_code, stage=stage, remote_host=host)
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
    )


def _still_trying(verdict: Verdict) -> Verdict:
    """A warning of delay settles nothing, whatever it says."""
    if verdict.scope == "unknown":
        return Verdict("expired", "transient-infra", "delayed", verdict.enhanced_status)
    return replace(verdict, persistence="delayed")
