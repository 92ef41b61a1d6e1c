"""Which messages of ours an incoming mail names, and what is to be stored of it for each.

Anybody may write to our listener. Only a token that we signed is in nobody's power to make up.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.core.errors import BadToken
from app.core.tokens import Keyring, Purpose
from app.mail.mime import MAX_SIZE
from app.mail.verp import read_return_address

_LOOKED_AT = 512 * 1024
_MOST = 1000
_TOKEN = re.compile(rb"(?<![A-Za-z2-7])[A-Za-z2-7]{26}(?![A-Za-z2-7])")


@dataclass(frozen=True, slots=True)
class Place:
    """One recipient for whom a mail is stored: its first `octets`. `message`: whose share of the day pays for it."""

    recipient: str
    octets: int
    message: int | None


def places_of(sender: str, recipients: Sequence[str], raw: bytes | bytearray, keyring: Keyring) -> list[Place]:
    """Where a mail is stored, those that name a message first.

    What follows from a mail follows for each message that its recipients name. For all others together nothing does:
    it is kept once. It is kept whole in the first place, since a person's reply is handed on with what is attached. A
    report, which has no sender (RFC 5321 §4.5.5), and the copies for further messages are kept as far as they are read.
    """
    named = _by_what_they_name(recipients, keyring)
    payer = next((place[1] for place in named if place), None)
    if payer is None:
        payer = _named_in(raw, keyring)
    places = []
    for number, (place, recipient) in enumerate(named.items()):
        is_whole = number == 0 and not (place and not sender)
        octets = len(raw) if is_whole else min(len(raw), MAX_SIZE)
        places.append(Place(recipient, octets, place[1] if place else payer))
    return places


def _by_what_they_name(recipients: Sequence[str], keyring: Keyring) -> dict[tuple[str, int] | None, str]:
    found: dict[tuple[str, int] | None, str] = {}
    for address in recipients:
        found.setdefault(_named_by(address, keyring), address)
    return dict(sorted(found.items(), key=lambda item: item[0] is None))


def _named_by(address: str, keyring: Keyring) -> tuple[str, int] | None:
    ours = read_return_address(address)
    number = None if ours is None else _number(ours.token, keyring)
    return None if ours is None or number is None else (ours.kind, number)


def _named_in(raw: bytes | bytearray, keyring: Keyring) -> int | None:
    """The first message whose token stands in the open: reports and replies repeat our Message-ID."""
    found = zip(_TOKEN.finditer(raw, 0, _LOOKED_AT), range(_MOST), strict=False)
    numbers = (_number(match[0].decode(), keyring) for match, _ in found)
    return next((number for number in numbers if number is not None), None)


def _number(token: str, keyring: Keyring) -> int | None:
    try:
        return keyring.read_from_mail(Purpose.RETURN_PATH, token)
    except BadToken:
        return None
