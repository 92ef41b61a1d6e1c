"""Readings that were begun and never ended: what kills the worker that reads it must not be read for ever.

Counted in Valkey before a reading begins and forgotten once it is over, however it went; so only a death leaves
anything. Rows would say the same, at the price of a second write for every mail. Ask and begin under the lock of the
rows: then nobody else is at it, and what was begun has died.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from secrets import token_hex
from typing import Literal

from redis import Redis
from redis.exceptions import RedisError
from rq.timeouts import BaseTimeoutException

MOST = 3
"""Deaths after which something is read no more: one beside others, two alone."""
MEMORY = timedelta(days=7)
"""So long a death is known; then a mail that still waits begins anew."""


class Readings:
    """Of one table's rows, by their numbers."""

    def __init__(self, queue: Redis, table: str) -> None:
        self._queue, self._prefix = queue, f"merpati:reading:{table}:"

    def deaths(self, numbers: Sequence[int]) -> dict[int, int]:
        """How many readings of each ended with their worker; those with none are left out."""
        with self._queue.pipeline(transaction=False) as pipe:
            for number in numbers:
                pipe.scard(self._key(number))
            found = pipe.execute()
        return {number: count for number, count in zip(numbers, found, strict=True) if count}

    @contextmanager
    def begun(self, numbers: Sequence[int]) -> Iterator[None]:
        """Within the block they are being read. Time that ran out counts as a death too."""
        if not numbers:
            yield
            return
        # A name for this reading: an answer that is lost and asked for again counts once; not at all if it never began.
        reading = token_hex(8)
        try:
            self._tell(numbers, "sadd", reading)
        except RedisError:
            with suppress(RedisError):
                self._tell(numbers, "srem", reading)
            raise
        try:
            yield
        except BaseTimeoutException:
            raise
        except BaseException:
            self.forget(numbers)
            raise
        self.forget(numbers)

    def forget(self, numbers: Sequence[int]) -> None:
        """Their deaths do not count any more."""
        self._queue.delete(*(self._key(number) for number in numbers))

    def _tell(self, numbers: Sequence[int], verb: Literal["sadd", "srem"], reading: str) -> None:
        with self._queue.pipeline(transaction=False) as pipe:
            for number in numbers:
                getattr(pipe, verb)(self._key(number), reading)
                pipe.expire(self._key(number), MEMORY)
            pipe.execute()

    def _key(self, number: int) -> str:
        return f"{self._prefix}{number}"
