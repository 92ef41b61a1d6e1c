"""Messages with a time of their own that passed while nothing ran: the campaign asks before it sends them late.

Each campaign under way with such messages bears the moment it was looked at last (`timing.looked_at`, written once a
minute). A gap in it is time in which Merpati was not running; a slow server or a pause leave none.
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text, update

from app.campaigns.lifecycle import CampaignState, waiting
from app.campaigns.models import Campaign
from app.campaigns.timing import LATE
from app.core.database import db
from app.core.wallclock import wall_at

LOOK = timedelta(minutes=1)
"""How often a campaign is marked as looked at."""
SLEPT = "Merpati was not running from"
"""How the words begin by which a campaign asks after that."""

_SLEPT = text(
    """
    SELECT c.id, c.workspace_id, CAST(c.timing ->> 'looked_at' AS timestamptz) AS looked_at, w.timezone,
           (SELECT count(*) FROM messages m WHERE m.campaign_id = c.id AND m.state = 'planned'
            AND m.next_attempt_at > CAST(c.timing ->> 'looked_at' AS timestamptz)
            AND m.next_attempt_at < :late) AS missed
    FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id
    WHERE c.state = 'sending' AND CAST(c.timing ->> 'looked_at' AS timestamptz) < :late
    FOR UPDATE OF c SKIP LOCKED
    """
)
_MARK = text(
    """
    UPDATE campaigns SET timing = timing || jsonb_build_object('looked_at', CAST(:now AS timestamptz))
    WHERE state IN ('holding', 'sending', 'paused') AND launched_at IS NOT NULL AND timing <> '{}'
          AND coalesce(CAST(timing ->> 'looked_at' AS timestamptz) < :before, true)
          -- Whose hold ends only now is judged at the next look, as one that sends.
          AND (state <> 'holding' OR coalesce(CAST(timing ->> 'looked_at' AS timestamptz) >= :late, true))
    """
)


def hold_overslept(now: datetime) -> tuple[int, ...]:
    """Pause the campaigns of which people's times were slept through by more than `LATE`; mark the others as seen."""
    slept = db.session.execute(_SLEPT, {"late": now - LATE}).all()
    held = tuple(row.id for row in slept if row.missed and _ask(row, now))
    db.session.execute(_MARK, {"now": now, "before": now - LOOK, "late": now - LATE})
    return held


def _ask(row: Any, now: datetime) -> bool:
    zone = ZoneInfo(row.timezone)
    begin, end = (f"{wall_at(moment, zone):%Y-%m-%d %H:%M}" for moment in (row.looked_at, now))
    reason = (
        f"{SLEPT} {begin} to {end} ({zone}), and the time of {row.missed:,} people passed. They "
        "were not written to late without asking. Resume sends to them now and to the others at their times."
    )
    won = db.session.scalar(
        update(Campaign)
        .where(Campaign.id == row.id, Campaign.state == CampaignState.SENDING)
        .values(state=CampaignState.PAUSED, **waiting(reason, now))
        .returning(Campaign.id)
        .execution_options(synchronize_session=False)
    )
    return won is not None
