"""Bytes from outside to text that is safe to keep: no exceptions, no surrogates, no controls but line breaks."""

import binascii
import codecs
import re
from email.errors import HeaderParseError
from email.header import decode_header

_LONGEST_HEADER = 4000
# Text codecs for other purposes; some of them are slow by nature or warn.
_NOT_FOR_MAIL = frozenset(
    {"punycode", "idna", "unicode_escape", "raw-unicode-escape", "raw_unicode_escape", "undefined"}
)
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


def text_of(raw: bytes, charset: str = "utf-8") -> str:
    """The bytes as text in the charset named, in UTF-8, or in Latin-1, whichever first fits."""
    for name in (charset, "utf-8", "latin-1"):
        try:
            codec = codecs.lookup(name)
            if codec.name not in _NOT_FOR_MAIL:
                return _CONTROLS.sub("", raw.decode(codec.name))
        except (LookupError, ValueError):
            continue
    return ""


def header_text(value: str) -> str:
    """A header's value with its encoded-words decoded, on one line."""
    value = value[:_LONGEST_HEADER]
    if "=?" in value:
        try:
            pieces = decode_header(value)
        except (HeaderParseError, ValueError):
            pieces = [(value, None)]
        value = "".join(
            piece if isinstance(piece, str) else text_of(piece, charset or "utf-8") for piece, charset in pieces
        )
    return " ".join(_CONTROLS.sub("", value).split())


def transfer_decoded(raw: bytes, encoding: str) -> bytes:
    """A part's content without its transfer encoding; damaged base64 as far as it goes."""
    encoding = encoding.strip().lower()
    if encoding == "quoted-printable":
        return binascii.a2b_qp(raw)
    if encoding == "base64":
        digits = _NOT_BASE64.sub(b"", raw)
        digits = digits[:-1] if len(digits) % 4 == 1 else digits
        return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))
    return raw
