"""What is still to come of a campaign whose messages have times of their own, for its live page."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.campaigns.models import Campaign
from app.campaigns.timing import read_timing
from app.core import clock
from app.core.database import db
from app.messages.lifecycle import State
from app.messages.models import Message

MOST = 6
"""Groups that are told one by one."""


@dataclass(frozen=True, slots=True)
class Group:
    """People who are written to at the same moment."""

    at: datetime
    people: int


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The last moment, the next groups of those that go by their zones, and how many people come after them."""

    last: datetime
    groups: tuple[Group, ...] = ()
    later: int = 0
    only_waits: bool = False
    """Nothing is due: all that is open waits for its time, as planned."""


def upcoming(campaign: Campaign) -> Upcoming | None:
    """What waits for a moment that is still to come; None when nothing does."""
    timing, now = read_timing(campaign.timing), clock.now()
    if timing.is_plain:
        return None
    is_open = (Message.campaign_id == campaign.id, Message.state.in_([State.PLANNED, State.DEFERRED]))
    at = Message.next_attempt_at
    to_come = (Message.campaign_id == campaign.id, Message.state == State.PLANNED, at > now)
    last, people = db.session.execute(select(func.max(at), func.count()).where(*to_come)).one()
    if last is None:
        return None
    due = select(Message.id).where(*is_open, (at <= now) | at.is_(None)).exists()
    only_waits = not db.session.scalar(select(due))
    if timing.spread:
        return Upcoming(last, only_waits=only_waits)
    rows = db.session.execute(select(at, func.count()).where(*to_come).group_by(at).order_by(at).limit(MOST + 1))
    groups = tuple(Group(moment, number) for moment, number in rows if moment is not None)
    if people > sum(group.people for group in groups):
        groups = groups[:MOST]  # a line for “later” stands for two groups at least
    return Upcoming(last, groups, people - sum(group.people for group in groups), only_waits)
