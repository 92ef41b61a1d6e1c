"""What is due: looked for each second by the schedule process, across all workspaces."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select, update

from app.campaigns.launch import prepare
from app.campaigns.lifecycle import CampaignState, waiting
from app.campaigns.models import Campaign
from app.campaigns.morning import put_off
from app.campaigns.overslept import hold_overslept
from app.campaigns.timing import LATE
from app.core import clock
from app.core.database import db
from app.sending.lanes import start_lanes

MISSED = "Its time passed while Merpati was not running, so it was not sent late without asking."
RESUME = "Resume sends it now; or make it a draft again and choose another time."
RESUME_OWN = (
    "Resume goes on with everybody in whose zone the time is still to come, and with the others as was chosen: at that "
    "time of the next day, or at once. Or make it a draft again and choose another time."
)
FORGOTTEN = timedelta(seconds=10)
"""A launch that was not begun after this is enqueued again: the queue may have lost it."""


@dataclass(frozen=True, slots=True)
class Released:
    """The campaigns that moved: to be frozen, to be sent, and those that ask because their time was missed."""

    launching: tuple[int, ...] = ()
    sending: tuple[int, ...] = ()
    missed: tuple[int, ...] = ()
    forgotten: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.launching or self.sending or self.missed or self.forgotten)


def release_due() -> Released:
    """Move what is due. Commit, then call `set_going`. Safe to run in several processes at once."""
    now = clock.now()
    put_off(now)
    return Released(
        missed=(*_hold_missed(now), *hold_overslept(now)),
        launching=_launch_scheduled(now),
        sending=_end_holds(now),
        forgotten=_find_forgotten(now),
    )


def set_going(released: Released) -> None:
    """Enqueue the work of what was released."""
    prepare([*released.launching, *released.forgotten])
    for campaign_id in released.sending:
        start_lanes(campaign_id)


def _hold_missed(now: datetime) -> tuple[int, ...]:
    late, own = Campaign.scheduled_at < now - LATE, Campaign.timing.has_key("local_at")
    asked = _move(CampaignState.SCHEDULED, CampaignState.PAUSED, late & ~own, **waiting(f"{MISSED} {RESUME}", now))
    # The first zone's time may have passed; how many people that is, the freeze would know.
    asked += _move(CampaignState.SCHEDULED, CampaignState.PAUSED, late & own, **waiting(f"{MISSED} {RESUME_OWN}", now))
    return asked


def _launch_scheduled(now: datetime) -> tuple[int, ...]:
    return _move(CampaignState.SCHEDULED, CampaignState.LAUNCHING, Campaign.scheduled_at <= now, launched_at=now)


def _end_holds(now: datetime) -> tuple[int, ...]:
    return _move(CampaignState.HOLDING, CampaignState.SENDING, Campaign.hold_until <= now)


def _find_forgotten(now: datetime) -> tuple[int, ...]:
    # A freeze that runs holds its row; such a campaign is passed over.
    query = (
        select(Campaign.id)
        .where(Campaign.state == CampaignState.LAUNCHING, Campaign.launched_at < now - FORGOTTEN)
        .with_for_update(skip_locked=True)
    )
    return tuple(db.session.scalars(query))


def _move(before: CampaignState, after: CampaignState, due: ColumnElement[bool], **changes: Any) -> tuple[int, ...]:
    ready = select(Campaign.id).where(Campaign.state == before, due).with_for_update(skip_locked=True)
    moved = db.session.scalars(
        update(Campaign)
        .where(Campaign.id.in_(ready.scalar_subquery()), Campaign.state == before)
        .values(state=after, **changes)
        .returning(Campaign.id)
        .execution_options(synchronize_session=False)
    )
    return tuple(moved)
