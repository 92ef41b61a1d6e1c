"""Which incoming mail names a message of ours, and how much of all other mail is kept in a day.

Anybody may write to our listener. Only a token that we signed is in nobody's power to make up.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from redis import Redis
from redis import asyncio as redis_asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.core import clock
from app.core.errors import BadToken
from app.core.logging import log
from app.core.tokens import Keyring, Purpose
from app.mail.verp import read_return_address

MEMORY = timedelta(days=2)
"""So long a day's count is kept in Valkey."""
_LOOKED_AT = 512 * 1024
_MOST = 1000
_TOKEN = re.compile(rb"(?<![A-Za-z2-7])[A-Za-z2-7]{26}(?![A-Za-z2-7])")
_OCTETS, _PUT_OFF = "octets", "put_off"


@dataclass(frozen=True, slots=True)
class Today:
    """What strangers sent since midnight (UTC): octets that were kept, and how often a mail was put off."""

    octets: int
    put_off: int


class Strangers:
    """The allowance of a day (UTC), in octets: counted in Valkey, for all listeners together and whatever restarts.

    While Valkey is away, this process goes on from the last count it knows, and adds what it owes once it is back.
    """

    def __init__(self, queue_url: str, a_day: int) -> None:
        self.a_day = a_day
        # Short: a mail waits for its answer meanwhile.
        self._queue = redis_asyncio.Redis.from_url(
            queue_url, socket_timeout=0.5, socket_connect_timeout=0.2, retry=Retry(NoBackoff(), 0)
        )
        self._day: date | None = None
        self._octets = 0
        self._owed = {_OCTETS: 0, _PUT_OFF: 0}
        self._was_told = False
        self._is_shared = True

    async def admits(self, octets: int) -> bool:
        """Whether there is room for a mail of this length today."""
        await self._add()
        if self._octets + octets <= self.a_day:
            return True
        if not self._was_told:
            self._was_told = True
            log("mailbox").warning(
                "mail that names no message of ours is put off until tomorrow: there was too much of it",
                kept=self._octets,
            )
        await self._add(put_off=1)
        return False

    async def count(self, octets: int) -> None:
        """A mail was stored."""
        await self._add(octets=octets)

    async def close(self) -> None:
        """Give the connection back."""
        await self._queue.aclose()

    async def _add(self, **more: int) -> None:
        """Count here and in Valkey, and learn what all together have come to."""
        day = self._turn_page()
        self._octets += more.get(_OCTETS, 0)
        told = {name: owed + more.get(name, 0) for name, owed in self._owed.items()}
        self._owed = dict.fromkeys(told, 0)
        try:
            together = await self._tell(_key(day), told)
        except (RedisError, OSError, TimeoutError) as error:
            if self._is_shared:
                log("mailbox").warning("the day's count cannot be shared just now", error=type(error).__name__)
            self._is_shared = False
            if day == self._day:
                self._owed = {name: owed + told[name] for name, owed in self._owed.items()}
            return
        self._is_shared = True
        if day == self._day:
            self._octets = max(self._octets, together)

    async def _tell(self, key: str, told: dict[str, int]) -> int:
        async with self._queue.pipeline(transaction=False) as pipe:
            for name, more in told.items():
                pipe.hincrby(key, name, more)
            pipe.expire(key, MEMORY)
            found: list[Any] = await pipe.execute()
        return int(found[0])

    def _turn_page(self) -> date:
        today = clock.now().date()
        if self._day != today:
            self._day, self._octets, self._was_told = today, 0, False
            self._owed = {_OCTETS: 0, _PUT_OFF: 0}
        return today


def taken_today(queue: Redis) -> Today:
    """What all listeners have counted."""
    found: Any = queue.hmget(_key(clock.now().date()), [_OCTETS, _PUT_OFF])
    return Today(*(int(number or 0) for number in found))


def _key(day: date) -> str:
    return f"merpati:strangers:{day.isoformat()}"


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
