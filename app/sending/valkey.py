"""Valkey for the send engine: scripts that answer within half a second or are done without."""

import asyncio
from functools import lru_cache
from hashlib import sha1
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

from app.core.extensions import settings


async def ask(script: str, keys: list[str], *values: int | float | str) -> Any:
    """What a Lua script answers; it runs whole or not at all. Raises RedisError when Valkey does not answer.

    In a thread: the event loop that carries the mail waits for nothing.
    """
    return await asyncio.to_thread(ask_now, _client(settings().redis_url), script, keys, *values)


def ask_now(client: Redis, script: str, keys: list[str], *values: int | float | str) -> Any:
    """The same, at once, by a given client."""
    # Not a secret: the name by which Valkey keeps the script.
    digest = sha1(script.encode(), usedforsecurity=False).hexdigest()
    try:
        return client.evalsha(digest, len(keys), *keys, *values)
    except NoScriptError:
        return client.eval(script, len(keys), *keys, *values)


@lru_cache(maxsize=4)
def _client(url: str) -> Redis:
    # The queue's own client retries for seconds and reads without limit: right for jobs, too slow beside a server.
    return Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.2, retry=Retry(NoBackoff(), 0))
