"""What a transport may carry in a second, an hour and a day, shared by all workers through Valkey.

Each limit is a rolling window of small slots, so it holds for every span of that length and not only from full hour to
full hour. Slots are numbered by Valkey's clock. When that clock is set back, what lies in its future counts as sent
just now: a jump can make us wait, never send too much.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from app.core.extensions import queue, settings
from app.core.logging import log
from app.sending import valkey


@dataclass(frozen=True, slots=True)
class Window:
    """A span and how finely it is counted."""

    name: str
    """As in `Transport.limits`."""
    slot_ms: int
    slots: int

    @property
    def seconds(self) -> float:
        return self.slot_ms * self.slots / 1000


WINDOWS = (Window("per_second", 50, 20), Window("per_hour", 60_000, 60), Window("per_day", 1_800_000, 48))

# Per window three values: its limit (0: none), the length of a slot in ms, how many slots. One slot more than that is
# counted, since the oldest may have been used at its end.
_LUA = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function look(key, slot_ms, slots)
    local present, used, oldest = math.floor(now / slot_ms), 0, nil
    local all = redis.call('HGETALL', key)
    for i = 1, #all, 2 do
        local slot, count = tonumber(all[i]), tonumber(all[i + 1])
        if slot > present then
            redis.call('HDEL', key, all[i])
            redis.call('HINCRBY', key, string.format('%d', present), count)
            slot = present
        elseif slot < present - slots or count <= 0 then
            redis.call('HDEL', key, all[i])
            slot = nil
        end
        if slot then
            used = used + count
            if not oldest or slot < oldest then oldest = slot end
        end
    end
    return present, used, oldest
end
"""
_GRANT = (
    _LUA
    + """
local granted = tonumber(ARGV[1])
local present = {}
for i, key in ipairs(KEYS) do
    local limit, used = tonumber(ARGV[3 * i - 1]), 0
    present[i], used = look(key, tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1]))
    if limit > 0 then granted = math.max(0, math.min(granted, limit - used)) end
end
if granted > 0 then
    for i, key in ipairs(KEYS) do
        redis.call('HINCRBY', key, string.format('%d', present[i]), granted)
        redis.call('PEXPIRE', key, tonumber(ARGV[3 * i]) * (tonumber(ARGV[3 * i + 1]) + 2))
    end
end
return granted
"""
)
_USED = (
    _LUA
    + """
local found = {}
for i, key in ipairs(KEYS) do
    local slot_ms, slots = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
    local _, used, oldest = look(key, slot_ms, slots)
    found[#found + 1] = used
    found[#found + 1] = oldest and math.max(0, (oldest + slots + 1) * slot_ms - now) or 0
end
return found
"""
)
_GIVE_BACK = """
for i, key in ipairs(KEYS) do
    local left = tonumber(ARGV[1])
    local slots = redis.call('HKEYS', key)
    table.sort(slots, function(a, b) return tonumber(a) > tonumber(b) end)
    for _, slot in ipairs(slots) do
        local taken = math.min(left, tonumber(redis.call('HGET', key, slot)))
        if taken > 0 then redis.call('HINCRBY', key, slot, -taken) end
        left = left - math.max(0, taken)
        if left == 0 then break end
    end
end
return 0
"""

Limits = Mapping[str, Any]


async def grant(transport_id: int, limits: Limits, wanted: int) -> int:
    """How many of `wanted` messages may go now; those count as sent from here on.

    While Valkey is away, each worker keeps to a small share of its own.
    """
    if wanted <= 0:
        return 0
    try:
        return int(await valkey.ask(_GRANT, _keys(transport_id), wanted, *_windows(limits)))
    except RedisError as error:
        log("sending").warning("quotas kept locally", transport=transport_id, error=type(error).__name__)
        return _alone.setdefault(transport_id, _Share()).grant(_rate(limits), wanted)


async def give_back(transport_id: int, count: int) -> None:
    """Some granted messages were not sent after all. Never more than was granted; lost quietly without Valkey."""
    if count <= 0:
        return
    try:
        await valkey.ask(_GIVE_BACK, _keys(transport_id), count)
    except RedisError:
        return


async def seconds_until(transport_id: int, limits: Limits) -> float:
    """Seconds until at least one more message may go; 0.0: now."""
    if not has_limits(limits):
        return 0.0
    try:
        found = await valkey.ask(_USED, _keys(transport_id), 0, *_windows(limits))
    except RedisError:
        return min(1.0 / _rate(limits), 60.0)
    return _longest_wait(limits, found)


def used_now(transport_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """For pages: what transports carried in the second, the hour and the day up to now; empty without Valkey."""
    try:
        return {
            each: dict(
                zip(
                    (window.name for window in WINDOWS),
                    valkey.ask_now(queue(), _USED, _keys(each), 0, *_windows({}))[::2],
                    strict=True,
                )
            )
            for each in transport_ids
        }
    except RedisError:
        return {}


def has_limits(limits: Limits) -> bool:
    """Whether any of them is set."""
    return any(limits.get(window.name) for window in WINDOWS)


class _Share:
    """What one worker allows itself while nobody counts for all: half of an even share, one second at a time."""

    def __init__(self) -> None:
        self._tokens, self._at = 0.0, time.monotonic()

    def grant(self, rate: float, wanted: int) -> int:
        if rate == float("inf"):
            return wanted
        rate /= 2 * max(1, settings().workers)
        now = time.monotonic()
        self._tokens, self._at = min(self._tokens + (now - self._at) * rate, max(1.0, rate)), now
        granted = min(wanted, int(self._tokens))
        self._tokens -= granted
        return granted


_alone: dict[int, _Share] = {}


def _keys(transport_id: int) -> list[str]:
    return [f"merpati:quota:{transport_id}:{window.name}" for window in WINDOWS]


def _windows(limits: Limits) -> list[int]:
    return [value for window in WINDOWS for value in (int(limits.get(window.name) or 0), window.slot_ms, window.slots)]


def _longest_wait(limits: Limits, found: list[int]) -> float:
    waits = [
        found[2 * at + 1] / 1000
        for at, window in enumerate(WINDOWS)
        if (limit := int(limits.get(window.name) or 0)) and found[2 * at] >= limit
    ]
    return max(waits, default=0.0)


def _rate(limits: Limits) -> float:
    """Messages per second that keep all limits at once."""
    rates = [int(limits[window.name]) / window.seconds for window in WINDOWS if limits.get(window.name)]
    return min(rates, default=float("inf"))
