"""The envelope of a message: MAIL and RCPT with their parameters (RFC 5321 §4.1.2, RFC 1870, RFC 3461, RFC 6531)."""

import re
from dataclasses import dataclass, field

from app.core.errors import Invalid

_PATH = re.compile(rb"\s*<([^<>\x00-\x20\x7f]*)>((?: +[^\s=]+(?:=[^\s]*)?)*)\s*$")
_XTEXT = re.compile(rb"\+([0-9A-F]{2})")
LONGEST_ADDRESS = 320


class BadEnvelope(Invalid):
    """An argument of MAIL or RCPT that cannot be taken; the text is the reply."""


@dataclass(slots=True)
class Envelope:
    """Who sends to whom, as SMTP says it. `recipients` holds those accepted so far."""

    sender: str
    utf8: bool = False
    envelope_id: str = ""
    size: int = 0
    recipients: list[str] = field(default_factory=list)


def read_mail(argument: bytes) -> Envelope:
    """The envelope that `MAIL FROM:<…> …` opens. Raises BadEnvelope."""
    path, parameters = _split(argument, b"FROM:")
    utf8 = b"SMTPUTF8" in parameters
    size = parameters.get(b"SIZE", b"0")
    if not size.isdigit():
        raise BadEnvelope("501 5.5.4 SIZE must be a number")
    sender = _address(path, utf8) if path else ""
    ticket = _XTEXT.sub(lambda hit: bytes([int(hit[1], 16)]), parameters.get(b"ENVID", b""))
    return Envelope(sender, utf8=utf8, envelope_id=ticket.decode("ascii", "replace"), size=int(size[:15]))


def read_recipient(argument: bytes, *, utf8: bool) -> str:
    """The address in `RCPT TO:<…> …`, its domain in lower case. Raises BadEnvelope."""
    path, _ = _split(argument, b"TO:")
    if not path:
        raise BadEnvelope("501 5.1.3 A recipient needs an address")
    return _address(path, utf8)


def _split(argument: bytes, keyword: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    found = _PATH.match(argument, len(keyword)) if argument[: len(keyword)].upper() == keyword else None
    if not found:
        raise BadEnvelope(f"501 5.5.4 Syntax: {keyword.decode()}<address>")
    pairs = (word.partition(b"=") for word in found[2].split())
    return found[1], {name.upper(): value for name, _, value in pairs}


def _address(path: bytes, utf8: bool) -> str:
    if not path.isascii() and not utf8:
        raise BadEnvelope("553 5.6.7 This address needs SMTPUTF8")
    try:
        local, at, domain = path.decode().rpartition("@")
    except UnicodeDecodeError:
        raise BadEnvelope("501 5.1.3 The address is not UTF-8") from None
    if not at or not local or not domain or len(path) > LONGEST_ADDRESS:
        raise BadEnvelope("501 5.1.3 Not a mail address")
    return f"{local}@{domain.lower()}"
