"""Jobs of campaigns: the freeze, and a look at the ledgers."""

from sqlalchemy import select

from app.campaigns import control
from app.campaigns.freeze import freeze
from app.campaigns.lifecycle import CampaignState
from app.campaigns.models import Campaign
from app.campaigns.settle import settle_by_signs
from app.campaigns.sums import check_sums
from app.core.database import db, every_workspace, in_workspace
from app.core.logging import log
from app.core.memory import give_back_memory
from app.sending.lanes import start_lanes
from app.sending.pacing.domains import FIRST, learn_domains
from workers.runtime import job_context


def launch_campaign(campaign_id: int) -> None:
    """Write the ledger of a campaign that was launched, and let it hold or send. Safe to run twice."""
    with job_context():
        with every_workspace():
            workspace_id = db.session.scalar(select(Campaign.workspace_id).where(Campaign.id == campaign_id))
        if workspace_id is None:
            return
        with in_workspace(workspace_id):
            state = freeze(campaign_id)
            db.session.commit()
        # The greatest domains at once: a job of its own might wait until the campaign has begun, at nobody's pace.
        with every_workspace():
            learn_domains(campaign_id, most=FIRST)
        if state == CampaignState.SENDING:
            start_lanes(campaign_id)
    give_back_memory()


def launch_at_once(campaign_id: int) -> None:
    """The same for a transactional campaign, whose queue comes first."""
    launch_campaign(campaign_id)


def check_ledger() -> None:
    """Conclude what a crash left half done, settle doubts by what came back, and check that every ledger adds up."""
    with job_context(), every_workspace():
        control.settle_ledgers()
        db.session.commit()
        settle_by_signs()
        db.session.commit()
        for one in check_sums():
            if not one.adds_up:
                log("campaigns").error(str(one), campaign_id=one.campaign_id)
