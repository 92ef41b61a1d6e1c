"""What one run may hand over: by the limits of its transport, and by its turn among several."""

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from app.sending.desk import SendDesk
from app.sending.quotas import give_back, grant, has_limits, seconds_until

WORTH_WAITING = 10.0
"""Seconds for which a run waits at a limit; for a longer time it ends, and the next one may go another way."""
PAUSE = 0.05


class UsedWay(Protocol):
    """What is asked of a way (`ways.Way`)."""

    @property
    def transport_id(self) -> int | None: ...

    @property
    def limits(self) -> Mapping[str, Any]: ...

    @property
    def most(self) -> int: ...


class Allowance:
    """Asked right before messages are permitted, so that little is granted that does not go."""

    def __init__(self, way: UsedWay) -> None:
        self._transport, self._limits, self._most = way.transport_id, way.limits, way.most
        self._is_limited = way.transport_id is not None and has_limits(way.limits)
        self._granted = 0

    async def take(self, desk: SendDesk, wanted: int) -> int:
        """How many more of up to `wanted` messages may be permitted; stops the desk when there will be none."""
        ahead = len(desk.permitted) + sum(len(limit.ready) for limit in desk.limits.by_provider.values())
        if self._most:
            if desk.announced >= self._most:
                desk.stop("finished")
                return 0
            wanted = min(wanted, max(0, self._most - desk.announced - ahead))
        if not self._is_limited or self._transport is None or desk.stopped or wanted <= 0:
            return wanted
        # What was granted and not permitted, or permitted and not taken, is still good.
        spare = max(0, self._granted - desk.announced - ahead)
        if wanted > spare:
            granted = await grant(self._transport, self._limits, wanted - spare)
            self._granted += granted
            spare += granted
        if not spare:
            await self._wait(desk, self._transport)
        return min(wanted, spare)

    async def close(self, desk: SendDesk) -> None:
        """Give back what was not used; without limits, count what went."""
        if self._transport is None:
            return
        if self._is_limited:
            await give_back(self._transport, self._granted - desk.announced)
        else:
            await grant(self._transport, {}, desk.announced)

    async def _wait(self, desk: SendDesk, transport_id: int) -> None:
        wait = await seconds_until(transport_id, self._limits)
        if wait > WORTH_WAITING and not desk.permitted:
            # The next run, within a minute or so, knows the workspace's zone and says when (ways.py).
            desk.stop(
                "waiting", "The transport has carried what its limits allow. Nothing was lost; it goes on by itself."
            )
        else:
            await asyncio.sleep(min(max(wait, PAUSE), 4 * PAUSE))
