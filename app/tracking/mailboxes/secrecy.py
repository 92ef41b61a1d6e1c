"""A server's words are not shown when they repeat what it was told in confidence, however it writes that.

They are left out whole: to cross out a secret one must find all of it, to leave out its surroundings any part will do.
"""

import html
import json
import unicodedata
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus, unquote, unquote_plus

ALIKE = 6
"""So many characters in a row, blanks apart, are a part of a secret. A shorter secret is none: it is in any word."""
UNSHOWN = "(its words repeat a secret, so they are not shown)"


def discreet(text: str, secrets: Iterable[str]) -> str:
    """A server's words, or that they are not shown."""
    return UNSHOWN if repeats(text, secrets) else text


def repeats(text: str, secrets: Iterable[str]) -> bool:
    """Whether a part of a secret stands in a text: as it is, url-encoded, escaped, in hexadecimal or in base64.

    Capitals, blanks and line breaks make no difference. Takes time by the length of the text: bound it first.
    """
    known = "\0".join(_squeezed(form) for secret in secrets if len(secret) >= ALIKE for form in _forms(secret))
    if not known:
        return False
    readings = {_squeezed(reading) for reading in (text, unquote(text), unquote_plus(text), html.unescape(text))}
    return any(part in known for reading in readings for part in _parts(reading))


def _forms(secret: str) -> Iterator[str]:
    octets = secret.encode("utf-8", "surrogatepass")
    yield from (secret, secret[::-1], octets.hex(), html.escape(secret), json.dumps(secret)[1:-1])
    yield from (quote(octets), quote(octets, safe=""), quote_plus(octets))
    for before in range(3):
        # Three octets are four letters: what stands before a secret decides which three go together.
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(b"\0" * before + octets).decode().rstrip("=")[before + 1 if before else 0 :]


def _squeezed(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in plain if letter.isprintable() and not letter.isspace())


def _parts(text: str) -> Iterator[str]:
    return (text[at : at + ALIKE] for at in range(len(text) - ALIKE + 1))
