"""Quiet hours of people who are written to in their own zone: what comes late waits for their morning.

The freeze plans around quiet hours; what a retry, a pause or a long queue moves into them is put off here, by the
schedule, each second. Campaigns in the workspace's zone need none of this: no run of theirs opens in quiet hours.
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from app.accounts.quiet import quiet_hours
from app.core.database import db
from app.core.wallclock import zone_names

AHEAD = timedelta(seconds=10)
"""So long before quiet hours begin nothing more is handed to the workers, who claim a little ahead."""

_CAMPAIGNS = text(
    """
    SELECT c.id, w.timezone, w.quiet_from, w.quiet_to FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id
    WHERE c.state = 'sending' AND c.stream <> 'transactional' AND c.timing ? 'local_at' AND w.quiet_from <> ''
    """
)
_PUT_OFF = text(
    """
    WITH night AS (
        SELECT * FROM unnest(CAST(:zones AS text[]), CAST(:mornings AS timestamptz[])) AS t (zone, morning)
    ), late AS (
        SELECT m.id, night.morning
        FROM messages m
        JOIN subscribers s ON s.id = m.subscriber_id
        JOIN night ON night.zone = CASE WHEN s.timezone = ANY(:known) THEN s.timezone ELSE '' END
        WHERE m.campaign_id = :campaign AND m.state IN ('planned', 'deferred') AND m.next_attempt_at <= :soon
        ORDER BY m.id FOR UPDATE OF m SKIP LOCKED
    )
    UPDATE messages m SET next_attempt_at = late.morning FROM late WHERE m.id = late.id
    """
)


def put_off(now: datetime) -> int:
    """Move what is due in somebody's quiet hours to their end; returns how many messages. All workspaces."""
    moved = 0
    for row in db.session.execute(_CAMPAIGNS).all():
        mornings = _mornings(row, now + AHEAD)
        binds = {
            "campaign": row.id,
            "zones": list(mornings),
            "mornings": list(mornings.values()),
            "known": sorted(zone_names()),
            "soon": now + AHEAD,
        }
        moved += db.session.execute(_PUT_OFF, binds).rowcount  # type: ignore[attr-defined]
    return moved


def _mornings(workspace: Any, moment: datetime) -> dict[str, datetime]:
    """The zones in which it is quiet at a moment, each with the end of it; `''` for people of no known zone."""
    hours = quiet_hours(workspace)
    if hours is None:
        return {}
    zones = {name: ZoneInfo(name or workspace.timezone) for name in ("", *zone_names())}
    found = {name: hours.until(moment, zone) for name, zone in zones.items()}
    return {name: morning for name, morning in found.items() if morning is not None}
