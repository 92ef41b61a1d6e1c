"""The pace of providers for people to read, and for the schedule to go by."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from redis import Redis
from redis.exceptions import RedisError

from app.core.errors import Unavailable
from app.core.extensions import queue
from app.sending.pacing.buckets import index_key, rest_key


@dataclass(frozen=True, slots=True)
class ProviderPace:
    """How one provider is sent to by a transport. `rate` in messages a second; None: whatever it takes."""

    provider: str
    rate: float | None
    held_until: datetime | None
    why: str
    """What it said when it was slowed last."""
    since: datetime
    slots: int | None
    """Messages under way at once; None: any number."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Until then a campaign can send nothing to these providers."""

    providers: tuple[str, ...]


def transport_key(transport_id: int | None) -> str:
    """How the buckets name a transport."""
    return "default" if transport_id is None else str(transport_id)


def provider_paces(key: str) -> list[ProviderPace]:
    """The providers that are slowed on a transport, by name; none when Valkey does not answer."""
    connection, index = queue(), index_key(key)
    try:
        names = sorted(str(name, "utf-8") for name in cast(set[bytes], connection.smembers(index)))
        now = _now(connection)
        rows = [(name, connection.hgetall(f"{index}:{name}")) for name in names]
    except RedisError:
        return []
    paces = []
    for name, row in rows:
        found = {str(field, "utf-8"): str(value, "utf-8") for field, value in cast(dict[bytes, bytes], row).items()}
        if not found:
            continue
        until = float(found.get("until", 0))
        paces.append(
            ProviderPace(
                name,
                float(found["rate"]) if "rate" in found else None,
                datetime.fromtimestamp(until, UTC) if until > now else None,
                found.get("why", ""),
                datetime.fromtimestamp(float(found.get("since", now)), UTC),
                int(float(found["slots"])) if "slots" in found else None,
            )
        )
    return paces


def resting(campaign_ids: Iterable[int]) -> dict[int, Rest]:
    """Which campaigns rest now, and which providers they rest for."""
    ids = list(campaign_ids)
    if not ids:
        return {}
    connection = queue()
    try:
        notes = connection.mget([rest_key(one) for one in ids])
        now = _now(connection)
    except RedisError:
        return {}
    found = {}
    for one, note in zip(ids, cast(list[bytes | None], notes), strict=True):
        if note and (read := json.loads(note))["until"] > now:
            found[one] = Rest(tuple(read["providers"]))
    return found


def end_rests(keys: Iterable[str], provider: str, campaign_id: int) -> bool:
    """Try a provider that rests on these transports again now; whether it did rest. For somebody who mended the cause.

    It is not trusted at once: one message is tried, and when that is refused the next rest begins, and is longer.
    Raises Unavailable when Valkey does not answer.
    """
    connection = queue()
    try:
        now, has_rested = _now(connection), False
        for key in keys:
            name = f"{index_key(key)}:{provider}"
            until = cast(bytes | None, connection.hget(name, "until"))
            if until is not None and float(until) > now:
                connection.hset(name, "until", f"{now:.6f}")
                has_rested = True
        if has_rested:
            connection.delete(rest_key(campaign_id))
    except RedisError as error:
        raise Unavailable(
            "The queue does not answer, so nothing was changed: the provider still rests. Try it in a minute."
        ) from error
    return has_rested


def _now(connection: Redis) -> float:
    seconds, micros = connection.time()
    return float(seconds + micros / 1e6)
