"""What timing and limits mean for the one SELECT that judges an audience, in SQL.

`placed` gives people a moment of their own, `crowded` names those who have been written to often or lately enough. For
a plain campaign there are no moments; without limits nobody is crowded, and PostgreSQL plans as if nobody could be.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from app.accounts.models import Workspace
from app.accounts.quiet import QuietHours, quiet_hours
from app.campaigns.limits import Limits, limits_for, recent_campaigns
from app.campaigns.models import Campaign
from app.campaigns.timing import ELSEWHERE, LATE, Stretch, Timing, read_timing, stretches
from app.core import clock
from app.core.database import db
from app.messages.lifecycle import State
from app.messages.models import Message

_NO_MOMENT = """
    SELECT person.*, s.email, s.address_hash, NULL::timestamptz AS moment
    FROM person JOIN subscribers s ON s.id = person.subscriber_id AND s.workspace_id = :workspace
"""
# Looked up by binary search rather than joined: no statistics, however old, can make it slow. `OFFSET 0` keeps
# PostgreSQL from writing the inner expressions out three times.
_MOMENT = """
    SELECT p.*, to_timestamp((CAST(:starts AS float8[]))[k]
                             + (key - (CAST(:first_keys AS float8[]))[k]) * (CAST(:paces AS float8[]))[k]) AS moment
    FROM (SELECT q.*, width_bucket(q.key, CAST(:first_keys AS float8[])) AS k FROM (
        SELECT person.*, s.email, s.address_hash, ({zone} + {number})::float8 AS key
        FROM (SELECT person.*{row} FROM person) person
        JOIN subscribers s ON s.id = person.subscriber_id AND s.workspace_id = :workspace
    OFFSET 0) q OFFSET 0) p
"""
# Steps of the golden ratio: any run of people, and any zone's share of them, fills the window evenly.
_NUMBER = "n * 0.6180339887498949::float8 - floor(n * 0.6180339887498949::float8)"
_ROW = ", row_number() OVER (ORDER BY person.subscriber_id) AS n"
_ZONE = """CASE WHEN s.timezone = ANY(CAST(:known_zones AS text[]))
    THEN width_bucket(s.timezone COLLATE "C", CAST(:known_zones AS text[])) ELSE 1 END"""

_NOBODY_CROWDED = "SELECT NULL::bigint AS subscriber_id, NULL::text AS fault WHERE false"
_CROWDED = """
    WITH written AS MATERIALIZED (
        SELECT * FROM (
            SELECT placed.subscriber_id,
                   date_part('epoch', coalesce(placed.moment, CAST(:soon AS timestamptz))) AS mine,
                   date_part('epoch', CASE WHEN m.state = 'sent' THEN coalesce(m.sent_at, m.changed_at)
                                           WHEN m.state IN ('planned', 'deferred')
                                           THEN greatest(m.next_attempt_at, CAST(:soon AS timestamptz))
                                           ELSE m.changed_at END) AS went
            FROM placed JOIN messages m ON m.subscriber_id = placed.subscriber_id
            WHERE m.workspace_id = :workspace AND m.campaign_id = ANY(:recent)
                  AND m.state IN ('sent', 'sending', 'planned', 'deferred', 'uncertain')
        ) found WHERE went > :not_before AND went < :not_after
    ), suspects AS (
        -- Few: only they are put in order, which is what takes time.
        SELECT subscriber_id FROM written GROUP BY subscriber_id
        HAVING count(*) > :steps OR bool_or(abs(went - mine) < :gap)
    )
    SELECT subscriber_id, CASE WHEN bool_or(is_much) THEN 'frequency' ELSE 'too-soon' END AS fault
    FROM (
        SELECT subscriber_id, last IS NOT NULL AND greatest(last, mine) - least(went, mine) < :span AS is_much,
               abs(went - mine) < :gap AS is_near
        FROM (
            -- So many messages on, counted from this one: the other end of a run that fills the cap.
            SELECT *, lead(went, CAST(:steps AS int)) OVER (PARTITION BY subscriber_id ORDER BY went) AS last
            FROM written WHERE subscriber_id IN (SELECT subscriber_id FROM suspects)
        ) others
    ) judged
    WHERE is_much OR is_near GROUP BY subscriber_id
"""


@dataclass(frozen=True, slots=True)
class Layout:
    """The SQL of the two tables, and what they bind; `ends` has the last moment of each zone, where people have any."""

    placed: str = _NO_MOMENT
    crowded: str = _NOBODY_CROWDED
    binds: dict[str, Any] = field(default_factory=dict)
    ends: dict[str, datetime] = field(default_factory=dict)

    @property
    def is_limited(self) -> bool:
        """Whether it counts what people got from other campaigns."""
        return self.crowded is not _NOBODY_CROWDED

    def until(self, zones: Iterable[str]) -> datetime | None:
        """The last moment of people in these zones; None when nobody has one."""
        return max((self.ends.get(zone, self.ends[ELSEWHERE]) for zone in zones), default=None) if self.ends else None


def layout_of(campaign: Campaign, timing: Timing | None = None, *, base: datetime | None = None) -> Layout:
    """The layout of a campaign sent at `base` (None: now), with its own timing or another."""
    workspace = db.session.get_one(Workspace, campaign.workspace_id)
    timing = read_timing(campaign.timing) if timing is None else timing
    now = clock.now()
    base = max(base or now, now) + timedelta(seconds=workspace.hold_seconds)
    quiet = None if campaign.stream == "transactional" else quiet_hours(workspace)
    laid = [] if timing.is_plain else _laid_out(campaign, workspace, timing, base, quiet)
    placed, binds = (_placed(timing), _placed_binds(laid)) if laid else (_NO_MOMENT, {})
    ends = {part.zone: part.end for part in laid}
    limits = limits_for(campaign, workspace)
    if limits is None:
        return Layout(placed, binds=binds, ends=ends)
    soon = (quiet and quiet.until(base, ZoneInfo(workspace.timezone))) or base
    first = min((part.start for part in laid), default=soon)
    last = max(ends.values(), default=soon)
    binds |= {**_crowded_binds(campaign, limits, first, last), "soon": soon}
    return Layout(placed, _CROWDED, binds, ends)


def last_planned(campaign_id: int) -> datetime | None:
    """The latest moment that a message of a launched campaign still waits for."""
    times = select(func.max(Message.next_attempt_at)).where(
        Message.campaign_id == campaign_id, Message.state == State.PLANNED, Message.next_attempt_at.is_not(None)
    )
    return db.session.scalar(times)


def _laid_out(
    campaign: Campaign, workspace: Workspace, timing: Timing, base: datetime, quiet: QuietHours | None
) -> list[Stretch]:
    now, launched = clock.now(), campaign.launched_at
    if launched is None or launched < now - LATE:
        launched = now  # a freeze that waited so long asks the clock anew
    return stretches(timing, workspace.timezone, quiet, launched=launched, base=base)


def _placed(timing: Timing) -> str:
    """A send that is not spread numbers nobody, and one that goes by one zone asks nobody's."""
    return (
        _MOMENT.replace("{number}", _NUMBER if timing.spread else "0")
        .replace("{row}", _ROW if timing.spread else "")
        .replace("{zone}", "1" if timing.local_at is None else _ZONE)
    )


def _placed_binds(laid: Sequence[Stretch]) -> dict[str, Any]:
    """All stretches in a row: that of the zone with number z, from `low` on, begins at z + low."""
    zones = sorted({part.zone for part in laid})
    place = {zone: number for number, zone in enumerate(zones, 1)}
    return {
        "known_zones": zones,
        "first_keys": [place[part.zone] + part.low for part in laid],
        "starts": [part.start.timestamp() for part in laid],
        "paces": [part.seconds / (part.high - part.low) for part in laid],
    }


def _crowded_binds(campaign: Campaign, limits: Limits, first: datetime, last: datetime) -> dict[str, Any]:
    """Times are seconds: days of an interval would be those of the server's own zone."""
    since = first - limits.reach
    return {
        "recent": recent_campaigns(campaign, since),
        "span": limits.span.total_seconds(),
        "steps": limits.most - 1,
        "gap": limits.gap.total_seconds(),
        "not_before": since.timestamp(),
        "not_after": (last + limits.reach).timestamp(),
    }
