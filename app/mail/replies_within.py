"""The reply of the server that refused, out of the words that other systems put around it."""

import re

_LONGEST = 2000

ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")

# A reply on several lines repeats its codes on each (RFC 5321 §4.2.1, RFC 2034 §4): amid a sentence.
_REPLY = re.compile(r"(?<![\d.\-])[45]\d\d[ -](?:#?[45]\.\d{1,3}\.\d{1,3}\b)?")
# Cisco's gateways put their own words around the reply: 5.1.0 - Unknown address error 550-'5.7.1 No relaying'.
_WRAPPED = re.compile(r"[45]\.\d\.\d\s+-\s+[A-Za-z\s]{3,60}[45]\d\d-'([^']{1,1500})'")
# Exchange Online gives its guess first: Remote server returned message detected as spam -> 554 too many links.
_ARROW = re.compile(r"\bremote server returned\b[^>]{3,200}?->\s*([45]\d\d\b.{0,1500})", re.IGNORECASE | re.DOTALL)


def reply_within(text: str) -> tuple[str, str]:
    """What the other server replied, without codes repeated in it, and what the reporting system put before it."""
    text = text[:_LONGEST]
    if wrapped := _WRAPPED.search(text) or _ARROW.search(text):
        return wrapped[1], ""
    if ENHANCED.match(text):
        return _REPLY.sub(" ", text), ""
    found = _REPLY.search(text)
    if found is None or not text[found.end() :].strip():
        return text, ""
    return f"{found[0]}{_REPLY.sub(' ', text[found.end() :])}", text[: found.start()]


def unwrapped(notes: str) -> str:
    """What a report tells people, with replies in place of a gateway's words around them."""
    return _WRAPPED.sub(r"\1", notes)
