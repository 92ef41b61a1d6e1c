"""Every minute: a provider that refuses us by letter, after it took the mail, has its lane held as one that says no.

A refusal in the conversation is met by the pace itself; a letter comes minutes later and meets nothing. Only letters
and reports that named a message of ours by our own token are events at all, and they have to come from many people:
somebody who forges some for the mails they got holds nothing.
"""

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from redis.exceptions import RedisError
from sqlalchemy import select, text

from app.core import clock
from app.core.database import db
from app.core.extensions import queue, settings
from app.core.logging import log
from app.mail.reasons import OF_SENDER, REASONS
from app.messages.dead_addresses import provider_sql
from app.messages.handed_over import nearest_first
from app.sending.pacing.buckets import Buckets, Cut, index_key
from app.sending.pacing.reactions import BLOCK_REST, Ask
from app.sending.pacing.rules import rule_of
from app.sending.pacing.state import provider_paces, transport_key
from app.tracking.models import Incident

PEOPLE = 20
"""So many different people's mail has to have come back …"""
SHARE = 0.05
"""… and more than this share of what went to that provider by that transport in the same time."""
WINDOW = timedelta(hours=6)
"""Letters older than that tell nothing of now."""
MEMORY = timedelta(days=1)
"""So long a lane is known to have been held before: then it rests twice as long."""
LONGEST = 4 * 3600.0
"""Seconds, before they are scaled."""
HELD = "held"
_REASONS = frozenset(word for word, reason in REASONS.items() if reason.scope in OF_SENDER)


@dataclass(frozen=True, slots=True)
class Refused:
    """People whose mail by one transport came back for one reason, in the time of an incident."""

    incident_id: int
    provider: str
    transport_id: int | None
    people: int
    of: int
    words: str


@dataclass(frozen=True, slots=True)
class _Past:
    """What is known of a lane's earlier holds. `until`: the end of the last."""

    until: datetime
    times: int


def hold_lanes() -> int:
    """Hold the lanes of the providers that refuse us by letter; flushes. Returns how many were held now."""
    held = 0
    for lane in _lanes():
        key = transport_key(lane.transport_id)
        past = _past(key, lane.provider)
        if (past is not None and past.until > clock.now()) or _rests(key, lane.provider):
            continue
        refused = _refused(lane, past)
        if refused is not None and _hold(key, refused, past):
            incident = db.session.scalars(select(Incident).where(Incident.id == refused.incident_id)).one()
            incident.action, incident.transport_id = HELD, refused.transport_id
            db.session.flush()
            held += 1
    return held


@dataclass(frozen=True, slots=True)
class _Lane:
    incident_id: int
    provider: str
    reason: str
    began_at: datetime
    words: str
    transport_id: int | None


# By the attempt that came back: who was tried again since has gone by another transport, which nobody refused.
_FAILED = f"""
FROM incidents i
JOIN campaigns c ON c.workspace_id = i.workspace_id
JOIN events e ON e.campaign_id = c.id AND e.workspace_id = i.workspace_id AND e.kind = 'bounced'
     AND e.at >= greatest(i.began_at, CAST(:since AS timestamptz)) AND e.data ->> 'reason' = i.reason AND e.data ? 'by'
JOIN messages m ON m.id = e.message_id AND {provider_sql("m")} = i.provider AND m.subscriber_id IS NOT NULL
JOIN LATERAL (SELECT a.at, a.run_id FROM attempts a WHERE a.message_id = e.message_id AND a.run_id IS NOT NULL
              ORDER BY {nearest_first("e", "a")} LIMIT 1) a ON true
JOIN runs r ON r.id = a.run_id
"""  # noqa: S608 - only constants of the house are put together

_LANES = text(
    f"""
SELECT DISTINCT i.id, i.provider, i.reason, i.began_at, i.words, r.transport_id {_FAILED}
WHERE i.kind = 'blocked' AND i.ended_at IS NULL AND i.reason = ANY(:reasons) AND i.count >= :people
ORDER BY i.id, r.transport_id
"""
)

# What went out while the refused mail went out: of later mail no letter can have come yet. What went before the last
# hold says nothing of whether they take mail again.
_REFUSED = text(
    f"""
WITH back AS (
    SELECT count(DISTINCT m.subscriber_id) AS people, min(a.at) - interval '5 minutes' AS first,
           max(a.at) + interval '5 minutes' AS last
    {_FAILED}
    WHERE i.id = :incident AND r.transport_id IS NOT DISTINCT FROM CAST(:transport AS bigint)
          AND a.at > CAST(:after AS timestamptz)
)
SELECT b.people, (
    SELECT count(DISTINCT a.message_id) FROM attempts a
    JOIN runs r ON r.id = a.run_id AND r.transport_id IS NOT DISTINCT FROM CAST(:transport AS bigint)
    JOIN messages m ON m.id = a.message_id
    WHERE a.at BETWEEN b.first AND b.last AND a.at > CAST(:after AS timestamptz)
          AND a.outcome IN ('sent', 'uncertain') AND {provider_sql("m")} = :provider) AS of
FROM back b
"""  # noqa: S608 - only constants of the house are put together
)


def _lanes() -> list[_Lane]:
    binds = {"since": clock.now() - WINDOW, "reasons": sorted(_REASONS), "people": PEOPLE}
    return [_Lane(*row) for row in db.session.execute(_LANES, binds)]


def _refused(lane: _Lane, past: _Past | None) -> Refused | None:
    """The numbers of a lane, if they are enough to hold it."""
    now = clock.now()
    binds = {
        "incident": lane.incident_id,
        "transport": lane.transport_id,
        "provider": lane.provider,
        "since": now - WINDOW,
        "after": past.until if past else now - timedelta(days=30),
    }
    row = db.session.execute(_REFUSED, binds).one()
    if row.people < PEOPLE or row.people <= SHARE * row.of:
        return None
    return Refused(lane.incident_id, lane.provider, lane.transport_id, row.people, row.of, lane.words)


def _rests(key: str, provider: str) -> bool:
    return any(pace.provider == provider and pace.held_until is not None for pace in provider_paces(key))


def _hold(key: str, refused: Refused, past: _Past | None) -> bool:
    """Whether the lane rests now; without Valkey it is tried again with the next look."""
    rest = min(LONGEST, BLOCK_REST * 2 ** (past.times if past else 0))
    words = f"{refused.people} of {refused.of} came back: {refused.words}"[:200]
    cut = Cut(refused.provider, Ask.BLOCK.value, 0, 0.05, 1, rule_of(refused.provider).connections, rest, words)
    if not asyncio.run(_tell(key, cut)):
        return False
    seconds = rest * settings().pace_scale
    note = _Past(clock.now() + timedelta(seconds=seconds), (past.times if past else 0) + 1)
    _remember(key, refused.provider, note)
    log("guard").warning("lane held", provider=refused.provider, transport=key, people=refused.people, of=refused.of)
    return True


async def _tell(key: str, cut: Cut) -> bool:
    name = "guard"
    buckets = Buckets(settings().redis_url, key, name, settings().pace_scale)
    try:
        told = await buckets.exchange([cut], {}, {}) is not None
    finally:
        await buckets.close()
    if told:
        # It sends nothing, so the others need not share with it until its place runs out.
        queue().zrem(f"{index_key(key)}:runs", name)
    return told


def _past(key: str, provider: str) -> _Past | None:
    try:
        note = queue().get(_note_key(key, provider))
    except RedisError:
        return None
    if not isinstance(note, bytes):
        return None
    found = json.loads(note)
    return _Past(datetime.fromisoformat(found["until"]), int(found["times"]))


def _remember(key: str, provider: str, past: _Past) -> None:
    note = json.dumps({"until": past.until.isoformat(), "times": past.times})
    queue().set(_note_key(key, provider), note, ex=int(MEMORY.total_seconds()))


def _note_key(key: str, provider: str) -> str:
    return f"merpati:letters:{key}:{provider}"
