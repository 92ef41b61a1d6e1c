"""How much mail that names no message of ours, or one of which enough was heard already, is kept in a day."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from redis import Redis
from redis import asyncio as redis_asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.core import clock
from app.core.logging import log

MEMORY = timedelta(days=2)
"""So long a day's count is kept in Valkey."""
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
        self._queue = impatient(queue_url)
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


def impatient(queue_url: str) -> redis_asyncio.Redis:
    """A connection to Valkey that gives up soon: a mail waits for its answer meanwhile."""
    return redis_asyncio.Redis.from_url(
        queue_url, socket_timeout=0.5, socket_connect_timeout=0.2, retry=Retry(NoBackoff(), 0)
    )
