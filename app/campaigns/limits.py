"""How often people are written to: a workspace's cap and least gap, judged per person when a campaign is frozen.

Counted is what other marketing campaigns have sent, are sending or have planned for the person, at the time it went or
will go. Whoever has got enough is skipped as `frequency`, whoever was or will be written to too shortly as `too-soon`.
Both are judged before the draw, so that a held-out group stays comparable with those who got the mail.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, text

from app.accounts.models import Workspace
from app.campaigns.models import Campaign
from app.core.database import db

NO_CAP = 1_000_000
"""More messages than anybody gets: stands for a cap that is not set."""


@dataclass(frozen=True, slots=True)
class Limits:
    """At most `most` messages in any `span`, and `gap` between any two; a gap of zero or `NO_CAP` limits nothing."""

    most: int
    span: timedelta
    gap: timedelta

    @property
    def reach(self) -> timedelta:
        """How far from a message another can lie and still count."""
        return max(self.span if self.most < NO_CAP else timedelta(), self.gap)


def limits_for(campaign: Campaign, workspace: Workspace) -> Limits | None:
    """The limits that hold for a campaign; None when there are none. Transactional mail is not limited."""
    if campaign.stream == "transactional" or not (workspace.most_messages or workspace.least_hours):
        return None
    return Limits(
        most=workspace.most_messages or NO_CAP,
        span=timedelta(days=workspace.most_days),
        gap=timedelta(hours=workspace.least_hours or 0),
    )


def take_turns(campaign: Campaign) -> None:
    """Wait until no other campaign of the workspace is being frozen, where people are counted; until the commit.

    Without it two launches at once would each see the other's messages as not there yet, and both would pass.
    """
    workspace = db.session.get_one(Workspace, campaign.workspace_id)
    if limits_for(campaign, workspace) is not None:
        query = text("SELECT pg_advisory_xact_lock(hashtextextended('limits', :workspace))")
        db.session.execute(query, {"workspace": campaign.workspace_id})


def recent_campaigns(campaign: Campaign, since: datetime) -> list[int]:
    """The ids of the other marketing campaigns that may have written, or will write, to somebody after `since`."""
    query = select(Campaign.id).where(
        Campaign.workspace_id == campaign.workspace_id,
        Campaign.id.not_in([campaign.id, campaign.corrects_id or 0]),  # of a corrected one, those it did not reach
        Campaign.stream != "transactional",
        Campaign.launched_at.is_not(None),
        or_(Campaign.finished_at.is_(None), Campaign.finished_at > since),
    )
    return list(db.session.scalars(query))
