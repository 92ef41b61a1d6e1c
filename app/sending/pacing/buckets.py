"""The buckets all workers share: one exchange with Valkey tells what happened and brings what may go next.

When Valkey does not answer, `exchange` says so quickly and leaves it alone for a second; the caller goes on by what it
knew last (`limits.Limits.go_alone`).
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.core.jobs import PRIORITY
from app.sending.pacing.script import EXCHANGE

LEASE = 3.0
"""Seconds for which a run keeps its slots and its place among the others without a word."""
PATIENCE = 0.5
"""Seconds that Valkey has for its answer."""
LEAVE_ALONE = 1.0


class Cut(NamedTuple):
    """A provider asks for less. `round`: the one in which the message was taken; only the first of a round counts."""

    provider: str
    ask: str
    round: int
    measured: float
    """Messages a second that it has lately taken from this run."""
    used: int
    """Hand-overs of this run under way to it."""
    connections: int
    """The most it is known to bear."""
    rest: float
    words: str


class Want(NamedTuple):
    """Messages that could go at once, those under way, those accepted since the last exchange."""

    want: int
    used: int
    taken: int


class Grant(NamedTuple):
    """What holds for a provider now. `rate` and `slots` None: not limited in that; `share`: this run's slots."""

    provider: str
    rate: float | None
    hold: float
    slots: int | None
    tokens: float
    share: int | None
    round: int
    members: int
    why: str
    since: float


class Buckets:
    """The exchange of one run with Valkey."""

    def __init__(self, url: str, transport_key: str, run: str, scale: float) -> None:
        self._redis = Redis.from_url(
            url,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 1),
            retry_on_error=[],
        )
        self._script = self._redis.register_script(EXCHANGE)
        self._key, self._run, self._scale = index_key(transport_key), run, scale
        self._leave_until = 0.0

    async def exchange(
        self, cuts: Sequence[Cut], starts: Mapping[str, float], wants: Mapping[str, Want]
    ) -> list[Grant] | None:
        """Tell and ask. None when Valkey does not answer; then nothing of it has counted.

        `starts`: rates that are known from the first message on.
        """
        loop = asyncio.get_running_loop()
        if loop.time() < self._leave_until:
            return None
        asked = {
            "cuts": [cut._asdict() for cut in cuts],
            "starts": dict(starts),
            "wants": {provider: want._asdict() for provider, want in wants.items()},
            "known": "It is known to take no more.",
        }
        try:
            async with asyncio.timeout(2 * PATIENCE):
                _now, answers = await self._script(
                    keys=[self._key], args=[self._run, self._scale, LEASE, json.dumps(asked)]
                )
        except (RedisError, OSError, TimeoutError):
            self._leave_until = loop.time() + LEAVE_ALONE
            return None
        return [_grant(answer) for answer in json.loads(answers)]

    async def rest(self, campaign_id: int, seconds: float, providers: Sequence[str]) -> None:
        """Note that nothing of a campaign can go for so long, but to other providers than these."""
        try:
            async with asyncio.timeout(2 * PATIENCE):
                moment = (await self._redis.time())[0] + seconds
                note = json.dumps({"until": moment, "providers": list(providers)})
                await self._redis.set(rest_key(campaign_id), note, ex=int(seconds) + 60)
        except (RedisError, OSError, TimeoutError):
            return

    async def is_hurry(self) -> bool:
        """Whether a job that overtakes campaigns waits for a worker. False when Valkey does not answer."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._leave_until:
            return False
        try:
            async with asyncio.timeout(2 * PATIENCE):
                return bool(await self._redis.llen(f"rq:queue:{PRIORITY}"))
        except (RedisError, OSError, TimeoutError):
            self._leave_until = loop.time() + LEAVE_ALONE
            return False

    async def close(self) -> None:
        """Let the connection go."""
        try:
            await self._redis.aclose()
        except (RedisError, OSError):
            return


def index_key(transport_key: str) -> str:
    """The key of the set of limited providers; the others begin with it."""
    return f"merpati:pace:{transport_key}"


def rest_key(campaign_id: int) -> str:
    """The key of the note that a campaign rests."""
    return f"merpati:rest:{campaign_id}"


def _grant(answer: Sequence[Any]) -> Grant:
    provider, rate, hold, slots, tokens, share, number, members, why, since = answer
    return Grant(
        str(provider),
        float(rate) if rate else None,
        float(hold),
        int(slots) if slots >= 0 else None,
        float(tokens),
        int(share) if slots >= 0 else None,
        int(number),
        int(members),
        str(why),
        float(since),
    )
