"""Launching: a draft that passed its review goes on its way once, however often the button is pressed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.campaigns.lifecycle import STARTED, CampaignState, change_state, find_campaign
from app.campaigns.models import Campaign
from app.campaigns.review import blocking_findings
from app.core import clock
from app.core.database import db
from app.core.errors import Conflict, Invalid
from app.core.extensions import enqueue_job
from app.core.jobs import Job

FROM = (CampaignState.DRAFT, CampaignState.SCHEDULED)


@dataclass(frozen=True, slots=True)
class Launch:
    """A launch; `is_new` is False for the second press of the button, which changes nothing."""

    campaign: Campaign
    is_new: bool


def launch(campaign_id: int, *, by: int | None, at: datetime | None = None, version: int | None = None) -> Launch:
    """Send the campaign now, or plan it for `at` (with zone). Call `prepare` after the commit.

    Raises Invalid when the review stops it or `at` is past, Conflict when the campaign was changed meanwhile.
    """
    campaign = find_campaign(campaign_id, fresh=True)
    if _is_under_way(campaign, at):
        return Launch(campaign, is_new=False)
    if version is not None and campaign.version != version:
        raise Conflict(f"“{campaign.name}” was changed after you reviewed it. Nothing was sent. Review it again.")
    if at is not None and at <= clock.now():
        raise Invalid("This time has passed. Nothing was scheduled. Choose a later one, or send it now.", field="at")
    if findings := blocking_findings(campaign):
        raise Invalid("It cannot be sent yet. " + " ".join(finding.message for finding in findings), field="review")
    try:
        return Launch(_go(campaign, by, at), is_new=True)
    except Conflict:
        campaign = find_campaign(campaign_id, fresh=True)
        if _is_under_way(campaign, at):
            return Launch(campaign, is_new=False)
        raise


def unschedule(campaign_id: int) -> Campaign:
    """Make a scheduled campaign, or one whose time was missed, a draft again. Raises Conflict."""
    campaign = find_campaign(campaign_id, fresh=True)
    if campaign.launched_at is not None:
        raise Conflict(f"“{campaign.name}” is on its way already. Undo or cancel it instead.")
    expected = [CampaignState.SCHEDULED, CampaignState.PAUSED]
    return change_state(campaign_id, CampaignState.DRAFT, expected=expected, scheduled_at=None)


def prepare(campaign_ids: Iterable[int]) -> None:
    """Have the freeze done by a worker. Call it after the commit; should it fail, the schedule asks again."""
    for campaign_id in campaign_ids:
        enqueue_job(Job.LAUNCH_CAMPAIGN, campaign_id, once_as=f"launch-{campaign_id}")


def _is_under_way(campaign: Campaign, at: datetime | None) -> bool:
    if campaign.state in STARTED:
        return True
    return campaign.state == CampaignState.SCHEDULED and at is not None and campaign.scheduled_at == at


def _go(campaign: Campaign, by: int | None, at: datetime | None) -> Campaign:
    """The version is part of the comparison: an edit between the review and this moment stops it."""
    if at is None:
        return change_state(
            campaign.id,
            CampaignState.LAUNCHING,
            expected=FROM,
            version=campaign.version,
            launched_at=clock.now(),
            launched_by=by,
        )
    if campaign.state == CampaignState.SCHEDULED:
        campaign.scheduled_at = at
        db.session.flush()
        return campaign
    return change_state(
        campaign.id,
        CampaignState.SCHEDULED,
        expected=[CampaignState.DRAFT],
        version=campaign.version,
        scheduled_at=at,
        launched_by=by,
    )
