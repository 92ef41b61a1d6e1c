"""What the end of a hold really begins, for the page that counts down to it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from app.accounts.models import Workspace
from app.accounts.quiet import quiet_until
from app.campaigns.models import Campaign
from app.core import clock
from app.core.database import db
from app.messages.lifecycle import State
from app.messages.models import Message

SOON = timedelta(minutes=1)
"""Who is written to within this after the hold is written to by its end, as far as people are concerned."""


@dataclass(frozen=True, slots=True)
class AfterHold:
    """How many people are written to when the hold ends, how many wait for a moment of theirs, and the first of those.

    All wait while `is_quiet`: quiet hours hold the campaign until `first`.
    """

    at_once: int
    later: int = 0
    first: datetime | None = None
    is_quiet: bool = False


def after_hold(campaign: Campaign, workspace: Workspace) -> AfterHold:
    """What becomes of a campaign in `holding` when nobody undoes it."""
    ends = campaign.hold_until or clock.now()
    at, soon = Message.next_attempt_at, ends + SOON
    waits = at > soon
    people, later, first = db.session.execute(
        select(func.count(), func.count().filter(waits), func.min(at).filter(waits)).where(
            Message.campaign_id == campaign.id, Message.state == State.PLANNED
        )
    ).one()
    if until := quiet_until(workspace, campaign.stream, campaign.timing, ends):
        return AfterHold(0, people, max(until, first) if first and later == people else until, is_quiet=True)
    return AfterHold(people - later, later, first)
