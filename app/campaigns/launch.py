"""Launching: a draft that passed its review goes on its way once, however often the button is pressed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.campaigns.layout import layout_of
from app.campaigns.lifecycle import STARTED, CampaignState, change_state, find_campaign
from app.campaigns.models import Campaign
from app.campaigns.review import blocking_findings, shut_ways
from app.campaigns.timing import AT_ONCE, Timing, has_passed_everywhere, read_timing
from app.core import clock
from app.core.database import db
from app.core.errors import Conflict, Invalid
from app.core.extensions import enqueue_job
from app.core.jobs import Job

FROM = (CampaignState.DRAFT, CampaignState.SCHEDULED)

LAST_YEAR = 2200


@dataclass(frozen=True, slots=True)
class Launch:
    """A launch; `is_new` is False for the second press of the button, which changes nothing."""

    campaign: Campaign
    is_new: bool


def launch(
    campaign_id: int,
    *,
    by: int | None,
    at: datetime | None = None,
    version: int | None = None,
    timing: Timing = AT_ONCE,
) -> Launch:
    """Send the campaign now, or plan it for `at` (with zone), laid out as `timing` says. Then, committed, `prepare` it.

    One that goes by each person's own zone is planned for the first of them, or launched now when that has passed.
    Raises Invalid when the review stops it or its time is past, Conflict when the campaign was changed meanwhile.
    """
    at = launch_time(timing, at)
    campaign = find_campaign(campaign_id, fresh=True)
    if _is_under_way(campaign, at, timing):
        return Launch(campaign, is_new=False)
    if version is not None and campaign.version != version:
        raise Conflict(f"“{campaign.name}” was changed after you reviewed it. Nothing was sent. Review it again.")
    check_ahead(at)
    if findings := [*blocking_findings(campaign, layout_of(campaign, timing, base=at)), *shut_ways(campaign)]:
        raise Invalid("It cannot be sent yet. " + " ".join(finding.message for finding in findings), field="review")
    try:
        return Launch(_go(campaign, by, at, timing), is_new=True)
    except Conflict:
        campaign = find_campaign(campaign_id, fresh=True)
        if _is_under_way(campaign, at, timing):
            return Launch(campaign, is_new=False)
        raise


def launch_time(timing: Timing, at: datetime | None = None) -> datetime | None:
    """When a launch with this timing begins; None: now. Raises Invalid for a time that has passed in every zone."""
    if timing.local_at is None:
        return at
    if at is not None:
        raise Invalid(
            "Give one time: either a moment for everybody, or a time in each person's own zone. Nothing was scheduled.",
            field="at",
        )
    if has_passed_everywhere(timing, clock.now()):
        raise Invalid(
            "This time has passed in every zone. Nothing was scheduled. Choose a later one, or send it now.",
            field="local_at",
        )
    begins = timing.starts_at
    return begins if begins is not None and begins > clock.now() else None


def check_ahead(at: datetime | None) -> None:
    """Raise Invalid for a moment that has passed, or is too far away to be meant."""
    if at is not None and at.year > LAST_YEAR:
        raise Invalid(f"The year {at.year} cannot be meant. Nothing was scheduled.", field="at")
    if at is not None and at <= clock.now():
        raise Invalid("This time has passed. Nothing was scheduled. Choose a later one, or send it now.", field="at")


def unschedule(campaign_id: int) -> Campaign:
    """Make a scheduled campaign, or one whose time was missed, a draft again. Raises Conflict.

    The version goes up, as by `control.undo`: a confirmation that was opened before cannot launch it again.
    """
    campaign = find_campaign(campaign_id, fresh=True)
    if campaign.launched_at is not None:
        raise Conflict(f"“{campaign.name}” is on its way already. Undo or cancel it instead.")
    expected = [CampaignState.SCHEDULED, CampaignState.PAUSED]
    campaign = change_state(campaign_id, CampaignState.DRAFT, expected=expected, scheduled_at=None)
    campaign.version += 1
    db.session.flush()
    return campaign


def prepare(campaign_ids: Iterable[int]) -> None:
    """Have the freeze done by a worker. Call it after the commit; should it fail, the schedule asks again."""
    query = select(Campaign.id, Campaign.stream).where(Campaign.id.in_(list(campaign_ids)))
    for campaign_id, stream in db.session.execute(query).all():
        job = Job.LAUNCH_AT_ONCE if stream == "transactional" else Job.LAUNCH_CAMPAIGN
        enqueue_job(job, campaign_id, once_as=f"launch-{campaign_id}")


def _is_under_way(campaign: Campaign, at: datetime | None, timing: Timing) -> bool:
    if campaign.state in STARTED:
        # Whoever asks for a time is not told that all is well when it goes at another.
        return at is None or campaign.scheduled_at == at
    is_planned = campaign.state == CampaignState.SCHEDULED and at is not None and campaign.scheduled_at == at
    return is_planned and read_timing(campaign.timing) == timing


def _go(campaign: Campaign, by: int | None, at: datetime | None, timing: Timing) -> Campaign:
    """The version is part of the comparison: an edit between the review and this moment stops it."""
    if at is None:
        return change_state(
            campaign.id,
            CampaignState.LAUNCHING,
            expected=FROM,
            version=campaign.version,
            launched_at=clock.now(),
            launched_by=by,
            timing=timing.stored(),
        )
    return change_state(
        campaign.id,
        CampaignState.SCHEDULED,
        expected=[CampaignState(campaign.state)],
        version=campaign.version,
        scheduled_at=at,
        launched_by=by,
        timing=timing.stored(),
    )
