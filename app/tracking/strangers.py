"""Which incoming mail names a message of ours, and how much of all other mail is kept in a day.

Anybody may write to our listener. Only a token that we signed is in nobody's power to make up.
"""

import re
from collections.abc import Iterable
from datetime import date

from app.core import clock
from app.core.errors import BadToken
from app.core.logging import log
from app.core.tokens import Keyring, Purpose
from app.mail.verp import read_return_address

A_DAY = 256 * 1024 * 1024
"""Octets of mail that names no message of ours: DMARC reports come to a small part of this."""
_LOOKED_AT = 512 * 1024
_MOST = 1000
_TOKEN = re.compile(rb"(?<![A-Za-z2-7])[A-Za-z2-7]{26}(?![A-Za-z2-7])")


class Strangers:
    """The allowance of a day (UTC), counted since this process began."""

    def __init__(self, a_day: int = A_DAY) -> None:
        self.a_day = a_day
        self._day: date | None = None
        self._octets = 0
        self._was_told = False

    def admits(self, octets: int) -> bool:
        """Whether there is room for a mail of this length today."""
        self._turn_page()
        if self._octets + octets <= self.a_day:
            return True
        if not self._was_told:
            self._was_told = True
            log("mailbox").warning(
                "mail that names no message of ours is put off until tomorrow: there was too much of it",
                kept=self._octets,
            )
        return False

    def count(self, octets: int) -> None:
        """A mail was stored."""
        self._turn_page()
        self._octets += octets

    def _turn_page(self) -> None:
        if self._day != (today := clock.now().date()):
            self._day, self._octets, self._was_told = today, 0, False


def places_of(recipients: Iterable[str], keyring: Keyring) -> tuple[list[str], bool]:
    """The recipients for each of which a mail has to be kept, and whether one of them names a message of ours.

    What follows from a mail follows for each message that its recipients name. For all others together nothing does:
    it is kept once.
    """
    places: dict[tuple[str, int] | None, str] = {}
    for address in recipients:
        places.setdefault(_named_by(address, keyring), address)
    return list(places.values()), any(place is not None for place in places)


def names_ours(raw: bytes | bytearray, keyring: Keyring) -> bool:
    """Whether a token of ours stands in the open in a mail: reports and replies repeat our Message-ID."""
    found = _TOKEN.finditer(raw, 0, _LOOKED_AT)
    return any(_number(match[0].decode(), keyring) is not None for match, _ in zip(found, range(_MOST), strict=False))


def _named_by(address: str, keyring: Keyring) -> tuple[str, int] | None:
    ours = read_return_address(address)
    number = None if ours is None else _number(ours.token, keyring)
    return None if ours is None or number is None else (ours.kind, number)


def _number(token: str, keyring: Keyring) -> int | None:
    try:
        return keyring.read_from_mail(Purpose.RETURN_PATH, token)
    except BadToken:
        return None
