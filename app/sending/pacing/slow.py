"""What a run does about slowed providers: claims what can soon go, and knows when it is better to end."""

import time
from collections.abc import Mapping

from app.sending.books import Books
from app.sending.claims import Claims, Connection
from app.sending.desk import SendDesk
from app.sending.pacing.words import describe
from app.sending.parcel import Parcel
from app.sending.warmup.allowance import goes_on

LINGER = 5.0
"""Seconds that a run stays when only slowed providers are left and some flow: then others may have its worker."""
DRY = 1.0
"""Seconds after which is looked again for messages of a provider that had none."""


class Slow:
    """`only_since`: when it began that nothing but slowed providers is left."""

    def __init__(self) -> None:
        self.only_since = 0.0
        self._claimed_at = 0.0

    async def claim(self, desk: SendDesk, claims: Claims, connection: Connection) -> list[Parcel]:
        """As many for each slowed provider as can soon go."""
        now = time.monotonic()
        wants = {}
        for provider, limit in desk.limits.by_provider.items():
            target = limit.target(now)
            if now >= limit.dry_until and limit.stock <= target // 2 and target > limit.stock:
                wants[provider] = target - limit.stock
        if not wants:
            return []
        parcels = await claims.claim_slowed(connection, wants)
        if parcels:
            self._claimed_at = time.monotonic()
        for provider in wants.keys() - {parcel.provider for parcel in parcels}:
            desk.limits.of(provider).dry_until = now + DRY
        return parcels

    async def consider(self, desk: SendDesk, claims: Claims, books: Books) -> None:
        """Nothing else is left: stay, or stop the desk."""
        now = time.monotonic()
        limits = desk.limits.by_provider
        self.only_since = self.only_since or now
        if desk.limits.heard_at <= max(self._claimed_at, self.only_since):
            # No bucket was asked for these messages yet: one that fills slowly may hold what they need.
            return
        # What may go at once may only wait for a line: who left now would take its grant along.
        flows = [
            limit
            for limit in limits.values()
            if (limit.flows(now) and (limit.stock or now >= limit.dry_until)) or (limit.stock and limit.has_room(now))
        ]
        if flows and now - self.only_since < LINGER:
            return
        async with books.lock:
            left: Mapping[str, int] = await claims.count_left(books.connection, list(limits))
        waiting = {
            provider: count
            for provider, limit in limits.items()
            if (count := left.get(provider, 0) + limit.stock + limit.in_flight)
        }
        if not waiting:
            desk.is_exhausted = True
            desk.stop("finished")
        elif any(limits[provider].flows(now) for provider in waiting):
            if now - self.only_since >= LINGER:
                desk.stop("finished")
        else:
            async with books.lock:
                zone = await claims.zone(books.connection)
                later = await goes_on(books.connection, books.warming) if books.warming else {}
            desk.rest = max(1.0, min(limits[provider].next_in(now) for provider in waiting))
            desk.stop("paced", describe(waiting, limits, now, zone, later))
