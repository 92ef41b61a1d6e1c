"""Claim messages, and ask again right before the hand-over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from app.sending.outcomes import numbers
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

_CLAIM = f"""
WITH run AS MATERIALIZED (
    -- FOR SHARE: a run that is being recovered right now claims nothing any more.
    SELECT 1 FROM runs WHERE id = %(run)s AND ended_at IS NULL FOR SHARE
), due AS MATERIALIZED (
    SELECT id, subscriber_id, list_id FROM messages
    -- No run tries a message twice: its journal would not tell the attempts apart.
    WHERE campaign_id = %(campaign)s AND state IN ('planned', 'deferred') AND next_attempt_at <= now()
          AND run_id IS DISTINCT FROM %(run)s
          AND EXISTS (SELECT FROM run)
          AND EXISTS (SELECT FROM campaigns WHERE id = %(campaign)s AND state = 'sending')
    ORDER BY next_attempt_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), fresh AS MATERIALIZED (
    SELECT id, subscriber_id, list_id FROM messages
    -- Written so that only ix_messages_at_once gives the order: through the primary key lie all earlier campaigns.
    WHERE (campaign_id, id) > (%(campaign)s, %(after)s) AND campaign_id <= %(campaign)s AND state = 'planned'
          AND next_attempt_at IS NULL
          AND EXISTS (SELECT FROM run)
          AND EXISTS (SELECT FROM campaigns WHERE id = %(campaign)s AND state = 'sending')
    ORDER BY campaign_id, id LIMIT %(limit)s - (SELECT count(*) FROM due) FOR UPDATE SKIP LOCKED
), p AS (
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
RETURNING m.id, m.subscriber_id, m.list_id, m.variant_id, m.address, c.forbidden, c.is_fresh,
          c.email, c.first_name, c.last_name, c.locale, c.tracking, c.attributes
"""  # noqa: S608 - only constants of this file are put together

_PERMIT = f"""
SELECT 0, c.state, r.ended_at IS NULL FROM campaigns c, runs r WHERE c.id = %(campaign)s AND r.id = %(run)s
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

    async def claim(self, connection: Connection, limit: int) -> list[Parcel]:
        """Claim up to `limit` messages; people who must not be written to are skipped in the same statement.

        An empty answer means that nothing can be claimed just now.
        """
        while True:
            rows = await self._claim(connection, limit)
            parcels = [_parcel(row) for row in rows if row[5] is None]
            # Released messages lie behind the cursor: look from the start once more before saying there are none.
            if parcels or (not rows and self._after == 0):
                return parcels
            if not rows:
                self._after = 0

    async def _claim(self, connection: Connection, limit: int) -> list[tuple[Any, ...]]:
        binds = {
            "campaign": self._campaign,
            "run": self._run,
            "limit": limit,
            "after": self._after,
            "attributes": self._attributes,
        }
        cursor = connection.cursor(binary=True)
        rows = await (await cursor.execute(_CLAIM, binds)).fetchall()
        self._after = max((row[0] for row in rows if row[6]), default=self._after)
        return rows

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


def _parcel(row: tuple[Any, ...]) -> Parcel:
    return Parcel(row[0], row[1], row[2], row[3], row[4], row[7:])
