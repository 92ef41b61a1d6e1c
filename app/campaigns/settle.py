"""The uncertain: what is known of each, and the choice that only a person can make. Never silently."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select, text

from app.campaigns.locking import hold
from app.campaigns.models import Campaign
from app.campaigns.second_try import Pick, SecondTry, count_second_try, plan_anew
from app.core.database import current_workspace_id, db
from app.core.errors import Conflict
from app.messages.evidence import settle_campaigns
from app.messages.lifecycle import State
from app.messages.models import Message

PAGE = 50
DOUBT = [Pick(State.UNCERTAIN)]


@dataclass(frozen=True, slots=True)
class Doubt:
    """One message in doubt: when, over which line, what was heard, and what came back of it since."""

    id: int
    subscriber_id: int | None
    address: str
    at: datetime
    """When it was handed over without a clear answer."""
    said: str
    """What there was in place of one, in words: how the connection ended, or what a provider's API answered."""
    transport: str
    host: str
    """The worker's machine."""
    signs: tuple[str, ...]
    """Kinds of events since; those that prove something settle it by themselves."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What was heard in place of a clear answer, and how many messages it left in doubt. `said` may be empty."""

    said: str
    count: int


def doubts(campaign_id: int, *, after: int = 0, limit: int = PAGE) -> list[Doubt]:
    """A page of a campaign's messages in doubt, in the order of their numbers."""
    binds = {"campaign": campaign_id, "workspace": current_workspace_id(), "after": after, "limit": limit}
    rows = db.session.execute(text(_DOUBTS), binds).mappings()
    return [Doubt(**{**row, "signs": tuple(row["signs"] or ())}) for row in rows]


def causes(campaign_id: int, limit: int = 5) -> list[Cause]:
    """Why a campaign's messages are in doubt, the commonest cause first; what is beyond `limit` is not told."""
    binds = {"campaign": campaign_id, "workspace": current_workspace_id(), "limit": limit}
    return [Cause(*row) for row in db.session.execute(text(_CAUSES), binds)]


def settle_by_signs() -> int:
    """Settle every doubt in scope about which something came back, also before the doubt was known. Safe to repeat."""
    in_doubt = exists().where(Message.campaign_id == Campaign.id, Message.state == State.UNCERTAIN)
    return settle_campaigns(db.session.scalars(select(Campaign.id).where(in_doubt)).all())


def take_as_sent(campaign_id: int, *, by: str, ids: Iterable[int] | None = None) -> int:
    """Count the chosen (None: all) as sent, with a note who decided it. Returns how many; raises Conflict for none."""
    hold(campaign_id)
    binds: dict[str, Any] = {
        "campaign": campaign_id,
        "workspace": current_workspace_id(),
        "ids": None if ids is None else list(ids),
        "words": f"Taken as sent: decided by {by}.",
    }
    settled = int(db.session.execute(text(_SENT), binds).rowcount)  # type: ignore[attr-defined]
    if not settled:
        raise Conflict("None of these is in doubt any more: evidence or somebody else settled it. Nothing was changed.")
    return settled


def count_send_again(campaign_id: int, ids: Iterable[int] | None = None) -> SecondTry:
    """What `send_again` would do at this moment."""
    return count_second_try(campaign_id, DOUBT, ids)


def send_again(campaign_id: int, *, by: str, ids: Iterable[int] | None = None, asked: int | None = None) -> SecondTry:
    """Send the chosen (None: all) once more, though some may get it twice. Raises Conflict.

    The Message-ID follows from the message, so whoever gets both can tell, and many programs show one.
    """
    words = f"To be sent again though it may have arrived: decided by {by}."
    return plan_anew(campaign_id, DOUBT, words=words, ids=ids, asked=asked)


_DOUBTS = """
SELECT m.id, m.subscriber_id, m.address, coalesce(a.at, m.changed_at) AS at, coalesce(a.reply, '') AS said,
       coalesce(a.transport, '') AS transport, coalesce(r.host, '') AS host,
       (SELECT array_agg(DISTINCT CASE WHEN e.label IN ('machine', 'suspected') THEN e.kind || ' by ' || e.label
                                       ELSE e.kind END)
        FROM events e WHERE e.message_id = m.id AND e.kind NOT IN ('deferred')) AS signs
FROM messages m
LEFT JOIN LATERAL (
    SELECT at, reply, transport, run_id FROM attempts
    WHERE message_id = m.id AND outcome = 'uncertain' ORDER BY at DESC, id DESC LIMIT 1
) a ON true
LEFT JOIN runs r ON r.id = coalesce(a.run_id, m.run_id)
WHERE m.campaign_id = :campaign AND m.workspace_id = :workspace AND m.state = 'uncertain' AND m.id > :after
ORDER BY m.id LIMIT :limit
"""
_CAUSES = """
SELECT coalesce(a.reply, '') AS said, count(*) AS count
FROM messages m
LEFT JOIN LATERAL (
    SELECT reply FROM attempts WHERE message_id = m.id AND outcome = 'uncertain' ORDER BY at DESC, id DESC LIMIT 1
) a ON true
WHERE m.campaign_id = :campaign AND m.workspace_id = :workspace AND m.state = 'uncertain'
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT :limit
"""
_SENT = """
WITH moved AS (
    UPDATE messages m
    SET state = 'sent', reason = '', changed_at = now(), next_attempt_at = NULL,
        sent_at = coalesce((SELECT max(a.at) FROM attempts a WHERE a.message_id = m.id AND a.outcome = 'uncertain'),
                           m.changed_at)
    WHERE m.campaign_id = :campaign AND m.workspace_id = :workspace AND m.state = 'uncertain'
          AND (CAST(:ids AS bigint[]) IS NULL OR m.id = ANY(CAST(:ids AS bigint[])))
    RETURNING m.id, m.workspace_id, m.campaign_id
)
INSERT INTO attempts (at, workspace_id, message_id, campaign_id, transport, outcome, reply, reason)
SELECT now(), workspace_id, id, campaign_id, '', 'sent', :words, 'decided' FROM moved
"""
