"""How much mail that names one message of ours is kept in a day: who holds a token must not fill the disk with it."""

from dataclasses import dataclass
from datetime import date

from redis.exceptions import RedisError

from app.core import clock
from app.core.logging import log
from app.tracking.strangers import MEMORY, impatient

A_DAY = 25 * 1024 * 1024
"""Octets of mail about one message: the longest reply that is taken, and reports by the hundred beside it."""
SMALL = 1024 * 1024
"""Octets that a listener may count for itself before it tells the others: a report costs no question to Valkey."""
MOST = 100_000
"""Messages that are remembered at once, some ten megabytes. What was told of those before them is not lost."""


@dataclass(slots=True)
class _Share:
    octets: int = 0
    untold: int = 0
    is_used_up: bool = False


class Shares:
    """The share of each message in a day (UTC), in octets: for all listeners together, but for `SMALL` in each.

    While Valkey is away, each listener counts for itself.
    """

    def __init__(self, queue_url: str, a_day: int = A_DAY) -> None:
        self.a_day = a_day
        self._queue = impatient(queue_url)
        self._day: date | None = None
        self._shares: dict[int, _Share] = {}

    async def take(self, message: int | None, octets: int) -> bool:
        """Whether so much more mail about this message is kept today; then it is counted. Of no message, none is."""
        if message is None:
            return False
        share = self._share(message)
        # Before anything is waited for: several mails come at once.
        share.octets += octets
        share.untold += octets
        if abs(share.untold) >= SMALL:
            await self._tell(message, share)
        if share.octets <= self.a_day:
            return True
        self.give_back(message, octets)
        if not share.is_used_up:
            share.is_used_up = True
            log("mailbox").warning(
                "enough mail about one message for today: more of it counts as strangers' mail", message=message
            )
        return False

    def give_back(self, message: int | None, octets: int) -> None:
        """It was not stored after all."""
        share = None if message is None else self._shares.get(message)
        if share is not None:  # else it is another day
            share.octets -= octets
            share.untold -= octets

    async def close(self) -> None:
        """Give the connection back."""
        await self._queue.aclose()

    def _share(self, message: int) -> _Share:
        today = clock.now().date()
        if self._day != today or len(self._shares) >= MOST:
            self._day = today
            self._shares.clear()
        return self._shares.setdefault(message, _Share())

    async def _tell(self, message: int, share: _Share) -> None:
        """Count in Valkey, and learn what all listeners have come to."""
        told, share.untold = share.untold, 0
        key = f"merpati:shares:{self._day}"
        try:
            async with self._queue.pipeline(transaction=False) as pipe:
                pipe.hincrby(key, str(message), told)
                pipe.expire(key, MEMORY)
                together, _ = await pipe.execute()
        except (RedisError, OSError, TimeoutError):
            share.untold += told  # told with the next; that Valkey is away is in the log by others
            return
        share.octets = int(together) + share.untold
