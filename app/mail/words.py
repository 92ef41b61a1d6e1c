"""Encoded-words: text beyond ASCII in header fields (RFC 2047)."""

import binascii
import re

MAX_WORD = 75
MAX_LINE = 76
"""A line that holds an encoded-word may be this long (RFC 2047 §2), shorter than the 78 of other lines."""

_FRAME = len("=?utf-8?b??=")
# The strictest set, that of a phrase (RFC 2047 §5 (3)): so one encoder serves display names and subjects alike.
_Q_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/ "
_Q_UNSAFE = re.compile(rb"[^A-Za-z0-9!*+/ -]")


def encoded_words(text: str, *, used: int) -> str:
    """The text as encoded-words joined by folds; `used` characters of the first line are taken by the field's name."""
    raw = text.encode("utf-8", "replace")
    length_as_q = len(raw) + 2 * len(raw.translate(None, _Q_SAFE))
    length_as_b = (len(raw) + 2) // 3 * 4
    pieces = _as_b(raw, used) if length_as_b <= length_as_q else _as_q(raw, used)
    return "\r\n ".join(pieces)


def _as_b(raw: bytes, used: int) -> list[str]:
    pieces = []
    start, room = 0, MAX_LINE - used - _FRAME
    while start < len(raw):
        end = _character_end(raw, start, start + room // 4 * 3)
        pieces.append(f"=?utf-8?b?{binascii.b2a_base64(raw[start:end], newline=False).decode()}?=")
        start, room = end, MAX_WORD - _FRAME
    return pieces


def _character_end(raw: bytes, start: int, end: int) -> int:
    """The last end of a character at or before `end`: each word must decode by itself (RFC 2047 §5)."""
    if end >= len(raw):
        return len(raw)
    while raw[end] & 0xC0 == 0x80 and end > start:
        end -= 1
    return end


def _as_q(raw: bytes, used: int) -> list[str]:
    pieces = []
    word, room = "", MAX_LINE - used - _FRAME
    for character in raw.decode():
        unit = _Q_UNSAFE.sub(_hex, character.encode()).decode().replace(" ", "_")
        if len(word) + len(unit) > room:
            pieces.append(f"=?utf-8?q?{word}?=")
            word, room = "", MAX_WORD - _FRAME
        word += unit
    return [*pieces, f"=?utf-8?q?{word}?="]


def _hex(found: re.Match[bytes]) -> bytes:
    return b"=%02X" % found.group()[0]
