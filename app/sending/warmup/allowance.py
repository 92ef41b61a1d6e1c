"""Today's allowance of a warming identity, per mailbox provider, and what was used of it.

Every run asks about once a second and tells what became of its messages in the same breath as the ledger, so a day
exceeds its allowance by no more than the messages that other workers have under way at that moment. A message tried
again uses it once more, because the provider sees it once more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection

from app.core import clock
from app.sending.warmup.curve import Day, Plan, allowed_by, is_warm, next_cap, seconds_until_next

Connection = AsyncConnection[tuple[Any, ...]]
WORTH_A_RUN = 10
"""Messages that an allowance must have room for before a run is made for them, where another transport may take all."""

_FIND = """
SELECT u.id, u.workspace_id, u.domain, u.first_cap, u.growth, u.full, w.timezone
FROM warm_ups u JOIN workspaces w ON w.id = u.workspace_id JOIN campaigns c ON c.workspace_id = u.workspace_id,
     LATERAL (SELECT lower(split_part(c.from_email, '@', 2)) AS domain) sender
WHERE c.id = %s AND u.transport_id = %s AND NOT u.is_paused
      AND (sender.domain = u.domain OR sender.domain LIKE '%%.' || u.domain)
ORDER BY length(u.domain) DESC LIMIT 1
"""
_LAST = """
SELECT day, cap, sent, deferred, bounced, complained FROM warm_up_days
WHERE warm_up_id = %s AND provider = %s AND day < %s AND sent > 0 ORDER BY day DESC LIMIT 1
"""
_OPEN = """
INSERT INTO warm_up_days (workspace_id, warm_up_id, provider, day, cap) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""
_LOOK = """
SELECT p.provider, d.cap, d.sent, coalesce(extract(epoch FROM now() - d.began_at), 0)::float8, d.note
FROM (SELECT DISTINCT provider FROM messages
      WHERE campaign_id = %(campaign)s AND state IN ('planned', 'deferred') AND provider <> '') p
LEFT JOIN warm_up_days d ON d.warm_up_id = %(warm_up)s AND d.provider = p.provider AND d.day = %(day)s
"""
_FREE = """
SELECT EXISTS (SELECT FROM messages WHERE campaign_id = %(campaign)s AND state IN ('planned', 'deferred')
                                          AND provider <> ALL(%(capped)s))
"""
_TODAY = """
SELECT provider, cap, sent, began_at, note <> '' FROM warm_up_days WHERE warm_up_id = %s AND day = %s
"""
_USE = """
UPDATE warm_up_days d SET sent = d.sent + used.n, began_at = coalesce(d.began_at, now())
FROM (SELECT provider, count(*) AS n FROM messages WHERE id = ANY(%(ids)s) GROUP BY provider) used
WHERE d.warm_up_id = %(warm_up)s AND d.provider = used.provider AND d.day = %(day)s
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """A warming identity: a From domain by one transport."""

    id: int
    workspace_id: int
    domain: str
    plan: Plan
    timezone: str

    @property
    def today(self) -> date:
        """Days change at midnight of the workspace."""
        return clock.now().astimezone(ZoneInfo(self.timezone)).date()


@dataclass(frozen=True, slots=True)
class GoesOn:
    """When a warm-up lets more go to a provider, and whether that is because its day was halted."""

    at: datetime
    is_halted: bool


async def find_identity(connection: Connection, campaign_id: int, transport_id: int | None) -> Identity | None:
    """The warm-up that a campaign's mail by this transport belongs to."""
    if transport_id is None:
        return None
    row = await (await connection.execute(_FIND, (campaign_id, transport_id))).fetchone()
    return None if row is None else Identity(row[0], row[1], row[2], Plan(row[3], row[4], row[5]), row[6])


async def remaining(connection: Connection, *, identity: Identity, campaign_id: int) -> dict[str, int]:
    """Provider → messages of today's allowance that may go now; without those where the identity is warm."""
    day = identity.today
    binds = {"campaign": campaign_id, "warm_up": identity.id, "day": day}
    left: dict[str, int] = {}
    for provider, cap, sent, seconds, note in await (await connection.execute(_LOOK, binds)).fetchall():
        if cap is None:
            left[provider] = allowed_by(await _open(connection, identity, provider, day), 0.0)
        elif note:
            left[provider] = 0
        elif not is_warm(identity.plan, cap):
            left[provider] = max(0, allowed_by(cap, seconds) - sent)
    return left


async def goes_on(connection: Connection, identity: Identity) -> dict[str, GoesOn]:
    """Provider → when more may go to it than has gone today, unless it was halted: then the next day."""
    tomorrow = datetime.combine(identity.today + timedelta(days=1), time(), ZoneInfo(identity.timezone))
    found = {}
    for provider, cap, sent, began_at, is_halted in await (
        await connection.execute(_TODAY, (identity.id, identity.today))
    ).fetchall():
        seconds = None if is_halted else seconds_until_next(cap, sent)
        later = tomorrow if seconds is None else (began_at or clock.now()) + timedelta(seconds=seconds)
        found[provider] = GoesOn(min(later, tomorrow), is_halted)
    return found


async def has_room(connection: Connection, campaign_id: int, transport_id: int) -> bool:
    """Whether a run by this transport is worth while: nothing warms up, some provider is warm, or there is room."""
    identity = await find_identity(connection, campaign_id, transport_id)
    if identity is None:
        return True
    left = await remaining(connection, identity=identity, campaign_id=campaign_id)
    free = await (await connection.execute(_FREE, {"campaign": campaign_id, "capped": list(left)})).fetchone()
    return bool(free and free[0]) or sum(left.values()) >= WORTH_A_RUN


async def note_used(connection: Connection, identity: Identity, message_ids: Sequence[int]) -> None:
    """These messages were handed over, whatever became of them."""
    binds = {"ids": list(message_ids), "warm_up": identity.id, "day": identity.today}
    await connection.execute(_USE, binds)


async def _open(connection: Connection, identity: Identity, provider: str, day: date) -> int:
    """Begin a day at a provider: its allowance follows from the days before."""
    last = await (await connection.execute(_LAST, (identity.id, provider, day))).fetchone()
    before = None if last is None else Day(*last[1:])
    cap = next_cap(identity.plan, before, (day - last[0]).days if last else 0)
    await connection.execute(_OPEN, (identity.workspace_id, identity.id, provider, day, cap))
    return cap
