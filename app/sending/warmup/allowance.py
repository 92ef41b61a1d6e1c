"""Today's allowance of a warming identity, per mailbox provider, taken from the database before anything is claimed.

All workers share the rows, so what one has taken no other can take: a day's mail is never more than its allowance.
A message tried again takes once more, because the provider sees it once more.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection

from app.core import clock
from app.sending.warmup.curve import Day, Plan, allowed_by, is_warm, next_cap

Connection = AsyncConnection[tuple[Any, ...]]

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
SELECT cap, sent, coalesce(extract(epoch FROM now() - began_at), 0)::float8, note FROM warm_up_days
WHERE warm_up_id = %s AND provider = %s AND day = %s FOR UPDATE
"""
_TAKE = """
UPDATE warm_up_days SET sent = greatest(sent + %s, 0), began_at = coalesce(began_at, now())
WHERE warm_up_id = %s AND provider = %s AND day = %s
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


async def find_identity(connection: Connection, campaign_id: int, transport_id: int | None) -> Identity | None:
    """The warm-up that a campaign's mail by this transport belongs to."""
    if transport_id is None:
        return None
    row = await (await connection.execute(_FIND, (campaign_id, transport_id))).fetchone()
    return None if row is None else Identity(row[0], row[1], row[2], Plan(row[3], row[4], row[5]), row[6])


async def take(connection: Connection, identity: Identity, provider: str, wanted: int) -> int | None:
    """Up to `wanted` messages of today's allowance at a provider; None when the identity is warm there."""
    day = identity.today
    async with connection.transaction():
        row = await _row(connection, identity, provider, day)
        cap, sent, seconds, note = row
        if is_warm(identity.plan, cap) and not note:
            return None
        granted = max(0, min(wanted, allowed_by(cap, seconds) - sent))
        if granted:
            await connection.execute(_TAKE, (granted, identity.id, provider, day))
        return granted


async def give_back(connection: Connection, identity: Identity, provider: str, unused: int) -> None:
    """Return what was taken and not claimed."""
    if unused > 0:
        await connection.execute(_TAKE, (-unused, identity.id, provider, identity.today))


async def _row(connection: Connection, identity: Identity, provider: str, day: date) -> tuple[int, int, float, str]:
    """The day's row, locked; made from the days before where there is none yet."""
    binds = (identity.id, provider, day)
    row = await (await connection.execute(_LOOK, binds)).fetchone()
    if row is None:
        last = await (await connection.execute(_LAST, binds)).fetchone()
        before = None if last is None else Day(*last[1:])
        cap = next_cap(identity.plan, before, (day - last[0]).days if last else 0)
        await connection.execute(_OPEN, (identity.workspace_id, identity.id, provider, day, cap))
        row = await (await connection.execute(_LOOK, binds)).fetchone()
    assert row is not None
    return row[0], row[1], row[2], row[3]
