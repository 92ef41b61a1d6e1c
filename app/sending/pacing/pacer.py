"""Keeps the limits of a run in step with the buckets all share, beside the sending. SMTP never waits for it."""

import asyncio
import time

from app.sending.books import wait_for
from app.sending.claims import Connection
from app.sending.desk import SendDesk
from app.sending.pacing.buckets import Buckets
from app.sending.pacing.caps import Caps

TICK = 0.1
"""Seconds between two exchanges while a provider is slowed."""
CALM = 0.5
"""And while none is: then it is only to hear of limits that others met."""
SOONEST = 0.02
CAPS_EVERY = 1.0


async def keep_pace(desk: SendDesk, buckets: Buckets, connection: Connection, caps: Caps | None) -> None:
    """Exchange what is known until cancelled. Raises OperationalError when the caps cannot be asked about."""
    limits, capped_at = desk.limits, 0.0
    while True:
        now = time.monotonic()
        if caps is not None and now - capped_at > CAPS_EVERY:
            limits.cap(await caps(connection))
            capped_at = now
        await exchange(desk, buckets)
        desk.paced.clear()
        if limits.cuts:
            await asyncio.sleep(SOONEST)
        elif limits.by_provider:
            # What was set aside waits for the next tick; only a cut is told at once.
            await _until_cut(desk)
        else:
            await wait_for(desk.paced, CALM)


async def exchange(desk: SendDesk, buckets: Buckets) -> None:
    """Tell all others what happened here, and hear what may go. Once before the first claim, then now and then."""
    limits = desk.limits
    limits.look(time.monotonic())
    told = limits.report()
    grants = await buckets.exchange(*told)
    if grants is None:
        limits.go_alone()
        desk.pace([])
    else:
        desk.pace(limits.confirm(told, grants))


async def _until_cut(desk: SendDesk) -> None:
    end = time.monotonic() + TICK
    while (left := end - time.monotonic()) > 0:
        await wait_for(desk.paced, left)
        desk.paced.clear()
        if desk.limits.cuts:
            return
