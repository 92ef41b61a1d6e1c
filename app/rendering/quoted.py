"""Quoted-printable (RFC 2045 §6.7) in pieces that can be joined: each starts and ends at column 0.

A piece that does not end with a line end is closed by a soft break (`=` CRLF), so pieces encoded at different times,
some once per design and some per person, form one valid body. Lines are at most 76 characters; a dot that would begin a
line is written `=2E`, so nothing on the way needs to stuff dots (RFC 5321 §4.5.2).
"""

import re
from functools import lru_cache
from html import escape

SOFT_BREAK = b"=\r\n"
_LIMIT = 75
_KEPT = 200
_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 :/@_~,.-]{0,73}[A-Za-z0-9/_-])?")
_UNSAFE = re.compile(rb"[^\t\n -<>-~]|[\t ](?=\n|$)")
_TRIPLES = [f"={code:02X}".encode() for code in range(256)]


def quote(text: str) -> bytes:
    """A piece of a body; newlines become CRLF, whatever kind they were."""
    if not text:
        return b""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    data = _UNSAFE.sub(_triple, text.encode("utf-8", "replace"))
    lines = data.split(b"\n")
    if len(lines) == 1:
        return _fold(data) + SOFT_BREAK
    folded = b"\r\n".join([_fold(line) for line in lines])
    return folded if not lines[-1] else folded + SOFT_BREAK


def quote_value(text: str) -> tuple[bytes, bytes]:
    """The pieces of a value for the text part and, escaped, for the HTML part. Short plain words take the fast way."""
    if _PLAIN.fullmatch(text):
        piece = text.encode() + SOFT_BREAK
        return piece, piece
    return _quote_hard(text) if len(text) < _KEPT else (quote(text), quote(escape(text)))


@lru_cache(maxsize=4096)
def _quote_hard(text: str) -> tuple[bytes, bytes]:
    return quote(text), quote(escape(text))


def _triple(found: re.Match[bytes]) -> bytes:
    return _TRIPLES[found.group()[0]]


def _fold(line: bytes) -> bytes:
    """One encoded line, broken softly so that no part is over the limit or begins with a dot."""
    if len(line) <= _LIMIT and line[:1] != b".":
        return line
    parts: list[bytes] = []
    at = 0
    while at < len(line):
        lead = b""
        room = _LIMIT
        if line[at] == 0x2E:
            lead, room, at = b"=2E", _LIMIT - 3, at + 1
        end = at + room
        if end < len(line):
            end -= 1 if line[end - 1] == 0x3D else 2 if line[end - 2] == 0x3D else 0
        parts.append(lead + line[at:end])
        at = end
    return b"=\r\n".join(parts)
