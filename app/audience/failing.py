"""The days on which mail to a person failed for a while, as far as they count. Points, events and messages belong to
rooms above, so they are named here in SQL; `tracking/acting/points.py` decides by the same.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import text

from app.audience.models import Subscriber
from app.core import clock
from app.core.database import db

SILENCE = timedelta(days=3)
"""A message that was taken and of which nothing came back for so long got through."""

_DAYS = text(
    """
    WITH lived AS (
        SELECT max(sign.at) AS at FROM (
            SELECT max(at) AS at FROM events
            WHERE workspace_id = :workspace AND subscriber_id = :id
              AND (label = 'human' OR kind IN ('delivered', 'replied', 'unsubscribed', 'complained'))
            UNION ALL
            SELECT max(sent_at) FROM messages
            WHERE workspace_id = :workspace AND subscriber_id = :id AND state = 'sent' AND sent_at < :silent
            UNION ALL
            SELECT max(at) FROM consent_events
            WHERE workspace_id = :workspace AND address_hash = :hash AND action = 'confirmed'
        ) sign
    )
    SELECT count(p.day) AS days, min(p.day) AS first, greatest(w.bounce_days, 1) AS most, w.bounce_span AS span,
           w.bounce_stale AS stale
    FROM workspaces w CROSS JOIN lived
    LEFT JOIN bounce_points p ON p.workspace_id = w.id AND p.address_hash = :hash
         AND p.day >= CAST(:today AS date) - CAST(w.bounce_stale AS integer)
         AND (lived.at IS NULL OR p.day > (lived.at AT TIME ZONE 'UTC')::date)
    WHERE w.id = :workspace GROUP BY w.id
    """
)


@dataclass(frozen=True, slots=True)
class Failing:
    """`days` with failures of the `most` after which the address is given up, if they spread over `span` days."""

    days: int
    most: int
    span: int
    until: date
    """The last day on which the oldest of them counts."""


def failing_days(person: Subscriber) -> Failing | None:
    """How near the person's address is to being given up; None while no such day counts."""
    now = clock.now()
    values = {"workspace": person.workspace_id, "id": person.id, "hash": person.address_hash}
    row = db.session.execute(_DAYS, {**values, "silent": now - SILENCE, "today": now.date()}).one()
    if not row.days:
        return None
    return Failing(row.days, row.most, row.span, row.first + timedelta(days=row.stale))
