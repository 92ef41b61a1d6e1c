"""Which of several transports sends next, so that each carries its share of a campaign.

Counted in Valkey, per campaign: what each transport has sent, and what runs under way are expected to send. Choosing
and counting is one step, so lanes that choose at once choose differently. A lost count costs evenness, nothing else.
"""

from collections.abc import Sequence

from redis.exceptions import RedisError

from app.sending import valkey

QUANTUM = 500
"""Messages in a slice of the transport with the largest weight; the others' slices are shorter in proportion."""
LEAST = 25
KEPT = 30 * 24 * 3600
"""Seconds for which a campaign's counts are kept after its last slice."""

# The one that would be least ahead of its weight after its slice; of equals the first.
_TAKE = """
local best, least = 1, nil
for i = 2, #ARGV, 3 do
    local count = tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or '0')
    local after = (count + tonumber(ARGV[i + 2])) / tonumber(ARGV[i + 1])
    if not least or after < least then best, least = (i + 1) / 3, after end
end
redis.call('HINCRBY', KEYS[1], ARGV[3 * best - 1], ARGV[3 * best + 1])
redis.call('EXPIRE', KEYS[1], ARGV[1])
return best - 1
"""
_SETTLE = """
redis.call('HINCRBY', KEYS[1], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 0
"""


async def take_turn(campaign_id: int, weights: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Index of the transport whose turn it is, and how many messages its slice has. `weights`: (id, weight) each."""
    slices = [slice_of(weight, max(weight for _id, weight in weights)) for _id, weight in weights]
    values = [value for (number, weight), most in zip(weights, slices, strict=True) for value in (number, weight, most)]
    try:
        chosen = int(await valkey.ask(_TAKE, [_key(campaign_id)], KEPT, *values))
    except RedisError:
        chosen = max(range(len(weights)), key=lambda at: weights[at][1])
    return chosen, slices[chosen]


async def settle_turn(campaign_id: int, transport_id: int, expected: int, sent: int) -> None:
    """The slice is over: count what was sent in place of what was expected."""
    try:
        await valkey.ask(_SETTLE, [_key(campaign_id)], KEPT, transport_id, sent - expected)
    except RedisError:
        return


def slice_of(weight: int, largest: int) -> int:
    """How many messages a slice has."""
    return max(LEAST, round(QUANTUM * weight / largest))


def _key(campaign_id: int) -> str:
    return f"merpati:shares:{campaign_id}"
