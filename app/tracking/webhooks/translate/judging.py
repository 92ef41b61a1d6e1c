"""From a provider's words to a fact: hard and soft are nothing we believe, text and codes decide."""

import re
from typing import Final

from app.mail.classify import Verdict, judge
from app.mail.reasons import REASONS
from app.tracking.acting.facts import Fact, Kind
from app.tracking.webhooks.translate.heard import Heard, Meaning

LONGEST_WORDS = 2000
_KINDS: Final[dict[Meaning, Kind]] = {
    "delivered": "delivered",
    "complaint": "complaint",
    "feedback": "feedback",
    "autoreply": "autoreply",
    "challenge": "challenge",
    "bounce": "bounce",
    "delayed": "delayed",
}
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}").fullmatch
_CODE = re.compile(r"[245]\d\d").fullmatch
_REPLY = re.compile(r"(?:^|smtp;|said:|\s)\s*([45]\d\d)[ -]")
_NO_COMPLAINTS = frozenset({"not-spam", "auth-failure"})
"""Types of feedback that complain of nothing (RFC 5965 §3.1, RFC 6591 §3.1)."""
_SILENT = frozenset({"undefined", "onhold"})


def fact_of(heard: Heard, key: str) -> Fact | None:
    """The fact in what was heard; None when it is of no consequence, or when the person left."""
    words = " ".join(heard.words.split())[:LONGEST_WORDS]
    if heard.meaning == "theirs":
        # No fresh failure: the message did not arrive, and the address has shown nothing new.
        text = f"The provider's own list keeps mail from this address: {words}".removesuffix(": ")
        return Fact("bounce", key, "unknown", "temporary", "onhold", diagnostic=text)
    kind = _KINDS.get(heard.meaning)
    if kind == "complaint" and heard.feedback_type.lower() in _NO_COMPLAINTS:
        kind = "feedback"
    if kind is None:
        return None
    if kind not in ("bounce", "delayed"):
        return Fact(kind, key, diagnostic=words, feedback_type=heard.feedback_type)
    return _failure(kind, heard, key, words)


def _failure(kind: Kind, heard: Heard, key: str, words: str) -> Fact:
    code = _code(heard.code, words)
    verdict = judge(
        words.removeprefix("smtp;").strip(),
        status=heard.status if _STATUS(heard.status) else "",
        reply_code=code,
        stage="rcpt" if heard.hint.names_person else None,
        notes=heard.notes,
        gave_up=heard.hint.is_final,
    )
    verdict = _by_hint(verdict, heard, code)
    return Fact(
        kind,
        key,
        verdict.scope,
        "delayed" if kind == "delayed" else verdict.persistence,
        verdict.reason,
        verdict.enhanced_status or (heard.status if _STATUS(heard.status) else ""),
        code,
        words or " ".join(heard.notes.split())[:LONGEST_WORDS],
    )


def _code(given: str, words: str) -> int | None:
    if _CODE(given):
        return int(given)
    found = _REPLY.search(words[:500])
    return int(found[1]) if found else None


def _by_hint(verdict: Verdict, heard: Heard, code: int | None) -> Verdict:
    """The provider's class, where the judge found nothing in words and codes."""
    if verdict.reason not in _SILENT or not heard.hint.reason:
        return verdict
    word = REASONS[heard.hint.reason]
    is_final = heard.hint.is_final and not (code and code < 500) and not verdict.enhanced_status.startswith("4")
    return Verdict(
        word.word, word.scope, word.persistence or ("permanent" if is_final else "temporary"), verdict.enhanced_status
    )
