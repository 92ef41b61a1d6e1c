"""A corrected version for those who got nothing yet: nobody gets both, and nobody is lost.

Drafting it changes nothing. Its freeze first ends the campaign it corrects and waits until no worker holds a message
of that one; then its audience is whoever is left there. The draw keeps the first one's salt, so people keep their cell.
"""

from sqlalchemy import exists, select, text, update

from app.campaigns.audience import REST, rest_binds
from app.campaigns.edit import duplicate
from app.campaigns.lifecycle import CampaignState, change_state, waiting
from app.campaigns.locking import hold
from app.campaigns.models import Campaign
from app.core import clock
from app.core.database import current_workspace_id, db
from app.core.errors import Conflict
from app.messages.lifecycle import OPEN, Skip, State
from app.messages.models import Message

CORRECTABLE = (CampaignState.SENDING, CampaignState.PAUSED, CampaignState.CANCELLED)
CARRIED = ("stream", "transport_id", "weight", "salt")
WAITS = "It waits until “{name}”, which it corrects, has handed in its last mails."


def make_corrected(campaign_id: int) -> Campaign:
    """A draft with the same content for whoever got nothing yet; the one there is, if there is one. Raises Conflict."""
    first = hold(campaign_id)
    if not may_be_corrected(first):
        raise Conflict(
            f"“{first.name}” is {first.state}. A corrected version is for a campaign that is being sent, paused or "
            "cancelled. Nothing was changed."
        )
    drafts = select(Campaign).where(Campaign.corrects_id == first.id, Campaign.state == CampaignState.DRAFT)
    if (draft := db.session.scalars(drafts.order_by(Campaign.id).limit(1)).first()) is not None:
        return draft
    if not count_rest(first.id):
        raise Conflict(f"Everybody “{first.name}” was for has got it, or has another version. Nothing was changed.")
    draft = duplicate(first.id)
    draft.name, draft.corrects_id = f"{first.name} (corrected)", first.id
    draft.timing = dict(first.timing)
    for name in CARRIED:
        setattr(draft, name, getattr(first, name))
    db.session.flush()
    return draft


def may_be_corrected(campaign: Campaign) -> bool:
    """Whether a corrected version can be made of it."""
    return campaign.state in CORRECTABLE and campaign.launched_at is not None


def count_rest(campaign_id: int) -> int:
    """How many people of a campaign have not been sent to, and are in no launched corrected version."""
    binds = {**rest_binds(campaign_id), "workspace": current_workspace_id()}
    return int(db.session.execute(text(f"SELECT count(*) FROM ({REST}) rest"), binds).scalar_one())  # noqa: S608


def corrections(campaign_id: int) -> list[Campaign]:
    """The corrected versions of a campaign, drafts among them."""
    return list(db.session.scalars(select(Campaign).where(Campaign.corrects_id == campaign_id).order_by(Campaign.id)))


def take_over(campaign: Campaign) -> bool:
    """End the campaign that this one corrects. False while a worker holds some of its messages: ask again later."""
    if campaign.corrects_id is None:
        return True
    first = hold(campaign.corrects_id)
    if first.state in (CampaignState.SENDING, CampaignState.PAUSED):
        end(first.id)
    if first.state == CampaignState.CANCELLED:
        skip_waiting(first.id)
    # Also what was given back a moment ago: until our commit, a worker may still claim it.
    is_open = exists().where(Message.campaign_id == first.id, Message.state.in_(sorted(OPEN)))
    if not db.session.scalar(select(is_open)):
        return True
    for name, value in waiting(WAITS.format(name=first.name), clock.now()).items():
        setattr(campaign, name, value)
    db.session.flush()
    return False


def end(campaign_id: int) -> Campaign:
    """Cancel a campaign under way. Raises Conflict."""
    expected = [CampaignState.SENDING, CampaignState.PAUSED]
    return change_state(campaign_id, CampaignState.CANCELLED, expected=expected, finished_at=clock.now())


def skip_waiting(campaign_id: int) -> int:
    """Skip everything that waits, in one UPDATE; returns how many."""
    skipped = db.session.execute(
        update(Message)
        .where(Message.campaign_id == campaign_id, Message.state.in_([State.PLANNED, State.DEFERRED]))
        .values(state=State.SKIPPED, reason=Skip.CANCELLED, next_attempt_at=None, changed_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    return int(skipped.rowcount)  # type: ignore[attr-defined]
