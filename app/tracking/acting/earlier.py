"""Reports of an earlier attempt: a message that came back and was tried again is not judged by what was told before.

By its own dates such a report speaks of a time clearly before the message was last given to a server. They can only
make it count less, and of a message that was tried once they change nothing: wrong clocks must not save the dead.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text

from app.core import clock
from app.core.database import current_workspace_id, db
from app.tracking.acting.facts import Fact, Told

CLEARLY = timedelta(hours=1)
"""As wrong as a clock may be."""
NOTE = "it speaks of an earlier attempt, so nothing was changed"
_REPORTS = frozenset({"bounce", "delayed", "delivered"})


class _Before(NamedTuple):
    """The attempts before the last: from when until when, and when the last was."""

    first: datetime
    until: datetime
    last: datetime


def placed(message_id: int, fact: Fact, at: datetime) -> tuple[Fact, datetime]:
    """The fact and its time; of an earlier attempt, marked so and put into the time of that."""
    one = placed_together([Told(message_id, fact, "", at)])[0]
    return one.fact, one.at


def placed_together(told: Sequence[Told]) -> list[Told]:
    """As `placed`, for each. Needs the workspace in scope, and the messages locked."""
    recent = clock.now() - CLEARLY
    before = _before({one.message_id for one in told if one.fact.kind in _REPORTS and _spoken(one) < recent})
    return [_placed(one, before.get(one.message_id)) for one in told]


def _placed(one: Told, before: _Before | None) -> Told:
    spoken = _spoken(one)
    if before is None or one.fact.kind not in _REPORTS or spoken >= before.last - CLEARLY:
        return one
    # A clock may stand in another century: its facts stay among those of the attempts that they may speak of.
    at = min(max(spoken, before.first), before.until)
    return replace(one, at=at, fact=replace(one.fact, is_earlier=True))


def _spoken(one: Told) -> datetime:
    return one.fact.spoken or one.at


def _before(message_ids: Iterable[int]) -> dict[int, _Before]:
    ids = list(message_ids)
    if not ids:
        return {}
    rows = db.session.execute(_TRIED_AGAIN, {"ids": ids, "workspace": current_workspace_id()})
    return {row.id: _Before(row.first, row.until, row.last) for row in rows}


# Bounced, a message is sent again only if somebody decides so: that stands among the attempts, and follows where one
# that bounced counts as sent. Without the time of its hand-over, it was refused there, or waits for it.
_TRIED_AGAIN = text(
    """
SELECT m.id, least(tries.first, back.first) AS first, coalesce(tries.decided, last.at) AS until, last.at AS last
FROM messages m
CROSS JOIN LATERAL (
    SELECT min(a.at) AS first, max(a.at) AS last,
           max(a.at) FILTER (WHERE a.outcome = 'planned' AND a.reason = 'decided') AS decided
    FROM attempts a WHERE a.message_id = m.id AND a.workspace_id = :workspace
) tries
CROSS JOIN LATERAL (SELECT coalesce(m.sent_at, tries.last) AS at) last
CROSS JOIN LATERAL (
    SELECT min(e.at) AS first FROM events e
    WHERE e.message_id = m.id AND e.workspace_id = :workspace AND e.kind = 'bounced'
          AND e.at < coalesce(tries.decided, last.at)
) back
WHERE m.id = ANY(:ids) AND m.workspace_id = :workspace AND last.at IS NOT NULL AND back.first IS NOT NULL
      AND (tries.decided IS NOT NULL OR m.state = 'sent')
"""
)
