"""A quick look into delivered bytes: one header, or the HTML part, in microseconds where a parser takes milliseconds.

What the world acts on is read from here; the caught-mail page uses the standard library instead.
"""

import binascii
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from functools import lru_cache

_BOUNDARY = re.compile(rb"""boundary\s*=\s*(?:"([^"]+)"|([^\s;"]+))""", re.IGNORECASE)
_CHARSET = re.compile(rb"""charset\s*=\s*"?([\w.:-]+)""", re.IGNORECASE)
_FOLD = re.compile(rb"\r?\n[ \t]+")
DEEPEST = 10


def headers_of(raw: bytes) -> bytes:
    """The header block, without the empty line that ends it."""
    return _split(raw)[0]


def header(block: bytes, name: str) -> str:
    """The first header of that name, unfolded, still encoded; empty when there is none."""
    found = _pattern(name).search(block)
    return _FOLD.sub(b" ", found[1]).strip().decode("utf-8", "replace") if found else ""


def decoded(value: str) -> str:
    """A header's text with its encoded words read (RFC 2047)."""
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        return value


def html_of(raw: bytes) -> str:
    """The first HTML part, decoded; empty when there is none."""
    return next(_html_parts(raw, 0), "")


def _html_parts(raw: bytes, depth: int) -> Iterator[str]:
    head, body = _split(raw)
    kind = _pattern("Content-Type").search(head)
    kind_text = _FOLD.sub(b" ", kind[1]) if kind else b"text/plain"
    lowered = kind_text.strip().lower()
    if lowered.startswith(b"multipart/"):
        if depth < DEEPEST and (found := _BOUNDARY.search(kind_text)):
            for part in _parts(body, found[1] or found[2]):
                yield from _html_parts(part, depth + 1)
    elif lowered.startswith(b"text/html"):
        charset = _CHARSET.search(kind_text)
        yield _text(_unpacked(head, body), charset[1].decode() if charset else "utf-8")


def _split(raw: bytes) -> tuple[bytes, bytes]:
    if raw.startswith(b"\r\n"):
        return b"", raw[2:]
    head, gap, body = raw.partition(b"\r\n\r\n")
    if gap:
        return head, body
    head, _, body = raw.partition(b"\n\n")
    return head, body


def _parts(body: bytes, boundary: bytes) -> Iterator[bytes]:
    pieces = re.split(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|\Z)", body)
    for closing, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        if closing:
            return
        yield piece.removeprefix(b"\r").removeprefix(b"\n")


def _unpacked(head: bytes, body: bytes) -> bytes:
    encoding = header(head, "Content-Transfer-Encoding").lower()
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    if encoding == "base64":
        try:
            return binascii.a2b_base64(body)
        except binascii.Error:
            return b""
    return body


def _text(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset, "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


@lru_cache
def _pattern(name: str) -> re.Pattern[bytes]:
    return re.compile(rb"(?im)^" + re.escape(name.encode()) + rb"[ \t]*:((?:[^\r\n]|\r?\n[ \t]|\r(?!\n))*)")
