"""Whose turn it is at the desk: messages to slowed providers wait beside the others and go when there is room.

A message to a slowed provider walks from `waiting` (claimed) by way of the permissions to `ready`, and no more of them
walk than may soon go. All others stay in two plain queues and meet no more than one look at an empty table.
"""

import asyncio
import time
from collections import deque

from app.sending.carrier import Carrier
from app.sending.pacing.limits import Limit, Limits
from app.sending.parcel import Parcel

STALE = 0.4
"""Seconds after which a permission is asked for again before the message is even announced."""


class Turns:
    """The queues of a desk."""

    def __init__(self, limits: Limits) -> None:
        self.claimed: deque[Parcel] = deque()
        self.permitted: deque[Parcel] = deque()
        self.asked = 0
        """Messages about which the database is being asked."""
        self.lines: set[Carrier] = set()
        self.limits = limits
        """Providers that are slowed; messages to all others pass without a look at it."""
        self.wanted = asyncio.Event()
        """Permissions run short, or a line waits for one."""
        self.short_of_lines = asyncio.Event()
        self.paced = asyncio.Event()
        """A provider asked for less, or a slowed one could do with more messages."""
        self._slowed = limits.by_provider

    @property
    def has_work(self) -> bool:
        """Whether any claimed message has no outcome yet."""
        return self.has_open_work or any(limit.stock for limit in self._slowed.values())

    @property
    def has_open_work(self) -> bool:
        """Whether any claimed message has no outcome yet that does not only wait for its provider."""
        if self.claimed or self.asked or self.permitted:
            return True
        return any(line.parcels for line in self.lines)

    @property
    def backlog(self) -> int:
        """Messages that carriers are wanted for."""
        return len(self.claimed) + len(self.permitted) + sum(len(limit.ready) for limit in self._slowed.values())

    def pace(self, freed: list[Limit]) -> None:
        """Limits may have changed: sort what is here by them, and let go what may go now."""
        for limit in freed:
            self._free(limit)
        if self._slowed:
            self._sort_out()
        for limit in self._slowed.values():
            self._let_go(limit)
        self.wake_lines()

    def wake_lines(self) -> None:
        """There are permitted messages: give them to idle lines."""
        for line in [line for line in self.lines if line.is_idle]:
            if not self.permitted and not self._has_ready():
                return
            line.wake()

    def _lines_to(self, provider: str) -> int:
        """Lines on which messages to a provider are under way, the one that just ended included."""
        return 1 + sum(any(parcel.provider == provider for parcel in line.parcels) for line in self.lines)

    def permit(self, parcel: Parcel) -> None:
        """A claimed message may go: at once, or when its provider has room."""
        if parcel.limit is not None:
            parcel.limit.queued -= 1
            parcel.limit = None
            if (limit := self._slowed.get(parcel.provider)) is not None:
                limit.ready.append(parcel)
                self.short_of_lines.set()
                return
        self.permitted.append(parcel)

    def _next(self) -> Parcel | None:
        """The next permitted message whose provider is not slowed; the others are put aside."""
        permitted = self.permitted
        while permitted:
            parcel = permitted.popleft()
            if boottime() - parcel.permitted_at > STALE:
                permitted.appendleft(parcel)
                self.claimed.extendleft(reversed(permitted))
                permitted.clear()
                self.wanted.set()
                return None
            if not self._slowed or parcel.provider not in self._slowed:
                return parcel
            self._put_aside(parcel)
        return None

    def _next_slowed(self) -> Parcel | None:
        """A message for a slowed provider that has room now."""
        now = time.monotonic()
        for limit in self._slowed.values():
            while limit.ready and limit.has_room(now):
                parcel = limit.ready.popleft()
                if boottime() - parcel.permitted_at > STALE:
                    limit.waiting.appendleft(parcel)
                    self.paced.set()
                    continue
                limit.tokens -= 1
                if limit.cap is not None:
                    limit.cap -= 1
                limit.in_flight += 1
                parcel.limit, parcel.round = limit, limit.round
                return parcel
        return None

    def has_others(self, provider: str) -> bool:
        """Whether a claimed message goes to another provider."""
        if any(parcel.provider != provider for queue in (self.claimed, self.permitted) for parcel in queue):
            return True
        if any(parcel.provider != provider for line in self.lines for parcel in line.parcels):
            return True
        return any(limit.stock and name != provider for name, limit in self._slowed.items())

    def _put_aside(self, parcel: Parcel) -> None:
        parcel.limit = None
        self._slowed[parcel.provider].waiting.appendleft(parcel)
        self.paced.set()

    def _has_ready(self) -> bool:
        now = time.monotonic()
        return any(limit.ready and limit.has_room(now) for limit in self._slowed.values())

    def _sort_out(self) -> None:
        """Put aside what waits for a provider that is slowed now; give back what waited for one that no longer is."""
        for queue in (self.claimed, self.permitted):
            aside = [parcel for parcel in queue if parcel.limit is None and parcel.provider in self._slowed]
            if aside:
                kept = [parcel for parcel in queue if parcel.limit is not None or parcel.provider not in self._slowed]
                queue.clear()
                queue.extend(kept)
                for parcel in aside:
                    self._slowed[parcel.provider].waiting.append(parcel)

    def _free(self, limit: Limit) -> None:
        """A provider is not slowed any more: what waited for it goes on."""
        self.claimed.extend(limit.waiting)
        self.claimed.extend(limit.ready)
        limit.waiting.clear()
        limit.ready.clear()
        self.wanted.set()

    def _let_go(self, limit: Limit) -> None:
        """Have as many of a slowed provider's messages permitted as may go soon."""
        oldest = boottime() - STALE
        while limit.ready and limit.ready[0].permitted_at < oldest:
            limit.waiting.appendleft(limit.ready.popleft())
        count = min(limit.allowance(time.monotonic()), len(limit.waiting))
        for _ in range(count):
            parcel = limit.waiting.popleft()
            parcel.limit = limit
            limit.queued += 1
            self.claimed.appendleft(parcel)
        if count:
            self.wanted.set()
            self.short_of_lines.set()

    def _landed(self, limit: Limit, parcel: Parcel) -> None:
        self.limits.landed(parcel)
        if limit.waiting and len(limit.ready) + limit.queued <= (limit.share or 4):
            self._let_go(limit)

    def _back(self, parcel: Parcel) -> None:
        """A message that was taken and not begun: it is the next again."""
        self.limits.landed(parcel)
        if self._slowed and parcel.provider in self._slowed:
            self._put_aside(parcel)
        else:
            self.claimed.appendleft(parcel)


def boottime() -> float:
    """Seconds since the machine started, sleep included: a permission does not outlive a closed lid."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
