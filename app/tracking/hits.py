"""Recording a click or an open at once and for good, while the inbox waits for nothing but its answer.

A hit goes onto a stream in Valkey, whose append-only file has it before the answer leaves. When Valkey does not
answer, it goes into a spool file on this machine's disk, and from there onto the stream as soon as Valkey is back
(`spool.py`).
"""

import json
import time
from dataclasses import dataclass, field, fields
from typing import Any
from uuid import uuid4

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from app.tracking.spool import Spool

STREAM = "merpati:hits"
GROUP = "intake"
SICK_SECONDS = 1.0
"""After a failure the queue is left alone for this long, so that an outage costs each click no waiting."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A request by an inbox or a person, with what is needed to judge later whether it was a person."""

    kind: str
    """opened, clicked, unsubscribed"""
    message_id: int
    link_id: int = 0
    url: str = ""
    """Only for personal links, whose row says nothing of the target."""
    method: str = "GET"
    agent: str = ""
    network: str = ""
    """The address cut to /24 or /48: enough to know a scanner, not a person."""
    zone: str = ""
    """Name of a known data-centre network, from `networks.py`."""
    hints: dict[str, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid4()))
    at: float = field(default_factory=time.time)


NAMES = tuple(each.name for each in fields(Hit))


class Recorder:
    """Writes hits to the stream, or to the spool while the stream cannot be reached. One per web process."""

    def __init__(self, url: str, spool: Spool) -> None:
        # No retries of the client's own: they would let each click wait for seconds before the spool takes over.
        retry = Retry(NoBackoff(), 0)
        self._redis = Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.2, retry=retry)
        self._spool = spool
        self._sick_until = 0.0

    def record(self, hit: Hit) -> None:
        """Durable when this returns. Raises OSError when neither queue nor disk takes it."""
        line = encode(hit)
        if time.monotonic() >= self._sick_until:
            try:
                self._redis.xadd(STREAM, {b"h": line})
            except RedisError:
                self._sick_until = time.monotonic() + SICK_SECONDS
            else:
                return
        self._spool.write(line)
        self._spool.drain_later(self._redis)


def encode(hit: Hit) -> bytes:
    values = {name: value for name in NAMES if (value := getattr(hit, name))}
    return json.dumps(values, separators=(",", ":")).encode()


def decode(line: bytes) -> Hit | None:
    """The hit in a line; None when it is damaged (a torn last line of a spool)."""
    try:
        values: dict[str, Any] = json.loads(line)
        return Hit(**values)
    except (ValueError, TypeError):
        return None
