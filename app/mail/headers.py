"""Header fields as text, folded, without their final CRLF. Nothing put into them can begin a field of its own."""

import re
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from app.core.errors import Invalid
from app.mail.words import MAX_LINE, encoded_words

MAX_FOLDED = 78
MAX_OCTETS = 998
_LONGEST_QUOTED_NAME = 58

_BREAKS = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/^_`{|}~-]+)*")
_NAME = re.compile(r"[!-9;-~]{1,40}")
# Printable ASCII without angle brackets, and without the comma that separates URIs.
_URI = re.compile(r"https?://[!-+.-;=?-~-]+")


def mailbox_field(label: str, name: str, address: str) -> str:
    """`label: name <address>`, the name quoted or encoded as it needs (RFC 5322 §3.4, RFC 2047 §5)."""
    name = one_line(name)
    if not name:
        return f"{label}: {address}"
    line = f"{label}: {_phrase(name, len(label) + 2)}"
    last = len(line) - line.rfind("\n") - 1
    gap = " " if last + len(address) + 3 <= MAX_LINE else "\r\n "
    return f"{line}{gap}<{address}>"


def _phrase(name: str, used: int) -> str:
    if len(name) <= _LONGEST_QUOTED_NAME and name.isascii() and "=?" not in name:
        if _ATOMS.fullmatch(name) is not None:
            return name
        return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return encoded_words(name, used=used)


@lru_cache(maxsize=4096)
def text_field(label: str, text: str) -> str:
    """A field for people, such as Subject: folded at 78, encoded where ASCII or folding do not suffice."""
    text = one_line(text)
    used = len(label) + 2
    if text.isascii() and "=?" not in text:
        if used + len(text) <= MAX_FOLDED:
            return f"{label}: {text}"
        folded = _fold(label, text)
        if max(map(len, folded)) <= MAX_FOLDED:
            return "\r\n".join(folded)
    return f"{label}: {encoded_words(text, used=used)}"


def machine_field(label: str, text: str) -> str:
    """A field for programs: folded at spaces, never encoded in the middle. Raises Invalid when it cannot be carried."""
    if _NAME.fullmatch(label) is None:
        raise Invalid(
            f"{label[:MAX_LINE]!r} is not the name of a header field. Use up to 40 letters, digits and hyphens."
        )
    text = one_line(text)
    if not text.isascii():
        return f"{label}: {encoded_words(text, used=len(label) + 2)}"
    folded = _fold(label, text)
    if max(map(len, folded)) > MAX_OCTETS:
        raise Invalid(f"The header field {label} has a word longer than a mail's line may be. Shorten its value.")
    return "\r\n".join(folded)


def one_line(text: str) -> str:
    """The text with every run of spaces, line breaks and control characters made one space, and none at its ends."""
    if not text.isprintable() or "  " in text:
        text = _BREAKS.sub(" ", text).encode("utf-8", "replace").decode()
    return text.strip(" ")


def _fold(label: str, text: str) -> list[str]:
    first, *words = text.split(" ")
    lines = [f"{label}: {first}"]
    for word in words:
        if len(lines[-1]) + 1 + len(word) <= MAX_FOLDED:
            lines[-1] += f" {word}"
        else:
            lines.append(f" {word}")
    return lines


def checked_uri(uri: str) -> str:
    """The address of a web page, fit to stand between angle brackets in a header (RFC 2369 §2). Raises Invalid."""
    if len(uri) > MAX_OCTETS - 40 or _URI.fullmatch(uri) is None:
        raise Invalid(f"{uri[:100]!r} cannot be an unsubscribe address; nothing was sent. Use an https URI.")
    return uri


def date_text(moment: datetime) -> str:
    """A date as RFC 5322 §3.3 writes it."""
    return _date_text(moment.replace(microsecond=0) if moment.microsecond else moment)


@lru_cache(maxsize=64)
def _date_text(second: datetime) -> str:
    return format_datetime(second)
