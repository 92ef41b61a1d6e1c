"""What will happen when: a heap of deeds, and a fixed number of hands that do them as they fall due."""

import asyncio
from collections.abc import Awaitable, Callable
from heapq import heappop, heappush
from itertools import count
from typing import Generic, TypeVar

Deed = TypeVar("Deed")


class Agenda(Generic[Deed]):
    """Deeds at their time. `hands` are the coroutines that do them; each works on one deed at a time."""

    def __init__(self, hands: list[Callable[[Deed], Awaitable[None]]]) -> None:
        self._heap: list[tuple[float, int, Deed]] = []
        self._number = count()
        self._due: asyncio.Queue[Deed] = asyncio.Queue()
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._under_way = 0
        self._tasks = [asyncio.create_task(self._work(hand)) for hand in hands]

    @property
    def pending(self) -> int:
        """Deeds not yet done, those under way included."""
        return len(self._heap) + self._due.qsize() + self._under_way

    def add(self, delay: float, deed: Deed) -> None:
        """Do something so many real seconds from now."""
        entry = (self._loop.time() + delay, next(self._number), deed)
        heappush(self._heap, entry)
        if self._heap[0] is entry:
            self._arm()

    async def close(self) -> None:
        """Stop; what is not done by now is dropped. A deed that failed for an unforeseen reason raises here."""
        if self._timer:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    async def broken(self) -> None:
        """Wait until a hand fails, which it should not, and raise what stopped it."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    def _arm(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._heap[0][0], self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._heap and self._heap[0][0] <= now:
            self._due.put_nowait(heappop(self._heap)[2])
        if self._heap:
            self._arm()

    async def _work(self, hand: Callable[[Deed], Awaitable[None]]) -> None:
        while True:
            deed = await self._due.get()
            self._under_way += 1
            try:
                await hand(deed)
            finally:
                self._under_way -= 1
