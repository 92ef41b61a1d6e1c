"""Hands on a campaign under way: pause, resume, cancel the rest, undo, and knowing when it is done."""

from sqlalchemy import Exists, exists, select, update

from app.campaigns.corrected import end, skip_waiting
from app.campaigns.freeze import thaw
from app.campaigns.launch import unschedule
from app.campaigns.lifecycle import UNTOUCHED, CampaignState, change_state, find_campaign, waiting
from app.campaigns.locking import hold
from app.campaigns.models import Campaign
from app.core import clock
from app.core.database import db
from app.core.errors import Conflict
from app.messages.lifecycle import OPEN, State
from app.messages.models import Attempt, Message


def pause(campaign_id: int, reason: str) -> Campaign:
    """Stop sending. Mails a server is taking at this moment still go; nothing after them. Raises Conflict."""
    return change_state(
        campaign_id, CampaignState.PAUSED, expected=[CampaignState.SENDING], **waiting(reason, clock.now())
    )


def resume(campaign_id: int) -> Campaign:
    """Go on sending; one whose schedule was missed is launched now (then call `launch.prepare` after the commit)."""
    campaign = find_campaign(campaign_id, fresh=True)
    if campaign.state == CampaignState.PAUSED and campaign.launched_at is None:
        return change_state(
            campaign_id, CampaignState.LAUNCHING, expected=[CampaignState.PAUSED], launched_at=clock.now()
        )
    return change_state(campaign_id, CampaignState.SENDING, expected=[CampaignState.PAUSED])


def cancel(campaign_id: int) -> Campaign:
    """End the campaign; what is sent cannot be recalled. Raises Conflict.

    Commit, then call `skip_rest`: workers see the end at once, while half a million rows take seconds. Messages in
    `sending` stay with their worker, which gives back or concludes them.
    """
    campaign = find_campaign(campaign_id, fresh=True)
    if campaign.state == CampaignState.PAUSED and campaign.launched_at is None:
        raise Conflict(f"“{campaign.name}” has not begun. Make it a draft again instead.")
    return end(campaign_id)


def cancel_rest(campaign_id: int) -> int:
    """`cancel` and `skip_rest` in one transaction; returns how many people will not be written to."""
    cancel(campaign_id)
    return skip_rest(campaign_id)


def take_back(campaign_id: int) -> Campaign:
    """Make a draft of a campaign that is scheduled, or launched without a mail gone out. Raises Conflict."""
    launched = find_campaign(campaign_id, fresh=True).launched_at
    return unschedule(campaign_id) if launched is None else undo(campaign_id)


def undo(campaign_id: int) -> Campaign:
    """Make a launched campaign a draft again; its ledger goes. Raises Conflict once something has gone out.

    The version goes up, so a confirmation that was opened before the undo cannot launch it again. One that is being
    prepared is taken back when its freeze has ended, or instead of it: the freeze holds the row.
    """
    with db.session.begin_nested():
        campaign = change_state(
            campaign_id,
            CampaignState.DRAFT,
            expected=[CampaignState.LAUNCHING, CampaignState.HOLDING, CampaignState.SENDING, CampaignState.PAUSED],
            hold_until=None,
            launched_at=None,
            scheduled_at=None,
            considered=None,
        )
        # Asked before, since a ledger may be long; and after, since until then a worker could still claim.
        if _was_tried(campaign_id) or thaw(campaign_id):
            raise Conflict(
                f"Of “{campaign.name}” something has gone out, or is going out just now, so it cannot be a draft "
                "again. Nothing was changed. Pause it, or cancel the rest."
            )
        campaign.version += 1
        db.session.flush()
    return campaign


def send_now(campaign_id: int) -> Campaign:
    """End the hold before its time. Raises Conflict."""
    return change_state(campaign_id, CampaignState.SENDING, expected=[CampaignState.HOLDING], hold_until=clock.now())


def finish_if_done(campaign_id: int) -> bool:
    """Finish a sending campaign that has nothing left to send. Returns whether it was finished now.

    Its row is locked first and looked at again: somebody may be planning messages anew at this moment.
    """
    seems_done = select(Campaign.id).where(
        Campaign.id == campaign_id, Campaign.state == CampaignState.SENDING, ~_has_open()
    )
    if db.session.scalar(seems_done) is None:
        return False
    db.session.execute(select(Campaign.id).where(Campaign.id == campaign_id).with_for_update())
    done = db.session.scalar(
        update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.state == CampaignState.SENDING, ~_has_open())
        .values(state=CampaignState.FINISHED, finished_at=clock.now(), waiting_for="", waiting_since=None)
        .returning(Campaign.id)
        .execution_options(synchronize_session=False)
    )
    return done is not None


def reopen(campaign_id: int) -> Campaign:
    """Let an ended campaign send again, after somebody chose to try some messages once more. Raises Conflict."""
    expected = [CampaignState.FINISHED, CampaignState.CANCELLED]
    return change_state(campaign_id, CampaignState.SENDING, expected=expected, finished_at=None, archived_at=None)


def settle_ledgers() -> list[int]:
    """Conclude what a crash may have left half done, in every campaign in scope; returns the ids that changed.

    A worker that died gave messages of a cancelled campaign back; or the last outcome was written and nobody finished.
    """
    sending = db.session.scalars(
        select(Campaign.id).where(Campaign.state == CampaignState.SENDING, ~_has_open()).order_by(Campaign.id)
    ).all()
    settled = [campaign_id for campaign_id in sending if finish_if_done(campaign_id)]
    cancelled = db.session.scalars(
        select(Campaign.id).where(Campaign.state == CampaignState.CANCELLED, _has_open(State.PLANNED, State.DEFERRED))
    ).all()
    return settled + [campaign_id for campaign_id in cancelled if skip_rest(campaign_id)]


def skip_rest(campaign_id: int) -> int:
    """Skip everything that waits in a cancelled campaign, in one UPDATE; returns how many."""
    if hold(campaign_id).state != CampaignState.CANCELLED:
        return 0
    return skip_waiting(campaign_id)


def _was_tried(campaign_id: int) -> bool:
    """Whether a mail of the campaign has been begun; what was claimed and given back untouched does not count."""
    of_it = Message.campaign_id == campaign_id
    moved = select(Message.id).where(of_it, Message.state.not_in(UNTOUCHED))
    tried = select(Attempt.id).join(Message, Message.id == Attempt.message_id).where(of_it, Message.run_id.is_not(None))
    return bool(db.session.scalar(select(moved.exists() | tried.exists())))


def _has_open(*states: State) -> Exists:
    return exists().where(Message.campaign_id == Campaign.id, Message.state.in_(states or sorted(OPEN)))
