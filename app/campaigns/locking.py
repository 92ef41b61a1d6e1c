"""One at a time: whoever decides about a campaign's people holds its row."""

from sqlalchemy import select

from app.campaigns.lifecycle import find_campaign
from app.campaigns.models import Campaign
from app.core.database import db


def hold(campaign_id: int) -> Campaign:
    """The campaign, its row locked until the commit: whoever else decides or ends it waits. Raises NotFound."""
    find_campaign(campaign_id)
    locked = select(Campaign).where(Campaign.id == campaign_id).with_for_update()
    return db.session.scalars(locked.execution_options(populate_existing=True)).one()
