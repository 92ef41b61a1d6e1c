"""Claim messages, and ask again right before the hand-over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection

from app.accounts.quiet import QUIET_SQL
from app.sending.outcomes import numbers, texts
from app.sending.parcel import Parcel

Connection = AsyncConnection[tuple[Any, ...]]

_FORBIDDEN = """
    CASE WHEN s.id IS NULL THEN 'unsubscribed'
         WHEN EXISTS (SELECT FROM suppressions x
                      WHERE x.workspace_id = s.workspace_id AND x.address_hash = s.address_hash AND x.lifted_at IS NULL
                            AND (x.list_id IS NULL OR x.list_id = p.list_id)) THEN 'suppressed'
         WHEN p.list_id IS NULL OR u.state = 'confirmed' THEN NULL
         WHEN u.state = 'pending' THEN 'unconfirmed'
         ELSE 'unsubscribed' END
"""
"""Why this person must not get this message: a reason of `messages.lifecycle.Skip`, or NULL."""

_PERSON = """
    LEFT JOIN subscribers s ON s.id = p.subscriber_id
    LEFT JOIN subscriptions u ON u.list_id = p.list_id AND u.subscriber_id = p.subscriber_id
"""

_RUN = """
WITH run AS MATERIALIZED (
    -- FOR SHARE: a run that is being recovered right now claims nothing any more.
    SELECT 1 FROM runs WHERE id = %(run)s AND ended_at IS NULL FOR SHARE
),
"""
_MAY = """
    EXISTS (SELECT FROM run) AND EXISTS (SELECT FROM campaigns WHERE id = %(campaign)s AND state = 'sending')
"""
_DUE = f"""
    campaign_id = %(campaign)s AND state IN ('planned', 'deferred') AND next_attempt_at <= now()
    -- No run tries a message twice: its journal would not tell the attempts apart.
    AND run_id IS DISTINCT FROM %(run)s AND {_MAY}
"""
_ALL = f"""
due AS MATERIALIZED (
    SELECT id, subscriber_id, list_id FROM messages WHERE {_DUE}
    ORDER BY next_attempt_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), fresh AS MATERIALIZED (
    SELECT id, subscriber_id, list_id FROM messages
    -- Written so that only ix_messages_at_once gives the order: through the primary key lie all earlier campaigns.
    WHERE (campaign_id, id) > (%(campaign)s, %(after)s) AND campaign_id <= %(campaign)s AND state = 'planned'
          AND next_attempt_at IS NULL AND {_MAY}
    ORDER BY campaign_id, id LIMIT %(limit)s - (SELECT count(*) FROM due) FOR UPDATE SKIP LOCKED
)
"""  # noqa: S608 - only constants of this file are put together
# Provider by provider, since those that are slowed may have a million messages lying before the first that may go.
_OPEN_ONES = """
open_ones AS MATERIALIZED (
    WITH RECURSIVE one (provider, n) AS (
        (SELECT provider, 1 FROM messages
         WHERE campaign_id = %(campaign)s AND state = 'planned' AND next_attempt_at IS NULL
         ORDER BY provider LIMIT 1)
        UNION ALL
        SELECT following.provider, one.n + (one.provider <> ALL(%(slowed)s::text[]))::int
        FROM one, LATERAL (
            SELECT provider FROM messages
            WHERE campaign_id = %(campaign)s AND state = 'planned' AND next_attempt_at IS NULL
                  AND provider > one.provider ORDER BY provider LIMIT 1
        ) following WHERE one.n < 64
    )
    SELECT provider FROM one WHERE provider <> ALL(%(slowed)s::text[])
)
"""
_UNSLOWED = f"""
{_OPEN_ONES}, due AS MATERIALIZED (
    SELECT id, subscriber_id, list_id FROM messages WHERE {_DUE} AND provider <> ALL(%(slowed)s::text[])
    ORDER BY next_attempt_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), fresh AS MATERIALIZED (
    SELECT f.id, f.subscriber_id, f.list_id FROM open_ones o, LATERAL (
        SELECT id, subscriber_id, list_id FROM messages
        WHERE campaign_id = %(campaign)s AND provider = o.provider AND state = 'planned' AND next_attempt_at IS NULL
              AND {_MAY}
        ORDER BY rank, id LIMIT greatest(1, %(limit)s / (SELECT count(*) FROM open_ones)) FOR UPDATE SKIP LOCKED
    ) f
)
"""  # noqa: S608
_SLOWED = f"""
due AS MATERIALIZED (
    SELECT d.id, d.subscriber_id, d.list_id FROM unnest(%(providers)s::text[], %(counts)s::int[]) AS w (provider, n),
    LATERAL (
        SELECT id, subscriber_id, list_id FROM messages WHERE {_DUE} AND provider = w.provider
        ORDER BY next_attempt_at LIMIT w.n FOR UPDATE SKIP LOCKED
    ) d
), fresh AS MATERIALIZED (
    SELECT f.id, f.subscriber_id, f.list_id FROM unnest(%(providers)s::text[], %(counts)s::int[]) AS w (provider, n),
    LATERAL (
        SELECT id, subscriber_id, list_id FROM messages
        WHERE campaign_id = %(campaign)s AND provider = w.provider AND state = 'planned' AND next_attempt_at IS NULL
              AND {_MAY}
        ORDER BY rank, id LIMIT w.n FOR UPDATE SKIP LOCKED
    ) f
)
"""  # noqa: S608
_TAKE = f"""
, p AS (
    SELECT *, false AS is_fresh FROM due UNION ALL SELECT *, true FROM fresh
), checked AS MATERIALIZED (
    SELECT p.id, p.is_fresh, s.email, s.first_name, s.last_name, s.locale, s.tracking,
           CASE WHEN %(attributes)s THEN s.attributes END AS attributes, {_FORBIDDEN} AS forbidden
    FROM p {_PERSON}
)
UPDATE messages m
SET state = CASE WHEN c.forbidden IS NULL THEN 'sending' ELSE 'skipped' END,
    reason = coalesce(c.forbidden, ''), run_id = %(run)s, attempts = m.attempts + 1, changed_at = now()
FROM checked c WHERE m.id = c.id
RETURNING m.id, m.subscriber_id, m.list_id, m.variant_id, m.address, c.forbidden, c.is_fresh, m.provider,
          c.email, c.first_name, c.last_name, c.locale, c.tracking, c.attributes
"""  # noqa: S608
_CLAIM_ALL, _CLAIM_UNSLOWED, _CLAIM_SLOWED = (_RUN + which + _TAKE for which in (_ALL, _UNSLOWED, _SLOWED))

_LEFT = """
SELECT w.provider, (SELECT count(*) FROM (
    SELECT FROM messages m WHERE m.campaign_id = %(campaign)s AND m.provider = w.provider AND m.state = 'planned'
                                 AND m.next_attempt_at IS NULL LIMIT %(most)s) planned)
  + (SELECT count(*) FROM (
    SELECT FROM messages m WHERE m.campaign_id = %(campaign)s AND m.provider = w.provider
                                 AND m.state IN ('planned', 'deferred') AND m.next_attempt_at <= now()
                                 AND m.run_id IS DISTINCT FROM %(run)s LIMIT %(most)s) due)
FROM unnest(%(providers)s::text[]) AS w (provider)
"""

_ZONE = "SELECT w.timezone FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id WHERE c.id = %s"

_PERMIT = f"""
SELECT 0, CASE WHEN {QUIET_SQL} THEN 'quiet' ELSE c.state END, r.ended_at IS NULL
FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id, runs r WHERE c.id = %(campaign)s AND r.id = %(run)s
UNION ALL
SELECT n, forbidden, NULL FROM (
    SELECT p.n, {_FORBIDDEN} AS forbidden
    FROM unnest(%(subscribers)s::bigint[], %(lists)s::bigint[]) WITH ORDINALITY AS p (subscriber_id, list_id, n)
    {_PERSON}
) asked WHERE forbidden IS NOT NULL
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Permission:
    """What may happen now: does the campaign still send, is the run still ours, who must not be written to and why."""

    campaign_state: str
    run_is_open: bool
    forbidden: dict[int, str]
    """Index in the list that was asked about → reason."""


class Claims:
    """The claims of one run. Those whose time has come are first, then the others in the order of the ledger.

    `attributes`: bring people's own attributes as well, because the mails name some.
    """

    def __init__(self, campaign_id: int, run_id: int, *, attributes: bool) -> None:
        self._campaign, self._run, self._attributes = campaign_id, run_id, attributes
        self._after = 0

    async def claim(self, connection: Connection, limit: int, slowed: Sequence[str] = ()) -> list[Parcel]:
        """Claim up to about `limit` messages, but none for the `slowed` providers.

        People who must not be written to are skipped in the same statement. An empty answer means that nothing can be
        claimed just now.
        """
        while True:
            if slowed:
                rows = await self._ask(connection, _CLAIM_UNSLOWED, {"limit": limit, "slowed": texts(slowed)})
                parcels = _parcels(rows)
                if parcels or not rows:
                    return parcels
                continue
            rows = await self._ask(connection, _CLAIM_ALL, {"limit": limit, "after": self._after})
            self._after, before = max((row[0] for row in rows if row[6]), default=self._after), self._after
            parcels = _parcels(rows)
            # Released messages lie behind the cursor: look from the start once more before saying there are none.
            if parcels or (not rows and before == 0):
                return parcels
            if not rows:
                self._after = 0

    async def claim_slowed(self, connection: Connection, wants: Mapping[str, int]) -> list[Parcel]:
        """Claim messages for slowed providers, by provider: about as many as wanted, those due first."""
        binds = {"providers": texts(list(wants)), "counts": numbers(wants.values())}
        return _parcels(await self._ask(connection, _CLAIM_SLOWED, binds))

    async def count_left(self, connection: Connection, providers: Sequence[str], most: int = 10_000) -> dict[str, int]:
        """How many messages to these providers could be claimed, were they not slowed; counted up to `most`."""
        binds = {"campaign": self._campaign, "run": self._run, "providers": texts(providers), "most": most}
        rows = await (await connection.execute(_LEFT, binds)).fetchall()
        return {row[0]: row[1] for row in rows if row[1]}

    async def zone(self, connection: Connection) -> ZoneInfo:
        """The workspace's time zone."""
        row = await (await connection.execute(_ZONE, (self._campaign,))).fetchone()
        return ZoneInfo(row[0] if row else "UTC")

    async def _ask(self, connection: Connection, statement: str, binds: dict[str, Any]) -> list[tuple[Any, ...]]:
        common = {"campaign": self._campaign, "run": self._run, "attributes": self._attributes}
        cursor = connection.cursor(binary=True)
        return await (await cursor.execute(statement, {**common, **binds})).fetchall()

    async def permit(self, connection: Connection, parcels: Sequence[Parcel]) -> Permission:
        """Whether these messages may go now."""
        binds = {
            "campaign": self._campaign,
            "run": self._run,
            "subscribers": numbers([parcel.subscriber_id for parcel in parcels]),
            "lists": numbers([parcel.list_id for parcel in parcels]),
        }
        cursor = connection.cursor(binary=True)
        rows = await (await cursor.execute(_PERMIT, binds)).fetchall()
        state, is_open = next(((row[1], row[2]) for row in rows if row[0] == 0), ("", False))
        return Permission(state, is_open, {row[0] - 1: row[1] for row in rows if row[0]})


def _parcels(rows: list[tuple[Any, ...]]) -> list[Parcel]:
    return [Parcel(row[0], row[1], row[2], row[3], row[4], row[8:], row[7]) for row in rows if row[5] is None]
