"""Bytes from outside to text that is safe to keep: no exceptions, no surrogates, no controls but line breaks."""

import binascii
import codecs
import encodings
import re
from email.errors import HeaderParseError
from email.header import decode_header
from encodings.aliases import aliases
from functools import lru_cache
from pkgutil import iter_modules

_LONGEST_HEADER = 4000
# Text codecs for other purposes; some of them are slow by nature or warn.
_NOT_FOR_MAIL = frozenset(
    {"punycode", "idna", "unicode_escape", "raw-unicode-escape", "raw_unicode_escape", "undefined"}
)
# Python remembers every name that it was ever asked for in vain.
_KNOWN = frozenset({*aliases, *(module.name for module in iter_modules(encodings.__path__))})
_OF_LATIN = frozenset({"utf-8", "ascii"})
# What is labelled with the older set is mostly written in the set that extends it.
_WIDER = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso-2022-jp": "iso2022_jp_ext",
    "shift_jis": "cp932",
    "ks_c_5601-1987": "cp949",
}
# What Japanese systems write under the name of the charset that they ought to.
_INSTEAD = {"iso-2022-jp": ("euc_jp", "cp932")}
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


def text_of(raw: bytes, charset: str = "utf-8") -> str:
    """The bytes as text in the charset named, in UTF-8, in the one named with some damage, or in Latin-1."""
    tried = [(name, "strict") for name in (charset, "utf-8", *_INSTEAD.get(charset.lower(), ()))]
    for name, errors in (*tried, (charset, "replace"), ("latin-1", "strict")):
        try:
            codec = _codec(_WIDER.get(name.lower(), name))
            if codec.name in _NOT_FOR_MAIL or (errors == "replace" and codec.name in _OF_LATIN):
                continue
            return _CONTROLS.sub("", raw.decode(codec.name, errors))
        except (LookupError, ValueError):
            continue
    return ""


@lru_cache(maxsize=256)
def _codec(name: str) -> codecs.CodecInfo:
    """The codec of a name. Raises LookupError for one that there is not."""
    plain = encodings.normalize_encoding(name.lower())
    if plain not in _KNOWN and plain.replace(".", "_") not in _KNOWN:
        raise LookupError
    return codecs.lookup(plain)


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
